"""Other names for the same networks: torchvision's, beside timm's, which most of kzoo's are.

A table belongs to one family of one source. It is used where a file lacks names that the model
wants and holds the table's `marker`, a name that is in every file of that family.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

# Models whose twin in torchvision has the same graph and another name, each proven by a test.
TORCHVISION_TWINS = {
    "mnasnet_050": "mnasnet0_5",
    "mnasnet_075": "mnasnet0_75",
    "mnasnet_100": "mnasnet1_0",
    "mobilenetv2_100": "mobilenet_v2",
    "regnetx_004_tv": "regnet_x_400mf",
    "regnetx_008": "regnet_x_800mf",
    "regnetx_016": "regnet_x_1_6gf",
    "regnetx_032": "regnet_x_3_2gf",
    "regnetx_080": "regnet_x_8gf",
    "regnetx_160": "regnet_x_16gf",
    "regnetx_320": "regnet_x_32gf",
    "regnety_004": "regnet_y_400mf",
    "regnety_008_tv": "regnet_y_800mf",
    "regnety_016": "regnet_y_1_6gf",
    "regnety_032": "regnet_y_3_2gf",
    "regnety_080_tv": "regnet_y_8gf",
    "regnety_160": "regnet_y_16gf",
    "regnety_320": "regnet_y_32gf",
    "regnety_1280": "regnet_y_128gf",
}
# Models of the same name in both whose graphs differ: torchvision's have another epsilon.
DIFFERENT_IN_TORCHVISION = ("efficientnet_b5", "efficientnet_b6", "efficientnet_b7")
# What only their files have: a third block in the last stage.
_OTHER_EPSILON = "features.7.2.block.0.0.weight"


@dataclass(frozen=True)
class Renames:
    """How a source names what the model names otherwise.

    Attributes:
        marker: name of an array that every file of this kind has.
        rules: pattern of the beginning of a name, and what stands there instead; the first that
            fits is used, and a name that none fits stays.
        reshape: new name of an array to the function that gives it the model's layout.
        refused: name of an array that only files of another graph have beside the marker.
    """

    marker: str
    rules: tuple[tuple[str, str | Callable[[re.Match], str]], ...]
    reshape: Mapping[str, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    refused: str | None = None

    def apply(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the arrays by their new names."""
        renamed = {self._rename(name): array for name, array in arrays.items()}
        for name, change in self.reshape.items():
            if name in renamed:
                renamed[name] = change(renamed[name])
        return renamed

    def _rename(self, name):
        for pattern, replacement in self.rules:
            new, found = re.subn(rf"\A{pattern}", replacement, name)
            if found:
                return new
        return name


