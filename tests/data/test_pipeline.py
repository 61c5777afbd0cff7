import hashlib
import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data.pipeline
from kzoo.data import DataSpec, Pipeline, Source, load, open_source


class Numbered(Source):
    """Images (4, 4, 1) and labels that both say which example it is."""

    def __init__(self, **splits):
        self.spec = DataSpec("numbered", "image", (4, 4, 1), tuple("abc"), splits)
        self.reads = 0

    def read(self, split, indices, size=None, channels=None):
        self.reads += 1
        height, width = size or (4, 4)
        shape = (1, height, width, channels or 1)
        return np.tile(indices.astype(np.uint8)[:, None, None, None], shape), self.labels(split)[
            indices
        ]

    def labels(self, split):
        return np.arange(self.spec.splits[split])


class Signals(Source):
    """Signals (6, 1) of their number."""

    spec = DataSpec("signals", "signal", (6, 1), ("a",), {"train": 10})

    def read(self, split, indices, size=None, channels=None):
        return np.tile(indices.astype(np.float32)[:, None, None], (1, 6, 1)), indices * 0

    def labels(self, split):
        return np.zeros(10, np.int64)


def numbers(dataset):
    return [batch.tolist() for _, batch in dataset.as_numpy_iterator()]


def digest(dataset):
    content = hashlib.sha256()
    for inputs, labels in dataset.as_numpy_iterator():
        content.update(inputs.tobytes() + labels.tobytes())
    return content.hexdigest()


def with_threads(dataset, threads):
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return dataset.with_options(options)


@pytest.mark.parametrize("cache", [True, False])
def test_batches_of_a_split_in_order(cache):
    pipeline = Pipeline(Numbered(test=10), "test", batch_size=4, cache=cache)
    assert (pipeline.examples, pipeline.steps, pipeline.shape) == (10, 3, (4, 4, 1))
    dataset = pipeline.dataset()
    assert numbers(dataset) == numbers(dataset) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    images, labels = next(iter(dataset))
    np.testing.assert_array_equal(images, np.tile(np.reshape(range(4), (4, 1, 1, 1)), (4, 4, 1)))
    assert (images.dtype, labels.dtype) == (tf.uint8, tf.int64)
    assert dataset.element_spec[0].shape == (None, 4, 4, 1)
    assert len(dataset) == 3


@pytest.mark.parametrize("cache", [True, False])
def test_batch_size_is_static_where_every_batch_is_full(cache):
    for options in ({"batch_size": 5}, {"batch_size": 4, "drop_remainder": True}):
        pipeline = Pipeline(Numbered(test=10), "test", cache=cache, **options)
        dataset = pipeline.dataset()
        assert dataset.element_spec[0].shape == (options["batch_size"], 4, 4, 1)
        assert len(dataset) == pipeline.steps == len(numbers(dataset)) == 2


