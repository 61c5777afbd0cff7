"""Network in Network: convolutions followed by 1x1 convolutions, and no dense layer."""

from dataclasses import dataclass

import keras

from kzoo.applications._family import head_dtype
from kzoo.applications._parts import activation, average_pool, convolve, max_pool


@dataclass(frozen=True)
class Stage:
    """A convolution, the filters of its 1x1 convolutions ("cccp"), and what follows.

    The last stage has one 1x1 convolution more, the classifier. `pool` is "max", "avg" or `None`;
    `drop` says whether dropout follows.
    """

    filters: int
    kernel_size: int
    cccp: tuple[int, ...]
    strides: int = 1
    padding: int | str = "symmetric"
    pool: str | None = "max"
    drop: bool = False


def _conv_relu(x, options, filters, kernel_size, name, **kwargs):
    x = convolve(x, options, filters, kernel_size, use_bias=True, name=name, **kwargs)
    return activation(x, "relu", f"{name}.relu")


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies where the authors' definition has it.

    `config` is the tuple of its stages.
    """
    index = 0
    for number, stage in enumerate(config, start=1):
        x = _conv_relu(
            x,
            options,
            stage.filters,
            stage.kernel_size,
            f"conv{number}",
            strides=stage.strides,
            padding=stage.padding,
        )
        for filters in stage.cccp:
            index += 1
            x = _conv_relu(x, options, filters, 1, f"cccp{index}")
        if stage.pool == "max":
            x = max_pool(x, 3, 2, f"pool{number}", ceil=True)
        elif stage.pool == "avg":
            x = average_pool(x, 3, 2, f"pool{number}", padding="same")
        if stage.drop:
            x = keras.layers.Dropout(dropout_rate, name=f"drop{number}")(x)

    def classifier(x):
        name, dtype = f"cccp{index + 1}", head_dtype()
        x = options.plain_conv(options.classes, 1, dtype=dtype, name=name)(x)
        x = keras.layers.Activation("relu", dtype=dtype, name=f"{name}.relu")(x)
        return keras.layers.GlobalAveragePooling2D(dtype=dtype, name="global_pool")(x)

    return options.outputs(x, classifier)
