"""README.md says what is true."""

import re
from pathlib import Path

import kzoo

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_the_table_of_models_has_every_model_with_its_published_count():
    from tests.applications.published import PARAMETERS

    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d,]+) \| [\d,]+ \|$", README, re.MULTILINE)
    listed = {name: int(parameters.replace(",", "")) for name, parameters in rows}
    assert listed == PARAMETERS


def test_every_layer_is_named():
    names = set(re.findall(r"`(\w+?)(?:1D/2D)?`", README))
    for name in kzoo.layers.__all__ + kzoo.initializers.__all__:
        assert name in README or re.sub(r"[12]D$", "", name) in names
