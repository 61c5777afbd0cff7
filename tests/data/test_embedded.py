import importlib

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy import ndimage
from sklearn.datasets import load_digits

from kzoo.data import make_mnist1d, open_source
from kzoo.data.builders.digits import stratified_parts
from kzoo.data.builders.rotated_mnist import KzooRotatedMnist, rotate
from kzoo.data.cache import prepared_folder
from kzoo.data.embedded import EMBEDDED
from kzoo.data.tfds_source import TfdsSource
from tests.data.tiny_sets import prepare


@pytest.mark.parametrize("name", ["digits", "mnist1d", "mnist1d_shuffled"])
def test_made_as_described(name, no_network):
    assert open_source(name).spec == EMBEDDED[name].spec


@pytest.mark.parametrize("row", EMBEDDED.values(), ids=EMBEDDED)
def test_places_are_those_of_the_builders(row):
    module, name = row.builder.split(":")
    builder = getattr(importlib.import_module(f"kzoo.data.builders.{module}"), name)
    assert row.place == f"{builder.name}/{builder.VERSION}"
    assert builder.name not in tfds.list_builders(with_community_datasets=False) or (
        builder.name.startswith("kzoo_")
    )


def test_digits_are_scikit_learns_rescaled():
    source = open_source("digits")
    parts = [source.read(split, np.arange(size)) for split, size in source.spec.splits.items()]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    assert (images.min(), images.max(), images.dtype) == (0, 255, np.uint8)
    assert len(images) == 1797
    original, targets = load_digits(return_X_y=True)
    found = np.round(images.reshape(-1, 64) * (16 / 255))
    np.testing.assert_allclose(images.reshape(-1, 64) * (16 / 255), found, atol=0.04)
    ours = sorted(map(tuple, np.column_stack([found, labels])))
    assert ours == sorted(map(tuple, np.column_stack([original, targets])))


def test_digits_splits_are_stratified():
    source = open_source("digits")
    whole = sum(np.bincount(source.labels(split)) for split in source.spec.splits)
    for split, size in source.spec.splits.items():
        counts = np.bincount(source.labels(split))
        np.testing.assert_allclose(counts, whole * size / 1797, atol=2)


def test_stratified_parts_partition_the_examples():
    labels = np.random.RandomState(0).randint(0, 4, 101)
    parts = stratified_parts(labels, {"a": 50, "b": 31, "c": 20})
    assert [len(part) for part in parts.values()] == [50, 31, 20]
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(101))


@pytest.mark.parametrize("shuffled", [False, True])
def test_mnist1d_survives_the_files_exactly(shuffled):
    name = "mnist1d_shuffled" if shuffled else "mnist1d"
    source = open_source(name)
    made = make_mnist1d(shuffled)
    builder = tfds.builder_from_directory(prepared_folder(EMBEDDED[name].place))
    stored = list(builder.as_dataset("test").as_numpy_iterator())
    ours = sorted(zip(made.x_test[:, 0], made.y_test))
    theirs = sorted((example["signal"][0, 0], example["label"]) for example in stored)
    np.testing.assert_array_equal(ours, theirs)
    signals, labels = source.read("train", np.arange(4000))
    assert signals.dtype == np.float32
    key = np.lexsort(made.x_train.T)
    read_key = np.lexsort(signals[..., 0].T)
    np.testing.assert_allclose(signals[read_key, :, 0], made.x_train[key], atol=1e-6)
    np.testing.assert_array_equal(labels[read_key], made.y_train[key])


@pytest.fixture(scope="module")
def rotated(tfds_dir, tmp_path_factory):
    mnist = TfdsSource(tfds_dir / "mnist" / "3.0.1", "mnist")
    root = tmp_path_factory.mktemp("rotated")
    splits = {"train": 20, "test": 50}
    folder = prepare(
        lambda data_dir: KzooRotatedMnist(mnist=mnist, splits=splits, data_dir=data_dir), root
    )
    return TfdsSource(folder, "rotated_mnist")


def test_rotated_mnist_turns_every_image_once(rotated):
    assert rotated.spec.splits == {"train": 20, "test": 50}
    images = np.concatenate(
        [rotated.read(split, np.arange(size))[0] for split, size in rotated.spec.splits.items()]
    )
    assert images.shape == (70, 28, 28, 1)
    bars = images[..., 0].astype(float)
    # Turning about the centre keeps the mass of a bar that stays inside, and its distance.
    np.testing.assert_allclose(bars.sum((1, 2)), 16 * 4 * 200, rtol=0.03)
    centres = np.array([ndimage.center_of_mass(bar) for bar in bars]) - 13.5
    labels = np.concatenate([rotated.labels(split) for split in rotated.spec.splits])
    np.testing.assert_allclose(np.hypot(*centres.T), np.abs(labels - 4.0), atol=0.2)
    far = np.abs(labels - 4.0) > 1
    angles = np.degrees(np.arctan2(*centres[far].T)) % 360
    assert (np.histogram(angles, 4, (0, 360))[0] > 3).all()


def test_rotated_mnist_uses_no_image_twice(rotated):
    labels = np.concatenate([rotated.labels(split) for split in rotated.spec.splits])
    assert np.bincount(labels).max() <= 8


def test_rotation_equals_scipys():
    image = ndimage.gaussian_filter(np.random.RandomState(0).rand(28, 28) * 1000, 2)
    image = np.clip(image * (np.hypot(*(np.indices((28, 28)) - 13.5)) < 11) / 3, 0, 255)
    image = image.astype(np.uint8)
    for angle in (0.0, 30.0, 137.5):
        theirs = ndimage.rotate(image.astype(float), angle, reshape=False, order=1)
        ours = rotate(image[..., None], angle)[..., 0]
        np.testing.assert_allclose(ours, theirs, atol=2)
    np.testing.assert_array_equal(rotate(image[..., None], 90.0)[..., 0], np.rot90(image))
