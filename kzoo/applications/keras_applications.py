"""The networks of keras.applications, in Keras's own graphs, for the weights that Keras publishes.

https://keras.io/api/applications lists them with their papers. They differ from timm's models of
the same architecture, `twins` below: ResNet-50, for one, has biases in its convolutions, the
stride of a block in its first 1x1 convolution, and its input in the order blue, green, red. The
graph is built by keras.applications itself and taken over layer by layer, with these changes:

- The input is normalised as in every model of kzoo, by the layer "preprocessing"; Keras's own
  layers for it are left out, and its `preprocess_input` must not be called.
  `include_preprocessing=False` gives Keras's bare network, whose input is what `preprocess_input`
  returns, or, where that does nothing because the graph normalises (ConvNeXt, EfficientNet,
  MobileNetV3), the normalised one.
- The classifier "predictions" is parted into "logits" and its activation.
- Batch normalisation and grouped convolution are kzoo's, which compute the same in less time.
- `conv=` replaces the ungrouped `Conv2D` layers whose kernel is larger than 1.
- Any input size that the graph can have is allowed with the top, too.

Keras chooses some paddings by the parity of a map; where the input size is unknown, they are those
of even sizes. ConvNeXt, DenseNet and NASNet are refused by Keras under channels_first. The narrower
MobileNets are left out.
"""

import inspect
from dataclasses import dataclass

import keras

from kzoo import layers
from kzoo.applications._family import Family, head_dtype
from kzoo.graph import classifier_layers, replay
from kzoo.weights.keras_published import layer_names


@dataclass(frozen=True)
class KerasConfig:
    """`function` of keras.applications; `twins` are kzoo's own models of the same architecture."""

    function: str
    twins: tuple[str, ...]
    size: int = 224
    statistics: str = "imagenet"
    min_size: int = 32
    fixed_size: bool = False


def _efficientnet(depth, size):
    return KerasConfig(
        f"EfficientNetB{depth}", (f"efficientnet_b{depth}", f"tf_efficientnet_b{depth}"), size
    )


# https://keras.io/api/applications; statistics and sizes are those of each module's
# `preprocess_input` and defaults.
MODELS = (
    KerasConfig("Xception", ("legacy_xception",), 299, "inception", min_size=71),
    KerasConfig("VGG16", ("vgg16",), statistics="caffe", fixed_size=True),
    KerasConfig("VGG19", ("vgg19",), statistics="caffe", fixed_size=True),
    KerasConfig("ResNet50", ("resnet50",), statistics="caffe"),
    KerasConfig("ResNet101", ("resnet101",), statistics="caffe"),
    KerasConfig("ResNet152", ("resnet152",), statistics="caffe"),
    KerasConfig("ResNet50V2", ("resnetv2_50",), statistics="inception"),
    KerasConfig("ResNet101V2", ("resnetv2_101",), statistics="inception"),
    KerasConfig("ResNet152V2", ("resnetv2_152",), statistics="inception"),
    KerasConfig("InceptionV3", ("inception_v3",), 299, "inception", min_size=75),
    KerasConfig("InceptionResNetV2", ("inception_resnet_v2",), 299, "inception", min_size=75),
    KerasConfig("MobileNet", ("mobilenetv1_100",), statistics="inception"),
    KerasConfig("MobileNetV2", ("mobilenetv2_100",), statistics="inception"),
    KerasConfig(
        "MobileNetV3Small",
        ("mobilenetv3_small_100", "tf_mobilenetv3_small_100"),
        statistics="inception",
    ),
    KerasConfig(
        "MobileNetV3Large",
        ("mobilenetv3_large_100", "tf_mobilenetv3_large_100"),
        statistics="inception",
    ),
    KerasConfig("DenseNet121", ("densenet121",)),
    KerasConfig("DenseNet169", ("densenet169",)),
    KerasConfig("DenseNet201", ("densenet201",)),
    KerasConfig("NASNetMobile", (), statistics="inception", fixed_size=True),
    KerasConfig("NASNetLarge", ("nasnetalarge",), 331, "inception", fixed_size=True),
    _efficientnet(0, 224),
    _efficientnet(1, 240),
    _efficientnet(2, 260),
    _efficientnet(3, 300),
    _efficientnet(4, 380),
    _efficientnet(5, 456),
    _efficientnet(6, 528),
    _efficientnet(7, 600),
    KerasConfig("EfficientNetV2B0", ("tf_efficientnetv2_b0",), 224),
    KerasConfig("EfficientNetV2B1", ("tf_efficientnetv2_b1",), 240),
    KerasConfig("EfficientNetV2B2", ("tf_efficientnetv2_b2",), 260),
    KerasConfig("EfficientNetV2B3", ("tf_efficientnetv2_b3",), 300),
    KerasConfig("EfficientNetV2S", ("tf_efficientnetv2_s",), 384, "keras_efficientnetv2"),
    KerasConfig("EfficientNetV2M", ("tf_efficientnetv2_m",), 480, "keras_efficientnetv2"),
    KerasConfig("EfficientNetV2L", ("tf_efficientnetv2_l",), 480, "keras_efficientnetv2"),
    KerasConfig("ConvNeXtTiny", ("convnext_tiny",)),
    KerasConfig("ConvNeXtSmall", ("convnext_small",)),
    KerasConfig("ConvNeXtBase", ("convnext_base",)),
    KerasConfig("ConvNeXtLarge", ("convnext_large",)),
    KerasConfig("ConvNeXtXLarge", ("convnext_xlarge",)),
)
VARIANTS = {f"keras_{config.function.lower()}": config for config in MODELS}


