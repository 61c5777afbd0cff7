"""Drawing the receptive field of a layer over an image, with matplotlib."""

import math
import os
from pathlib import Path

import keras
import numpy as np

from kzoo.analysis._view_walk import spatial_axes
from kzoo.analysis.effective_receptive_field import effective_receptive_field
from kzoo.analysis.receptive_field import check_model, receptive_field


def draw_receptive_field(
    model: keras.Model,
    image,
    path: str | os.PathLike,
    output: str | None = None,
    *,
    position=None,
    ignore_gates: bool = True,
    allow_misaligned: bool = True,
    pointwise=(),
) -> Path:
    """Draw what a position of a layer sees of an image into a `.png`, `.svg` or `.pdf` file.

    A frame shows the receptive field, as far as it lies within the image, and the shade the
    effective one, measured on this image: the gradient's magnitude as part of its largest value.

    Args:
        model: functional or sequential `keras.Model` of images.
        image: one input of the model, (height, width, channels), or (channels, height, width).
        path: file to write.
        output: name of a layer with positions; None for the last one that has them.
        position: row and column of the layer's map; None for its middle.
        ignore_gates: whether weights made from the whole map count as constants for the frame.
        allow_misaligned: whether paths with different centres may join.
        pointwise: names of layers that mix no positions, for layers that kzoo does not know.

    Returns:
        The path.

    Raises:
        TypeError: `model` is not a model that was built of layers, or has several inputs.
        ValueError: what `receptive_field` and `effective_receptive_field` refuse, or an image of
            another shape.
    """
    check_model(model)
    image = np.asarray(image)
    if image.ndim != 3 or len(model.inputs[0].shape) != 4:
        raise ValueError(
            "draw_receptive_field takes a model of images and one image, of rank 3; received an "
            f"input shape {tuple(model.inputs[0].shape)} and an image {image.shape}."
        )
    places = spatial_axes(model)
    sizes = tuple(image.shape[axis - 1] for axis in places)
    field = receptive_field(
        model,
        output,
        sizes,
        ignore_gates=ignore_gates,
        allow_misaligned=allow_misaligned,
        pointwise=pointwise,
    )
    effective = effective_receptive_field(
        model, output, sizes, position=position, inputs=image[None], pointwise=pointwise
    )
    shown = image if places == (1, 2) else np.moveaxis(image, 0, -1)
    return _draw(shown, field, effective, Path(path))


def frame_of(field, position, sizes):
    """Return top, left, height and width of what a position sees within an image of `sizes`."""
    ranges = []
    for axis, y, size in zip(field.axes, position, sizes):
        region = (0, size - 1) if math.isinf(axis.size) else axis.input_region(y)
        first, last = region or (0, -1)
        ranges.append((max(first, 0), min(last, size - 1)))
    (top, bottom), (left, right) = ranges
    return top, left, bottom - top + 1, right - left + 1


def _draw(image, field, effective, path):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    grey = image.astype("float64").mean(axis=-1)
    height, width = grey.shape
    figure = Figure(figsize=(5.5, 5.5 * height / width + 0.5))
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.imshow(grey, cmap="gray", interpolation="nearest")
    shade = effective.map / (effective.map.max() or 1)
    axis.imshow(shade, cmap="inferno", alpha=np.sqrt(shade), vmin=0, vmax=1)
    top, left, rows, columns = frame_of(field, effective.position, (height, width))
    axis.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5), columns, rows, fill=False, edgecolor="#00b7c7", linewidth=2
        )
    )
    size = " × ".join(f"{n:g}" for n in field.size)
    axis.set_title(
        f"{field.layer} at {effective.position}: field {size}, effective {effective.size:.0f}",
        fontsize=9,
    )
    axis.axis("off")
    figure.savefig(path, dpi=110, bbox_inches="tight")
    return path
