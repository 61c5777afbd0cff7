"""Recipes by name: what they are for, their command, what they cost, and what came of it."""

import difflib
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kzoo.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class NamedRecipe:
    """A recipe, and what is known of it.

    Attributes:
        purpose: what it is for, and its source.
        command: an example, ready to run.
        hardware: what the cost and the result were measured on; "published" for others' figures.
        cost: time or length of a training.
        result: accuracy that was measured, on what.
        fields: the recipe's fields that are not the defaults.
        is_open: whether a training by it takes learning rate and augmentation from the model and
            the data, where it does not say them.
    """

    purpose: str
    command: str
    hardware: str
    cost: str
    result: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_open: bool = False

    def __str__(self):
        """Return the header and the fields, for people."""
        lines = [
            f"{name:<9} {getattr(self, name)}"
            for name in ("purpose", "command", "hardware", "cost", "result")
        ]
        fields = str(Recipe(**self.fields)).splitlines()
        if self.is_open:
            fields = [line for line in fields if not line.startswith("learning_rate")]
            fields.append("learning_rate and augment are those of the model's family and the data")
        return "\n".join([*lines, "", *fields])


_RESNET_STRIKES_BACK = {
    "batch_size": 2048,
    "optimizer": "lamb",
    "learning_rate": 5e-3,
    "schedule": "cosine",
    "warmup_epochs": 5,
    "loss": "binary_cross_entropy",
    "target_threshold": 0.2,
    "augment": ("resized_crop", "flip", "randaugment=7"),
    "mixup": 0.1,
    "cutmix": 1.0,
    "image_size": 224,
    "test_size": 224,
    "test_crop": 0.95,
    "interpolation": "bicubic",
    "precision": "mixed_bfloat16",
}
_RSB = "Wightman et al., ResNet strikes back, 2021 (arXiv 2110.00476), Table 2: procedure"
_RSB_DIFFERS = "; Keras's LAMB has the weight decay outside of the trust ratio"

_FINETUNE = {
    "epochs": 20,
    "batch_size": 32,
    "weight_decay": 0.01,
    "frozen_epochs": 4,
    "layer_decay": 0.8,
    "label_smoothing": 0.1,
}

