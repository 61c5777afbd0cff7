"""Options that several commands share, and how their values are read."""

import argparse
import ast

# Names of recipe fields whose options are given here; kzoo.training is not imported to parse.
RECIPE_OPTIONS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "optimizer",
    "momentum",
    "nesterov",
    "weight_decay",
    "schedule",
    "milestones",
    "step_factor",
    "warmup_epochs",
    "label_smoothing",
    "precision",
    "xla",
    "seed",
    "early_stopping",
    "clip",
    "augment",
    "class_weights",
    "validation_split",
)


def add_model_options(parser):
    """Add what shapes a network."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--conv",
        default="standard",
        metavar="KIND",
        help="standard, tiled, locally_connected, gabor, fft or harmonic_magnitude, in place of "
        "every convolution whose kernel is larger than 1",
    )
    group.add_argument("--image-size", type=int, metavar="N", help="height and width of the input")
    group.add_argument(
        "--option",
        action="append",
        default=[],
        type=key_and_value,
        metavar="KEY=VALUE",
        help="an option of the model's family, such as dropout_rate=0.2; may be repeated",
    )


def add_data_options(parser):
    """Add where data sets are."""
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="of TensorFlow Datasets, instead of TFDS_DATA_DIR"
    )


def add_recipe_options(parser):
    """Add the fields of a recipe; one that is not given is not in the namespace."""
    group = parser.add_argument_group("recipe", argument_default=argparse.SUPPRESS)

    def add(name, help, **settings):
        group.add_argument(name, help=help, **settings)

    add("--epochs", "passes over the training data", type=int, metavar="N")
    add("--batch-size", "examples in a step", type=int, metavar="N")
    add("--learning-rate", "highest; default by family", type=float, metavar="X")
    add("--optimizer", "default adamw", choices=("sgd", "adam", "adamw"))
    add("--momentum", "of sgd", type=float, metavar="X")
    add("--nesterov", "whether that is Nesterov's", action=argparse.BooleanOptionalAction)
    add("--weight-decay", "decoupled; not of norms and biases", type=float, metavar="X")
    add("--schedule", "default cosine", choices=("constant", "cosine", "step"))
    add("--milestones", "of step: parts of the training, as 0.5,0.75", type=floats, metavar="X,..")
    add("--step-factor", "of step: what the rate is multiplied by", type=float, metavar="X")
    add("--warmup-epochs", "in which the rate rises from zero", type=float, metavar="X")
    add("--label-smoothing", "share of the target", type=float, metavar="X")
    add(
        "--precision",
        "default float32",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )
    add("--xla", "default auto: on for a GPU", choices=("auto", "on", "off"))
    add("--seed", "of weights, dropout and data", type=int, metavar="N")
    add("--early-stopping", "epochs without improvement", type=int, metavar="N")
    add("--clip", "largest norm of the gradient", type=float, metavar="X")
    add(
        "--augment",
        "names with optional strengths, as flip,crop=4, or ''; default flip,crop for colour images",
        type=names,
        metavar="NAME,..",
    )
    add(
        "--class-weights",
        "balanced, or weights by class as cat=2,dog=1",
        type=class_weights,
        metavar="WEIGHTS",
    )
    add("--validation-split", "share held out, if the data has none", type=float, metavar="X")


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
