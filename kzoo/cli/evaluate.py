"""`kzoo evaluate`: how well a run does on a split."""

from kzoo.cli._options import add_moved_data_options


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate", help="accuracy, loss and confusion matrix of a run", allow_abbrev=False
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder that `kzoo train` wrote")
    parser.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="default test"
    )
    add_moved_data_options(parser)
    parser.set_defaults(run=run)


def run(arguments):
    """Print accuracy and loss."""
    from kzoo.training import evaluate
    from kzoo.training.evaluate import picture_path

    measured = evaluate(
        arguments.run_folder, arguments.split, data=arguments.data, data_dir=arguments.data_dir
    )
    print(f"{arguments.split} accuracy {measured['accuracy']:.4f}")
    print(f"{arguments.split} loss     {measured['loss']:.4f}")
    print(f"examples      {measured['examples']}")
    print(f"confusion matrix in {picture_path(arguments.run_folder, arguments.split)}")
    return 0
