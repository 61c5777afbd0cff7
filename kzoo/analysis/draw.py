"""Drawing a network as boxes and arrows, with matplotlib alone.

Layers that belong together share a box: a convolution with the normalisation and the activation
behind it, and the layers of one block (those whose names have a numbered prefix, such as
`layer1.0`). Blocks in a row that are alike are one box that says how many they are.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import keras

_COLOURS = {
    "convolution": "#cfe2f3",
    "pooling": "#d9ead3",
    "dense": "#fce5cd",
    "block": "#e6e0f0",
    "other": "#eeeeee",
}
# What joins the line of the layer before it.
_SUFFIXES = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Softmax,
    keras.layers.Dropout,
)
# What only makes room for the layer after it.
_LEFT_OUT = (
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)
_MERGES = (keras.layers.Add, keras.layers.Concatenate, keras.layers.Multiply)

# In inches.
_LINE, _WIDTH, _GAP, _COLUMN_GAP = 0.19, 4.1, 0.42, 0.75


@dataclass
class Box:
    """Some layers, drawn as one.

    Attributes:
        title: name of the block, or of its only layer.
        lines: what is in it, a line each.
        kind: key of `_COLOURS`.
        shape: of its output, without the batch.
        shortcut: whether a part of it is bypassed.
        count: how many boxes like it follow each other.
    """

    title: str
    kind: str
    lines: list[str] = field(default_factory=list)
    shape: tuple = ()
    shortcut: bool = False
    count: int = 1

    @property
    def height(self) -> float:
        """Height of the drawn box."""
        return _LINE * (len(self.lines) + (self.kind == "block") + 0.8)


def draw_model(model: keras.Model, path: str | os.PathLike) -> Path:
    """Draw a functional model into a `.png`, `.svg` or `.pdf` file, and return its path."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    boxes = boxes_of(model)
    places, width, height = _layout(boxes)
    figure = Figure(figsize=(width, height + 0.5))
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(-height, 0.5))
    axis.axis("off")
    axis.text(width / 2, 0.25, model.name, ha="center", va="center", fontsize=12, weight="bold")
    for box, (left, top) in zip(boxes, places):
        _draw_box(axis, box, left, top)
    for index in range(1, len(boxes)):
        _draw_arrow(axis, boxes[index - 1], places[index - 1], places[index])
    path = Path(path)
    figure.savefig(path, dpi=130)
    return path


def boxes_of(model: keras.Model) -> list[Box]:
    """Return the boxes of a model in the order of its layers, alike neighbours as one."""
    boxes: list[Box] = []
    # Which line of which box made a tensor, by the identity of the tensor.
    made: dict[int, tuple[Box, int]] = {}
    for layer in model.layers:
        if isinstance(layer, _LEFT_OUT):
            continue
        block = block_of(layer.name)
        source = made.get(id(layer.input)) if isinstance(layer, _SUFFIXES) else None
        if source is not None and block in (None, source[0].title):
            box, line = source
            box.lines[line] += f" · {describe(layer)}"
        else:
            if not boxes or block is None or boxes[-1].title != block:
                boxes.append(Box(block or layer.name, "block" if block else _kind(layer)))
            box, line = boxes[-1], len(boxes[-1].lines)
            box.lines.append(f"{layer.name.removeprefix(f'{block}.')}: {describe(layer)}")
        made[id(layer.output)] = box, line
        box.shape = tuple(layer.output.shape[1:])
        box.shortcut |= isinstance(layer, _MERGES)
    return _merge_alike(boxes)


def block_of(name: str) -> str | None:
    """Return the block that a layer's name puts it in, or `None`.

    It is the longest prefix, without the last part of the name, whose own last part ends in a
    digit: `layer1.0` for `layer1.0.downsample.0`; `None` for `features.0`.
    """
    parts = name.split(".")[:-1]
    while parts and not parts[-1][-1:].isdigit():
        parts.pop()
    return ".".join(parts) or None


def describe(layer: keras.layers.Layer) -> str:
    """Say in a few words what a layer is."""
    kind = type(layer).__name__
    if isinstance(layer, keras.layers.Activation):
        return layer.activation.__name__
    words = [{"BatchNormalization": "norm", "InputLayer": "input"}.get(kind, kind)]
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if isinstance(window, (tuple, list)):
        words.append("×".join(map(str, window)))
    size = getattr(layer, "filters", None) or getattr(layer, "units", None)
    if size is not None:
        words.append(f"→ {size}")
    strides = getattr(layer, "strides", None)
    if hasattr(layer, "kernel_size") and isinstance(strides, tuple) and max(strides) > 1:
        words.append(f"/ {max(strides)}")
    if isinstance(layer, keras.layers.Dropout):
        words.append(f"{layer.rate:g}")
    return " ".join(words)


