"""The contract that every application shares: its builders, its input, its head.

A family file states what is its own (a variant table and one `build` function); this file turns
each row into a named builder with the arguments of keras.applications, in their order. `build` is
called as `build(config, x, options, **own)`: `x` is the normalised input, `options` an `Options`,
and `own` the keyword-only arguments that `build` declares, which the named builders then offer.

Three options mean the same wherever they are offered. `stem="small"`, instead of "published",
leaves out the first two halvings of the map, so that a network made for photographs has a stride of
8 instead of 32 and learns from images of 32 x 32. `width` and `depth` scale the row of a variant
before it is built, see `kzoo.applications._scaling`.
"""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from kzoo.applications._conv import resolve_conv
from kzoo.applications._input import PreprocessingError, keras_tensor, normalise, standard_shape
from kzoo.applications._scaling import DIVISOR, OPTIONS, scale_blocks, scale_channels, scale_row
from kzoo.constants import STATISTICS
from kzoo.domains import Domain
from kzoo.layers._args import integer, one_of, positive
from kzoo.weights.loader import load_source
from kzoo.weights.sources import find_source

Builder = Callable[..., keras.Model]

# A small stem leaves out two halvings of the map, and is for images of this size.
SMALL_STEM_STRIDE = 4
SMALL_SIZE = 32


def channel_axis():
    """Axis of the channels in a batch, under Keras's image data format."""
    return -1 if keras.config.image_data_format() == "channels_last" else 1


def head_dtype():
    """Dtype of the classifier and of what follows it: float32 whatever the policy, float64 kept."""
    return "float64" if keras.config.dtype_policy().variable_dtype == "float64" else "float32"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a builder was asked for, as the `build` function of a family needs it.

    `conv` makes the layers that the argument `conv=` may replace, and `conv_name` is that argument;
    `plain_conv` makes those it never does (kernels of size 1), with the same initial values, which
    are `kernel_initializer`. `kzoo.applications._parts.convolve` chooses among them.
    """

    include_top: bool
    pooling: str | None
    classes: int
    classifier_activation: Any
    rank: int
    conv_name: Any
    conv: Callable[..., keras.layers.Layer]
    plain_conv: Callable[..., keras.layers.Layer]
    kernel_initializer: str

    def outputs(self, features, classifier):
        """Finish the network: `classifier(features)` with its activation, or pooled features.

        With its top, a network ends in a layer "predictions", which is the activation.

        Args:
            features: the last feature map.
            classifier: function from `features` to logits `(batch, classes)`; called only where the
                top is included.
        """
        if not self.include_top:
            return self.pool(features, self.pooling)
        logits = classifier(features)
        return keras.layers.Activation(
            self.classifier_activation, dtype=head_dtype(), name="predictions"
        )(logits)

    def pool(self, features, kind):
        """Pool a feature map globally by `kind` ("avg" or "max").

        `None`, or features without spatial axes, leave it as it is.
        """
        pooling_layers = {
            ("avg", 1): keras.layers.GlobalAveragePooling1D,
            ("avg", 2): keras.layers.GlobalAveragePooling2D,
            ("max", 1): keras.layers.GlobalMaxPooling1D,
            ("max", 2): keras.layers.GlobalMaxPooling2D,
        }
        if kind is None or len(features.shape) == 2:
            return features
        data_format = "channels_last" if self.rank == 1 else None
        layer = pooling_layers[kind, self.rank](data_format=data_format, name="global_pool")
        return layer(features)

    def dense(self, x, name, dropout_rate=0.0):
        """Dropout and the classifier `name`, a dense layer to `classes` logits."""
        if dropout_rate:
            x = keras.layers.Dropout(dropout_rate, name=f"{name}.drop")(x)
        return keras.layers.Dense(self.classes, dtype=head_dtype(), name=name)(x)

    def pooled_dense(self, name, dropout_rate=0.0):
        """Return the classifier of most networks: global average pooling, dropout, dense."""
        return lambda features: self.dense(self.pool(features, "avg"), name, dropout_rate)


def _shared(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
    *,
    include_preprocessing=True,
    mean=None,
    std=None,
    conv="standard",
):
    """Hold the arguments that all builders share, in the order of keras.applications."""


_SHARED = tuple(inspect.signature(_shared).parameters.values())

_DOCSTRING = """{builder}: {paper}

