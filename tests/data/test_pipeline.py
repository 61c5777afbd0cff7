import dataclasses
import hashlib
import itertools
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kzoo.data.pipeline
from kzoo.data import ArraySource, DataSpec, Pipeline, Resize, Source, load, open_source
from kzoo.data.arrays import view_batch
from tests.peers import import_timm


class Numbered(Source):
    """Images (4, 4, 1) and labels that both say which example it is."""

    def __init__(self, **splits):
        self.spec = DataSpec("numbered", "image", (4, 4, 1), tuple(map(str, range(256))), splits)
        self.reads = 0

    def read(self, split, indices, channels=None, view=None):
        self.reads += 1
        images = np.tile(indices.astype(np.uint8)[:, None, None, None], (1, 4, 4, 1))
        return view_batch(images, channels, view), self.labels(split)[indices]

    def labels(self, split):
        return np.arange(self.spec.splits[split])


class Signals(Source):
    """Signals (6, 1) of their number."""

    spec = DataSpec("signals", "signal", (6, 1), ("a",), {"train": 10})

    def read(self, split, indices, channels=None, view=None):
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
    within = pipeline.stream(3, 2).take(pipeline.steps).as_numpy_iterator()
    later = [
        *zip(whole[3 * pipeline.steps :], resumed),
        *zip(whole[3 * pipeline.steps + 2 :], within),
    ]
    for one, other in [*zip(whole, epochs), *later]:
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
    for option, value in {"image_size": 6, "channels": 1, "resize": Resize(6)}.items():
        with pytest.raises(ValueError, match=f"{option} is for images; signals holds signals"):
            Pipeline(Signals(), **{option: value})


def test_first_epoch_is_refused():
    with pytest.raises(ValueError, match="first_epoch must be at least 0; received -1"):
        Pipeline(Signals()).stream(-1)
    with pytest.raises(ValueError, match="first_step must be at least 0; received -1"):
        Pipeline(Signals()).stream(0, -1)


def test_split_without_labels_is_refused():
    source = Numbered(train=5)
    source.labels = lambda split: np.full(5, -1)
    with pytest.raises(ValueError, match="The split train of numbered has no labels"):
        Pipeline(source).dataset()


def test_examples_without_a_label_are_refused():
    source = Numbered(train=5)
    source.labels = lambda split: np.array([0, 1, -1, 2, 3])
    with pytest.raises(ValueError, match="train of numbered has examples without a label: leave"):
        Pipeline(source).dataset()


def test_keras_mnist_arrays_are_no_signals_to_cut_from():
    digits = ArraySource({"train": (np.zeros((4, 28, 28), np.uint8), np.arange(4))})
    assert Pipeline(digits, mixup=1).shape == (28, 28)
    with pytest.raises(ValueError, match=r"cutmix takes uint8 .* received \(28, 28\), add the ax"):
        Pipeline(digits, cutmix=1)


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


def test_batch_is_what_the_stream_holds():
    pipeline = Pipeline(
        Numbered(train=21), batch_size=4, augment="flip,crop=1", mixup=0.2, cutmix=1.0, repeats=3
    )
    stream = pipeline.stream(2).take(2 * pipeline.steps).as_numpy_iterator()
    for number, streamed in enumerate(stream):
        for ours, theirs in zip(pipeline.batch(2 + number // 6, number % 6), streamed, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_batches_are_the_same_in_any_order_and_thread():
    pipeline = Pipeline(Numbered(train=40), batch_size=4, augment="flip,crop=1,noise", mixup=0.3)
    places = [(epoch, step) for epoch in range(6) for step in range(10)]
    alone = [pipeline.batch(*place) for place in places]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda place: pipeline.batch(*place), reversed(places)))
    for one, other in zip(alone, reversed(together)):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_batches_that_are_not_there_are_refused():
    pipeline = Pipeline(Numbered(train=21), batch_size=4)
    with pytest.raises(ValueError, match="step must be from 0 to 5; received 6"):
        pipeline.batch(0, 6)
    with pytest.raises(ValueError, match="step must be from 0 to 5; received -1"):
        pipeline.batch(0, -1)
    with pytest.raises(ValueError, match="epoch must be at least 0; received -1"):
        pipeline.batch(-1, 0)


@pytest.mark.parametrize("options", [{"mixup": 0.4}, {"cutmix": 1}, {"mixup": 0.2, "cutmix": 1}])
def test_mixing_gives_labels_as_shares(options):
    pipeline = Pipeline(Three(), batch_size=6, drop_remainder=True, **options)
    inputs, labels = pipeline.batch(0, 0)
    assert (inputs.dtype, labels.dtype, labels.shape) == (np.uint8, np.float32, (6, 3))
    np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-6)
    assert pipeline.dataset().element_spec == (
        tf.TensorSpec((6, 4, 4, 1), tf.uint8),
        tf.TensorSpec((6, 3), tf.float32),
    )


