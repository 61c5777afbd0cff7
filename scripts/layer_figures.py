"""Draw the figures of docs/layers/ into docs/layers/figures/.

Command: .venv/bin/python scripts/layer_figures.py [NAME ...]
Cost: half a minute.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import keras  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib import colormaps  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import kzoo  # noqa: E402
from kzoo.applications.lenet import C3_TABLE  # noqa: E402
from kzoo.initializers.gabor import gabor  # noqa: E402
from kzoo.layers.kernels import KERNELS  # noqa: E402

FOLDER = ROOT / "docs/layers/figures"
GREY = "#444444"
THREE = ("convolution", "tiled convolution, t = 2", "locally connected")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that does not name the version of matplotlib that made it."""
    figure.savefig(path, dpi=100, metadata={"Software": None})


def show(axis, array, title="", limits=None, cmap="gray", size=9):
    """Show a map without ticks."""
    low, high = limits or (None, None)
    axis.imshow(array, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=size, pad=4)


def layer_as_matrix(layer, input_shape) -> np.ndarray:
    """Return the matrix of a linear layer: (*input_shape, *output_shape), from one-hot inputs."""
    count = int(np.prod(input_shape))
    one_hot = np.eye(count, dtype="float32").reshape(count, *input_shape)
    outputs = keras.ops.convert_to_numpy(layer(one_hot))
    return outputs.reshape(*input_shape, *outputs.shape[1:])


def set_kernel(layer, input_shape, values) -> None:
    """Build a convolution, Keras's or kzoo's, and set its kernel to a function of its shape."""
    layer.build((None, *input_shape))
    if hasattr(layer, "set_kernel"):
        layer.set_kernel(values(layer.get_kernel().shape).astype("float32"))
    else:
        layer.kernel.assign(values(tuple(layer.kernel.shape)).astype("float32"))


