"""The `kzoo` command: imports TensorFlow without its start-up lines, then runs `kzoo.cli`.

TensorFlow writes some lines to standard error while it is imported, whatever its log level, so
that file descriptor leads nowhere for as long. A module beside the package, as any within it is
imported after the package, and with it TensorFlow.
"""

import os
import sys


def main() -> int:
    """Run the command; return its exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    standard_error = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import kzoo.cli
    finally:
        os.dup2(standard_error, 2)
        os.close(nowhere)
        os.close(standard_error)
    return kzoo.cli.main_of_a_process()


if __name__ == "__main__":
    sys.exit(main())