class Three(Numbered):
    """Nine images in three classes."""

    def __init__(self):
        super().__init__(train=9)
        self.spec = dataclasses.replace(self.spec, class_names=tuple("abc"))

    def labels(self, split):
        return np.arange(9) % 3


@pytest.mark.parametrize("repeats", [2, 3])
def test_repeats_are_those_of_timms_sampler(repeats):
    import_timm()
    import torch
    from timm.data.distributed_sampler import RepeatAugSampler

    pipeline = Pipeline(Numbered(train=24), batch_size=6, repeats=repeats, seed=4)
    ours = [pipeline.batch(1, step)[1] for step in range(pipeline.steps)]
    order = np.concatenate(ours)
    assert (len(order), pipeline.steps) == (24, 4)
    sampler = RepeatAugSampler(
        range(24), num_replicas=2, rank=0, num_repeats=repeats, selected_round=0
    )
    wanted = _permute_by(order[::repeats], lambda: list(sampler), torch)
    shard = Pipeline(Numbered(train=24), batch_size=6, repeats=repeats, seed=4, shard=(0, 2))
    assert np.concatenate([shard.batch(1, step)[1] for step in range(4)]).tolist() == wanted
    other = np.concatenate([pipeline.batch(2, step)[1] for step in range(4)])
    assert set(other) != set(order)


def _permute_by(order, call, torch):
    """Call with PyTorch's permutation beginning as `order`."""
    rest = sorted(set(range(24)) - set(order.tolist()))
    permutation = torch.tensor([*order.tolist(), *rest])
    with mock.patch.object(torch, "randperm", return_value=permutation):
        return call()