Args:
    include_top: whether to end in the classifier.
    weights: `None` for random initial values; a tag (see `kzoo.list_weights("{variant}")`),
        "imagenet" for the recommended one, "hf-hub:owner/repository[@revision]", a file, or the
        folder of a run, see `kzoo.load_weights`. The input is normalised as the weights expect; a
        tag and a run also bring the options they need, such as conv="tiled", and refuse others.
    input_tensor: Keras tensor to build upon, instead of a new input.
    input_shape: shape of one input without the batch; default {input_shape}.
    pooling: without the top, `"avg"` or `"max"` pools the last feature map, `None` returns it.
    classes: number of classes; default that of the weights.
    classifier_activation: activation of the classifier; `None` returns logits.
    name: name of the model; default "{variant}".
    include_preprocessing: whether the model takes values in 0..255 and normalises them itself.
    mean, std: statistics of the input on a 0..1 scale, one number per channel, instead of the
        family's own.
    conv: what replaces every convolution without groups whose kernel is larger than 1: "standard",
        "tiled" (with tiles of 3 instead of 2, "tiled=3"), "locally_connected", "gabor", "fft",
        "harmonic_magnitude", or a callable `(filters, kernel_size, *, strides, padding,
        dilation_rate, use_bias, name) -> layer`.{own}

Returns:
    A functional `keras.Model`.

Raises:
    ValueError: a value that the network does not allow.
    TypeError: an argument of the wrong type, or one that the builder does not have.
