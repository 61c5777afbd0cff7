"""`kzoo predict`: the classes that a run sees in files."""


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "predict", help="most probable classes of images", allow_abbrev=False
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder that `kzoo train` wrote")
    parser.add_argument(
        "inputs", nargs="+", metavar="IMAGE", help="images, or .npy files of signals"
    )
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes to show")
    parser.set_defaults(run=run)


def run(arguments):
    """Print, for each file, its most probable classes with their probabilities."""
    from kzoo.training import predict

    guesses = predict(arguments.run_folder, arguments.inputs, arguments.top)
    for path, classes in zip(arguments.inputs, guesses):
        print(path)
        width = max(len(guess.class_name) for guess in classes)
        for guess in classes:
            print(f"  {guess.class_name:<{width}}  {guess.probability:7.2%}")
    return 0
