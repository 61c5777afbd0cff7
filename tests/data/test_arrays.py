import keras
import numpy as np
import pytest

from kzoo.data import ArraySource, Batches, Pipeline

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 6, 3), np.uint8)
LABELS = np.arange(20) % 5


def test_images_are_described_and_read():
    source = ArraySource({"train": (IMAGES, LABELS), "test": (IMAGES[:3], LABELS[:3])}, "mine")
    assert source.spec.kind == "image"
    assert source.spec.shape == (8, 6, 3)
    assert source.spec.splits == {"train": 20, "test": 3}
    assert source.spec.class_names == ("0", "1", "2", "3", "4")
    inputs, labels = source.read("train", np.array([4, 2, 4]))
    np.testing.assert_array_equal(inputs, IMAGES[[4, 2, 4]])
    assert (labels.tolist(), labels.dtype) == ([4, 2, 4], np.int64)


def test_anything_else_is_a_signal_of_its_own_type():
    source = ArraySource(
        {"train": (np.ones((4, 7)), np.zeros(4, np.uint8))}, class_names=("a", "b")
    )
    assert (source.spec.kind, source.spec.shape, source.spec.classes) == ("signal", (7,), 2)
    inputs, labels = Pipeline(source).batch(0, 0)
    assert (inputs.shape, inputs.dtype, labels.dtype) == ((4, 7), np.float64, np.int64)


def test_arrays_are_not_copied_to_memory():
    source = ArraySource({"train": (IMAGES, LABELS)})
    for split in ("train", "train[:50%]"):
        assert Pipeline(source, split)._reader.held[0] is IMAGES


def test_size_and_channels():
    pipeline = Pipeline(ArraySource({"test": (IMAGES, LABELS)}), "test", image_size=4, channels=1)
    assert pipeline.batch(0, 0)[0].shape == (20, 4, 4, 1)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({}, "splits of arrays must be of one shape and type; received none"),
        (
            {"a": (IMAGES, LABELS), "b": (IMAGES / 2, LABELS)},
            "splits of arrays must be of one shape and type; received .*float64",
        ),
        ({"a": (IMAGES, LABELS[1:])}, "as many labels as examples, one at least; received 20 exa"),
        ({"a": (IMAGES[:0], LABELS[:0])}, "one at least; received 0 examples and 0 labels"),
        ({"a": (IMAGES, LABELS / 1)}, "The labels of the split a of arrays must be integers of"),
        ({"a": ([IMAGES[0], IMAGES[0, 1:]], [0, 1])}, "inputs of the split a of .* of one shape"),
        ({"a": (np.float32([[0], [np.nan]]), [0, 1])}, "inputs .* must be finite; .* in example 1"),
    ],
)
def test_bad_arrays_are_refused(splits, message):
    with pytest.raises(ValueError, match=message):
        ArraySource(splits)


def test_an_array_in_a_file_is_not_read(tmp_path):
    np.save(tmp_path / "x.npy", np.float32([[0], [np.nan]]))
    inputs = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert ArraySource({"a": (inputs, [0, 1])}).spec.kind == "signal"
    limits = np.float64([[1.7e308], [1.7e308], [-np.inf], [np.inf]])
    assert ArraySource({"a": (limits[:2], [0, 1])})
    with pytest.raises(ValueError, match="in example 2"):
        ArraySource({"a": (limits, [0, 1, 0, 1])})


@pytest.mark.parametrize("inputs", [np.array(["a", "b"]), np.array([{}, []], object), 3])
def test_inputs_that_are_no_numbers_are_refused(inputs):
    with pytest.raises(TypeError, match="inputs of the split a of arrays must be (numbers|an arr)"):
        ArraySource({"a": (inputs, [0, 1])})


def test_labels_beyond_the_class_names_are_refused():
    splits = {"train": (IMAGES, LABELS), "validation": (IMAGES, LABELS + 1)}
    names = tuple(map(str, range(LABELS.max() + 1)))
    message = f"split validation of arrays .* {LABELS.max() + 1}; .* {len(names)} class names"
    with pytest.raises(ValueError, match=message):
        ArraySource(splits, class_names=names)


@pytest.mark.parametrize("threads", [1, 4])
def test_py_dataset_has_the_batches_of_the_pipeline(threads):
    pipeline = Pipeline(
        ArraySource({"train": (IMAGES, LABELS)}), batch_size=8, augment="crop=1", seed=3
    )
    ends, goes_on = Batches(pipeline, 2, threads=threads), Batches(pipeline, 2, endless=True)
    assert (len(list(ends)), ends.num_batches, goes_on.num_batches) == (3, 3, None)
    within = Batches(pipeline, 2, endless=True, first_step=2, threads=threads)
    for index in range(5):
        np.testing.assert_array_equal(within[index][0], goes_on[2 + index][0])
    for index in range(7):
        for batches in (ends, goes_on)[index > 2 :]:
            for one, other in zip(batches[index], pipeline.batch(2 + index // 3, index % 3)):
                np.testing.assert_array_equal(one, other)


def test_threads_are_for_batches_that_need_work():
    source = ArraySource({"train": (IMAGES, LABELS)})
    assert Batches(Pipeline(source)).threads == 1
    assert Batches(Pipeline(source, augment="flip"), threads=3).threads == 3


def test_batches_are_read_ahead_in_order_alone(monkeypatch):
    pipeline = Pipeline(ArraySource({"train": (IMAGES, LABELS)}), batch_size=2, augment="crop=1")
    made = []
    make = Pipeline.batch

    def batch(self, epoch, step):
        if self is pipeline:  # and not what threads of another test still read ahead
            made.append(step)
        return make(self, epoch, step)

    monkeypatch.setattr(Pipeline, "batch", batch)
    batches = Batches(pipeline, threads=2)
    for index in (0, 1, 2):
        batches[index]
    batches._pool.shutdown(wait=True)
    assert sorted(made) == list(range(7))  # those, and two more than there are threads
    made.clear()
    batches = Batches(pipeline, threads=2)
    for index in (7, 3, 9):
        batches[index]
    assert sorted(made) == [3, 7, 9]


def test_keras_begins_every_iteration_with_the_first_batch():
    pipeline = Pipeline(ArraySource({"test": (IMAGES, LABELS)}), "test", batch_size=1)
    model = keras.Sequential([keras.Input((8, 6, 3)), keras.layers.Flatten()])
    batches = Batches(pipeline, threads=4)
    first, again = (model.predict(batches, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_keras_takes_the_batches_in_order():
    pipeline = Pipeline(ArraySource({"test": (IMAGES, LABELS)}), "test", batch_size=3)
    model = keras.Sequential([keras.Input((8, 6, 3)), keras.layers.Flatten()])
    seen = model.predict(Batches(pipeline, threads=4), verbose=0)
    np.testing.assert_array_equal(seen, IMAGES.reshape(20, -1).astype("float32"))
