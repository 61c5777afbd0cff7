"""The PyTorch training that the shipped weights are judged by: it learns, and its page has both."""

import json

import numpy as np
import pytest

from kzoo.data import ArraySource, export

pytest.importorskip("torch")
from scripts import accuracy_beside_pytorch


@pytest.fixture
def images(tmp_path):
    """An exported file of images of two greys, by the name of CIFAR-10."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 2
    inputs = 128 * labels[:, None, None, None] + random.integers(0, 99, (400, 32, 32, 3))
    inputs = inputs.astype("uint8")
    arrays = {"train": (inputs[:320], labels[:320]), "test": (inputs[320:], labels[320:])}
    return export(ArraySource(arrays, "cifar10"), tmp_path / "cifar10.npz")


def test_it_learns_and_stands_beside_the_record(images, tmp_path, monkeypatch):
    record = {
        "seeds": [{"seed": 0, "accuracy": 0.9}, {"seed": 1, "accuracy": 0.92}],
        "data": {"note": "made of noise"},
    }
    (tmp_path / "record.json").write_text(json.dumps(record))
    monkeypatch.setattr(accuracy_beside_pytorch, "RECORD", tmp_path / "record.json")
    page = tmp_path / "accuracy.md"
    arguments = ["--data", str(images), "--epochs", "8", "--seeds", "1", "--page", str(page)]
    assert accuracy_beside_pytorch.main(arguments) == 0
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:-1]
        for line in page.read_text().split("\n")
        if line.startswith("|")
    }
    assert "Of the images: made of noise.\n" in page.read_text()
    assert float(rows["PyTorch"][0]) > 95
    assert rows["kzoo"][0].strip() == "91.00 ± 1.41"