def translate(arrays: dict[str, np.ndarray], wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Return the arrays by the names that the model wants, where a table leads to them."""
    if arrays.keys() >= set(wanted):
        return arrays
    for table in TABLES:
        if table.marker in arrays and table.marker not in wanted and table.refused not in arrays:
            return table.apply(arrays)
    return arrays


def is_auxiliary(name: str) -> bool:
    """Whether an array belongs to a classifier that only the training used."""
    return re.match(r"(aux1|aux2|AuxLogits)\.", name) is not None


def _shifted(form, shift):
    """Return a replacement that moves the first number of the match, and fills `form`."""
    return lambda match: form.format(int(match[1]) + shift, *match.groups()[1:])


_VGG = Renames(
    "classifier.6.weight",
    (
        (r"classifier\.0\.", "pre_logits.fc1."),
        (r"classifier\.3\.", "pre_logits.fc2."),
        (r"classifier\.6\.", "head.fc."),
    ),
    # The dense layers of the paper are convolutions in timm.
    {
        "pre_logits.fc1.weight": lambda array: array.reshape(4096, -1, 7, 7),
        "pre_logits.fc2.weight": lambda array: array.reshape(4096, 4096, 1, 1),
    },
)

# The files of 2017, whose names torchvision changes when it reads them.
_DENSENET = Renames(
    "features.denseblock1.denselayer1.norm.1.weight",
    ((r"(.*denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2"),),
)


def _mobilenet_v2_rules():
    """Blocks are counted through in torchvision, and by stage in timm."""
    parts = {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2"}
    parts |= {"2": "conv_pwl", "3": "bn3"}
    first = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"}
    places = [
        f"{stage}.{block}"
        for stage, depth in enumerate((1, 2, 3, 4, 3, 3, 1))
        for block in range(depth)
    ]
    rules = [(r"features\.0\.0\.", "conv_stem."), (r"features\.0\.1\.", "bn1.")]
    for index, place in enumerate(places, start=1):
        for theirs, ours in (parts if index > 1 else first).items():
            pattern = re.escape(f"features.{index}.conv.{theirs}.")
            rules.append((pattern, f"blocks.{place}.{ours}."))
    rules += [(r"features\.18\.0\.", "conv_head."), (r"features\.18\.1\.", "bn2.")]
    return (*rules, (r"classifier\.1\.", "classifier."))


_MOBILENET_V2 = Renames("features.1.conv.0.0.weight", _mobilenet_v2_rules())

_MNASNET = Renames(
    "layers.8.0.layers.0.weight",
    (
        (r"layers\.0\.", "conv_stem."),
        (r"layers\.1\.", "bn1."),
        (r"layers\.3\.", "blocks.0.0.conv_dw."),
        (r"layers\.4\.", "blocks.0.0.bn1."),
        (r"layers\.6\.", "blocks.0.0.conv_pw."),
        (r"layers\.7\.", "blocks.0.0.bn2."),
        (r"layers\.14\.", "conv_head."),
        (r"layers\.15\.", "bn2."),
        *(
            (
                rf"layers\.(\d+)\.(\d+)\.layers\.{theirs}\.",
                _shifted(f"blocks.{{}}.{{}}.{ours}.", -7),
            )
            for theirs, ours in enumerate(
                ("conv_pw", "bn1", None, "conv_dw", "bn2", None, "conv_pwl", "bn3")
            )
            if ours
        ),
        (r"classifier\.1\.", "classifier."),
    ),
)

_EFFICIENTNET = Renames(
    "features.1.0.block.1.fc1.weight",
    (
        (r"features\.0\.0\.", "conv_stem."),
        (r"features\.0\.1\.", "bn1."),
        (r"features\.8\.0\.", "conv_head."),
        (r"features\.8\.1\.", "bn2."),
        *(
            (rf"features\.1\.(\d+)\.block\.{theirs}\.", rf"blocks.0.\1.{ours}.")
            for theirs, ours in {
                r"0\.0": "conv_dw",
                r"0\.1": "bn1",
                r"1\.fc1": "se.conv_reduce",
                r"1\.fc2": "se.conv_expand",
                r"2\.0": "conv_pw",
                r"2\.1": "bn2",
            }.items()
        ),
        *(
            (
                rf"features\.(\d+)\.(\d+)\.block\.{theirs}\.",
                _shifted(f"blocks.{{}}.{{}}.{ours}.", -1),
            )
            for theirs, ours in {
                r"0\.0": "conv_pw",
                r"0\.1": "bn1",
                r"1\.0": "conv_dw",
                r"1\.1": "bn2",
                r"2\.fc1": "se.conv_reduce",
                r"2\.fc2": "se.conv_expand",
                r"3\.0": "conv_pwl",
                r"3\.1": "bn3",
            }.items()
        ),
        (r"classifier\.1\.", "classifier."),
    ),
    refused=_OTHER_EPSILON,
)


def _convnext_stem(match):
    """Even indices stand before a stage, odd ones are the stages."""
    index = int(match[1])
    return f"stages.{index // 2}.downsample.{match[2]}" if index else f"stem.{match[2]}"


_CONVNEXT_PARTS = {
    "layer_scale": "gamma",
    "block.0.": "conv_dw.",
    "block.2.": "norm.",
    "block.3.": "mlp.fc1.",
    "block.5.": "mlp.fc2.",
}


def _convnext_block(match):
    return f"stages.{int(match[1]) // 2}.blocks.{match[2]}.{_CONVNEXT_PARTS[match[3]]}"


_CONVNEXT = Renames(
    "features.1.0.layer_scale",
    (
        (r"features\.(\d+)\.(\d+)\.(layer_scale|block\.\d\.)", _convnext_block),
        (r"features\.(\d+)\.(\d+\.)", _convnext_stem),
        (r"classifier\.0\.", "head.norm."),
        (r"classifier\.2\.", "head.fc."),
    ),
)

_REGNET_PARTS = {
    "proj.0": "downsample.conv",
    "proj.1": "downsample.bn",
    **{
        f"f.{letter}.{index}": f"conv{number}.{kind}"
        for number, letter in enumerate("abc", start=1)
        for index, kind in enumerate(("conv", "bn"))
    },
    "f.se": "se",
}


def _regnet_block(match):
    return f"s{match[1]}.b{int(match[2]) + 1}.{_REGNET_PARTS[match[3]]}."


_REGNET = Renames(
    "trunk_output.block1.block1-0.f.a.0.weight",
    (
        (r"stem\.0\.", "stem.conv."),
        (r"stem\.1\.", "stem.bn."),
        (
            r"trunk_output\.block\d+\.block(\d+)-(\d+)\.(proj\.\d|f\.[abc]\.\d|f\.se)\.",
            _regnet_block,
        ),
        (r"fc\.", "head.fc."),
    ),
)

TABLES = (_VGG, _DENSENET, _MOBILENET_V2, _MNASNET, _EFFICIENTNET, _CONVNEXT, _REGNET)
