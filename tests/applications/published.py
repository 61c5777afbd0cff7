"""What is published of the models, and what the tests need to know of each family."""

# The smallest model of each family, which the default suite holds to everything.
SMALLEST = [
    "alexnet",
    "all_cnn_c",
    "convmixer_1024_20_ks9_p14",
    "convnext_atto",
    "convnextv2_atto",
    "cs231n",
    "cs3darknet_focus_s",
    "darknet17",
    "deepface",
    "densenet121",
    "densenet_bc_100_12_cifar",
    "dla46_c",
    "dpn48b",
    "ecaresnet26t",
    "efficientnet_b0",
    "efficientnet_lite0",
    "ese_vovnet19b_slim_dw",
    "fastvit_t8",
    "fbnetc_100",
    "gabornet",
    "gernet_s",
    "ghostnet_050",
    "ghostnetv3_050",
    "googlenet",
    "hardcorenas_a",
    "hnet_mnist",
    "hrnet_w18_small",
    "inception_next_atto",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "keras_mobilenet",
    "lcnet_035",
    "legacy_seresnet18",
    "legacy_xception",
    "lenet5",
    "maxout_mnist",
    "maxout_svhn",
    "mixnet_s",
    "mnasnet_small",
    "mnist1d_resnet",
    "mobilenet_edgetpu_v2_xs",
    "mobilenetv1_100",
    "mobilenetv2_035",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small_035",
    "mobileone_s1",
    "nasnetalarge",
    "nf_regnet_b0",
    "nin_cifar",
    "nin_imagenet",
    "p4_all_cnn_c",
    "p4cnn",
    "p4m_resnet26",
    "pnasnet5large",
    "regnety_002",
    "regnetz_b16",
    "repvgg_a0",
    "res2net50_48w_2s",
    "resnest14d",
    "resnet18",
    "resnet20_cifar",
    "resnet9_cifar",
    "resnetblur18",
    "resnetrs50",
    "resnetv2_18",
    "resnext26ts",
    "resnext50_32x4d",
    "segnet_encoder",
    "selecsls60",
    "seresnet18",
    "shufflenet_v2_x0_5",
    "skresnet18",
    "squeezenet1_1",
    "tf_efficientnetv2_b0",
    "tiled_cnn",
    "tinynet_e",
    "udl_conv1d",
    "udl_dense",
    "unet_encoder",
    "vgg11",
    "wide_resnet50_2",
    "wrn16_8_cifar",
    "xception41",
    "z2cnn",
    "zfnet",
]

# Families whose counterparts refuse sizes that are not multiples of a number; kzoo's take any.
SIZE_MULTIPLES = {"dla": 32, "hrnet": 32}