@pytest.mark.parametrize(("examples", "steps"), [(24, 3), (26, 4), (25, 3), (31, 4)])
def test_shards_are_rows_of_the_batches(examples, steps):
    options = {"batch_size": 8, "seed": 2}
    whole = Pipeline(Numbered(train=examples), **options)
    shards = [Pipeline(Numbered(train=examples), shard=(i, 2), **options) for i in range(2)]
    for shard in shards:
        assert shard.steps == steps == len(shard.dataset())
        for step in range(steps):
            place = shard.shard[0]
            rows = whole.batch(0, step)[1]
            rows = rows[: len(rows) // 2 * 2]  # a last batch is cut to a multiple
            np.testing.assert_array_equal(shard.batch(0, step)[1], rows[place::2])
    static = 4 if examples == 24 else None
    assert shards[0].dataset().element_spec[0].shape == (static, 4, 4, 1)


def test_shards_are_augmented_by_numbers_of_their_own():
    def noise(**options):
        images, labels = Pipeline(Same(), batch_size=4, augment="noise", **options).batch(0, 0)
        return images

    first, second = noise(shard=(0, 2)), noise(shard=(1, 2))
    assert first.shape == second.shape == (2, 4, 4, 1)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(noise(), noise(shard=(0, 1)))


class Same(Numbered):
    """Four equal images."""

    def __init__(self):
        super().__init__(train=4)

    def read(self, split, indices, channels=None, view=None):
        return np.full((len(indices), 4, 4, 1), 100, np.uint8), indices


@pytest.mark.parametrize("cache", [None, False])
def test_sizes_follow_the_epoch(cache):
    pipeline = Pipeline(
        Numbered(train=10), batch_size=5, sizes=lambda epoch: 4 + 2 * epoch, cache=cache
    )
    assert pipeline.shape == (None, None, 1)
    dataset = pipeline.dataset()
    assert dataset.element_spec[0].shape == (5, None, None, 1)
    for epoch in range(3):
        for inputs, _ in dataset.as_numpy_iterator():
            assert inputs.shape == (5, 4 + 2 * epoch, 4 + 2 * epoch, 1)
    alone = Pipeline(Numbered(train=10), batch_size=5, image_size=8)
    np.testing.assert_array_equal(pipeline.batch(2, 1)[0], alone.batch(2, 1)[0])


def test_sizes_of_resized_crops(image_folder):
    source = open_source(image_folder({"train/a": 4, "train/b": 4}, size=(30, 20)))
    pipeline = Pipeline(source, augment="resized_crop", sizes=lambda epoch: (8, 6 + epoch))
    assert pipeline.batch(0, 0)[0].shape == (8, 8, 6, 3)
    assert pipeline.batch(3, 0)[0].shape == (8, 8, 9, 3)


def test_resize_is_applied_to_files_and_memory_alike(image_folder):
    source = open_source(image_folder({"train/a": 4, "train/b": 4}, size=(30, 20)))
    resize = Resize(12, 0.9, "bicubic")
    pipelines = [Pipeline(source, resize=resize, cache=cache) for cache in (None, False)]
    images = [pipeline.batch(0, 0)[0] for pipeline in pipelines]
    np.testing.assert_array_equal(*images)
    order = pipelines[0].batch(0, 0)[1]
    whole, labels = source.read("train", np.arange(8))
    for label in range(2):
        wanted = {resize(Image.fromarray(image)).tobytes() for image in whole[labels == label]}
        assert {image.tobytes() for image in images[0][order == label]} == wanted


def test_nothing_can_be_cut_from_vectors():
    vectors = ArraySource({"train": (np.ones((4, 3), "float32"), np.array([0, 0, 1, 1]))})
    assert Pipeline(vectors, batch_size=2, mixup=1).steps == 2
    with pytest.raises(ValueError, match=r"cutmix needs images or signals to cut .* shape \(3,\)"):
        Pipeline(vectors, batch_size=2, cutmix=1)


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"mixup": -1}, "mixup must be a number from 0 up; received -1"),
        (ValueError, {"cutmix": math.inf}, "cutmix must be a number from 0 up; received inf"),
        (TypeError, {"cutmix": "1"}, "cutmix must be a number; received '1'"),
        (ValueError, {"repeats": 0}, "repeats must be at least 1; received 0"),
        (
            ValueError,
            {"repeats": 2, "shuffle": False},
            "repeats above 1 leaves examples out of an epoch.*needs shuffle=True; received 2",
        ),
        (
            ValueError,
            {"image_size": 3, "resize": Resize(3)},
            "image_size and resize exclude each other; received 3 and Resize",
        ),
        (
            ValueError,
            {"image_size": 3, "sizes": lambda epoch: 3},
            "image_size and sizes exclude each other; received 3 and ",
        ),
        (TypeError, {"resize": 32}, "resize must be a kzoo.data.Resize; received 32"),
        (TypeError, {"shuffle": "False"}, "shuffle must be True, False or None; received 'False'"),
        (TypeError, {"cache": "no"}, "cache must be True, False or None; received 'no'"),
        (
            TypeError,
            {"sizes": 32},
            "sizes must be a function from epoch to image size; received 32",
        ),
        (TypeError, {"shard": 1}, r"shard must be a pair \(index, count\); received 1"),
        (
            ValueError,
            {"shard": (2, 2)},
            r"index of shard must be below its count; received \(2, 2\)",
        ),
        (ValueError, {"shard": (-1, 2)}, "the index of shard must be at least 0; received -1"),
        (
            ValueError,
            {"shard": (0, 3), "batch_size": 4},
            "batch_size must be a multiple of the count of shard, 3; received 4",
        ),
        (
            ValueError,
            {"shard": (0, 16), "batch_size": 16},
            "shard and multiple must leave each process or device an example, of 16 or more; "
            "'train' has 10",
        ),
    ],
)
def test_bad_new_arguments_are_refused(error, options, message):
    with pytest.raises(error, match=message):
        Pipeline(Numbered(train=10), **options)


def test_sizes_are_refused_by_name():
    pipeline = Pipeline(Numbered(train=10), sizes=lambda epoch: 4.5)
    with pytest.raises(
        TypeError, match=r"sizes\(epoch\) must be an integer or 2 of them; received"
    ):
        pipeline.batch(0, 0)


def test_arrays_have_the_size_of_evaluation(image_folder):
    source = open_source(image_folder({"train/a": 2, "train/b": 3}, size=(30, 20)))
    expected = Pipeline(source, image_size=6).arrays()[0]
    cropped = Pipeline(source, image_size=6, augment="resized_crop").arrays()[0]
    np.testing.assert_array_equal(cropped, expected)


def test_a_crop_is_taken_of_images_that_have_the_size_already():
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), np.uint8)
    source = ArraySource({"train": (images, np.arange(3))})
    resize = Resize(12, crop=0.5)
    expected = [np.asarray(resize(Image.fromarray(image))) for image in images]
    found = Pipeline(source, resize=resize).arrays()[0]
    np.testing.assert_array_equal(found, expected)


def test_images_that_differ_cannot_be_held_before_they_are_cropped(image_folder):
    image_folder({"train/a": 2})
    source = open_source(image_folder({"train/b": 2}, size=(9, 9)))
    with pytest.raises(
        ValueError, match="cache=True cannot hold images that differ in size before"
    ):
        Pipeline(source, augment="resized_crop", image_size=8, cache=True)
    assert Pipeline(source, augment="resized_crop", image_size=8).batch(0, 0)[0].shape[1:3] == (
        8,
        8,
    )
