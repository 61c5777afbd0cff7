"""Write the table of models into README.md, between its two markers.

Command: .venv/bin/python scripts/model_table.py
Cost: half a minute and 4 GB of memory: every model is built once.
"""

import sys
from pathlib import Path

import kzoo

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- models -->\n", "<!-- /models -->"


def table() -> str:
    """Return the table in Markdown."""
    lines = ["| model | input | classes | parameters | multiply-adds |", "|---|---|---|---|---|"]
    for name in kzoo.list_models():
        info = kzoo.model_info(name)
        size = " x ".join(map(str, info.input_shape))
        lines.append(
            f"| `{name}` | {size} | {info.classes:,} | {info.parameters:,} "
            f"| {info.multiply_adds:,} |"
        )
    return "\n".join(lines) + "\n"


def main():
    before, rest = README.read_text().split(START)
    after = rest.split(END)[1]
    README.write_text(before + START + table() + END + after)


if __name__ == "__main__":
    sys.exit(main())
