"""Drawing a network as boxes and arrows, with matplotlib alone.

Layers that belong together share a box: a convolution with the normalisation and the activation
behind it, and the layers of one block (those whose names have a numbered prefix, such as
`layer1.0`). Blocks in a row that are alike are one box that says how many they are.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import keras

from kzoo.graph import model_calls

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
        sources: the boxes that its layers take what they get from.
        follows: whether the box before it is one of them.
    """

    title: str
    kind: str
    lines: list[str] = field(default_factory=list)
    shape: tuple = ()
    shortcut: bool = False
    count: int = 1
    sources: list["Box"] = field(default_factory=list, repr=False)
    follows: bool = True

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
        _draw_arrow(axis, boxes[index - 1 : index + 1], places[index - 1 : index + 1])
    path = Path(path)
    figure.savefig(path, dpi=130)
    return path


def text_picture(model: keras.Model) -> str:
    """Return the picture of a functional model as lines of text, boxes below each other."""
    lines: list[str] = []
    for box in boxes_of(model):
        texts = [text for text, _ in _texts(box)]
        if box.shortcut and len(box.lines) > 1:
            texts[0] += "   with a shortcut"
        width = max(map(len, texts))
        if lines and not box.follows:
            lines[-1] = lines[-1].replace("↓", " ", 1)
        lines.append(f"┌─{'─' * width}─┐")
        lines += [f"│ {text.ljust(width)} │" for text in texts]
        lines += [f"└─{'─' * width}─┘", f"  ↓ {printed_shape(box.shape)}"]
    lines[-1] = lines[-1].replace("↓", " ", 1)
    return "\n".join(lines)


def boxes_of(model: keras.Model) -> list[Box]:
    """Return the boxes of a model in the order of its calls, alike neighbours as one.

    Raises:
        ValueError, TypeError: see `kzoo.graph.require_functional`.
    """
    calls = list(_calls(model))
    names = {operation.name for operation, _, _ in calls}
    boxes: list[Box] = []
    # Which line of which box made a tensor, by the identity of the tensor.
    made: dict[int, tuple[Box, int]] = {}
    for operation, inputs, outputs in calls:
        block = block_of(operation.name, names)
        sources = [made[id(tensor)] for tensor in inputs]
        if isinstance(operation, _LEFT_OUT):
            box, line = sources[0]
        elif isinstance(operation, _SUFFIXES) and _is_within(block, sources[0][0].title):
            box, line = sources[0]
            box.lines[line] += f" · {describe(operation)}"
        else:
            box = _box_for(operation, block, boxes)
            line = len(box.lines)
            name = operation.name.removeprefix(f"{block}.")
            box.lines.append(f"{name}: {describe(operation)}")
            box.sources += [source for source, _ in sources if source is not box]
            box.shape = tuple(outputs[0].shape[1:])
        made.update((id(tensor), (box, line)) for tensor in outputs)
        box.shortcut |= isinstance(operation, _MERGES)
    return _merge_alike(boxes)


def _is_within(block, title):
    return block is None or f"{block}.".startswith(f"{title}.")


def _box_for(operation, block, boxes):
    """Return the last box if a layer of `block` belongs in it, or a new one."""
    last = boxes[-1] if boxes else None
    if last and block is not None:
        if last.title == block:
            return last
        if last.kind == "block" and last.title.startswith(f"{block}."):
            part = last.title.removeprefix(f"{block}.")
            last.lines[:] = [f"{part}.{line}" for line in last.lines]
            last.title = block
            return last
    boxes.append(Box(block or operation.name, "block" if block else _kind(operation)))
    return boxes[-1]


def _calls(model):
    """Yield operation, inputs and outputs of each call, the inputs of the model first."""
    for tensor in model.inputs:
        yield tensor._keras_history.operation, [], [tensor]
    for node in model_calls(model):
        yield node.operation, node.input_tensors, node.output_tensors


