"""A whole data set in one NumPy file, which needs nothing but NumPy to be read.

The file is a compressed `.npz` without pickles. Its arrays: `format`, `name`, `kind`,
`class_names`, `splits`, and for every split `inputs_SPLIT` (uint8 images or float32 signals) and
`labels_SPLIT` (int64).
"""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from kzoo.data.arrays import ArraySource
from kzoo.data.pipeline import Pipeline
from kzoo.data.resize import Resize
from kzoo.data.spec import Source

FORMAT = "kzoo data 1"


def export(
    source: Source,
    file: str | os.PathLike,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    resize: Resize | None = None,
) -> Path:
    """Write all splits of a data set to one file, which `open_source` reads back.

    Args:
        source: An opened data set, from `open_source`.
        file: A path that ends in ".npz" and does not exist.
        image_size: See `Pipeline`; needed where the images differ in size.
        channels: See `Pipeline`; needed where the images differ in channels.
        resize: See `Pipeline`.

    Returns:
        The path.

    Raises:
        ValueError: the path is not as said or cannot be written, or the images differ in size.
    """
    from kzoo.training.files import replacing

    path = check_file(file)
    spec = source.spec
    arrays = {
        "format": np.array(FORMAT),
        "name": np.array(Path(spec.name).name),
        "kind": np.array(spec.kind),
        "class_names": np.array(spec.class_names),
        "splits": np.array(list(spec.splits)),
    }
    for split in spec.splits:
        pipeline = Pipeline(source, split, image_size=image_size, channels=channels, resize=resize)
        inputs, labels = pipeline.arrays()
        arrays |= {f"inputs_{split}": inputs, f"labels_{split}": labels}
    try:
        with replacing(path) as partial:
            np.savez_compressed(partial, allow_pickle=False, **arrays)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def check_file(file: str | os.PathLike) -> Path:
    """Return the path to export to, or refuse one that exists or does not end in ".npz"."""
    path = Path(file).expanduser()
    if path.suffix != ".npz":
        raise ValueError(f"The file of an exported data set must end in .npz; received {path}.")
    if os.path.lexists(path):
        raise ValueError(f"{path} exists already: remove it, or export to another file.")
    return path


def open_export(name: str | os.PathLike) -> Source:
    """Open a file that `export` wrote.

    Raises:
        ValueError: the file is missing, damaged, or not from `export`.
    """
    path = Path(name).expanduser()
    try:
        # np.load would leave a damaged file open if it opened it.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if arrays["format"] != FORMAT:
            raise ValueError(f"its format is {arrays['format']}, and {FORMAT!r} is read")
        source = ArraySource(
            {
                split: (arrays[f"inputs_{split}"], arrays[f"labels_{split}"])
                for split in arrays["splits"].tolist()
            },
            name=str(arrays["name"]),
            class_names=tuple(arrays["class_names"].tolist()),
        )
    except FileNotFoundError:
        raise ValueError(f"The file {path} does not exist.") from None
    # What damage looks like depends on where it is: the archive, its compression, or an array.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ValueError(
            f"{path} cannot be read as an exported data set ({reason}): export it again."
        ) from error
    source.location = path.absolute()
    return source
