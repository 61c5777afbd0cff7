"""README.md says what is true."""

import re
from pathlib import Path

import kzoo
from kzoo.registry import families

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_the_table_of_families_has_every_family_with_its_variants():
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (\d+) \|", README, re.MULTILINE)
    listed = {name: int(variants) for name, variants in rows}
    assert listed == {family.name: len(family.variants) for family in families()}


def test_every_layer_is_named():
    names = set(re.findall(r"`(\w+?)(?:1D/2D)?`", README))
    for name in kzoo.layers.__all__ + kzoo.initializers.__all__:
        assert name in README or re.sub(r"[12]D$", "", name) in names
