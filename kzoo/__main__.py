"""`python -m kzoo`, the same as the `kzoo` command."""

import sys

from kzoo.cli import main_of_a_process

sys.exit(main_of_a_process())