def test_train_is_shuffled_anew_at_every_iteration():
    dataset = Pipeline(Numbered(train=50, test=50), batch_size=8).dataset()
    epochs = [sum(numbers(dataset), []) for _ in range(3)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_shuffle_can_be_chosen():
    source = Numbered(train=20, test=20)
    assert numbers(Pipeline(source, "train", shuffle=False).dataset()) == [list(range(20))]
    assert numbers(Pipeline(source, "test", shuffle=True).dataset()) != [list(range(20))]
    assert Pipeline(source, "train[:50%]").shuffled
    assert not Pipeline(source, "test[:50%]").shuffled


def test_orders_are_uniform():
    stream = Pipeline(Numbered(train=5), batch_size=5).stream()
    orders = np.array([labels for _, labels in stream.take(500).as_numpy_iterator()])
    for position in range(5):
        counts = np.bincount(orders[:, position], minlength=5)
        np.testing.assert_allclose(counts, 100, atol=36)


@pytest.mark.parametrize("cache", [True, False])
def test_stream_is_epoch_after_epoch_and_resumes_anywhere(cache):
    pipeline = Pipeline(
        Numbered(train=21), batch_size=4, augment="noise,crop=1", seed=5, cache=cache
    )
    whole = list(pipeline.stream().take(5 * pipeline.steps).as_numpy_iterator())
    dataset = pipeline.dataset()
    epochs = list(itertools.chain(*(dataset.as_numpy_iterator() for _ in range(5))))
    resumed = list(pipeline.stream(3).take(2 * pipeline.steps).as_numpy_iterator())
    for one, other in [*zip(whole, epochs), *zip(whole[3 * pipeline.steps :], resumed)]:
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert not any((a[0][0] == b[0][0]).all() for a, b in zip(whole[:6], whole[6:12]))
    assert pipeline.stream().cardinality() == tf.data.INFINITE_CARDINALITY


def test_seeds_differ_and_the_global_seed_does_not_matter():
    def epoch(seed):
        return digest(Pipeline(Numbered(train=40), augment="noise", seed=seed).dataset())

    first = epoch(1)
    tf.random.set_seed(12345)
    np.random.seed(12345)
    assert epoch(1) == first
    assert epoch(2) != first


@pytest.mark.parametrize("cache", [True, False])
def test_same_in_one_thread_and_in_many(cache):
    every = "flip,crop=1,rotation,colour,noise"
    pipeline = Pipeline(Numbered(train=200), batch_size=4, augment=every, cache=cache)
    one, many = (with_threads(pipeline.dataset(), threads) for threads in (1, 16))
    assert digest(one) == digest(many)


def test_slices_are_disjoint_and_labels_follow():
    source = Numbered(train=50)
    parts = [Pipeline(source, f"train[{part}]", shuffle=False) for part in (":80%", "80%:")]
    for part in parts:
        assert np.concatenate(numbers(part.dataset())).tolist() == part.labels().tolist()
    assert sorted(np.concatenate([part.labels() for part in parts])) == list(range(50))


def test_memory_limit(monkeypatch):
    source = Numbered(test=10)
    monkeypatch.setattr(kzoo.data.pipeline, "MEMORY_LIMIT", 160)
    kept = Pipeline(source, "test", batch_size=2)
    numbers(kept.dataset()), numbers(kept.stream().take(10))
    assert source.reads == 1
    monkeypatch.setattr(kzoo.data.pipeline, "MEMORY_LIMIT", 159)
    dataset = Pipeline(source, "test", batch_size=2).dataset()
    numbers(dataset)
    numbers(dataset)
    assert source.reads == 11


def test_image_size_and_channels():
    source = Numbered(test=10)
    assert Pipeline(source, "test", image_size=(6, 5), channels=3).shape == (6, 5, 3)
    images, _ = next(iter(Pipeline(source, "test", image_size=6).dataset()))
    assert images.shape == (10, 6, 6, 1)


def test_signals():
    pipeline = Pipeline(Signals(), augment="shift,scale,noise", batch_size=10)
    signals, labels = next(iter(pipeline.dataset()))
    assert (signals.shape, signals.dtype, labels.dtype) == ((10, 6, 1), tf.float32, tf.int64)


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"batch_size": 0}, "batch_size must be at least 1; received 0"),
        (ValueError, {"batch_size": -4}, "batch_size must be at least 1; received -4"),
        (TypeError, {"batch_size": 2.5}, "batch_size must be an integer"),
        (ValueError, {"image_size": 0}, "image_size must be at least 1; received 0"),
        (ValueError, {"image_size": (4, -1)}, "image_size must be at least 1; received -1"),
        (ValueError, {"image_size": (4, 4, 3)}, "image_size must be an integer or 2 of them"),
        (ValueError, {"channels": 2}, r"channels must be 1 \(grey\) or 3 \(colour\); received 2"),
        (ValueError, {"seed": -1}, "seed must be at least 0; received -1"),
        (ValueError, {"split": "dev"}, "numbered has the splits train; received 'dev'"),
        (ValueError, {"augment": "blur"}, "augment for images knows .* received 'blur'"),
        (
            ValueError,
            {"batch_size": 11, "drop_remainder": True},
            "batch_size must be at most 10, the examples of 'train', with drop_remainder; rec",
        ),
    ],
)
def test_bad_arguments_are_refused(error, options, message):
    with pytest.raises(error, match=message):
        Pipeline(Numbered(train=10), **options)


def test_arguments_of_images_are_refused_for_signals():
    for options in ({"image_size": 6}, {"channels": 1}):
        with pytest.raises(ValueError, match="image_size and channels are for images; signals ho"):
            Pipeline(Signals(), **options)


def test_first_epoch_is_refused():
    with pytest.raises(ValueError, match="first_epoch must be at least 0; received -1"):
        Pipeline(Signals()).stream(-1)


def test_split_without_labels_is_refused():
    source = Numbered(train=5)
    source.labels = lambda split: np.full(5, -1)
    with pytest.raises(ValueError, match="The split train of numbered has no labels"):
        Pipeline(source).dataset()


def test_unreadable_while_streaming_is_an_error(image_folder):
    folder = image_folder({"train/a": 4})
    source = open_source(folder)
    (folder / "train" / "a" / "002.png").write_bytes(b"")
    dataset = Pipeline(source, cache=False).dataset()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"002\.png cannot be read"):
        list(dataset)


def test_load_digits():
    train = load("digits", batch_size=100, augment="crop=1")
    images, labels = next(iter(train))
    assert (images.shape, images.dtype) == ((100, 8, 8, 1), tf.uint8)
    assert len(train) == math.ceil(1400 / 100)
    assert set(labels.numpy()) == set(range(10))
    test = load("digits", "test[:20]")
    assert sum(len(batch) for _, batch in test) == 20


def test_load_a_tfds_set_and_a_folder(tfds_dir, image_folder):
    assert len(list(load("tiny", data_dir=tfds_dir, image_size=4))) == 2
    folder = image_folder({"a": 10, "b": 10})
    images, _ = next(iter(load(folder, "test", channels=1, image_size=8)))
    assert images.shape == (2, 8, 8, 1)


PROGRAM = """
import sys
import keras, tensorflow
before = set(sys.modules)
import kzoo.data
heavy = {"tensorflow_datasets", "sklearn", "PIL", "matplotlib", "keras_tuner"}
assert not heavy & (set(sys.modules) - before)
assert keras.backend.backend() == "jax"
from tests.data.test_pipeline import digest
print(digest(kzoo.data.load("digits", augment="flip,crop=1,rotation,colour,noise", seed=3)))
"""


def test_same_in_another_process_on_the_jax_backend():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    every = "flip,crop=1,rotation,colour,noise"
    assert done.stdout.split()[-1] == digest(load("digits", augment=every, seed=3))
