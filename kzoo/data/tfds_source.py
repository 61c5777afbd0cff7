"""Data sets prepared by TensorFlow Datasets, read from their folder without network."""

import os
import re
import threading
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from kzoo.data.encoded import decode_batch
from kzoo.data.records import Records
from kzoo.data.spec import DataSpec, Source

_VERSION = re.compile(r"\d+\.\d+\.\d+")


class TfdsSource(Source):
    """A prepared data set with one image (or 1-D tensor) and one class label per example.

    Args:
        folder: Where it is prepared, `.../name[/config]/version`.
        name: What to call it.

    Raises:
        ValueError: the features are not those of a classification set, or the files are damaged.
    """

    def __init__(self, folder: str | os.PathLike, name: str):
        import tensorflow_datasets as tfds

        self._info = tfds.builder_from_directory(folder).info
        if self._info.file_format.value != "tfrecord":
            raise ValueError(
                f"{name} is stored as {self._info.file_format.value}; kzoo reads the format "
                "tfrecord: prepare it again with that file_format."
            )
        self._input, self._label, kind = _supervised(self._info, name)
        shape = self._info.features[self._input].shape
        if kind == "image":
            shape = (*shape[:2], 3 if shape[2] == 4 else shape[2])
        self.spec = DataSpec(
            name=name,
            kind=kind,
            shape=shape if len(shape) > 1 else (*shape, 1),
            class_names=tuple(self._info.features[self._label].names),
            splits={key: split.num_examples for key, split in self._info.splits.items()},
        )
        self._lock = threading.Lock()
        self._opened: dict[str, Records] = {}
        self._labels: dict[str, np.ndarray] = {}

    def read(self, split, indices, channels=None, view=None):
        """See `Source.read`."""
        examples = [self._example(split, index) for index in indices]
        labels = np.array([self._label_of(example) for example in examples], np.int64)
        if self.spec.kind == "signal":
            return np.stack([self._signal(split, index) for index in indices]), labels
        files = [self._file_of(example) for example in examples]
        return decode_batch(files, indices, self.spec, split, channels, view), labels

    def labels(self, split):
        """See `Source.labels`."""
        if split not in self._labels:
            count = len(self._records(split))
            labels = [self._label_of(self._example(split, index)) for index in range(count)]
            self._labels[split] = np.array(labels, np.int64)
        return self._labels[split]

    def is_labelled(self, split):
        """See `Source.is_labelled`; looks at one example, as those of a split are alike."""
        return self._label_of(self._example(split, 0)) >= 0

    def encoded(self, split):
        """See `Source.encoded`."""
        if self.spec.kind != "image":
            return None
        count = len(self._records(split))
        return (self._file_of(self._example(split, index)) for index in range(count))

    def _records(self, split: str) -> Records:
        with self._lock:
            if split not in self._opened:
                records = Records(self._info.splits[split].filepaths)
                if len(records) != self.spec.splits[split]:
                    raise ValueError(
                        f"{self.spec.name} should have {self.spec.splits[split]} examples in "
                        f"{split} and has {len(records)}: prepare the data set again."
                    )
                self._opened[split] = records
            return self._opened[split]

    def _example(self, split: str, index: int):
        import tensorflow as tf

        return tf.train.Example.FromString(self._records(split)[index])

    def _file_of(self, example) -> bytes:
        return example.features.feature[self._input].bytes_list.value[0]

    def _label_of(self, example) -> int:
        return example.features.feature[self._label].int64_list.value[0]

    def _signal(self, split: str, index: int) -> np.ndarray:
        features = self._info.features.deserialize_example_np(self._records(split)[index])
        signal = np.asarray(features[self._input], np.float32)
        return signal.reshape(len(signal), -1)


def _supervised(info, name: str) -> tuple[str, str, str]:
    """Return the names of the input and of the label feature, and the kind of the input."""
    import tensorflow_datasets as tfds

    features = dict(info.features.items()) if hasattr(info.features, "items") else {}
    kinds = {key: kind for key, feature in features.items() if (kind := _kind(feature))}
    labels = [key for key, feature in features.items() if type(feature) is tfds.features.ClassLabel]
    given, target = (info.supervised_keys or ("", ""))[:2]
    if given in kinds and target in labels:
        return given, target, kinds[given]
    if len(kinds) == 1 and len(labels) == 1:
        (key,) = kinds
        return key, labels[0], kinds[key]
    raise ValueError(
        f"{name} is not a set of images or signals with one class each: its features are "
        f"{', '.join(sorted(features)) or 'not named'}."
    )


def _kind(feature) -> str | None:
    import tensorflow_datasets as tfds

    if type(feature) is tfds.features.Image:
        return "image" if np.dtype(feature.np_dtype).name in ("uint8", "uint16") else None
    if type(feature) is tfds.features.Tensor and len(feature.shape) in (1, 2):
        return "signal" if np.dtype(feature.np_dtype).kind in "fiu" else None
    return None


def tfds_folder(data_dir: str | os.PathLike | None = None) -> Path:
    """Return the folder of prepared data sets: given, `TFDS_DATA_DIR`, or TFDS's own default."""
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(chosen).expanduser()


def find_prepared(name: str, data_dir: str | os.PathLike | None = None) -> Path | None:
    """Return the folder of a prepared set, the newest version, or None.

    Args:
        name: `name`, `name/config`, either followed by `:version` (such as `3.0.1` or `3.*.*`).
        data_dir: See `tfds_folder`.

    Raises:
        ValueError: several configurations are prepared and none is chosen.
    """
    path, _, version = name.partition(":")
    root = tfds_folder(data_dir) / path
    found = _versions(root, version or "*")
    if found:
        return found[-1]
    configs = {
        child.name: made for child in _folders(root) if (made := _versions(child, version or "*"))
    }
    if len(configs) > 1:
        raise ValueError(
            f"{name} is prepared in several configurations: choose one of "
            f"{', '.join(f'{path}/{config}' for config in configs)}."
        )
    return next(iter(configs.values()))[-1] if configs else None


def list_prepared(data_dir: str | os.PathLike | None = None) -> dict[str, Path]:
    """Return the newest version of every prepared set and configuration, by name."""
    prepared = {}
    for root in _folders(tfds_folder(data_dir)):
        for folder in (root, *_folders(root)):
            if found := _versions(folder, "*"):
                prepared[folder.relative_to(root.parent).as_posix()] = found[-1]
    return prepared


def _versions(folder: Path, pattern: str) -> list[Path]:
    """Return the complete versions in `folder`, oldest first."""
    found = [
        child
        for child in _folders(folder)
        if _VERSION.fullmatch(child.name)
        and fnmatchcase(child.name, pattern)
        and (child / "dataset_info.json").is_file()
        and (child / "features.json").is_file()
    ]
    return sorted(found, key=lambda child: [int(part) for part in child.name.split(".")])


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
