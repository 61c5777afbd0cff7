"""`kzoo info`: what a model is."""

from math import inf
from pathlib import Path

from kzoo.cli._options import add_built_model, builder_arguments
from kzoo.cli.list import print_table


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info", help="describe a model, and draw its picture", allow_abbrev=False
    )
    add_built_model(parser)
    parser.add_argument(
        "--picture", metavar="FILE", help="draw the network into this .png, .svg or .pdf file"
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Print the model's facts, a picture of it and its layers."""
    from kzoo.analysis import layer_table
    from kzoo.analysis.draw import draw_model, text_picture
    from kzoo.registry import create_model, find_family

    family = find_family(arguments.model)
    options = builder_arguments(arguments)
    if arguments.picture is not None:
        _check_picture(Path(arguments.picture))
    model = create_model(arguments.model, **options)
    table = layer_table(model)
    print(f"{arguments.model}, of the family {family.name}")
    facts = {"paper": family.paper, "input": _sizes(options["input_shape"])} | _facts(model, table)
    for name, value in facts.items():
        print(f"{name:<17}{value}")
    print(f"\n{text_picture(model)}\n")
    heading = ("LAYER", "KIND", "OUTPUT", "PARAMETERS", "MULTIPLY-ADDS", "ACTIVATIONS")
    print_table([heading, *map(_cells, table)])
    print_weights(arguments.model)
    if arguments.picture is not None:
        draw_model(model, arguments.picture)
        print(f"\npicture          {arguments.picture}")
    return 0


def _cells(row):
    """Return a row of the layer table as it is printed."""
    shapes = row.output_shape
    if not any(isinstance(size, tuple) for size in shapes):
        shapes = (shapes,)
    counts = (row.parameters, row.multiply_adds, row.activations)
    return row.name, row.kind, ", ".join(map(_sizes, shapes)), *(f"{n:,}" for n in counts)


def _facts(model, table):
    """Return the numbers of a model, by what they are called."""
    from kzoo.analysis import count_buffers, count_parameters

    multiply_adds = sum(row.multiply_adds for row in table)
    return {
        "parameters": f"{count_parameters(model):,}",
        "buffers": f"{count_buffers(model):,}",
        "multiply-adds": f"{multiply_adds:,}",
        "FLOPs": f"{2 * multiply_adds:,}",
        "activations": f"{sum(row.activations for row in table):,}",
        "receptive field": describe_receptive_field(model),
    }


def describe_receptive_field(model):
    """Say what the last positions of a model see, or why there is no such number."""
    from kzoo.analysis import receptive_field

    misaligned, note = False, ""
    try:
        field = receptive_field(model)
    except ValueError:
        misaligned, note = True, "; its paths are not aligned"
        try:
            field = receptive_field(model, allow_misaligned=True)
        except ValueError as error:
            return f"none: {error}"
    if inf in field.size:
        field = receptive_field(model, ignore_gates=True, allow_misaligned=misaligned)
        note += "; its attention sees the whole input"
    return f"{_sizes(field.size)}, stride {_sizes(field.stride)}, at {field.layer}{note}"


def _sizes(sizes):
    return " x ".join(map(str, sizes)) or "1"


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