NAMED_RECIPES: dict[str, NamedRecipe] = {
    "cifar": NamedRecipe(
        purpose="small images from scratch, after He et al. 2016, section 4.2: SGD, crop and flip",
        command="kzoo train resnet20_cifar --data cifar10 --recipe cifar",
        hardware="1 CPU core (AMD EPYC), TensorFlow",
        cost="200 epochs; the first 12, as --epochs 12, 32 minutes",
        result="resnet20_cifar, --epochs 12 --validation-split 0, on images that went through JPEG "
        "once: 83.9 ± 0.3 % (3 seeds); 200 epochs are not measured yet",
        fields={
            "epochs": 200,
            "batch_size": 128,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            # An L2 penalty of 5e-4 at momentum 0.9.
            "weight_decay": 5e-3,
            "warmup_epochs": 1,
            "augment": ("flip", "crop=4"),
        },
    ),
    "cifar_fast": NamedRecipe(
        purpose="CIFAR-10 in few epochs, after Page, How to Train Your ResNet, 2018: large batches "
        "and a high learning rate, up and down in straight lines; for a GPU",
        command="kzoo train resnet9_cifar --data cifar10 --recipe cifar_fast",
        hardware="published: 1 V100",
        cost="24 epochs, 79 seconds",
        result="published for ResNet-9: 94.1 % on CIFAR-10 (median of 50)",
        fields={
            "epochs": 24,
            "batch_size": 512,
            "optimizer": "sgd",
            "learning_rate": 0.4,
            # An L2 penalty of 5e-4 at momentum 0.9.
            "weight_decay": 5e-3,
            "schedule": "polynomial",
            "warmup_epochs": 5,
            "augment": ("flip", "crop=4", "cutout=8"),
            "precision": "mixed_bfloat16",
            "validation_split": 0.0,
        },
    ),
    "finetune": NamedRecipe(
        purpose="pretrained weights on another data set: the head first, then all, the slower the "
        "nearer to the input",
        command="kzoo train resnet50.a1_in1k --data photographs/ --recipe finetune",
        hardware="1 CPU core (AMD EPYC), TensorFlow",
        cost="20 epochs; of 300 images of 32 x 32 with resnet20_cifar.cifar10, half a minute",
        result="resnet20_cifar.cifar10 on 50 patches of each of six kinds of street scenes, from "
        "the family's learning rate: 87.2 ± 1.8 %, from scratch 73.8 ± 6.6 % (3 seeds)",
        fields=_FINETUNE,
        is_open=True,
    ),
    "finetune_held_norm": NamedRecipe(
        purpose="as finetune, with batch normalisation held as the weights have it: for batches of "
        "a few images, and images like those of the weights",
        command="kzoo train resnet50.a1_in1k --data photographs/ --recipe finetune_held_norm",
        hardware="1 CPU core (AMD EPYC), TensorFlow",
        cost="20 epochs; of 300 images of 32 x 32 with resnet20_cifar.cifar10, two minutes",
        result="resnet20_cifar.cifar10 on the patches that finetune was measured on: "
        "86.6 ± 1.3 % (3 seeds)",
        fields=_FINETUNE | {"batch_size": 8, "freeze_norm": True},
        is_open=True,
    ),
    "mnist": NamedRecipe(
        purpose="digits from scratch, shifted by up to two pixels",
        command="kzoo train lenet5 --data mnist --recipe mnist",
        hardware="2 CPU cores (AMD EPYC), TensorFlow",
        cost="20 epochs, 3 minutes",
        result="lenet5, --validation-split 0: 99.34 ± 0.01 % (3 seeds)",
        fields={
            "epochs": 20,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "augment": ("crop=2",),
        },
    ),
    "rotated_mnist": NamedRecipe(
        purpose="rotated digits from scratch, as they are: equivariance is the network's",
        command="kzoo train p4cnn --data rotated_mnist --recipe rotated_mnist",
        hardware="1 CPU core (AMD EPYC), TensorFlow",
        cost="20 epochs, 9 minutes",
        result="p4cnn, --validation-split 0: 97.33 ± 0.02 % (3 seeds)",
        fields={
            "epochs": 20,
            "batch_size": 128,
            "learning_rate": 3e-3,
        },
    ),
    "mnist1d": NamedRecipe(
        purpose="the signals of MNIST-1D from scratch, shifted",
        command="kzoo train mnist1d_resnet --data mnist1d --recipe mnist1d",
        hardware="2 CPU cores (AMD EPYC), TensorFlow",
        cost="60 epochs, 0.6 minutes",
        result="mnist1d_resnet, --validation-split 0: 98.6 ± 0.2 % (3 seeds)",
        fields={
            "epochs": 60,
            "batch_size": 100,
            "learning_rate": 3e-3,
            "augment": ("shift",),
        },
    ),
    "resnet_strikes_back_a1": NamedRecipe(
        purpose=f"{_RSB} A1, ImageNet at 224 x 224{_RSB_DIFFERS}",
        command="kzoo train resnet50 --data imagenet2012 --recipe resnet_strikes_back_a1",
        hardware="published: 4 V100 of 32 GB",
        cost="600 epochs, 4.6 days",
        result="published for ResNet-50: 80.4 % on ImageNet-1k",
        fields=_RESNET_STRIKES_BACK
        | {
            "epochs": 600,
            "weight_decay": 0.01,
            "label_smoothing": 0.1,
            "mixup": 0.2,
            "drop_path_rate": 0.05,
            "repeats": 3,
        },
    ),
    "resnet_strikes_back_a2": NamedRecipe(
        purpose=f"{_RSB} A2, ImageNet at 224 x 224{_RSB_DIFFERS}",
        command="kzoo train resnet50 --data imagenet2012 --recipe resnet_strikes_back_a2",
        hardware="published: 4 V100 of 32 GB",
        cost="300 epochs, 55 hours",
        result="published for ResNet-50: 79.8 % on ImageNet-1k",
        fields=_RESNET_STRIKES_BACK
        | {"epochs": 300, "weight_decay": 0.02, "drop_path_rate": 0.05, "repeats": 3},
    ),
    "resnet_strikes_back_a3": NamedRecipe(
        purpose=f"{_RSB} A3, ImageNet at 160 x 160, tested at 224 x 224{_RSB_DIFFERS}",
        command="kzoo train resnet50 --data imagenet2012 --recipe resnet_strikes_back_a3",
        hardware="published: 4 V100 of 16 GB",
        cost="100 epochs, 15 hours",
        result="published for ResNet-50: 78.1 % on ImageNet-1k",
        fields=_RESNET_STRIKES_BACK
        | {
            "epochs": 100,
            "learning_rate": 8e-3,
            "weight_decay": 0.02,
            "augment": ("resized_crop", "flip", "randaugment=6"),
            "image_size": 160,
        },
    ),
    "torchvision_v2": NamedRecipe(
        purpose="torchvision's second recipe (Vryniotis, How to Train State-Of-The-Art Models "
        "Using TorchVision's Latest Primitives, 2021): ImageNet at 176 x 176, tested at 224 x 224",
        command="kzoo train resnet50 --data imagenet2012 --recipe torchvision_v2",
        hardware="published: 8 GPUs",
        cost="600 epochs",
        result="published for ResNet-50: 80.9 % on ImageNet-1k (IMAGENET1K_V2)",
        fields={
            "epochs": 600,
            "batch_size": 1024,
            "optimizer": "sgd",
            "learning_rate": 0.5,
            "nesterov": False,
            # An L2 penalty of 2e-5 at momentum 0.9.
            "weight_decay": 2e-4,
            "warmup_epochs": 5,
            # 0.99998 to the power of the 1024 / 600 that torchvision's decay is scaled by.
            "ema": 0.999966,
            "label_smoothing": 0.1,
            "augment": ("resized_crop", "flip", "trivialaugment", "erasing=0.1"),
            "mixup": 0.2,
            "cutmix": 1.0,
            "repeats": 4,
            "image_size": 176,
            "test_size": 224,
            "test_crop": 224 / 232,
            "interpolation": "bilinear",
            "precision": "mixed_bfloat16",
        },
    ),
}


