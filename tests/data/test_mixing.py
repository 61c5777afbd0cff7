import types

import numpy as np
import pytest

from kzoo.data.mixing import mix
from tests.peers import import_timm

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (8, 32, 24, 3)).astype(np.uint8)
LABELS = RANDOM.randint(0, 5, 8)


def timms(monkeypatch, x, labels, mixup, cutmix, rng):
    """Mix by timm, which draws from `rng` in the order that ours does."""
    import_timm()
    import torch
    from timm.data import mixup as module

    draws = iter([lambda: 0.0, rng.random])  # whether to mix at all, which way
    random = types.SimpleNamespace(
        rand=lambda: next(draws)(),
        beta=rng.beta,
        randint=lambda low, high, size: rng.integers(low, high, size=size),
    )
    patched = types.SimpleNamespace(**(vars(np) | {"random": random}))
    monkeypatch.setattr(module, "np", patched)
    arguments = {"mixup_alpha": mixup, "cutmix_alpha": cutmix, "label_smoothing": 0.0}
    if x.dtype == np.uint8:
        mixer = module.FastCollateMixup(num_classes=5, **arguments)
        mixed, targets = mixer(list(zip(x.transpose(0, 3, 1, 2), labels.tolist())))
    else:
        mixer = module.Mixup(num_classes=5, **arguments)
        batch = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
        mixed, targets = mixer(batch, torch.from_numpy(labels))
    return mixed.numpy().transpose(0, 2, 3, 1), targets.numpy()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0), (0, 1.0), (0.8, 1.0)])
def test_equals_timms(monkeypatch, dtype, mixup, cutmix):
    x = IMAGES.astype(dtype)
    for seed in range(20):
        ours = mix(x, LABELS, 5, mixup, cutmix, np.random.default_rng(seed))
        with monkeypatch.context() as patch:
            theirs = timms(patch, x, LABELS, mixup, cutmix, np.random.default_rng(seed))
        assert ours[0].dtype == dtype
        assert ours[1].dtype == np.float32
        if dtype == np.uint8:
            np.testing.assert_array_equal(ours[0], theirs[0])
        else:
            np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)


@pytest.mark.parametrize("cutmix", [0.0, 1.0])
def test_labels_are_the_shares_of_the_pixels(cutmix):
    x = np.zeros((6, 40, 1), np.float32)
    x[3:] = 1
    labels = np.array([0, 0, 0, 1, 1, 1])
    for seed in range(20):
        mixed, targets = mix(x, labels, 3, 1.0 - cutmix, cutmix, np.random.default_rng(seed))
        np.testing.assert_allclose(mixed.mean((1, 2)), targets[:, 1], atol=1e-6)
        np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
        if cutmix:  # one interval, as long as the share but for the border
            assert set(np.unique(mixed)) <= {0, 1}
            assert np.abs(np.diff(mixed[0, :, 0])).sum() <= 2


def test_nothing_to_mix():
    given = IMAGES.copy()
    mixed, targets = mix(IMAGES, LABELS, 5, 0, 0, np.random.default_rng(0))
    np.testing.assert_array_equal(mixed, IMAGES)
    np.testing.assert_array_equal(targets, np.eye(5)[LABELS])
    for mixup, cutmix in ((1, 0), (0, 1)):
        mix(IMAGES, LABELS, 5, mixup, cutmix, np.random.default_rng(1))
    np.testing.assert_array_equal(IMAGES, given)


def test_the_middle_of_an_odd_batch_and_an_empty_batch():
    for mixup, cutmix in ((1, 0), (0, 1)):
        mixed, targets = mix(IMAGES[:5], LABELS[:5], 5, mixup, cutmix, np.random.default_rng(0))
        np.testing.assert_array_equal(mixed[2], IMAGES[2])
        np.testing.assert_allclose(targets[2], np.eye(5)[LABELS[2]], atol=1e-6)
        empty = mix(IMAGES[:0], LABELS[:0], 5, mixup, cutmix, np.random.default_rng(0))
        assert [part.shape for part in empty] == [(0, 32, 24, 3), (0, 5)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixup": -1}, r"mixup must be a number from 0 up \(0 is off\); received -1"),
        ({"cutmix": np.nan}, r"cutmix must be a number from 0 up \(0 is off\); received nan"),
        ({"labels": LABELS[:3]}, r"labels must be 8 integers, .*; received int64 \(3,\)"),
        ({"labels": LABELS / 2}, r"labels must be 8 integers, .*; received float64 \(8,\)"),
        ({"labels": LABELS + 1}, "labels must be from 0 to 4, as there are 5 classes; .* to 5"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"labels": LABELS, "mixup": 0.2, "cutmix": 0.0} | change
    with pytest.raises(ValueError, match=message):
        mix(IMAGES, classes=5, rng=np.random.default_rng(0), **arguments)
