"""What is shipped: every weight that comes with kzoo, and how it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kzoo.training import Recipe, named_recipe


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """One set of weights.

    Attributes:
        model: model name.
        tag: the weights' name; with `options` it says which.
        data: data set to train on.
        recipe: name of the recipe.
        fields: the fields of the recipe that are other than its own.
        options: arguments of the model's builder, which the tag then implies.
    """

    model: str
    tag: str
    data: str
    recipe: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that `kzoo.create_model` takes."""
        return f"{self.model}.{self.tag}"

    def recipe_for(self, seed: int, epochs: int | None = None) -> Recipe:
        """Return the recipe of a seed; `epochs` replaces their number.

        Nothing is held out: no choice is left to make.
        """
        fields = {"validation_split": 0, **self.fields, "seed": seed}
        if epochs is not None:
            fields["epochs"] = epochs
        return named_recipe(self.recipe, **fields)


# All-CNN-C at half its width, as the whole of the p4m form takes a CPU core an hour and a half an
# epoch. As short a training does not reward dropout. The planar, p4 and p4m networks with batch
# normalisation are trained alike.
_SYMMETRY = {
    "epochs": 8,
    "clip": 1.0,
    "dropout_rate": 0.0,
    "precision": "mixed_bfloat16",
}

# The network without batch normalisation learns faster with AdamW than with SGD: after the second
# of four epochs it fits 50 % of the training images, and 42 % with SGD at 0.05.
_ALL_CNN = {
    **_SYMMETRY,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.02,
}

# ConvNeXts are trained with AdamW and its decay of 0.05 (Liu et al. 2022, Table 5); so short a
# training does not reward dropped paths.
_CONVNEXT = {
    "epochs": 8,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "clip": 1.0,
    "label_smoothing": 0.1,
}

# Of the recipe's 200: half an hour for a seed of ResNet-20 on one CPU core.
_SHORT = {"epochs": 12}

_SHORT_MNIST = {"epochs": 10}

# As short a training does not reward the dropout that the authors give z2cnn.
_Z2CNN = {"dropout_rate": 0.0}

_SMALL = {"stem": "small"}
_HALF = {"width": 0.5, "input_dropout_rate": 0.0}

# Model, tag, data, fields of the recipe, options of the network.
_TABLE = (
    ("resnet20_cifar", "cifar10", "cifar10", _SHORT, {}),
    ("resnet56_cifar", "cifar10", "cifar10", _SHORT, {}),
    ("resnet20_cifar", "tiled_cifar10", "cifar10", _SHORT, {"conv": "tiled"}),
    ("resnet20_cifar", "gabor_cifar10", "cifar10", _SHORT, {"conv": "gabor"}),
    ("mobilenetv2_035", "cifar10", "cifar10", _SHORT, _SMALL),
    ("convnext_zepto_rms", "cifar10", "cifar10", _CONVNEXT, _SMALL),
    ("all_cnn_c", "half_cifar10", "cifar10", _ALL_CNN, _HALF),
    ("z2_all_cnn_c", "half_cifar10", "cifar10", _SYMMETRY, _HALF),
    ("p4_all_cnn_c", "half_cifar10", "cifar10", _SYMMETRY, _HALF),
    ("p4m_all_cnn_c", "half_cifar10", "cifar10", _SYMMETRY, _HALF),
    ("lenet5", "mnist", "mnist", {}, {}),
    ("z2cnn", "mnist", "mnist", _Z2CNN | _SHORT_MNIST, {}),
    ("p4cnn", "mnist", "mnist", _SHORT_MNIST, {}),
    ("p4cnn", "upright_mnist", "mnist", _SHORT_MNIST, {"readout": "upright"}),
    ("lenet5", "rotated_mnist", "rotated_mnist", {}, {}),
    ("z2cnn", "rotated_mnist", "rotated_mnist", _Z2CNN, {}),
    ("p4cnn", "rotated_mnist", "rotated_mnist", {}, {}),
    ("mnist1d_resnet", "mnist1d", "mnist1d", {}, {}),
    ("udl_conv1d", "mnist1d", "mnist1d", {"epochs": 400}, {}),
)

ROWS = tuple(
    Shipped(
        model=model,
        tag=tag,
        data=data,
        recipe="cifar" if data == "cifar10" else data,
        fields=fields,
        options=options,
    )
    for model, tag, data, fields, options in _TABLE
)
SHIPPED = {row.name: row for row in ROWS}
