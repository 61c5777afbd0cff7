"""Pictures of a run, drawn without a display."""

from pathlib import Path

import numpy as np

from kzoo.training.files import replacing


def draw_curves(path: Path, history):
    """Draw loss and accuracy over the epochs, of the training and the validation data."""
    figure, axes = subplots(1, 2, figsize=(10, 4))
    epochs = np.array([row["epoch"] for row in history])
    for axis, measure in zip(axes, ("loss", "accuracy")):
        for column, label in ((measure, "training"), (f"val_{measure}", "validation")):
            values = np.array([row[column] for row in history], dtype=float)
            known = np.isfinite(values)
            if known.any():
                marker = "." if known.sum() < 30 else ""
                axis.plot(epochs[known], values[known], label=label, marker=marker)
        axis.set(xlabel="epoch", ylabel=measure)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend()
    save_figure(figure, path)


def draw_confusion_matrix(path: Path, matrix: np.ndarray, class_names):
    """Draw how often each class (row) was taken for each class (column), with the counts."""
    classes = len(class_names)
    class_names = [
        name.encode("utf-8", "replace").decode().replace("$", r"\$")  # no formulas
        for name in class_names
    ]
    side = min(14.0, 2.5 + 0.45 * classes)
    figure, axis = subplots(figsize=(side + 1, side))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, label="share of the true class", shrink=0.8)
    if classes <= 50:
        axis.set_xticks(range(classes), class_names, rotation=90)
        axis.set_yticks(range(classes), class_names)
    if classes <= 20:
        for (row, column), count in np.ndenumerate(matrix):
            colour = "white" if share[row, column] > 0.5 else "black"
            axis.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    axis.set(xlabel="predicted class", ylabel="true class")
    save_figure(figure, path)


def subplots(*args, squeeze=True, **kwargs):
    """Return a figure that needs no display, and its axes, as `matplotlib.pyplot.subplots` does."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained", **kwargs)
    FigureCanvasAgg(figure)
    return figure, figure.subplots(*args, squeeze=squeeze)


def save_figure(figure, path):
    """Write a figure."""
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120, bbox_inches="tight")