def named_recipe(name: str, **fields) -> Recipe:
    """Return a recipe by its name, with some of its fields replaced.

    Where the number of epochs is replaced, frozen epochs keep their share, and so does the length
    of the moving average, also where the batch size is. What a recipe that is open, such as
    "finetune", leaves to model and data has the defaults of `Recipe` here; `train` fills it in
    where it is given `recipe={"name": "finetune", "epochs": 30}`.

    Example:

    >>> kzoo.training.named_recipe("cifar", epochs=30).learning_rate
    0.1

    Raises:
        ValueError: an unknown name, or a field that cannot be.
    """
    return Recipe.from_dict(fields_of(name, fields))


def fields_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not the defaults of a recipe with those that are given."""
    fields = dict(find_recipe(name).fields)
    epochs, batch_size = (_ratio(given.get(key), fields[key]) for key in ("epochs", "batch_size"))
    if "frozen_epochs" in fields:
        fields["frozen_epochs"] = int(fields["frozen_epochs"] * epochs)
    if "ema" in fields:
        fields["ema"] = average_over(fields["ema"], epochs / batch_size)
    return fields | dict(given)


def average_over(ema: float, longer: float) -> float:
    """Return the momentum of the average over the same share of a training `longer` times as long.

    It is at least 1/2.
    """
    return 1 - min((1 - ema) / longer, 0.5)


def _ratio(value, own):
    """Return a number over the recipe's own, and one where it is none; `Recipe` refuses that."""
    return int(value) / own if isinstance(value, numbers.Integral) and int(value) > 0 else 1.0


def recipe_for(name: str | None, given: Mapping[str, Any]) -> Recipe | dict[str, Any]:
    """Return what to train by: the recipe of a name, or the fields of one that is open.

    Args:
        name: of the recipe; `None` leaves all that is not given open.
        given: fields that replace others.

    Raises:
        ValueError: an unknown name, or a field that cannot be.
    """
    fields = dict(given) if name is None else fields_of(name, given)
    recipe = Recipe.from_dict(fields)
    return fields if name is None or find_recipe(name).is_open else recipe


def find_recipe(name: str) -> NamedRecipe:
    """Return what is known of a recipe by its name."""
    if name not in NAMED_RECIPES:
        close = difflib.get_close_matches(str(name), NAMED_RECIPES, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(
            f"recipe must be one of {', '.join(NAMED_RECIPES)}; received {name!r}.{hint}"
        )
    return NAMED_RECIPES[name]