def _kind(layer):
    if hasattr(layer, "kernel_size"):
        return "convolution"
    if isinstance(layer, keras.layers.Dense):
        return "dense"
    return "pooling" if "Pooling" in type(layer).__name__ else "other"


def _merge_alike(boxes):
    merged: list[Box] = []
    for box in boxes:
        last = merged[-1] if merged else None
        if last and box.kind == "block" == last.kind and box.lines == last.lines:
            last.title = f"{last.title.partition(' … ')[0]} … {box.title}"
            last.shape, last.count = box.shape, last.count + 1
        else:
            merged.append(box)
    return merged


def _layout(boxes):
    """Return the top left corner of each box, and the width and height of the picture.

    Boxes run down a column and on at the top of the next; there are as many columns as make the
    picture about half as wide again as it is high.
    """
    total = sum(box.height + _GAP for box in boxes)
    wanted = max(1, round((1.5 * total / (_WIDTH + _COLUMN_GAP)) ** 0.5))
    limit = total / wanted
    columns = _columns(boxes, limit)
    while len(columns) > wanted:
        limit += _LINE
        columns = _columns(boxes, limit)
    places = []
    for index, column in enumerate(columns):
        top = 0.0
        for box in column:
            places.append((_COLUMN_GAP / 2 + index * (_WIDTH + _COLUMN_GAP), top))
            top -= box.height + _GAP
    height = max(sum(box.height + _GAP for box in column) for column in columns)
    return places, len(columns) * (_WIDTH + _COLUMN_GAP), height


def _columns(boxes, limit):
    """Fill columns of at most `limit` one after the other."""
    columns: list[list[Box]] = [[]]
    filled = 0.0
    for box in boxes:
        filled += box.height + _GAP
        if columns[-1] and filled > limit:
            columns.append([])
            filled = box.height + _GAP
        columns[-1].append(box)
    return columns


def _draw_box(axis, box, left, top):
    from matplotlib.patches import FancyBboxPatch

    pad = 0.04
    axis.add_patch(
        FancyBboxPatch(
            (left + pad, top - box.height + pad),
            _WIDTH - 2 * pad,
            box.height - 2 * pad,
            boxstyle=f"round,pad={pad}",
            facecolor=_COLOURS[box.kind],
            edgecolor="#555555",
            linewidth=0.8,
        )
    )
    lines: list[tuple[str, dict]] = [(line, {}) for line in box.lines]
    if box.kind == "block":
        times = f"   ({box.count} times)" if box.count > 1 else ""
        lines.insert(0, (box.title + times, {"weight": "bold"}))
    for row, (line, style) in enumerate(lines):
        axis.text(left + 0.12, top - _LINE * (row + 0.9), line, va="center", fontsize=8, **style)
    if box.shortcut:
        _draw_shortcut(axis, box, left, top)


def _draw_shortcut(axis, box, left, top):
    from matplotlib.patches import FancyArrowPatch

    side = left + _WIDTH - 0.3
    axis.add_patch(
        FancyArrowPatch(
            (side, top - 0.12),
            (side, top - box.height + 0.12),
            connectionstyle="arc3,rad=-0.25",
            arrowstyle="-|>",
            mutation_scale=8,
            color="#7a5195",
        )
    )


def _draw_arrow(axis, box, place, following):
    left, top = place
    middle, bottom = left + _WIDTH / 2, top - box.height
    shape = " × ".join(map(str, box.shape))
    axis.text(middle + 0.1, bottom - _GAP / 2, shape, va="center", fontsize=7, color="#444444")
    arrow = {"arrowstyle": "-|>", "mutation_scale": 9, "color": "#333333", "lw": 0.9}
    if following[0] == left:
        axis.annotate("", (middle, following[1]), (middle, bottom), arrowprops=arrow)
        return
    side, over = left + _WIDTH + _COLUMN_GAP / 2, 0.12
    target = following[0] + _WIDTH / 2
    low = bottom - _GAP * 0.8
    axis.plot(
        [middle, middle, side, side, target],
        [bottom, low, low, over, over],
        color="#333333",
        lw=0.9,
        clip_on=False,
    )
    axis.annotate("", (target, following[1]), (target, over), arrowprops=arrow)
