"""Bringing an image to the size that a network is evaluated at.

The order of steps and every rounding are those of torchvision's and timm's transforms, on Pillow:
an accuracy that was published for weights was measured on these pixels.
"""

import dataclasses
import math
import numbers

from kzoo.layers._args import integers, one_of

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
MODES = ("center", "squash", "border")


@dataclasses.dataclass(frozen=True)
class Resize:
    """Scaling of images by Pillow, then a crop of the centre.

    Args:
        size: Height and width of the result, or one number for both.
        crop: Share of the scaled image's side that the crop keeps, above 0 and at most 1: images
            are scaled to floor(size / crop).
        interpolation: One of `INTERPOLATIONS`; all but "nearest" are antialiased.
        mode: "center" scales the image to cover that size and keeps its ratio, "squash" scales
            each side to it, "border" scales the image to fit into it and fills the rest.
        fill: What "border" fills with, red, green and blue; grey images take the average. By
            default ImageNet's mean, as timm's.

    Raises:
        ValueError, TypeError: an argument is not accepted; the message says what is.
    """

    size: int | tuple[int, int]
    crop: float = 1.0
    interpolation: str = "bilinear"
    mode: str = "center"
    fill: tuple[int, int, int] = (124, 116, 104)

    def __post_init__(self):
        size = integers(self.size, "size", 2)
        object.__setattr__(self, "size", size)
        if isinstance(self.crop, bool) or not isinstance(self.crop, numbers.Real):
            raise TypeError(f"crop must be a number; received {self.crop!r}.")
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop must be above 0 and at most 1; received {self.crop}.")
        one_of(self.interpolation, "interpolation", INTERPOLATIONS)
        one_of(self.mode, "mode", MODES)
        fill = integers(self.fill, "fill", 3, minimum=0)
        if max(fill) > 255:
            raise ValueError(f"fill must be at most 255; received {fill}.")
        object.__setattr__(self, "fill", fill)

    @property
    def height_and_width(self) -> tuple[int, int]:
        """Height and width of the result."""
        height, width = self.size  # type: ignore[misc]
        return height, width

    def __call__(self, image):
        """Return a Pillow image of mode L or RGB at this size."""
        return self._cut(scale(image, self._scaled(image.height, image.width), self.interpolation))

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that an image is scaled to before the crop."""
        tall, wide = (math.floor(side / self.crop) for side in self.height_and_width)
        if self.mode == "squash":
            return tall, wide
        if self.mode == "center" and tall == wide:
            # torchvision's Resize of one number: the longer side is cut, not rounded.
            if height <= width:
                return tall, int(tall * width / height)
            return int(tall * height / width), tall
        ratios = height / tall, width / wide
        ratio = max(ratios) if self.mode == "border" else min(ratios)
        return round(height / ratio), round(width / ratio)

    def _cut(self, image):
        """Return the centre of an image; one that is too small, as with "border", is filled up."""
        height, width = self.height_and_width
        if image.width < width or image.height < height:
            image = self._padded(image)
        top = round((image.height - height) / 2)
        left = round((image.width - width) / 2)
        if (image.height, image.width) == (height, width):
            return image
        return image.crop((left, top, left + width, top + height))

    def _padded(self, image):
        from PIL import Image

        height, width = self.height_and_width
        down, right = max(height - image.height, 0), max(width - image.width, 0)
        colour = self.fill if image.mode == "RGB" else round(sum(self.fill) / 3)
        padded = Image.new(image.mode, (image.width + right, image.height + down), colour)
        padded.paste(image, (right // 2, down // 2))
        return padded


def scale(image, size: tuple[int, int], interpolation: str):
    """Return a Pillow image at (height, width); one that has that size is not touched."""
    from PIL import Image

    if (image.height, image.width) == size:
        return image
    return image.resize(size[::-1], Image.Resampling[interpolation.upper()])