def numbered(shape):
    """Return weights that are their own numbers, from 1."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


def draw_weights_1d(path: Path) -> None:
    """Which weight is on the line from each input to each output (Goodfellow et al., Fig. 9.16)."""
    inputs, letters = 6, "abcdefghij"
    layers = (
        keras.layers.Conv1D(1, 2, use_bias=False),
        kzoo.layers.TiledConv1D(1, 2, tile_size=2, use_bias=False),
        kzoo.layers.LocallyConnected1D(1, 2, use_bias=False),
    )
    figure = new_figure(9.6, 2.5)
    for panel, (layer, title) in enumerate(zip(layers, THREE)):
        set_kernel(layer, (inputs, 1), numbered)
        weights = np.rint(layer_as_matrix(layer, (inputs, 1))[:, 0, :, 0]).astype(int)
        axis = figure.add_axes((panel / 3 + 0.01, 0.0, 0.32, 0.88))
        axis.set(xlim=(-0.6, inputs - 0.4), ylim=(-0.25, 1.2))
        axis.axis("off")
        axis.set_title(f"{title}: {weights.max()} weights", fontsize=10, pad=3)
        for i, j in np.argwhere(weights):
            number = weights[i, j] - 1
            colour = colormaps["tab20"](number % 20)
            axis.plot([i, j + 0.5], [0, 1], color=colour, lw=2.2, zorder=1)
            share = 0.36 if (j + 0.5) < i else 0.62
            place = {"ha": "center", "va": "center", "fontsize": 8, "color": "black"}
            ground = {"boxstyle": "circle,pad=0.08", "fc": "white", "ec": "none"}
            x = i + share * (j + 0.5 - i)
            axis.text(x, share, letters[number], bbox=ground, zorder=2, **place)
        rows = (("x", 0, np.arange(inputs)), ("s", 1, np.arange(weights.shape[1]) + 0.5))
        for name, height, places in rows:
            axis.scatter(places, np.full(len(places), height), s=230, c="white", ec=GREY, zorder=3)
            for index, place in enumerate(places):
                label = f"${name}_{index + 1}$"
                axis.text(place, height, label, ha="center", va="center", fontsize=9, zorder=4)
    save(figure, path)


def draw_weights_2d(path: Path) -> None:
    """Which kernel computes each output of a map."""
    layers = (
        keras.layers.Conv2D(1, 3, use_bias=False),
        kzoo.layers.TiledConv2D(1, 3, tile_size=2, use_bias=False),
        kzoo.layers.LocallyConnected2D(1, 3, use_bias=False),
    )
    figure = new_figure(8.4, 3.0)
    for panel, (layer, title) in enumerate(zip(layers, THREE)):
        # All weights of kernel n are n, and the input is 1.
        set_kernel(layer, (8, 8, 1), lambda shape: (numbered(shape) - 1) // 9)
        outputs = keras.ops.convert_to_numpy(layer(np.ones((1, 8, 8, 1), "float32")))
        kernels = np.rint(outputs[0, :, :, 0] / 9).astype(int)
        axis = figure.add_axes((panel / 3 + 0.02, 0.02, 0.293, 0.85))
        colours = colormaps["tab20"].colors if kernels.max() < 20 else None
        if colours is None:
            colours = colormaps["turbo"](np.linspace(0.05, 0.95, kernels.max() + 1))[:, :3]
        picture = 0.45 * np.asarray(colours)[kernels] + 0.55
        count = kernels.max() + 1
        show(axis, picture, f"{title}: {count} kernel" + ("s" if count > 1 else ""), size=10)
        for (i, j), number in np.ndenumerate(kernels):
            axis.text(j, i, str(number), ha="center", va="center", fontsize=9)
        axis.set_xticks(np.arange(5) + 0.5, [])
        axis.set_yticks(np.arange(5) + 0.5, [])
        axis.grid(color="white", lw=1.5)
        axis.tick_params(length=0)
    save(figure, path)


def draw_connection_table(path: Path) -> None:
    """Table I of LeCun et al. (1998), read back from the layer."""
    layer = kzoo.layers.ConnectionTableConv2D(1, C3_TABLE)
    layer.build((None, 5, 5, 6))
    layer.set_kernel(np.asarray(C3_TABLE, "float32")[None, None])
    table = layer.get_kernel()[0, 0]
    figure = new_figure(6.0, 2.7)
    axis = figure.add_axes((0.09, 0.02, 0.9, 0.8))
    axis.imshow(table, cmap="Blues", vmin=0, vmax=1.4)
    axis.set_xticks(np.arange(16), np.arange(16), fontsize=9)
    axis.set_yticks(np.arange(6), np.arange(6), fontsize=9)
    axis.xaxis.tick_top()
    axis.set_xlabel("map of C3", fontsize=9)
    axis.xaxis.set_label_position("top")
    axis.set_ylabel("map of S2", fontsize=9)
    axis.set_xticks(np.arange(15) + 0.5, minor=True)
    axis.set_yticks(np.arange(5) + 0.5, minor=True)
    axis.grid(which="minor", color="#bbbbbb", lw=0.6)
    axis.tick_params(which="both", length=0)
    save(figure, path)


def draw_groups(path: Path) -> None:
    """Which input channel feeds which output channel, by the number of groups."""
    channels = 8
    figure = new_figure(6.6, 2.45)
    for panel, groups in enumerate((1, 2, 8)):
        layer = kzoo.layers.GroupedConv2D(channels, 1, groups=groups, use_bias=False)
        set_kernel(layer, (1, 1, channels), np.ones)
        links = layer_as_matrix(layer, (1, 1, channels))[0, 0, :, 0, 0, :]
        axis = figure.add_axes((panel / 3 + 0.045, 0.02, 0.275, 0.74))
        title = f"groups = {groups}: {int(links.sum())} links"
        show(axis, links, limits=(0, 1.4), cmap="Blues")
        axis.set_xticks(np.arange(channels - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(channels - 1) + 0.5, minor=True)
        axis.grid(which="minor", color="#bbbbbb", lw=0.6)
        axis.tick_params(which="both", length=0)
        if panel == 0:
            axis.set_ylabel("input channel", fontsize=8)
        axis.set_title(title, fontsize=9, pad=16)
        axis.text(0.5, 1.02, "output channel", transform=axis.transAxes, ha="center", fontsize=8)
    save(figure, path)


def draw_p4m_orbit(path: Path) -> None:
    """The eight filters that a lifting convolution makes of one, by the layer's answers."""
    size = 7
    letter = np.zeros((size, size))
    letter[1:6, 2] = letter[1, 2:6] = letter[3, 2:5] = 1
    layer = kzoo.layers.LiftingConv2D(1, size, group="p4m", use_bias=False)
    layer.build((None, size, size, 1))
    layer.set_kernel(letter[:, :, None, None].astype("float32"))
    filters = layer_as_matrix(layer, (size, size, 1))[:, :, 0, 0, 0, :, 0]
    figure = new_figure(6.4, 3.5)
    turned = ["0°", "90°", "180°", "270°"]
    for element in range(8):
        row, column = divmod(element, 4)
        axis = figure.add_axes((column / 4 + 0.02, 0.505 - 0.5 * row, 0.21, 0.41))
        title = f"{element}: {'flip, ' if row else ''}rotation {turned[column]}"
        show(axis, -filters[:, :, element], title, limits=(-1.15, 0), size=8)
    save(figure, path)


