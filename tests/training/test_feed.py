"""What `fit` accepts as data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.data import ArraySource, Batches, Pipeline
from kzoo.training import Recipe
from kzoo.training.feed import check_labels, class_weights, training_feed, validation_batches
from kzoo.training.workers import own_feed

X = np.arange(10, dtype="float32")[:, None]
Y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)


def feed_of(data, **fields):
    return training_feed(data, Recipe(**{"batch_size": 4} | fields), classes=3)


def epoch(feed, stream, number):
    return np.concatenate(
        [stream[number * feed.steps + step][0][:, 0] for step in range(feed.steps)]
    )


def test_arrays_come_in_an_order_of_seed_and_epoch():
    feed = feed_of((X, Y), seed=3)
    assert feed.steps == 3
    stream, later = feed.stream(0), feed.stream(2)
    orders = [epoch(feed, stream, number) for number in range(4)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), X[:, 0])
    assert len({tuple(order) for order in orders}) == 4
    np.testing.assert_array_equal(epoch(feed, later, 0), orders[2])
    np.testing.assert_array_equal(epoch(feed, later, 1), orders[3])
    other = feed_of((X, Y), seed=4)
    assert not np.array_equal(epoch(other, other.stream(0), 0), orders[0])


def test_labels_stay_with_their_examples():
    x, y = feed_of((X, Y), batch_size=10).stream(0)[0]
    np.testing.assert_array_equal(y, Y[x[:, 0].astype(int)])


def test_balanced_class_weights_have_mean_one_over_examples():
    weights = class_weights("balanced", feed_of((X, Y)), 3)
    assert weights == pytest.approx({0: 10 / 18, 1: 10 / 6, 2: 10 / 6})
    assert np.mean([weights[label] for label in Y]) == pytest.approx(1)


def test_class_weights_by_index():
    feed = feed_of((X, Y))
    assert class_weights({"1": 3.0}, feed, 3) == {0: 1.0, 1: 3.0, 2: 1.0}
    assert class_weights(None, feed, 3) is None
    with pytest.raises(ValueError, match="names the class 'dog'; the classes are 0 to 2"):
        class_weights({"dog": 2.0}, feed, 3)


def test_tf_dataset_and_py_dataset():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    feed = feed_of(dataset)
    assert (feed.steps, feed.endless, feed.stream(5) is dataset) == (3, False, True)
    with pytest.raises(ValueError, match="class_weights='balanced' needs to know all labels"):
        class_weights("balanced", feed, 3)
    with pytest.raises(ValueError, match="must tell how many batches an epoch has"):
        feed_of(dataset.repeat())

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return X, Y

    assert feed_of(Batches()).steps == 5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, np.eye(3)[Y]), r"integers of shape \(examples,\), not one-hot; received float64"),
        ((X[:3], Y), "as many labels as examples, one at least; received 3 examples and 10 labels"),
        ((X[:0], Y[:0]), "one at least; received 0 examples"),
        ((X, Y, Y), r"data must be \(x, y\) as arrays; received 3"),
    ],
)
def test_refused_arrays(data, message):
    with pytest.raises(ValueError, match=message):
        feed_of(data)


def test_arrays_are_augmented_and_mixed_by_the_recipe():
    fields = {"augment": ("crop=2", "flip"), "mixup": 0.2, "batch_size": 5, "seed": 3}
    x, y = feed_of((IMAGES, Y), **fields).stream(1)[0]
    source = ArraySource({"train": (IMAGES, Y)}, class_names=("0", "1", "2"))
    expected = Pipeline(source, **fields).batch(1, 0)
    np.testing.assert_array_equal(x, expected[0])
    np.testing.assert_array_equal(y, expected[1])
    assert y.shape == (5, 3)


def test_a_recipe_of_other_batches_than_those_given_is_refused():
    made = Pipeline(ArraySource({"train": (IMAGES, Y)}), batch_size=4, augment="flip", repeats=2)
    assert feed_of(made, augment=("flip",), repeats=2).steps == 3
    assert feed_of(made).steps == 3
    with pytest.raises(
        ValueError, match=r"augment is \('crop=4',\), and the data have 'flip'; give"
    ):
        feed_of(made, augment=("crop=4",))
    with pytest.raises(ValueError, match="batch_size is 8, and the data have 4; give a kzoo.data"):
        feed_of(made, batch_size=8)
    assert feed_of(made, batch_size=Recipe().batch_size).steps == 3
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    with pytest.raises(ValueError, match="mixup is 0.2, and the data have their own batches"):
        feed_of(batches, mixup=0.2)


def test_refused_type():
    with pytest.raises(TypeError, match="data must be arrays .* received list"):
        feed_of([X, Y])
    with pytest.raises(TypeError, match="received str"):
        validation_batches("digits", 4, feed_of((X, Y)), 3)


def test_labels_that_are_no_class():
    with pytest.raises(ValueError, match="labels must be integers from 0 to 1, .* received 0 to 2"):
        check_labels(feed_of((X, Y)), 2)
    pipeline = Pipeline(ArraySource({"train": (X, Y)}, class_names=("a", "b", "c")), batch_size=4)
    with pytest.raises(ValueError, match="the model has 2 classes, and the data 3: a, b, c; give"):
        check_labels(feed_of(pipeline), 2)


def test_validation_data_have_the_classes_of_the_training():
    def pipeline(*names):
        source = ArraySource({"train": (X, Y), "test": (X[:6], Y[:6])}, class_names=names)
        return Pipeline(source, "test", batch_size=4)

    feed = feed_of(pipeline("a", "b", "c"))
    assert validation_batches(pipeline("a", "b", "c"), 4, feed, 3)
    with pytest.raises(ValueError, match="of the training, a, b, c; received a, c, d"):
        validation_batches(pipeline("a", "c", "d"), 4, feed, 3)
    with pytest.raises(ValueError, match="of the training, a, b, c; received a, c, d"):
        validation_batches(Batches(pipeline("a", "c", "d")), 4, feed, 3)
    unnamed = Pipeline(ArraySource({"test": (X[:8], Y[:8])}), "test", batch_size=4)
    assert validation_batches(unnamed, 4, feed, 3)
    assert validation_batches(pipeline("a", "b", "c"), 4, feed_of(unnamed), 3)
    with pytest.raises(ValueError, match="inputs of validation_data must be finite; .* example 9"):
        validation_batches((np.where(X == 9, np.nan, X), Y), 4, feed, 3)
    with pytest.raises(ValueError, match="of the training, 0 to 1; received a, b, c"):
        validation_batches(pipeline("a", "b", "c"), 4, feed_of((X, Y)), 2)
    for label in (3, -1):
        with pytest.raises(ValueError, match=f"labels of validation_data must .* received {label}"):
            validation_batches((X, np.full(10, label)), 4, feed, 3)


def test_class_weights_need_one_class_an_example():
    mixed = Pipeline(ArraySource({"train": (X, Y)}), batch_size=4, mixup=0.2)
    with pytest.raises(ValueError, match="class_weights cannot go with data of mixup or cutmix"):
        feed_of(mixed, class_weights="balanced")


def test_mixing_needs_the_classes_of_the_data():
    mixed = Pipeline(ArraySource({"train": (X, Y)}), batch_size=4, mixup=0.2)
    assert feed_of(mixed).steps
    with pytest.raises(ValueError, match="a model of as many classes as the data, 3; received one"):
        training_feed(mixed, Recipe(batch_size=4), classes=10)


def test_labels_of_a_data_set_are_not_read(monkeypatch):
    pipeline = Pipeline(ArraySource({"train": (X, Y)}, class_names=("a", "b", "c")), batch_size=4)
    monkeypatch.setattr(ArraySource, "labels", lambda *_: pytest.fail("the data were read"))
    check_labels(own_feed(pipeline, Recipe(batch_size=4), classes=3), 3)


def test_batches_are_all_epochs_of_their_pipeline():
    pipeline = Pipeline(ArraySource({"train": (X, Y)}), batch_size=4)
    feed = feed_of(Batches(pipeline))
    assert (feed.steps, feed.endless) == (pipeline.steps, True)
