"""`kzoo info`: what a model is."""

from pathlib import Path

from kzoo.cli._options import add_model_options
from kzoo.cli.list import print_table


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info", help="describe a model, and draw its picture", allow_abbrev=False
    )
    parser.add_argument("model", help="name of a model, see `kzoo list`")
    add_model_options(parser)
    parser.add_argument(
        "--picture", metavar="FILE", help="draw the network into this .png, .svg or .pdf file"
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Print the model's facts and its layers."""
    from kzoo.analysis import count_multiply_adds, count_parameters, layer_table
    from kzoo.analysis.draw import draw_model
    from kzoo.registry import create_model, find_family

    family = find_family(arguments.model)
    shape = list(family.shape_of(arguments.model))
    if arguments.image_size is not None:
        shape[:-1] = [arguments.image_size] * family.rank
    if arguments.picture is not None:
        _check_picture(Path(arguments.picture))
    model = create_model(
        arguments.model,
        **dict(arguments.option) | {"conv": arguments.conv, "input_shape": tuple(shape)},
    )
    print(f"{arguments.model}, of the family {family.name}")
    print(f"paper           {family.paper}")
    print(f"input           {' x '.join(map(str, shape))}")
    print(f"parameters      {count_parameters(model):,}")
    print(f"multiply-adds   {count_multiply_adds(model):,}\n")
    rows = [("LAYER", "KIND", "OUTPUT", "PARAMETERS", "MULTIPLY-ADDS")]
    for row in layer_table(model):
        counts = (f"{row.parameters:,}", f"{row.multiply_adds:,}")
        rows.append((row.name, row.kind, " x ".join(map(str, row.output_shape)), *counts))
    print_table(rows)
    print_weights(arguments.model)
    if arguments.picture is not None:
        draw_model(model, arguments.picture)
        print(f"\npicture         {arguments.picture}")
    return 0


def print_weights(name):
    """Print a table of the model's published weights, if it has any."""
    from kzoo.registry import list_weights

    rows = [("TAG", "TOP-1, %", "SIZE", "CLASSES", "TRAINED ON", "LICENCE")]
    for record in list_weights(name):
        rows.append(
            (
                f"{record.tag} (imagenet)" if record.recommended else record.tag,
                "-" if record.top1 is None else f"{record.top1:.2f}",
                str(record.top1_size or record.preprocessing.size[0]),
                f"{record.classes:,}",
                record.dataset or "-",
                record.licence or "-",
            )
        )
    if len(rows) > 1:
        print()
        print_table(rows)


def _check_picture(path):
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--picture must end in .png, .svg or .pdf; received {path}.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"--picture {path} cannot be written: {path.parent} is no folder.")
