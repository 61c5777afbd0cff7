"""`kzoo export`: from a run to a file that computes without kzoo."""

from kzoo.cli._options import add_moved_data_options


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        help="write the network of a run as a SavedModel, ONNX or LiteRT file",
        allow_abbrev=False,
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder that `kzoo train` wrote")
    parser.add_argument("--format", required=True, choices=("savedmodel", "onnx", "litert"))
    parser.add_argument(
        "--output", metavar="PATH", help="default saved_model, model.onnx or model.tflite in RUN"
    )
    parser.add_argument(
        "--fuse", action="store_true", help="fold batch normalisation, merge parallel branches"
    )
    parser.add_argument(
        "--int8", action="store_true", help="of litert: compute with 8-bit integers"
    )
    add_moved_data_options(parser)
    parser.set_defaults(run=run)


def run(arguments):
    """Export, and print how far file and network agree."""
    from kzoo.training import export

    exported = export(
        arguments.run_folder,
        arguments.format,
        arguments.output,
        fuse=arguments.fuse,
        int8=arguments.int8,
        data=arguments.data,
        data_dir=arguments.data_dir,
    )
    if exported.compared_on == "random":
        examples = f"{exported.examples} random inputs"
    else:
        examples = f"{exported.examples} examples of the {exported.compared_on} split"
    print(f"compared on {examples}: probabilities differ by {exported.largest_difference:.1e}")
    if exported.file_accuracy is not None:
        print(f"accuracy there: network {exported.model_accuracy:.4f}")
        print(f"                file    {exported.file_accuracy:.4f}")
    print(f"exported to {exported.path} ({exported.size / 1024:,.0f} KiB)")
    return 0