def draw_gabor_bank(path: Path) -> None:
    """Gabor functions of several directions and frequencies."""
    size, directions = 33, 6
    grid = np.arange(size) - (size - 1) / 2
    figure = new_figure(6.6, 4.6)
    for row, wavelength in enumerate((16, 11, 8, 5.5)):
        for column in range(directions):
            f = 2 * np.pi / wavelength
            beta = 1 / (2 * (0.4 * wavelength) ** 2)
            tau = np.pi * column / directions
            picture = gabor(grid, grid[:, None], 1, beta, beta, f, 0, 0, 0, tau)
            axis = figure.add_axes((0.1 + 0.15 * column, 0.71 - 0.235 * row, 0.143, 0.215))
            title = f"tau = {round(np.degrees(tau))}°" if row == 0 else ""
            show(axis, picture, title, limits=(-1, 1))
            if column == 0:
                axis.set_ylabel(f"f = 2π / {wavelength:g}", fontsize=9)
    save(figure, path)


def draw_harmonic_filters(path: Path) -> None:
    """Circular harmonics of three orders with one radial profile."""
    size, rings, orders = 25, 13, 3
    layer = kzoo.layers.HarmonicConv2D(1, size, max_order=2, num_rings=rings, use_phase=False)
    layer.build((None, size, size, 1))
    profile = np.exp(-np.square((np.arange(rings) - 5) / 2.5))
    shape = tuple(layer.radial_profile.shape)
    layer.radial_profile.assign(np.broadcast_to(profile[None, :, None, None], shape))
    filters = layer.get_filters()[:, :, :, 0, 0]
    figure = new_figure(5.2, 3.5)
    for order in range(orders):
        for row, part in enumerate((filters[order].real, filters[order].imag)):
            axis = figure.add_axes((0.08 + 0.305 * order, 0.475 - 0.465 * row, 0.29, 0.43))
            title = f"order {order}" if row == 0 else ""
            limit = np.abs(filters[order]).max()
            show(axis, part, title, limits=(-limit, limit), cmap="RdBu_r")
            if order == 0:
                axis.set_ylabel(("real", "imaginary")[row], fontsize=9)
    save(figure, path)


