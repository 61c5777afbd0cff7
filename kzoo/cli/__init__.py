"""The `kzoo` command."""

import argparse
import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from kzoo import replicas
from kzoo.cli import benchmark, data, evaluate, export, info, list, predict, recipe, train, tune

_COMMANDS = (list, info, data, recipe, train, tune, evaluate, predict, export, benchmark)
# What bad input raises. Anything else is an error of the program, and shows its traceback.
_BAD_INPUT = (ValueError, TypeError, OSError, ArithmeticError)

BAD_INPUT, INTERRUPTED = 2, 130


class _Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage lines."""

    def error(self, message):
        sys.stderr.write(f"kzoo: error: {message}; `{self.prog} --help` shows what is accepted.\n")
        sys.exit(BAD_INPUT)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = _Parser(prog="kzoo", description="A Keras 3 model zoo.", allow_abbrev=False)
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an error (or set KZOO_DEBUG=1)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_command(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0, 2 for bad input, 130 when interrupted."""
    argv = sys.argv[1:] if argv is None else [*argv]
    try:
        arguments = build_parser().parse_args(argv)
        arguments.argv = argv
    except SystemExit as stopped:
        return int(stopped.code or 0)
    debug = arguments.debug or os.environ.get("KZOO_DEBUG", "") not in ("", "0")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return arguments.run(arguments)
        except KeyboardInterrupt:
            how = getattr(arguments, "how_to_resume", lambda argv, arguments: "")
            with contextlib.suppress(OSError):  # Ctrl-C also ended what a pipe leads to
                print(f"kzoo: interrupted{how(argv, arguments)}", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # The reader of a pipe, such as `head`, has gone.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            if not hasattr(arguments, "how_to_resume"):
                return 0
            how = arguments.how_to_resume(argv, arguments)
            with contextlib.suppress(OSError):  # nobody may read the errors either
                print(f"kzoo: stopped, as nobody reads its output{how}", file=sys.stderr)
            return INTERRUPTED
        except ImportError as error:
            # With a name it is a module that Python has not found.
            if debug or error.name is not None:
                raise
            print(f"kzoo: error: {_one_line(error)}", file=sys.stderr)
            return BAD_INPUT
        except _BAD_INPUT as error:
            if debug:
                raise
            print(f"kzoo: error: {_one_line(error)}", file=sys.stderr)
            return BAD_INPUT


def main_of_a_process(argv: Sequence[str] | None = None) -> int:
    """Do what `main` does, as the last thing in this process.

    Where it ends before its time among several workers it does not return: TensorFlow's own end
    waits for workers that may have gone, for seconds and at times without end.
    """
    try:
        status = main(argv)
    except Exception:
        if replicas.count() == 1:
            raise
        traceback.print_exc()
        status = 1
    if status != 0 and replicas.count() > 1:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)
    return status


def _one_line(error):
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message, category, filename, lineno, file=None, line=None):
    print(f"kzoo: warning: {' '.join(str(message).split())}", file=sys.stderr)
