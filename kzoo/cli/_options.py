"""Options that several commands share, and how their values are read."""

import argparse
import ast

from kzoo import choices


def add_model_options(parser):
    """Add what shapes a network."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--conv",
        default="standard",
        metavar="KIND",
        help="standard, tiled (tiled=3: with tiles of 3), locally_connected, gabor, fft or "
        "harmonic_magnitude, in place of every convolution whose kernel is larger than 1",
    )
    group.add_argument(
        "--option",
        action="append",
        default=[],
        type=key_and_value,
        metavar="KEY=VALUE",
        help="an option of the model's family, such as dropout_rate=0.2; may be repeated",
    )


def add_built_model(parser):
    """Add a model to build by itself, and what shapes it."""
    parser.add_argument("model", help="name of a model, see `kzoo list`")
    add_model_options(parser)
    parser.add_argument("--image-size", type=int, metavar="N", help="height and width of the input")


def builder_arguments(arguments):
    """Return the arguments of the builder that `add_built_model` reads."""
    from kzoo.registry import find_family

    family = find_family(arguments.model)
    options = dict(arguments.option)
    shape = list(family.shape_of(arguments.model, options.get("stem", "published")))
    if arguments.image_size is not None:
        shape[:-1] = [arguments.image_size] * family.rank
    return {"conv": arguments.conv, "input_shape": tuple(shape)} | options


def add_data_options(parser):
    """Add where data sets are."""
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="of TensorFlow Datasets, instead of TFDS_DATA_DIR"
    )


def add_moved_data_options(parser):
    """Add where a run's data are now."""
    parser.add_argument("--data", metavar="PATH", help="where the run's data are now, if not there")
    add_data_options(parser)


def add_recipe_options(parser):
    """Add the fields of a recipe; one that is not given is not in the namespace."""
    group = parser.add_argument_group(
        "recipe", "fields of kzoo.training.Recipe", argument_default=argparse.SUPPRESS
    )
    for field, (kind, text) in RECIPE_OPTIONS.items():
        name = "--" + field.replace("_", "-")
        if kind is bool:
            group.add_argument(name, help=text, action=argparse.BooleanOptionalAction)
        elif isinstance(kind, tuple) and isinstance(kind[0], str):
            group.add_argument(name, help=text, choices=kind)
        else:
            read, metavar = kind
            group.add_argument(name, help=text, type=read, metavar=metavar)


def names(text):
    """Read `a,b` as `("a", "b")`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def floats(text):
    """Read `0.5,0.75` as a tuple of numbers."""
    return tuple(float(number) for number in names(text))


def key_and_value(text):
    """Read `key=value`; the value is a Python literal, or else the text itself."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def class_weights(text):
    """Read `balanced`, or `cat=2,dog=1` as a mapping."""
    if text == "balanced":
        return text
    pairs = [part.rpartition("=") for part in names(text)]
    try:
        weights = {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError:
        weights = {}
    if not weights or "" in weights:
        raise argparse.ArgumentTypeError(f"{text!r} is neither balanced nor CLASS=WEIGHT,..")
    return weights


_FLOAT, _COUNT = (float, "X"), (int, "N")
# Fields of a recipe: how to read each, and what it says. kzoo.training is not imported to parse.
RECIPE_OPTIONS: dict = {
    "epochs": (_COUNT, "passes over the training data"),
    "batch_size": (_COUNT, "examples in a step, over all workers"),
    "accumulate": (_COUNT, "steps whose gradients make one update"),
    "optimizer": (choices.OPTIMIZERS, "default adamw"),
    "learning_rate": (_FLOAT, "highest; default by family"),
    "momentum": (_FLOAT, "of sgd"),
    "nesterov": (bool, "whether that is Nesterov's"),
    "weight_decay": (_FLOAT, "decoupled; not of norms and biases"),
    "clip": (_FLOAT, "largest norm of the gradient"),
    "schedule": (choices.SCHEDULES, "default cosine"),
    "final_factor": (_FLOAT, "share of the rate at the end"),
    "milestones": ((floats, "X,.."), "of step: parts of the training, as 0.5,0.75"),
    "step_factor": (_FLOAT, "of step: what the rate is multiplied by"),
    "power": (_FLOAT, "of polynomial: its degree"),
    "warmup_epochs": (_FLOAT, "in which the rate rises from zero"),
    "ema": (_FLOAT, "momentum of the weights' moving average, as 0.9999"),
    "loss": (choices.LOSSES, "default cross_entropy"),
    "target_threshold": (_FLOAT, "of binary_cross_entropy: above which a mixed target is 1"),
    "label_smoothing": (_FLOAT, "share of the target"),
    "class_weights": ((class_weights, "WEIGHTS"), "balanced, or by class as cat=2,dog=1"),
    "distillation": (_FLOAT, "share of the teacher in the loss"),
    "temperature": (_FLOAT, "of the distillation"),
    "augment": (
        (names, "NAME,.."),
        "names with optional strengths, as flip,crop=4, or ''; default by the data",
    ),
    "mixup": (_FLOAT, "alpha of mixup"),
    "cutmix": (_FLOAT, "alpha of CutMix"),
    "repeats": (_COUNT, "how often an example comes in an epoch"),
    "image_size": (_COUNT, "height and width of the images in training"),
    "progressive": (_FLOAT, "share of that size to start at"),
    "test_size": (_COUNT, "image size of validation and test"),
    "test_crop": (_FLOAT, "share of the side that their centre crop keeps"),
    "interpolation": (choices.INTERPOLATIONS, "of resizing; default that of the weights"),
    "dropout_rate": (_FLOAT, "of the network"),
    "drop_path_rate": (_FLOAT, "stochastic depth"),
    "freeze": ((str, "PART"), "held fixed: backbone, a level such as P3, or a layer"),
    "frozen_epochs": (_COUNT, "first epochs, which train the head alone"),
    "layer_decay": (_FLOAT, "factor of the rate from a stage to the one before"),
    "freeze_norm": (bool, "whether batch normalisation is held"),
    "precision": (choices.PRECISIONS, "default float32"),
    "xla": (choices.XLA, "default auto: on for a GPU"),
    "seed": (_COUNT, "of weights, dropout and data"),
    "early_stopping": (_COUNT, "epochs without improvement"),
    "validation_split": (_FLOAT, "share held out, if the data has none"),
}
