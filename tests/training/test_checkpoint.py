"""Checkpoints: complete, newest two, never half of one."""

import json

import keras
import numpy as np
import pytest

from kzoo.training import CheckpointError, Recipe
from kzoo.training.checkpoint import (
    Progress,
    load_checkpoint,
    read_progress,
    restore,
    save_checkpoint,
)
from kzoo.training.optimizers import create_optimizer
from tests.training.small import small_model


def training(precision="mixed_float16", **options):
    model = small_model(**options)
    optimizer = create_optimizer(Recipe(precision=precision), model, 10)
    optimizer.build(model.trainable_variables)
    return {"model": model.variables, "optimizer": optimizer.variables}


def values(groups):
    return [keras.ops.convert_to_numpy(v) for group in groups.values() for v in group]


def test_every_variable_comes_back(tmp_path):
    groups = training()
    names = [variable.name for group in groups.values() for variable in group]
    assert {"seed_generator_state", "dynamic_scale", "iteration"} <= set(names)
    random = np.random.default_rng(0)
    for group in groups.values():
        for variable in group:
            variable.assign(random.integers(0, 99, variable.shape).astype(variable.dtype))
    best = [random.normal(size=(2, 3)), np.arange(4)]
    row = {"epoch": 1, "loss": 0.5, "val_loss": None}
    progress = Progress(1, False, [row], 1, (0.5, -1.25), best, step=3, seconds=1.5)
    save_checkpoint(tmp_path / "checkpoints", groups, progress)

    arrays = load_checkpoint(tmp_path / "checkpoints")
    again = read_progress(arrays)
    fresh = training()
    restore(arrays, fresh)
    for saved, restored in zip(values(groups), values(fresh), strict=True):
        assert saved.dtype == restored.dtype
        np.testing.assert_array_equal(saved, restored)
    for saved, restored in zip(best, again.best_weights, strict=True):
        np.testing.assert_array_equal(saved, restored)
    assert (again.epoch, again.history, again.best_score) == (1, [row], (0.5, -1.25))
    assert (again.step, again.seconds) == (3, 1.5)


def test_a_checkpoint_from_before_the_better_epoch_was_told_apart(tmp_path):
    save_checkpoint(tmp_path, training(), Progress(4, best_epoch=3, best_score=(0.5, -1.0)))
    arrays = load_checkpoint(tmp_path)
    plain = json.loads(arrays["progress"].tobytes())
    del plain["better_epoch"]
    old = arrays | {"progress": np.frombuffer(json.dumps(plain).encode(), np.uint8)}
    assert read_progress(old).better_epoch == 3


def test_the_newest_two_are_kept(tmp_path):
    groups = training()
    for epoch in (1, 2, 10):
        save_checkpoint(tmp_path, groups, Progress(epoch))
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "epoch-000002.npz",
        "epoch-000010.npz",
    ]


def test_steps_within_an_epoch_come_after_the_one_before_it(tmp_path):
    groups = training()
    for epoch, step in ((1, 0), (1, 7), (1, 20), (2, 0)):
        save_checkpoint(tmp_path, groups, Progress(epoch, step=step))
        progress = read_progress(load_checkpoint(tmp_path))
        assert (progress.epoch, progress.step) == (epoch, step)


def test_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path) is None


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint_is_named(tmp_path, part):
    groups, said = training(), []
    for epoch in (1, 2):
        save_checkpoint(tmp_path, groups, Progress(epoch))
    newest, older = tmp_path / "epoch-000002.npz", tmp_path / "epoch-000001.npz"
    newest.write_bytes(newest.read_bytes()[: int(part * newest.stat().st_size)])
    assert read_progress(load_checkpoint(tmp_path, said.append)).epoch == 1
    assert said == [f"checkpoint {newest} is damaged; going back to {older.name}"]
    older.write_bytes(b"")
    with pytest.raises(CheckpointError, match="epoch-000002.npz is damaged and there is no older"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_that_may_not_be_read_is_not_damaged(tmp_path):
    save_checkpoint(tmp_path, training(), Progress(1))
    (tmp_path / "epoch-000002.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        load_checkpoint(tmp_path)


def test_a_failed_write_leaves_the_old_one(tmp_path, monkeypatch):
    groups = training()
    save_checkpoint(tmp_path, groups, Progress(1))

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left on device: '.*/epoch-000002.npz'"):
        save_checkpoint(tmp_path, groups, Progress(2))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000001.npz"]


def test_variables_of_another_training_are_refused(tmp_path):
    save_checkpoint(tmp_path, training(), Progress(1))
    arrays = load_checkpoint(tmp_path)
    other = training(classes=4)
    before = values(other)
    with pytest.raises(CheckpointError, match=r"head/kernel is float32 of shape \(16, 4\), and in"):
        restore(arrays, other)
    for old, new in zip(before, values(other)):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(CheckpointError, match="has 17 optimizer variables and this training 13"):
        restore(arrays, training(precision="float32"))