# Trainable parameters, and where the number is printed or follows from. Models that timm or
# torchvision has too are held to theirs, whether they are here or not.
PARAMETERS = {
    # torchvision's weight metadata.
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    # He et al., Table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million; exact: akamaster's PyTorch code.
    "resnet20_cifar": 269_722,
    "resnet32_cifar": 464_154,
    "resnet44_cifar": 658_586,
    "resnet56_cifar": 853_018,
    "resnet110_cifar": 1_727_962,
    # torchsummary of Page's network, as many repositories print it.
    "resnet9_cifar": 6_573_120,
    # Zagoruyko and Komodakis print 11.0, 36.5 and 8.9 million. Exact, from their Table 1: the first
    # convolution, three stages, the last normalisation and the classifier, where a stage of n
    # blocks from i to c channels has 2i + 9ic + 2c + 9cc + ic and (n - 1) (4c + 18cc).
    "wrn16_8_cifar": 10_961_370,
    "wrn28_10_cifar": 36_479_194,
    "wrn40_4_cifar": 8_949_210,
    # Huang et al., Table 2: 0.8, 15.3 and 25.6 million. Exact, from their section 3: 54k of the
    # first convolution; for each layer that sees c channels, 2c + 4ck + 8k + 36kk; for each of the
    # two transitions, 2c + cc/2; at the end, 2c of the normalisation and 10c + 10.
    "densenet_bc_100_12_cifar": 769_162,
    "densenet_bc_250_24_cifar": 15_324_406,
    "densenet_bc_190_40_cifar": 25_624_430,
    # Zeiler and Fergus, Figure 3: convolutions 3-96 (7), 96-256 (5), 256-384-384-256 (3), then
    # dense 6x6x256-4096-4096-1000.
    "zfnet": 14_208 + 614_656 + 885_120 + 1_327_488 + 884_992 + 37_752_832 + 16_781_312 + 4_097_000,
    # Lin et al., the authors' Caffe definitions, whose model zoo prints 7.6 and 0.97 million:
    # convolutions 3-96 (11), 96-256 (5), 256-384 (3), 384-1024 (3) and 3-192 (5), 96-192 (5),
    # 192-192 (3), each before its 1x1 convolutions.
    "nin_imagenet": 34_944
    + 2 * 9_312
    + 614_656
    + 2 * 65_792
    + 885_120
    + 2 * 147_840
    + 3_539_968
    + 1_049_600
    + 1_025_000,
    "nin_cifar": 14_592 + 30_880 + 15_456 + 460_992 + 2 * 37_056 + 331_968 + 37_056 + 1_930,
    # The common LeNet-5: 156 + 2,416 + 48,120 + 10,164 + 850.
    "lenet5": 61_706,
    # Springenberg et al.: "about 1.3 M"; Cohen and Welling print 1.37 M.
    "all_cnn_c": 1_369_738,
    # Prince, section 10.2.6: 2,050; its rival 40-285-135-60-10.
    "udl_conv1d": 2_050,
    "udl_dense": 59_065,
    # Convolutions 1-32 (7), 32-32 and 32-32, 32-64 and 64-64 (5), 32-64 (1), BatchNorm, dense.
    "mnist1d_resnet": 224 + 2 * 5_120 + 10_240 + 20_480 + 2_048 + 2 * (3 * 32 + 3 * 64) + 650,
    # 3x3 convolutions 3-32-32, 32-64-64, 64-128-128, then dense 2048-256-256-10.
    "cs231n": 896 + 9_248 + 18_496 + 36_928 + 73_856 + 147_584 + 524_544 + 65_792 + 2_570,
    # Cohen and Welling, from their code: convolutions 21,510 and 24,560, BatchNorm 240 and 120.
    "z2cnn": 21_750,
    "p4cnn_rotation_pooling": 21_750,
    "p4cnn": 24_680,
    # Worrall et al. print 33 thousand. From their code: convolutions 33,680 (a filter has 4 rings
    # and a phase, the last ones no phase), biases 112, BatchNorm 224, classifier's bias 10.
    "hnet_mnist": 34_026,
    # Cohen and Welling, Table 2: 1.37, 1.37 and 1.22 million; counted from the authors' code.
    "z2_all_cnn_c": 1_372_254,
    "p4_all_cnn_c": 1_371_006,
    "p4m_all_cnn_c": 1_219_678,
    # Cohen and Welling, Table 2: 2.64, 2.62, 7.24 and 7.17 million. From the authors' code, for a,
    # b and c filters, n blocks and a group of order g: convolutions 27a + 9g (2naa + ab +
    # (2n - 1)bb + bc + (2n - 1)cc) and shortcuts g (ab + bc); one bias for each filter of these;
    # BatchNorm, 2 for each channel of its input; classifier 10gc + 10.
    "z2_resnet44": 2_628_448 + 3_360 + 6_336 + 1_290,
    "p4m_resnet44": 2_615_849 + 1_185 + 2_234 + 3_610,
    "z2_resnet26": 7_220_629 + 4_473 + 8_094 + 2_850,
    "p4m_resnet26": 7_160_675 + 1_575 + 2_850 + 8_010,
    # Wang and Oates, Figure 3: 2x2 tiles of 8x8x3x6 and 3x3x6x6 weights; maps of 25, then 23.
    "tiled_cnn": 4 * 8 * 8 * 3 * 6 + 4 * 3 * 3 * 6 * 6 + (23 * 23 * 6 + 1) * 10,
    # Taigman et al., Figure 2: maps of 142 (C1), 71 (M2), 63 (C3), 55 (L4), 25 (L5) and 21 (L6),
    # 4,096 units, 4,030 people. The text says "more than 120 million", which that many people do
    # not quite make.
    "deepface": (11 * 11 * 3 + 1) * 32
    + (9 * 9 * 32 + 1) * 16
    + 55 * 55 * (9 * 9 * 16 + 1) * 16
    + 25 * 25 * (7 * 7 * 16 + 1) * 16
    + 21 * 21 * (5 * 5 * 16 + 1) * 16
    + (21 * 21 * 16 + 1) * 4096
    + 4097 * 4030,
    # Goodfellow et al., from the authors' configurations: convolutions (k x k x in + 1) channels x
    # pieces, a dense maxout layer on maps of 5 or 6, classifier.
    "maxout_mnist": (64 + 1) * 96 + (64 * 48 + 1) * 96 + (25 * 48 + 1) * 96 + (3 * 3 * 24 + 1) * 10,
    "maxout_cifar": (64 * 3 + 1) * 192
    + (64 * 96 + 1) * 384
    + (25 * 192 + 1) * 384
    + (5 * 5 * 192 + 1) * 2500
    + 5_010,
    "maxout_svhn": (25 * 3 + 1) * 128
    + (25 * 64 + 1) * 256
    + (25 * 128 + 1) * 256
    + (6 * 6 * 128 + 1) * 2000
    + 4_010,
    # The author's code: 96 kernels (of 8 parameters here), 3x3 to 384, dense 3456-64-10.
    "gabornet": 96 * (8 + 1) + (9 * 96 + 1) * 384 + 3_457 * 64 + 650,
    # Ronneberger et al., Figure 1: ten 3x3 convolutions 1-64-64-...-1024-1024, classifier.
    "unet_encoder": 640
    + 36_928
    + 73_856
    + 147_584
    + 295_168
    + 590_080
    + 1_180_160
    + 2_359_808
    + 4_719_616
    + 9_438_208
    + 2_050,
    # Badrinarayanan et al., section 3: 14.7 million. Exact: the convolutions of VGG16, BatchNorm of
    # their 4,224 filters, classifier.
    "segnet_encoder": 14_714_688 + 2 * 4_224 + 513_000,
}

