"""Write kzoo/weights/tags.csv: what is published of the weights of kzoo's models.

Commands, with timm, torchvision and PyTorch installed (`pip install kzoo[parity]`):

    git clone --depth 1 https://github.com/huggingface/pytorch-image-models
    python scripts/weights_table.py --accuracy pytorch-image-models/results/results-imagenet.csv \\
        --revision $(git -C pytorch-image-models rev-parse --short HEAD)

Cost: half a minute. A row holds the facts of timm's `pretrained_cfg` with the accuracies of
`results-imagenet.csv` for the same weights, or those of torchvision's weights enumerations, or
those of Keras's documentation, copied to `keras_applications.csv`. The data set is read off timm's
tag, after timm's convention. Rerun it when a model is added.
"""

import argparse
import csv
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import kzoo  # noqa: E402
from kzoo.constants import STATISTICS  # noqa: E402
from kzoo.registry import find_family  # noqa: E402
from kzoo.weights.keras_published import PREFIX  # noqa: E402
from kzoo.weights.renames import DIFFERENT_IN_TORCHVISION, TORCHVISION_TWINS  # noqa: E402
from kzoo.weights.tags import COLUMNS, TABLE  # noqa: E402
from tests.peers import import_timm  # noqa: E402

# Parts of timm's tags that name a data set.
DATASETS = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "ig1b": "Instagram-1B",
    "yfcc100m": "YFCC-100M",
    "laion2b": "LAION-2B",
    "laiona": "LAION-Aesthetic",
    "jft": "JFT-300M",
    "openai": "WIT-400M",
    "seer": "Instagram-2B",
    "swag": "Instagram-3.6B",
    "lvd1689m": "LVD-1689M",
}
# Sizes, accuracies and data sets as https://keras.io/api/applications has them, MobileNetV3's as
# its docstring in Keras; licences as Keras 2.2's page on applications.
KERAS = Path(__file__).with_name("keras_applications.csv")
PAPER = re.compile(r"\d{4}\.\d{4,5}")


def main(argv=None):
    """Write the table and print how many weights it has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accuracy", required=True, type=Path, metavar="RESULTS_IMAGENET_CSV")
    parser.add_argument("--revision", required=True, help="of timm's repository")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    rows = timm_rows(read_accuracies(arguments.accuracy), arguments.revision)
    rows += torchvision_rows()
    rows += keras_rows()
    order = {name: index for index, name in enumerate(kzoo.list_models())}
    rows.sort(key=lambda row: order[row["name"]])
    mark_recommended(rows)
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} weights of {len({row['name'] for row in rows})} models, {arguments.output}")
    return 0


def read_accuracies(path):
    """Return `(top1, top5)` by name with tag and image size."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["model"], int(row["img_size"])): (row["top1"], row["top5"])
            for row in csv.DictReader(file)
        }


def timm_rows(accuracies, revision):
    """Return the rows of timm's weights, its default tag of each model first."""
    timm = import_timm()
    rows = []
    for name in filter(timm.is_model, kzoo.list_models()):
        tags = timm.list_pretrained(f"{name}.*")
        default = timm.get_pretrained_cfg(name)
        configurations = [timm.get_pretrained_cfg(tag) for tag in tags]
        configurations.sort(key=lambda configuration: configuration.tag != default.tag)
        rows += [
            timm_row(name, configuration, accuracies, revision)
            for configuration in configurations
            if configuration.has_weights and configuration.tag
        ]
    return rows


def timm_row(name, cfg, accuracies, revision):
    """Return the row of one `pretrained_cfg`."""
    size, test_size = cfg.input_size[1:], (cfg.test_input_size or cfg.input_size)[1:]
    full = f"{name}.{cfg.tag}"
    measured = [side for side in (test_size[0], size[0]) if (full, side) in accuracies]
    top1, top5 = accuracies[full, measured[0]] if measured else ("", "")
    on_hub = bool(cfg.hf_hub_id)
    return {
        "name": name,
        "tag": cfg.tag,
        "source": f"hf-hub:{cfg.hf_hub_id}" if on_hub else cfg.url,
        "sha256": "" if on_hub else digest_in(cfg.url),
        "classes": cfg.num_classes,
        "dataset": dataset_of(cfg.tag),
        "licence": cfg.license or "",
        "top1": top1,
        "top5": top5,
        "top1_size": measured[0] if measured else "",
        "mean": numbers(cfg.mean),
        "std": numbers(cfg.std),
        "interpolation": cfg.interpolation,
        "crop": cfg.crop_pct,
        "crop_mode": cfg.crop_mode,
        "size": "x".join(map(str, size)),
        "test_size": "x".join(map(str, test_size)) if test_size != size else "",
        "test_crop": cfg.test_crop_pct or "",
        "reference": papers(cfg.paper_ids) or cfg.origin_url or "",
        "facts_from": f"timm {version('timm')} pretrained_cfg",
        "accuracy_from": f"timm {revision} results-imagenet.csv" if measured else "",
    }


