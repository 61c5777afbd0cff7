"""`kzoo data list`: the data sets at hand."""

from kzoo.cli._options import add_data_options
from kzoo.cli.list import print_table


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser("data", help="list the data sets", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the data sets", allow_abbrev=False)
    add_data_options(listing)
    listing.set_defaults(run=run)


def run(arguments):
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