# Ungrouped convolutions with a kernel larger than 1, which `conv=` replaces, from the papers'
# tables; of models that timm or torchvision has too, the number is counted there.
REPLACED = {
    "all_cnn_c": 7,
    "cs231n": 6,
    # One in the stem, one in each of (depth - 4) / 2 layers.
    "densenet_bc_100_12_cifar": 49,
    "densenet_bc_250_24_cifar": 124,
    "densenet_bc_190_40_cifar": 94,
    "lenet5": 2,
    "maxout_mnist": 3,
    "maxout_cifar": 3,
    "maxout_svhn": 3,
    "mnist1d_resnet": 5,
    "nin_cifar": 3,
    "nin_imagenet": 4,
    # All layers but the dense one.
    "resnet20_cifar": 19,
    "resnet32_cifar": 31,
    "resnet44_cifar": 43,
    "resnet56_cifar": 55,
    "resnet110_cifar": 109,
    "resnet9_cifar": 8,
    "segnet_encoder": 13,
    "udl_conv1d": 3,
    "unet_encoder": 10,
    # VGG's first two dense layers are convolutions here and in timm, and stay as they are.
    "vgg11": 8,
    "vgg13": 10,
    "vgg16": 13,
    "vgg19": 16,
    "vgg11_bn": 8,
    "vgg13_bn": 10,
    "vgg16_bn": 13,
    "vgg19_bn": 16,
    # The first convolution and two in each block.
    "wrn16_8_cifar": 13,
    "wrn28_10_cifar": 25,
    "wrn40_4_cifar": 37,
    "z2_all_cnn_c": 7,
    # The first convolution and two in each block; shortcuts are 1x1.
    "z2_resnet26": 25,
    "z2_resnet44": 43,
    "z2cnn": 7,
    "zfnet": 5,
}
