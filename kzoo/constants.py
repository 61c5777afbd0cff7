"""Statistics of the data sets that networks are trained on, per channel, on a 0..1 scale.

`std` is the standard deviation, never the variance; whoever needs a variance squares it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation per channel of images scaled to 0..1, and their source.

    Networks trained through OpenCV take the channels in the order blue, green, red (`is_bgr`); the
    statistics are in the order red, green, blue all the same.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    is_bgr: bool = False


STATISTICS = {
    "imagenet": Statistics(
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        "torchvision, reference training of its ImageNet models; timm IMAGENET_DEFAULT_MEAN/STD",
    ),
    "inception": Statistics(
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
        "values from -1 to 1, as TensorFlow-Slim trained Inception; timm IMAGENET_INCEPTION_MEAN",
    ),
    "caffe": Statistics(
        (123.68 / 255, 116.779 / 255, 103.939 / 255),
        (1 / 255,) * 3,
        "the mean of ImageNet's training images that Caffe's models subtract, without scaling; "
        'keras.applications.imagenet_utils.preprocess_input(mode="caffe")',
        is_bgr=True,
    ),
    "keras_efficientnetv2": Statistics(
        (128 / 255,) * 3,
        (128 / 255,) * 3,
        "x / 128 - 1, as keras.applications' EfficientNetV2S, M and L rescale their input",
    ),
    "dpn": Statistics(
        (124 / 255, 117 / 255, 104 / 255),
        (1 / (0.0167 * 255),) * 3,
        "the authors' training of DPN, as timm has it: IMAGENET_DPN_MEAN/STD",
    ),
    "clip": Statistics(
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
        "preprocessing of OpenAI's CLIP (clip.py of its repository); timm OPENAI_CLIP_MEAN/STD",
    ),
    "cifar10": Statistics(
        (0.4914, 0.4822, 0.4465),
        (0.2470, 0.2435, 0.2616),
        "mean and standard deviation over all pixels of the 50,000 CIFAR-10 training images",
    ),
    "mnist": Statistics(
        (0.1307,),
        (0.3081,),
        "mean and standard deviation over all pixels of the 60,000 MNIST training images",
    ),
}
