"""The published weights of every model: records read from tables that come with kzoo.

`tags.csv` is made by `scripts/weights_table.py`; each row says which source its facts come from.
`shipped/` holds the weights that are part of kzoo, with a table of the same columns, and one more,
beside them; `scripts/train_shipped.py` makes both.
"""

import csv
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "tags.csv"
SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How images reach a network in its published evaluation.

    Attributes:
        mean: per channel, of images scaled to 0..1; empty where the network takes raw values.
        std: the standard deviation, likewise.
        interpolation: of the resizing, such as "bicubic".
        crop: the centre crop's share of the resized image's side.
        crop_mode: "center"; "squash" resizes without keeping the ratio; "border" pads.
        size: height and width; length and 1 of a signal.
        test_size: the larger height and width at which the accuracy was measured, where another.
        test_crop: the crop's share at that size.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop: float
    crop_mode: str
    size: tuple[int, int]
    test_size: tuple[int, int]
    test_crop: float


@dataclass(frozen=True, kw_only=True)
class WeightsInfo:
    """What is published of one set of weights.

    Attributes:
        name: model name.
        tag: the weights' name, unique for the model.
        source: "hf-hub:owner/repository", an address, "shipped:file", or "keras:function" of
            keras.applications.
        sha256: what is published of the file's digest, often its first eight digits; `None` where
            nothing is, and for the hub, which tells the digest itself.
        classes: number of classes of the classifier; 0 where there is none.
        dataset: what the network was trained on; `None` where the source does not say.
        licence: as the source names it; `None` where it does not.
        top1: published accuracy in percent, or `None`: on ImageNet-1k's validation images, and for
            shipped weights on the test split of their data set.
        top5: likewise, among the five best.
        top1_size: image size of that evaluation.
        megabytes: published size of the file, or `None`.
        preprocessing: the inputs it expects.
        recommended: whether `weights="imagenet"` means these.
        reference: paper, or page, of the weights.
        facts_from: where these facts were taken from.
        accuracy_from: where the accuracy was taken from.
        options: arguments of the model's builder that the weights imply, such as `conv="tiled"`;
            `input_shape` is no more than their default.
    """

    name: str
    tag: str
    source: str
    sha256: str | None
    classes: int
    dataset: str | None
    licence: str | None
    top1: float | None
    top5: float | None
    top1_size: int | None
    megabytes: float | None
    preprocessing: Preprocessing
    recommended: bool
    reference: str | None
    facts_from: str
    accuracy_from: str | None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


COLUMNS = (
    *("name", "tag", "recommended", "source", "sha256", "classes", "dataset", "licence"),
    *("top1", "top5", "top1_size", "megabytes", "mean", "std", "interpolation", "crop"),
    *("crop_mode", "size", "test_size", "test_crop", "reference", "facts_from", "accuracy_from"),
)
SHIPPED_COLUMNS = (*COLUMNS, "options")


def records_of(name: str) -> tuple[WeightsInfo, ...]:
    """Return the records of a model, the recommended one first; none for an unknown model."""
    found = [
        record for table in (SHIPPED / "tags.csv", TABLE) for record in _read(table).get(name, ())
    ]
    return tuple(sorted(found, key=lambda record: not record.recommended))


@functools.cache
def _read(table: Path) -> dict[str, list[WeightsInfo]]:
    records: dict[str, list[WeightsInfo]] = {}
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                records.setdefault(row["name"], []).append(_record(row))
    return records


def _record(row):
    size = _pair(row["size"])
    crop = float(row["crop"])
    return WeightsInfo(
        name=row["name"],
        tag=row["tag"],
        source=row["source"],
        sha256=row["sha256"] or None,
        classes=int(row["classes"]),
        dataset=row["dataset"] or None,
        licence=row["licence"] or None,
        top1=float(row["top1"]) if row["top1"] else None,
        top5=float(row["top5"]) if row["top5"] else None,
        top1_size=int(row["top1_size"]) if row["top1_size"] else None,
        megabytes=float(row["megabytes"]) if row["megabytes"] else None,
        recommended=row["recommended"] == "yes",
        reference=row["reference"] or None,
        facts_from=row["facts_from"],
        accuracy_from=row["accuracy_from"] or None,
        options=json.loads(row.get("options") or "{}"),
        preprocessing=Preprocessing(
            mean=_numbers(row["mean"]),
            std=_numbers(row["std"]),
            interpolation=row["interpolation"],
            crop=crop,
            crop_mode=row["crop_mode"],
            size=size,
            test_size=_pair(row["test_size"]) if row["test_size"] else size,
            test_crop=float(row["test_crop"]) if row["test_crop"] else crop,
        ),
    )


def _numbers(text):
    return tuple(map(float, text.split()))


def _pair(text):
    height, width = map(int, text.split("x"))
    return height, width
