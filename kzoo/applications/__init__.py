"""Builders of the models, one for each variant, with the arguments of keras.applications."""

from kzoo.applications.all_cnn import AllCNNC
from kzoo.applications.cs231n import CS231n
from kzoo.applications.harmonic import HNetMNIST
from kzoo.applications.lenet import LeNet5
from kzoo.applications.mnist1d_resnet import MNIST1DResNet
from kzoo.applications.p4_all_cnn import P4AllCNNC, P4MAllCNNC
from kzoo.applications.p4cnn import P4CNN, Z2CNN, P4CNNRotationPooling
from kzoo.applications.resnet import ResNet18, ResNet34, ResNet50, ResNet101, ResNet152
from kzoo.applications.resnet_cifar import (
    ResNet20CIFAR,
    ResNet32CIFAR,
    ResNet44CIFAR,
    ResNet56CIFAR,
    ResNet110CIFAR,
)
from kzoo.applications.udl import UDLConv1D, UDLDense
from kzoo.applications.vgg import (
    VGG11,
    VGG11BN,
    VGG13,
    VGG13BN,
    VGG16,
    VGG16BN,
    VGG19,
    VGG19BN,
)

__all__ = [
    "P4CNN",
    "VGG11",
    "VGG11BN",
    "VGG13",
    "VGG13BN",
    "VGG16",
    "VGG16BN",
    "VGG19",
    "VGG19BN",
    "AllCNNC",
    "CS231n",
    "HNetMNIST",
    "LeNet5",
    "MNIST1DResNet",
    "P4AllCNNC",
    "P4CNNRotationPooling",
    "P4MAllCNNC",
    "ResNet101",
    "ResNet110CIFAR",
    "ResNet152",
    "ResNet18",
    "ResNet20CIFAR",
    "ResNet32CIFAR",
    "ResNet34",
    "ResNet44CIFAR",
    "ResNet50",
    "ResNet56CIFAR",
    "UDLConv1D",
    "UDLDense",
    "Z2CNN",
]