def torchvision_rows():
    """Return the rows of torchvision's weights for the models of the same graph."""
    from torchvision import models

    theirs = models.list_models(module=models)
    ours = kzoo.list_models()
    rows = []
    for name in ours:
        twin = TORCHVISION_TWINS.get(name, name)
        if twin in theirs and name not in DIFFERENT_IN_TORCHVISION:
            rows += [
                torchvision_row(name, twin, w)
                for w in models.get_model_weights(twin)
                if w.meta["categories"] is not None  # else of the features alone
            ]
    return rows


def torchvision_row(name, twin, weights):
    """Return the row of one entry of torchvision's enumeration."""
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    transform = weights.transforms()
    crop, resize = transform.crop_size[0], transform.resize_size[0]
    mean, std = transform.mean, transform.std
    # torchvision's GoogLeNet and Inception v3 with weights change the input, normalised with the
    # usual statistics, to values from -1 to 1 (transform_input=True).
    if twin in ("googlenet", "inception_v3"):
        mean = std = (0.5, 0.5, 0.5)
    origin = f"torchvision {version('torchvision').split('+')[0]} weights metadata"
    return {
        "name": name,
        "tag": weights.name.lower(),
        "source": weights.url,
        "sha256": digest_in(weights.url),
        "classes": 1000,
        "dataset": ("Instagram-3.6B, " if "SWAG" in weights.name else "") + "ImageNet-1k",
        "licence": weights.meta.get("license", ""),
        "top1": accuracy["acc@1"],
        "top5": accuracy["acc@5"],
        "top1_size": crop,
        "megabytes": weights.meta["_file_size"],
        "mean": numbers(mean),
        "std": numbers(std),
        "interpolation": transform.interpolation.value,
        "crop": round(crop / resize, 6),
        "crop_mode": "center",
        "size": f"{crop}x{crop}",
        "reference": weights.meta.get("recipe", ""),
        "facts_from": origin,
        "accuracy_from": origin,
    }


def keras_rows():
    """Return the rows of the weights of keras.applications, all of them for kzoo's own variants."""
    with KERAS.open(newline="", encoding="utf-8") as file:
        return [keras_row(f"keras_{row['function'].lower()}", row) for row in csv.DictReader(file)]


def keras_row(name, published):
    """Return the row of one model; images are resized as in Keras's examples of use."""
    family = find_family(name)
    statistics = STATISTICS[family.statistics_of(name)]
    size = family.shape_of(name)[0]
    facts = {key: value for key, value in published.items() if key != "function"}
    return facts | {
        "name": name,
        "tag": "keras",
        "source": f"{PREFIX}{published['function']}",
        "classes": 1000,
        "top1_size": size,
        "mean": numbers(statistics.mean),
        "std": numbers(statistics.std),
        "interpolation": "nearest",
        "crop": 1.0,
        "crop_mode": "squash",
        "size": f"{size}x{size}",
        "reference": "https://keras.io/api/applications",
        "facts_from": f"keras {version('keras')} and keras.io",
        "accuracy_from": "keras.io/api/applications",
    }


def mark_recommended(rows):
    """Recommend, for each model, the first weights with ImageNet-1k's classes: timm's default."""
    recommended = set()
    for row in rows:
        if row["name"] not in recommended and row["classes"] == 1000:
            row["recommended"] = "yes"
            recommended.add(row["name"])


def dataset_of(tag):
    """Return the data sets that timm's tag names, the last trained on last."""
    found = [DATASETS[part] for part in tag.split("_") if part in DATASETS]
    return ", ".join(dict.fromkeys(found))


def digest_in(url):
    """Return the first digits of the SHA-256 that end a file's name, as PyTorch's hub puts them."""
    match = re.search(r"-([0-9a-f]{8,64})\.[a-z.]+$", url)
    return match[1] if match else ""


def numbers(values):
    """Return numbers in one cell."""
    return " ".join(repr(float(value)) for value in values)


def papers(identifiers):
    """Return the addresses of papers on arXiv."""
    return " ".join(f"https://arxiv.org/abs/{number}" for number in PAPER.findall(str(identifiers)))


if __name__ == "__main__":
    sys.exit(main())