def block_of(name: str, names: Collection[str] = ()) -> str | None:
    """Return the block that a layer's name puts it in, or `None`.

    Of the prefixes of the name, those left out that are in `names`, the names of layers, it is the
    longest whose last part is a number, or, where there is none, ends in one: `layer1.0` for
    `layer1.0.downsample.0`, `denseblock1.denselayer2` for `denseblock1.denselayer2.conv1`.
    """
    parts = name.split(".")
    prefixes = [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    blocks = [prefix for prefix in prefixes if prefix not in names and prefix[-1:].isdigit()]
    numbered = [prefix for prefix in blocks if prefix.rpartition(".")[2].isdigit()]
    return next(iter(numbered + blocks), None)


def printed_shape(shape: tuple) -> str:
    """Print a shape, an unknown size as "?"."""
    return " × ".join("?" if size is None else str(size) for size in shape)


def describe(layer: keras.Operation) -> str:
    """Say in a few words what a layer or an operation is."""
    kind = type(layer).__name__
    if isinstance(layer, keras.Model):
        return f"{kind} of {len(layer.layers)} layers"
    if isinstance(layer, keras.layers.Activation):
        activation = layer.activation
        return getattr(activation, "__name__", type(activation).__name__)
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
    """Make one box of neighbours that are alike, where each takes what the one before it gives."""
    merged: list[Box] = []
    previous = None
    for box in boxes:
        last = merged[-1] if merged else None
        follows_alone = all(source is previous for source in box.sources)
        if last and follows_alone and box.kind == "block" == last.kind and box.lines == last.lines:
            end = box.title.rpartition(".")[2]
            end = box.title if end.isdigit() else end
            last.title = f"{last.title.partition(' … ')[0]} … {end}"
            last.shape, last.count = box.shape, last.count + 1
        else:
            box.follows = any(source is previous for source in box.sources)
            merged.append(box)
        previous = box
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
    for row, (text, weight) in enumerate(_texts(box)):
        size = min(8, 8 * (48 if weight == "bold" else 58) / max(1, len(text)))
        place = (left + 0.12, top - _LINE * (row + 0.9))
        axis.text(*place, text, va="center", fontsize=size, weight=weight)
    if box.shortcut and len(box.lines) > 1:
        _draw_shortcut(axis, box, left, top)


def _texts(box):
    """Return what is written in a box, each line with its weight."""
    texts = [(line, "normal") for line in box.lines]
    origin = "" if box.follows or not box.sources else f"   from {box.sources[0].title}"
    if box.kind == "block":
        times = f"   ({box.count} times)" if box.count > 1 else ""
        texts.insert(0, (box.title + times + origin, "bold"))
    elif origin:
        texts[0] = (texts[0][0] + origin, "normal")
    return texts


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


def _draw_arrow(axis, boxes, places):
    """Draw the shape of what a box gives, and an arrow to the next one where that takes it."""
    (box, following), ((left, top), (next_left, next_top)) = boxes, places
    middle, bottom = left + _WIDTH / 2, top - box.height
    shape = printed_shape(box.shape)
    axis.text(middle + 0.1, bottom - _GAP / 2, shape, va="center", fontsize=7, color="#444444")
    if not following.follows:
        return
    arrow = {"arrowstyle": "-|>", "mutation_scale": 9, "color": "#333333", "lw": 0.9}
    if next_left == left:
        axis.annotate("", (middle, next_top), (middle, bottom), arrowprops=arrow)
        return
    side, over = left + _WIDTH + _COLUMN_GAP / 2, 0.12
    target = next_left + _WIDTH / 2
    low = bottom - _GAP * 0.8
    axis.plot(
        [middle, middle, side, side, target],
        [bottom, low, low, over, over],
        color="#333333",
        lw=0.9,
        clip_on=False,
    )
    axis.annotate("", (target, next_top), (target, over), arrowprops=arrow)
