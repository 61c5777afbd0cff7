"""Random access to the records of TFRecord files.

Format (TensorFlow, "TFRecord and tf.train.Example"): uint64 length, uint32 checksum, the bytes,
uint32 checksum.
"""

import mmap
import os
import struct
from collections.abc import Iterable

import numpy as np

_HEADER = 12
_FOOTER = 4


class Records:
    """The records of some TFRecord files, in the order of the files; `records[i]` are bytes.

    Raises:
        ValueError: a file is missing or ends inside a record.
    """

    def __init__(self, files: Iterable[str | os.PathLike]):
        self._maps: list[mmap.mmap] = []
        places: list[tuple[int, int, int]] = []
        for file in files:
            contents = _map(file)
            if contents is not None:
                places += [(len(self._maps), *place) for place in _places(contents, file)]
                self._maps.append(contents)
        self._places = np.array(places, np.int64).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> bytes:
        number, start, stop = self._places[index]
        return self._maps[number][start:stop]


def _map(file: str | os.PathLike) -> mmap.mmap | None:
    """Map a file into memory; None where it is empty."""
    try:
        with open(file, "rb") as handle:
            if os.fstat(handle.fileno()).st_size == 0:
                return None
            return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ValueError(f"{os.fspath(file)} cannot be read: {error.strerror}.") from error


def _places(contents: mmap.mmap, file: str | os.PathLike) -> list[tuple[int, int]]:
    """Return where each record starts and stops."""
    places = []
    position = 0
    while position < len(contents):
        length = 0
        if position + _HEADER <= len(contents):
            (length,) = struct.unpack_from("<Q", contents, position)
        start = position + _HEADER
        position = start + length + _FOOTER
        if position > len(contents):
            raise ValueError(f"{os.fspath(file)} is truncated: prepare the data set again.")
        places.append((start, start + length))
    return places
