"""What is published of the models, and what the tests need to know of each family."""

# The smallest model of each family, which the default suite holds to everything.
SMALLEST = [
    "all_cnn_c",
    "cs231n",
    "hnet_mnist",
    "lenet5",
    "mnist1d_resnet",
    "p4_all_cnn_c",
    "p4cnn",
    "resnet18",
    "resnet20_cifar",
    "udl_conv1d",
    "udl_dense",
    "vgg11",
    "z2cnn",
]

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
    "p4_all_cnn_c": 1_371_006,
    "p4m_all_cnn_c": 1_219_678,
}

# Ungrouped convolutions with a kernel larger than 1, which `conv=` replaces, from the papers'
# tables; of models that timm or torchvision has too, the number is counted there.
REPLACED = {
    "all_cnn_c": 7,
    "cs231n": 6,
    "lenet5": 2,
    "mnist1d_resnet": 5,
    "resnet20_cifar": 19,
    "udl_conv1d": 3,
    # VGG's first two dense layers are convolutions here and in timm, and stay as they are.
    "vgg11": 8,
    "vgg13": 10,
    "vgg16": 13,
    "vgg19": 16,
    "vgg11_bn": 8,
    "vgg13_bn": 10,
    "vgg16_bn": 13,
    "vgg19_bn": 16,
    "z2cnn": 7,
}
