"""`kzoo data`: the data sets at hand, and writing one to a file."""

from kzoo.cli._options import add_data_options
from kzoo.cli.list import print_table


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "data", help="list the data sets, or export one", allow_abbrev=False
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the data sets", allow_abbrev=False)
    add_data_options(listing)
    listing.set_defaults(run=run_list)
    writing = actions.add_parser(
        "export",
        help="write a data set to one NumPy file, which trains without TensorFlow",
        allow_abbrev=False,
    )
    writing.add_argument("data", metavar="NAME_OR_FOLDER", help="see `kzoo data list`")
    writing.add_argument("file", metavar="FILE.npz", help="must not exist")
    writing.add_argument("--image-size", type=int, metavar="N", help="height and width of images")
    writing.add_argument(
        "--channels", type=int, choices=(1, 3), help="1 converts images to grey, 3 to colour"
    )
    add_data_options(writing)
    writing.add_argument("--download", action="store_true", help="download a missing data set")
    writing.add_argument(
        "--skip-unreadable", action="store_true", help="leave out images that cannot be read"
    )
    writing.set_defaults(run=run_export)


def run_list(arguments):
    """Print a table of data sets."""
    from kzoo.data import available

    rows = [("DATA SET", "KIND", "SHAPE", "CLASSES", "EXAMPLES", "READY", "WHERE")]
    for entry in available(arguments.data_dir):
        spec = entry.spec
        rows.append(
            (
                spec.name,
                spec.kind,
                " x ".join("any" if side is None else str(side) for side in spec.shape),
                str(spec.classes),
                ", ".join(f"{split} {count:,}" for split, count in spec.splits.items()),
                "yes" if entry.ready else "no",
                entry.where,
            )
        )
    print_table(rows)
    return 0


def run_export(arguments):
    """Write a data set to a file, and print what is in it."""
    from kzoo.data import export, open_source
    from kzoo.data.exported import check_file

    check_file(arguments.file)
    source = open_source(
        arguments.data,
        download=arguments.download,
        skip_unreadable=arguments.skip_unreadable,
        data_dir=arguments.data_dir,
    )
    path = export(
        source, arguments.file, image_size=arguments.image_size, channels=arguments.channels
    )
    counts = ", ".join(f"{split} {count:,}" for split, count in source.spec.splits.items())
    print(f"{path}: {counts}, {path.stat().st_size / 1e6:.1f} MB")
    return 0