def _reference(config, x, options):
    """The network as Keras builds it, on a new input like `x`, ending in logits or features."""
    function = getattr(keras.applications, config.function)
    inside = "include_preprocessing" in inspect.signature(function).parameters
    return function(
        include_top=options.include_top,
        weights=None,
        input_tensor=keras.Input(x.shape[1:]),
        pooling=options.pooling,
        classes=options.classes,
        classifier_activation=None,
        **({"include_preprocessing": False} if inside else {}),
    )


def build(config, x, options):
    """Build the network; see `Family`."""
    reference = _reference(config, x, options)
    names = layer_names(reference)
    head = classifier_layers(reference.output) if options.include_top else []

    def call(node, args, kwargs):
        layer = node.operation
        name = names.get(layer, layer.name)
        if isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)):
            return args[0]
        if layer in head:
            return _head(layer, name, args[0])
        if options.conv_name != "standard" and _is_replaceable(layer):
            return _replaced(layer, name, options)(*args)
        return _copy(layer, name=name)(*args, **kwargs)

    outputs = replay(reference, [x], call)[0]
    return options.outputs(outputs, lambda logits: logits)


def _copy(layer, **changes):
    """A layer like it, by the kind that computes the same in less time."""
    kind = type(layer)
    if kind is keras.layers.BatchNormalization:
        kind = layers.BatchNormalization
    elif kind is keras.layers.Conv2D and layer.groups > 1:
        kind = layers.GroupedConv2D
    return kind.from_config(layer.get_config() | changes)


def _head(layer, name, x):
    """The classifier and what follows it up to the activation, which `Options.outputs` adds."""
    if isinstance(layer, keras.layers.Activation):
        return x
    if isinstance(layer, keras.layers.Reshape):  # its shape would hold the number of classes
        return keras.layers.Flatten(name=name, dtype=head_dtype())(x)
    return _copy(layer, name=name, dtype=head_dtype())(x)


def _is_replaceable(layer):
    return type(layer) is keras.layers.Conv2D and layer.groups == 1 and max(layer.kernel_size) > 1


def _replaced(layer, name, options):
    """The convolution that `conv=` makes in the place of a `Conv2D`, with its activation."""
    convolution = options.conv(
        layer.filters,
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        use_bias=layer.use_bias,
        name=name,
    )
    if layer.activation is keras.activations.linear:
        return convolution
    activation = keras.layers.Activation(layer.activation, name=f"{name}_activation")
    return lambda x: activation(convolution(x))


FAMILY = Family(
    name="keras_applications",
    paper="keras.applications, see https://keras.io/api/applications.",
    build=build,
    variants=VARIANTS,
    names=tuple(f"Keras{config.function}" for config in MODELS),
    input_shape=(224, 224, 3),
    input_sizes={name: config.size for name, config in VARIANTS.items()},
    min_size=32,
    min_sizes={name: config.min_size for name, config in VARIANTS.items()},
    fixed_variants=frozenset(name for name, config in VARIANTS.items() if config.fixed_size),
    variant_statistics={name: config.statistics for name, config in VARIANTS.items()},
)
