"""`kzoo train`: from a model and a data set to a run folder."""

import errno
import shlex

from kzoo.cli._options import (
    RECIPE_OPTIONS,
    add_data_options,
    add_model_options,
    add_recipe_options,
    names,
)


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train", help="train a model, evaluate it, and write a run folder", allow_abbrev=False
    )
    parser.add_argument(
        "model", help="name of a model, see `kzoo list`; may carry a tag of weights"
    )
    parser.add_argument(
        "--data", required=True, metavar="NAME_OR_FOLDER", help="see `kzoo data list`"
    )
    parser.add_argument("--output", metavar="FOLDER", help="default runs/MODEL-DATA")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in that folder; repeat the options it was started with",
    )
    parser.add_argument("--recipe", metavar="NAME", help="a recipe by name, see `kzoo recipe list`")
    add_recipe_options(parser)
    add_model_options(parser)
    parser.add_argument(
        "--teacher",
        metavar="RUN_OR_MODEL",
        help="learn from a run of the same data, or from MODEL.TAG, besides the labels",
    )
    parser.add_argument(
        "--weights",
        metavar="TAG_OR_PATH",
        help="initial weights: a tag, see `kzoo info MODEL`, hf-hub:owner/repository, a file, or "
        "the folder of a run",
    )
    add_data_options(parser)
    parser.add_argument("--download", action="store_true", help="download a missing data set")
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave out images that cannot be read"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes on this machine that divide every batch, one for each GPU where it has "
        "some; default 1. Across machines, set TF_CONFIG instead, as for TensorFlow",
    )
    parser.add_argument(
        "--data-service",
        type=names,
        default=(),
        metavar="HOST:PORT,..",
        help="processes that make the training batches, each started by the same command with "
        "--serve-data",
    )
    parser.add_argument(
        "--serve-data",
        type=int,
        metavar="K",
        help="be the process at place K, from 0, of --data-service, and train nothing; --workers "
        "is then the number of all processes that train",
    )
    parser.set_defaults(run=run, how_to_resume=how_to_resume)


def run(arguments):
    """Train, and print the test accuracy and where the run is; or serve batches."""
    if arguments.serve_data is not None:
        from kzoo.training import serve_data

        return serve_data(
            place=arguments.serve_data, workers=arguments.workers, **_training(arguments)
        )
    from kzoo.training.local_workers import started
    from kzoo.training.workers import WorkerError

    try:
        with started(arguments.argv, arguments.workers):
            return _train(arguments)
    except WorkerError as error:
        raise WorkerError(f"{error}{how_to_resume(arguments.argv, arguments)}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        how = how_to_resume(arguments.argv, arguments)
        raise OSError(error.errno, f"{error.strerror}{how}", error.filename) from error


def _train(arguments):
    from kzoo import replicas
    from kzoo.training import train

    trained = train(
        output=arguments.output,
        resume=arguments.resume,
        teacher=arguments.teacher,
        **_training(arguments),
    )
    if not replicas.is_chief():
        return 0
    for split, measured in trained.results.items():
        print(f"{split:<10} accuracy {measured['accuracy']:.4f}, loss {measured['loss']:.4f}")
    print(f"run folder {trained.folder}")
    return 0


def _training(arguments):
    """Return the arguments that a training and the servers of its batches share."""
    from kzoo.training.recipes import recipe_for

    fields = {name: value for name, value in vars(arguments).items() if name in RECIPE_OPTIONS}
    return {
        "model_name": arguments.model,
        "data": arguments.data,
        "recipe": recipe_for(arguments.recipe, fields),
        "weights": arguments.weights,
        "conv": arguments.conv,
        "model_options": dict(arguments.option),
        "data_dir": arguments.data_dir,
        "download": arguments.download,
        "skip_unreadable": arguments.skip_unreadable,
        "data_service": arguments.data_service,
    }


def how_to_resume(argv, arguments):
    """Return how to continue what was interrupted, if there is something to continue."""
    from kzoo.training.run import run_folder

    folder = run_folder(arguments.output, arguments.model, arguments.data)
    if arguments.serve_data is not None or not folder.exists():
        return ""
    command = argv if arguments.resume else [*argv, "--resume"]
    return f"; continue with `kzoo {shlex.join(command)}`"