"""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family of architectures.

    Attributes:
        name: the family's name.
        paper: where it was published.
        build: function `(config, x, options, **own) -> tensor`, see the module's docstring.
        variants: model name to configuration row.
        names: the names of the builders, one for each variant, such as "VGG11BN" for `vgg11_bn`.
        input_shape: default `(height, width, channels)`, or `(length, channels)` for signals.
        input_sizes: default height and width of the variants that have another.
        classes: default number of classes.
        min_size: smallest height and width (or length) the network allows.
        min_sizes: the same, for the variants that need more.
        fixed_size: whether the network needs to know the input size.
        fixed_variants: the variants that need to know it, where not all of them do.
        statistics: key of `kzoo.constants.STATISTICS`, `None` for networks of raw signals.
        variant_statistics: the same, for the variants that have other ones.
        kernel_initializer: initial values of the convolutions.
        plain_variants: the variants whose convolutions `conv=` may replace; `None` for all.
        no_conv_reason: why the other variants refuse `conv=`.
        learning_rate: from which AdamW trains the networks, where nothing else is said.
        search: what a search tries for an argument of the builders, where that is not the usual.
        width, depth: paths of the fields of a row that these options of the builders scale, see
            `kzoo.applications._scaling`; where there are none, the builders lack the option.
        width_step: in steps of how many, at most, a width scales numbers of channels.
    """

    name: str
    paper: str
    build: Callable[..., Any]
    variants: Mapping[str, Any]
    names: tuple[str, ...]
    input_shape: tuple[int, ...]
    input_sizes: Mapping[str, int] = field(default_factory=dict)
    classes: int = 1000
    min_size: int = 1
    min_sizes: Mapping[str, int] = field(default_factory=dict)
    fixed_size: bool = False
    fixed_variants: frozenset[str] = frozenset()
    statistics: str | None = "imagenet"
    variant_statistics: Mapping[str, str] = field(default_factory=dict)
    kernel_initializer: str = "he_uniform"
    plain_variants: frozenset[str] | None = None
    no_conv_reason: str = "its convolutions are group-equivariant already"
    learning_rate: float = 1e-3
    search: Mapping[str, Domain] = field(default_factory=dict)
    width: tuple[str, ...] = ()
    depth: tuple[str, ...] = ()
    width_step: int = DIVISOR
    own: tuple[inspect.Parameter, ...] = field(init=False, repr=False)
    signature: inspect.Signature = field(init=False, repr=False)
    builders: Mapping[str, Builder] = field(init=False, repr=False)

    def __post_init__(self):
        keyword = inspect.Parameter.KEYWORD_ONLY
        own = tuple(
            parameter
            for parameter in inspect.signature(self.build).parameters.values()
            if parameter.kind is keyword
        )
        scales = (name for name in OPTIONS if getattr(self, name))
        own += tuple(inspect.Parameter(name, keyword, default=1.0) for name in scales)
        shared = [
            parameter.replace(default=self.classes) if parameter.name == "classes" else parameter
            for parameter in _SHARED
        ]
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "signature", inspect.Signature([*shared, *own]))
        object.__setattr__(self, "builders", self._named_builders())

    @property
    def rank(self):
        """Number of spatial axes: 2 for images, 1 for signals."""
        return len(self.input_shape) - 1

    @property
    def task(self):
        """What the networks do: "image_classification" or "signal_classification"."""
        return "image_classification" if self.rank == 2 else "signal_classification"

    @property
    def has_small_stem(self):
        """Whether the networks have the option `stem="small"`."""
        return any(parameter.name == "stem" for parameter in self.own)

    def shape_of(self, variant, stem="published"):
        """Return the default shape of one input of `variant`, channels last."""
        size = SMALL_SIZE if stem == "small" else self.input_sizes.get(variant)
        return self.input_shape if size is None else (size, size, self.input_shape[-1])

    def min_size_of(self, variant, stem="published"):
        """Return the smallest height and width (or length) that `variant` allows."""
        size = self.min_sizes.get(variant, self.min_size)
        return math.ceil(size / SMALL_STEM_STRIDE) if stem == "small" else size

    def is_fixed_size(self, variant):
        """Return whether `variant` needs to know the input size."""
        return self.fixed_size or variant in self.fixed_variants

    def statistics_of(self, variant):
        """Return the key of the statistics that `variant` normalises its input with."""
        return self.variant_statistics.get(variant, self.statistics)

    def _named_builders(self):
        variants = {name.replace("_", ""): name for name in self.variants}
        builders = {name.lower().replace("_", ""): name for name in self.names}
        if set(variants) != set(builders) or len(builders) != len(self.names):
            unmatched = sorted(set(variants) ^ set(builders))
            raise ValueError(
                f"names of the family {self.name} must be its variants in CamelCase, each once; "
                f"without a counterpart are {', '.join(unmatched)}."
            )
        return {name: self._builder(name, variants[key]) for key, name in builders.items()}

    def _builder(self, builder_name, variant):
        def create(*args, **kwargs):
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(
                    f"{builder_name}() {error}; its arguments are "
                    f"{', '.join(self.signature.parameters)}."
                ) from None
            if bound.arguments.get("weights") is not None:
                source = find_source(bound.arguments["weights"], variant)
                bound.arguments["weights"] = source
                source.complete(bound.arguments, OPTIONS)
            bound.apply_defaults()
            return self._create(variant, **bound.arguments)

        builder: Any = create
        own = "".join(
            f"\n    {option}: {OPTIONS.get(option.name) or f'see `{self.build.__module__}`'}."
            for option in self.own
        )
        builder.__name__ = builder.__qualname__ = builder_name
        builder.__module__ = self.build.__module__
        builder.__signature__ = self.signature.replace(return_annotation=keras.Model)
        builder.__doc__ = _DOCSTRING.format(
            builder=builder_name,
            paper=self.paper,
            variant=variant,
            input_shape=self.shape_of(variant),
            own=own,
        )
        builder.variant = variant
        return builder

    def create(self, variant, **arguments):
        """Build `variant`; `arguments` are those of its named builder."""
        return self._builder(variant, variant)(**arguments)

    def _create(
        self,
        variant,
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        include_preprocessing,
        mean,
        std,
        conv,
        **own,
    ):
        self._check(variant, pooling, classes, classifier_activation, conv)
        row = self._scaled_row(variant, own)
        stem = one_of(own.get("stem", "published"), "stem", ("published", "small"))
        options = Options(
            include_top=include_top,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            rank=self.rank,
            conv_name=conv,
            conv=resolve_conv(conv, self.rank, self.kernel_initializer),
            plain_conv=resolve_conv("standard", self.rank, self.kernel_initializer),
            kernel_initializer=self.kernel_initializer,
        )
        bounds = {
            "default": self.shape_of(variant, stem),
            "min_size": self.min_size_of(variant, stem),
            "fixed_size": self.is_fixed_size(variant),
            "include_top": include_top,
            "model": variant,
        }
        if input_tensor is None:
            shape = standard_shape(input_shape, **bounds)
            x = keras.Input(shape, name="image" if self.rank == 2 else "signal")
            inputs: Any = x
        else:
            x = keras_tensor(input_tensor, input_shape)
            standard_shape(tuple(x.shape[1:]), **bounds)
            sources = keras.utils.get_source_inputs(x)
            inputs = sources[0] if len(sources) == 1 else sources
        statistics = self.statistics_of(variant)
        if include_preprocessing and statistics is not None:
            known = STATISTICS[statistics]
            if weights is not None and weights.mean is not None:
                known = replace(known, mean=weights.mean, std=weights.std, source=weights.given)
            x = normalise(x, known, mean, std, channel_axis(), head_dtype())
        elif mean is not None or std is not None:
            raise PreprocessingError(variant, statistics)
        outputs = self.build(row, x, options, **own)
        model = keras.Model(inputs, outputs, name=name or variant)
        if weights is not None:
            load_source(model, weights)
        return model

    def _scaled_row(self, variant, own):
        """Take width and depth out of the arguments `own`; return the row of `variant` at them."""
        rules: dict[str, Callable[[int, float], int]] = {
            "width": functools.partial(scale_channels, divisor=self.width_step),
            "depth": scale_blocks,
        }
        row = self.variants[variant]
        for name, rule in rules.items():
            factor = positive(own.pop(name, 1.0), name)
            row = scale_row(row, getattr(self, name), factor, rule)
        return row

    def _check(self, variant, pooling, classes, classifier_activation, conv):
        if pooling not in (None, "avg", "max"):
            raise ValueError(f"pooling must be None, 'avg' or 'max'; received {pooling!r}.")
        integer(classes, "classes")
        keras.activations.get(classifier_activation)
        replaceable = self.plain_variants is None or variant in self.plain_variants
        if not replaceable and conv != "standard":
            raise ValueError(
                f"{variant} takes no conv={conv!r}: {self.no_conv_reason}; leave conv='standard'."
            )