def draw_complex_cell(path: Path) -> None:
    """A quadrature pair, and its responses to a wave that moves."""
    size, f, tau = 25, 2 * np.pi / 9, np.pi / 6
    layer = kzoo.layers.ComplexCell2D(1, size, alpha=1, beta_x=0.03, beta_y=0.03, f=f, tau=tau)
    layer.build((None, size, size, 1))
    pair = layer.get_kernel()[..., 0, 0]
    phases = np.linspace(0, 4 * np.pi, 81)
    grid = np.arange(size) - (size - 1) / 2
    along = grid * np.cos(tau) + grid[:, None] * np.sin(tau)
    waves = np.cos(f * along + phases[:, None, None]).astype("float32")
    energy = keras.ops.convert_to_numpy(layer(waves[..., None])).squeeze()
    figure = new_figure(7.6, 2.3)
    for index in range(2):
        axis = figure.add_axes((0.01 + 0.235 * index, 0.03, 0.225, 0.82))
        show(axis, pair[index], f"simple cell s{index}", limits=(-1, 1))
    axis = figure.add_axes((0.56, 0.21, 0.3, 0.64))
    for index, style in enumerate(("--", ":")):
        simple = np.tensordot(waves, pair[index], 2)
        axis.plot(phases / np.pi, simple, style, color=GREY, label=f"s{index}")
    axis.plot(phases / np.pi, energy, color="#1f77b4", lw=2, label="complex\ncell")
    axis.set_title("response to a wave", fontsize=9, pad=4)
    axis.set_xlabel("phase of the wave / π", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.margins(x=0)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    save(figure, path)


def draw_fixed_kernels(path: Path) -> None:
    """Each fixed kernel of `FixedConv2D`, and what it makes of one picture."""
    picture = scene()
    figure = new_figure(8.4, 3.7)
    for place, name in enumerate(("input", *KERNELS)):
        row, column = divmod(place, 5)
        left, bottom = column / 5 + 0.005, 0.505 - 0.5 * row
        axis = figure.add_axes((left, bottom, 0.19, 0.43))
        if name == "input":
            show(axis, picture, name, limits=(0, 1))
            continue
        layer = kzoo.layers.FixedConv2D(name, padding="valid")
        result = keras.ops.convert_to_numpy(layer(batch(picture))).squeeze()
        kernel = layer.get_kernel()[:, :, 0]
        edges = abs(kernel.sum()) < 1e-6
        limit = np.abs(result).max()
        show(axis, result, name, limits=(-limit, limit) if edges else (0, 1))
        inset = figure.add_axes((left, bottom, 0.062, 0.15))
        limit = np.abs(kernel).max()
        show(inset, kernel, limits=(-limit, limit), cmap="RdBu_r")
    save(figure, path)


def draw_poolings(path: Path) -> None:
    """What poolings make of one map, with the numbers."""
    rng = np.random.default_rng(3)
    x = rng.integers(1, 10, (6, 6)) * (rng.random((6, 6)) < 0.6)
    layers = kzoo.layers
    values, indices = layers.MaxPoolingWithArgmax2D(2)(batch(x))
    results = {
        "input": x,
        "MaxPooling2D": keras.layers.MaxPooling2D(2)(batch(x)),
        "AveragePooling2D": keras.layers.AveragePooling2D(2)(batch(x)),
        "LpPooling2D, p = 2": layers.LpPooling2D(2, p=2)(batch(x)),
        "MaxUnpooling2D": layers.MaxUnpooling2D(2)([values, indices]),
        "StochasticPooling2D,\none draw": layers.StochasticPooling2D(2, seed=4)(
            batch(x), training=True
        ),
        "StochasticPooling2D,\nat inference": layers.StochasticPooling2D(2)(batch(x)),
        "BlurPooling2D": layers.BlurPooling2D(3)(batch(x)),
    }
    figure = new_figure(7.6, 4.3)
    for place, (title, result) in enumerate(results.items()):
        row, column = divmod(place, 4)
        axis = figure.add_axes((column / 4 + 0.015, 0.525 - 0.51 * row, 0.22, 0.4))
        result = keras.ops.convert_to_numpy(result).squeeze()
        show(axis, result, title, limits=(0, 14), cmap="Greens")
        size = 8 if len(result) == 6 else 10
        for (i, j), value in np.ndenumerate(result):
            text = f"{value:.3g}" if value < 10 else f"{value:.1f}"
            axis.text(j, i, text, ha="center", va="center", fontsize=size)
        if len(result) == 6:
            axis.set_xticks((1.5, 3.5), [])
            axis.set_yticks((1.5, 3.5), [])
            axis.grid(color=GREY, lw=0.8)
            axis.tick_params(length=0)
    save(figure, path)


def draw_receptive_field(path: Path) -> None:
    """The receptive field of a small network, over a picture."""
    x = inputs = keras.Input((96, 96, 1))
    for number, filters in enumerate((8, 8, 16, 16, 16), start=1):
        if number in (3, 5):
            x = keras.layers.AveragePooling2D(2)(x)
        start = keras.initializers.HeNormal(seed=number)
        conv = keras.layers.Conv2D(
            filters, 3, activation="relu", kernel_initializer=start, name=f"conv{number}"
        )
        x = conv(x)
    model = keras.Model(inputs, x)
    kzoo.analysis.draw_receptive_field(model, scene(96)[:, :, None], path, position=(9, 10))


def batch(picture):
    """Return a picture as a batch of one map with one channel."""
    return np.asarray(picture, "float32")[None, :, :, None]


def scene(size: int = 64) -> np.ndarray:
    """Return a picture of a disc, a frame and stripes, values in 0..1."""
    rows, columns = np.mgrid[:size, :size] / size
    picture = 0.25 + 0.25 * rows
    disc = (rows - 0.36) ** 2 + (columns - 0.34) ** 2 < 0.055
    picture = np.where(disc, 0.95, picture)
    frame = np.maximum(abs(rows - 0.7), abs(columns - 0.72))
    picture = np.where((frame < 0.2) & (frame > 0.13), 0.05, picture)
    stripes = (rows < 0.34) & (columns > 0.66)
    return np.where(stripes, 0.5 + 0.45 * np.sign(np.sin(2 * np.pi * 9 * columns)), picture)


FIGURES = {
    "weights_1d": draw_weights_1d,
    "weights_2d": draw_weights_2d,
    "connection_table": draw_connection_table,
    "groups": draw_groups,
    "p4m_orbit": draw_p4m_orbit,
    "gabor_bank": draw_gabor_bank,
    "fixed_kernels": draw_fixed_kernels,
    "harmonic_filters": draw_harmonic_filters,
    "complex_cell": draw_complex_cell,
    "poolings": draw_poolings,
    "receptive_field": draw_receptive_field,
}


def main(argv=None) -> int:
    names = (sys.argv[1:] if argv is None else argv) or FIGURES
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        FIGURES[name](FOLDER / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
