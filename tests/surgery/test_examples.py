"""The examples of the page docs/surgery.md and of the docstrings run."""

import doctest
import inspect
import re
from pathlib import Path

import keras
import pytest

import kzoo

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "surgery.md"


def run(text, name):
    example = doctest.DocTestParser().get_doctest(
        text, {"kzoo": kzoo, "keras": keras}, name, None, 0
    )
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_page():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    run("\n".join(blocks), PAGE.name)


@pytest.mark.parametrize(
    "name", ["feature_extractor", "replace_head", "freeze", "unfreeze", "fuse"]
)
def test_a_docstring(name):
    run(inspect.getdoc(getattr(kzoo, name)), name)
