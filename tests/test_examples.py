import doctest
import importlib
import re

import keras
import numpy as np
import pytest

import kzoo

DOCUMENTED = [(kzoo.layers, name) for name in kzoo.layers.__all__]
DOCUMENTED += [(kzoo.initializers, name) for name in kzoo.initializers.__all__]
DOCUMENTED += [(kzoo.analysis, name) for name in kzoo.analysis.__all__]


class ShapeChecker(doctest.OutputChecker):
    """Reads the shape of a TensorFlow tensor as the tuple that the other backends print."""

    def check_output(self, want, got, optionflags):
        got = re.sub(r"TensorShape\(\[(.*)\]\)", r"(\1)", got)
        return super().check_output(want, got, optionflags)


@pytest.mark.parametrize(("module", "name"), DOCUMENTED, ids=[name for _, name in DOCUMENTED])
def test_example_in_the_docstring_runs(module, name):
    documented = getattr(module, name)
    names = {"kzoo": kzoo, "keras": keras, "np": np}
    found = doctest.DocTestFinder(recurse=False).find(
        documented, name, module=importlib.import_module(documented.__module__), globs=names
    )
    assert found
    assert found[0].examples or module is kzoo.analysis, f"{name} has no example"
    assert doctest.DocTestRunner(ShapeChecker()).run(found[0]).failed == 0
