"""`kzoo benchmark`: how fast a model is on this machine."""

import time

from kzoo.cli._options import add_built_model, builder_arguments


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "benchmark", help="time a model on this machine", allow_abbrev=False
    )
    add_built_model(parser)
    parser.add_argument("--batch-size", type=int, default=8, metavar="N", help="default 8")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="default 10")
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "mixed_float16", "mixed_bfloat16")
    )
    parser.add_argument("--xla", default="auto", choices=("auto", "on", "off"))
    parser.set_defaults(run=run)


def run(arguments):
    """Print the time of building, of inference and of a train step."""
    import keras

    from kzoo import analysis
    from kzoo.registry import create_model
    from kzoo.training.devices import jit_compile
    from kzoo.training.folder import versions

    options = builder_arguments(arguments)
    keras.config.set_dtype_policy(arguments.precision)
    start = time.perf_counter()
    model = create_model(arguments.model, **options)
    built = time.perf_counter() - start
    settings = {
        "batch_size": arguments.batch_size,
        "repeats": arguments.repeats,
        "jit_compile": jit_compile(arguments.xla),
    }
    print(
        f"{arguments.model}, {' x '.join(map(str, options['input_shape']))}, {arguments.precision}"
    )
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print(f"building     {1e3 * built:9.1f} ms")
    for name, measure in (
        ("inference", analysis.measure_inference),
        ("train step", analysis.measure_train_step),
    ):
        speed = measure(model, **settings)
        print(
            f"{name:<12} {1e3 * speed.seconds:9.1f} ms for {speed.batch_size}, "
            f"{speed.examples_per_second:.1f} examples/s, fastest {1e3 * speed.fastest:.1f} ms"
        )
    return 0
