"""The benchmark of the augmentations runs, on a number of repeats that says nothing."""

import sys
from pathlib import Path

import pytest

from kzoo.data.augment import AUGMENTATIONS
from tests.peers import import_timm

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def test_every_augmentation_has_its_row(monkeypatch, tmp_path, capsys):
    import_timm()
    pytest.importorskip("torchvision")
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    import benchmark_augment

    page = tmp_path / "augment.md"
    arguments = ["--repeats", "1", "--sizes", "32", "--page", str(page)]
    assert benchmark_augment.main(arguments) == 0
    written = page.read_text()
    assert written.strip() == capsys.readouterr().out.strip()
    # The crop that is made while decoding is measured with the data sets.
    for name in {*AUGMENTATIONS["image"], "mixup", "cutmix"} - {"resized_crop"}:
        assert f"| `{name}` |" in written
