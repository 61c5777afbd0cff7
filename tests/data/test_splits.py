import numpy as np
import pytest

from kzoo.data import DataSpec, train_and_validation
from kzoo.data.splits import resolve

SPEC = DataSpec("things", "image", (1, 1, 1), ("a", "b"), {"train": 1000, "test": 30})


class Spec:
    def __init__(self, **splits):
        self.spec = DataSpec("things", "image", (1, 1, 1), ("a",), splits)


def test_whole_split_keeps_its_order():
    base, indices = resolve(SPEC, "test")
    assert base == "test"
    np.testing.assert_array_equal(indices, np.arange(30))


@pytest.mark.parametrize(
    ("split", "size"),
    [
        ("train[:90%]", 900),
        ("train[90%:]", 100),
        ("train[10%:30%]", 200),
        ("train[:200]", 200),
        ("train[950:]", 50),
        ("train[-10%:]", 100),
        ("train[:-100]", 900),
        ("test[:15%]", 4),
        ("train[:]", 1000),
    ],
)
def test_sizes_of_slices(split, size):
    assert len(resolve(SPEC, split)[1]) == size


@pytest.mark.parametrize("percent", [5, 17, 50, 90])
def test_complementary_slices_partition_the_split(percent):
    for base, size in SPEC.splits.items():
        parts = [resolve(SPEC, f"{base}[{part}]")[1] for part in (f":{percent}%", f"{percent}%:")]
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(size))


@pytest.mark.parametrize("size", [15, 35, 1000])
def test_a_negative_percentage_is_counted_from_the_end(size):
    spec = Spec(train=size).spec
    parts = [resolve(spec, f"train[{part}]")[1] for part in (":90%", "-10%:")]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(size))


def test_slices_are_mixed_and_always_the_same():
    indices = resolve(SPEC, "train[:500]")[1]
    np.testing.assert_array_equal(indices, resolve(SPEC, "train[:500]")[1])
    assert 220 < (indices < 500).sum() < 280
    # The order must never change between versions of kzoo: results are compared across them.
    assert indices[:5].tolist() == [993, 859, 298, 553, 672]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("valid", "things has the splits train, test; received 'valid'"),
        ("train[5]", "split must be a name or one slice of it.*received"),
        ("train+test", "things has the splits"),
        ("train[:50%", "split must be a name or one slice"),
        ("train[:0.5]", "split must be a name or one slice"),
        ("train[50%:50%]", "selects none of the 1000 examples of train"),
        ("train[:1001]", "reaches beyond the 1000 examples"),
        ("train[:101%]", "reaches beyond the 1000 examples"),
        ("train[-101%:]", "reaches beyond the 1000 examples"),
        (None, "split must be a name or one slice of it.*received None"),
    ],
)
def test_bad_splits_are_refused(split, message):
    with pytest.raises(ValueError, match=message):
        resolve(SPEC, split)


def test_own_validation_split_is_used():
    assert train_and_validation(Spec(train=9, validation=1)) == ("train", "validation")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (0.1, ("train[:90%]", "train[90%:]")),
        (0.29, ("train[:71%]", "train[71%:]")),
        (0.125, ("train[:875]", "train[875:]")),
    ],
)
def test_validation_is_held_out_of_train(part, expected):
    assert train_and_validation(Spec(train=1000, test=1), part) == expected


@pytest.mark.parametrize("part", [0.0, 1.0, -0.1, 1.5, 1e-5])
def test_validation_split_out_of_range_is_refused(part):
    with pytest.raises(ValueError, match="validation_split must leave examples on both sides"):
        train_and_validation(Spec(train=1000), part)


def test_no_train_split_is_refused():
    with pytest.raises(ValueError, match="things has no split 'train' to train on; it has test"):
        train_and_validation(Spec(test=5))
