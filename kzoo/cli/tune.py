"""`kzoo tune`: from models and a data set to the best run."""

import argparse
import ast
import shlex
import sys

from kzoo.choices import TUNERS
from kzoo.cli._options import RECIPE_OPTIONS, add_data_options, add_recipe_options

FAILED = 1
_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "tune",
        help="search for the best model, convolution, size and recipe",
        description="Search; the same command goes on with a search that was interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="names or wildcards of models, see `kzoo list`"
    )
    parser.add_argument(
        "--data", required=True, metavar="NAME_OR_FOLDER", help="see `kzoo data list`"
    )
    parser.add_argument("--output", metavar="FOLDER", help="default runs/tune-DATA")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the search in that folder, do not begin"
    )
    group = parser.add_argument_group("search")
    group.add_argument(
        "--tuner",
        choices=TUNERS,
        default="hyperband",
        help="default hyperband",
    )
    group.add_argument(
        "--max-trials",
        type=int,
        metavar="N",
        help="candidates to train; default 20 for random and bayesian",
    )
    group.add_argument(
        "--space",
        action="append",
        default=[],
        type=dimension,
        metavar="NAME=VALUES",
        help="values of a hyperparameter: several, as conv=standard,tiled=2; a range, as "
        "learning_rate=1e-4:1e-1:log or width=0.5:2; or one, which fixes it; may be repeated",
    )
    for name, text in (("params", "trainable parameters"), ("multiply-adds", "multiply-adds")):
        group.add_argument(
            f"--budget-{name}", type=count, metavar="N", help=f"most {text}, as 300K or 1M"
        )
    group.add_argument(
        "--budget-latency", type=float, metavar="MS", help="most milliseconds for one example"
    )
    group.add_argument(
        "--latency", action="store_true", help="measure the latency of every candidate"
    )
    group.add_argument(
        "--objective",
        default="val_accuracy",
        metavar="METRIC",
        help="val_accuracy, val_loss, accuracy or loss",
    )
    group.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that train side by side"
    )
    group.add_argument(
        "--no-retrain",
        action="store_true",
        help="do not train the best candidate on all training data in the end",
    )
    group.add_argument(
        "--weights", metavar="TAG", help="initial weights of the models, or name MODEL.TAG"
    )
    add_recipe_options(parser)
    add_data_options(parser)
    parser.add_argument("--download", action="store_true", help="download a missing data set")
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave out images that cannot be read"
    )
    parser.set_defaults(run=run, how_to_resume=how_to_resume)


def run(arguments):
    """Search, and print the best candidate, its test accuracy and where everything is."""
    from kzoo.training import WorkerError
    from kzoo.tuning import Budget, SearchFailedError, tune

    latency = arguments.budget_latency
    try:
        search = tune(
            arguments.models,
            arguments.data,
            tuner=arguments.tuner,
            max_trials=arguments.max_trials,
            search_space={name: _domain(values) for name, values in arguments.space},
            recipe={n: value for n, value in vars(arguments).items() if n in RECIPE_OPTIONS},
            weights=arguments.weights,
            budget=Budget(
                parameters=arguments.budget_params,
                multiply_adds=arguments.budget_multiply_adds,
                latency=None if latency is None else latency / 1e3,
            ),
            latency=arguments.latency,
            objective=arguments.objective,
            workers=arguments.workers,
            retrain=not arguments.no_retrain,
            output=arguments.output,
            resume=arguments.resume,
            data_dir=arguments.data_dir,
            download=arguments.download,
            skip_unreadable=arguments.skip_unreadable,
        )
    except (SearchFailedError, WorkerError) as error:
        print(f"kzoo: error: {error}", file=sys.stderr)
        return FAILED
    if search is None:
        return 0
    for split, measured in (search.run.results if search.run else {}).items():
        print(f"{split:<10} accuracy {measured['accuracy']:.4f}, loss {measured['loss']:.4f}")
    if search.run:
        print(f"run folder {search.run.folder}")
    print(f"search     {search.folder}")
    print(f"again      {search.command()}")
    return 0


def how_to_resume(argv, arguments):
    """Return how to continue what was interrupted, if there is something to continue."""
    from kzoo.tuning.config import search_folder

    if not search_folder(arguments.output, arguments.data).exists():
        return ""
    return f"; continue with `kzoo {shlex.join(argv)}`"


def count(text):
    """Read `300K`, `1M` or `2.5G` as a number."""
    unit = text[-1:].upper()
    unit = unit if unit in ("K", "M", "G") else ""
    try:
        return float(text[: len(text) - len(unit)]) * _UNITS[unit]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number such as 30000, 300K or 1M") from (
            None
        )


def dimension(text):
    """Read `name=values` as the name, and the values as a list or as bounds."""
    name, equals, values = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUES")
    return name, values


def _domain(text):
    """Return the domain that a text stands for, or one value."""
    from kzoo.tuning import Choice, Float, Int

    low, *rest = text.split(":")
    if rest:
        high, *how = rest
        bounds = _literal(low), _literal(high)
        if how not in ([], ["log"]) or not all(isinstance(bound, (int, float)) for bound in bounds):
            raise ValueError(f"a range is LOW:HIGH or LOW:HIGH:log; received {text!r}.")
        kind = Int if all(isinstance(bound, int) for bound in bounds) else Float
        return kind(*bounds, log=bool(how))
    values = [_literal(value) for value in text.split(",")]
    return Choice(tuple(values)) if len(values) > 1 else values[0]


def _literal(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
