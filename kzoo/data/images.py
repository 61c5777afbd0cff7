"""Reading images of any common kind as uint8 arrays."""

import io
import os
from collections.abc import Callable
from typing import IO, Any

import numpy as np

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_GREY_MODES = ("1", "L", "LA", "La")

# What brings a Pillow image of mode L or RGB to its size.
View = Callable[[Any], Any]


def read_image(
    path: str | os.PathLike, channels: int | None = None, view: View | None = None
) -> np.ndarray:
    """Read an image file.

    The first frame is taken of an animation, EXIF orientation is applied, transparency is laid on
    white, and 16-bit grey is scaled to 8 bits.

    Args:
        path: A JPEG, PNG, GIF, BMP, WebP or TIFF file.
        channels: 1 converts to grey (ITU-R 601), 3 to colour; None keeps what the file has.
        view: What brings the image to its size, such as a `Resize`; None keeps its size.

    Returns:
        uint8 array, (height, width, channels), 0..255.

    Raises:
        ValueError: the file is missing, truncated or not an image; the message names it.
    """
    return _decode(os.fspath(path), os.fspath(path), channels, view)


def decode_image(
    data: bytes, name: str, channels: int | None = None, view: View | None = None
) -> np.ndarray:
    """Decode an encoded image as `read_image` does; `name` is what an error calls it."""
    return _decode(io.BytesIO(data), name, channels, view)


def check_channels(channels: int | None) -> int | None:
    """Return `channels`, or refuse it."""
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour); received {channels!r}.")
    return channels


def _decode(file: str | IO[bytes], name: str, channels, view) -> np.ndarray:
    from PIL import Image

    check_channels(channels)
    # Pillow's decoders raise many kinds of exception (OSError, SyntaxError, struct.error, ...)
    # on damaged files; whatever they raise, the file could not be read.
    try:
        with Image.open(file) as image:
            image.load()
            pixels = _eight_bits(_upright(image))
    except Exception as error:
        raise ValueError(f"{name} cannot be read as an image: {error}.") from error
    return _as_array(pixels, channels, view)


def _upright(image):
    """Return an image as its EXIF orientation has it shown; as it lies where that is damaged."""
    from PIL import ExifTags, Image

    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # what Pillow raises depends on the damage
        return image
    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    # Not a copy of the others, which takes as long as decoding does.
    return image.transpose(turns[orientation]) if orientation in turns else image


def view_pixels(pixels: np.ndarray, channels: int | None, view: View | None) -> np.ndarray:
    """Return an image that is in memory as `read_image` would return it from a file.

    Args:
        pixels: uint8 (height, width, channels).
        channels: See `read_image`; None where the image has neither one nor three.
        view: See `read_image`; brings every channel to its size by itself.

    Raises:
        ValueError: `channels` is given for an image that is neither grey nor colour.
    """
    from PIL import Image

    depth = pixels.shape[-1]
    if depth == 3:
        return _as_array(Image.fromarray(pixels), channels, view)
    if depth != 1 and channels is not None:
        raise ValueError(
            f"channels={channels} is for grey and colour images; these have {depth} channels, "
            "leave it None."
        )
    planes = (Image.fromarray(pixels[..., channel]) for channel in range(depth))
    return np.concatenate([_as_array(plane, channels, view) for plane in planes], axis=-1)


def _as_array(image, channels, view) -> np.ndarray:
    """Convert a Pillow image of mode L or RGB, bring it to its size, and return its pixels."""
    mode = {None: image.mode, 1: "L", 3: "RGB"}[channels]
    if image.mode != mode:
        image = image.convert(mode)
    array = np.asarray(image if view is None else view(image))
    return array[..., None] if array.ndim == 2 else array


def _eight_bits(image):
    """Return `image` as mode L or RGB."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray(_scale_16_bits(np.asarray(image)))
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range")
    mode = "L" if image.mode in _GREY_MODES else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def _scale_16_bits(values: np.ndarray) -> np.ndarray:
    """Map 0..65535 to 0..255, rounding to the nearest."""
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels are outside 0..65535")
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
