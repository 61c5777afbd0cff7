"""The body that both generations of ConvNeXt share; the families hold the tables."""

from dataclasses import dataclass

import keras

from kzoo.applications._family import channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    convolve,
    drop_path,
    drop_path_rates,
    layer_norm,
)
from kzoo.layers import GlobalResponseNormalization, LayerScale, ScaleNormalization


@dataclass(frozen=True)
class ConvNeXtConfig:
    """What varies among the networks.

    Attributes:
        depths: blocks of each stage.
        widths: channels of each stage.
        conv_mlp: whether the pointwise layers are 1x1 convolutions in timm, or dense layers.
        stem: "patch", one 4x4 convolution; else two overlapping 3x3 ones, the first as wide as the
            second ("overlap"), half as wide ("overlap_tiered") or with an activation after it
            ("overlap_act").
        norm: "layer", or a divisor of `ScaleNormalization`, "rms" or "std".
        epsilon: what the norms add to the variance.
        norm_first: whether the last norm comes before the global pooling.
        hidden: units of a layer before the classifier; 0 for none.
        response_norm: whether a block has global response normalisation instead of layer scale.
    """

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    conv_mlp: bool = False
    stem: str = "patch"
    norm: str = "layer"
    epsilon: float = 1e-6
    norm_first: bool = False
    hidden: int = 0
    response_norm: bool = False


def _norm(x, config, name):
    if config.norm == "layer":
        return layer_norm(x, name, epsilon=config.epsilon)
    return ScaleNormalization(config.norm, epsilon=config.epsilon, name=name)(x)


def _pointwise(x, options, units, name, conv_mlp):
    """Map the channels of each pixel to `units`.

    By a dense layer, which is one matrix product on channels-last maps, or by a 1x1 convolution,
    which takes the same weights and needs no transposition of channels-first ones.
    """
    if conv_mlp or channel_axis() == 1:
        return convolve(x, options, units, 1, use_bias=True, name=name)
    return keras.layers.Dense(units, kernel_initializer=options.kernel_initializer, name=name)(x)


def _stem(config, x, options, is_small):
    width, stem = config.widths[0], config.stem
    if stem == "patch":
        size = 1 if is_small else 4
        x = convolve(
            x, options, width, size, strides=size, padding="valid", use_bias=True, name="stem.0"
        )
        return _norm(x, config, "stem.1")
    strides = 1 if is_small else 2
    # timm rounds half the width to a multiple of 8.
    first = (width // 2 + 4) // 8 * 8 if stem == "overlap_tiered" else width
    x = convolve(x, options, first, 3, strides=strides, use_bias=True, name="stem.0")
    index = 1
    if stem == "overlap_act":
        x = activation(x, "gelu", "stem.1")
        index = 2
    x = convolve(x, options, width, 3, strides=strides, use_bias=True, name=f"stem.{index}")
    return _norm(x, config, f"stem.{index + 1}")


def _block(config, x, options, rate, name):
    """Depthwise 7x7 convolution, norm, then four times the channels and back."""
    width, conv_mlp = x.shape[channel_axis()], config.conv_mlp
    y = convolve(x, options, width, 7, groups=width, use_bias=True, name=f"{name}.conv_dw")
    y = _norm(y, config, f"{name}.norm")
    y = _pointwise(y, options, 4 * width, f"{name}.mlp.fc1", conv_mlp)
    y = activation(y, "gelu", f"{name}.mlp.act")
    if config.response_norm:
        y = GlobalResponseNormalization(name=f"{name}.mlp.grn")(y)
    y = _pointwise(y, options, width, f"{name}.mlp.fc2", conv_mlp)
    if not config.response_norm:
        # Its weight is the block's own "gamma".
        y = LayerScale(1e-6, axis=channel_axis(), name=name)(y)
    y = drop_path(y, rate, f"{name}.drop_path")
    return add(y, x, f"{name}.add")


def build(config, x, options, *, stem="published", dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    Args:
        stem: "small" for small images: patches of one pixel, as ConvNeXt is trained on CIFAR
            (https://juliusruseckas.github.io/ml/convnext-cifar10.html;
            https://github.com/filipbasara0/simple-convnext found 2 x 2 pixels less accurate, 4 x 4
            still less), or overlapping convolutions without a stride.
        dropout_rate: of the dropout before the classifier.
        drop_path_rate: of stochastic depth in the last residual branch, and linearly less in the
            earlier ones.
    """
    x = _stem(config, x, options, stem == "small")
    rates = drop_path_rates(drop_path_rate, config.depths)
    for stage, width in enumerate(config.widths):
        name = f"stages.{stage}"
        if stage > 0:
            x = _norm(x, config, f"{name}.downsample.0")
            x = convolve(
                x,
                options,
                width,
                2,
                strides=2,
                padding="valid",
                use_bias=True,
                name=f"{name}.downsample.1",
            )
        for index, rate in enumerate(rates[stage]):
            x = _block(config, x, options, rate, f"{name}.blocks.{index}")
    if config.norm_first:
        x = _norm(x, config, "norm_pre")

    def classifier(x):
        x = options.pool(x, "avg")
        if not config.norm_first:
            x = _norm(x, config, "head.norm")
        if config.hidden:
            x = keras.layers.Dense(config.hidden, name="head.pre_logits.fc")(x)
            x = activation(x, "gelu", "head.pre_logits.act")
        return options.dense(x, "head.fc", dropout_rate)

    return options.outputs(x, classifier)
