"""Two processes on loopback train as one does with the same batches, and end together."""

import contextlib
import json
import os
import re
import signal
import socket
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo
from kzoo import replicas
from kzoo.data import ArraySource, Pipeline
from kzoo.training import Recipe, connect, workers
from kzoo.training.local_workers import started
from kzoo.training.workers import own_feed
from tests.training import some_workers
from tests.training.processes import LIMIT, ROOT, processes, wait_for
from tests.training.small import small_model

TRAIN = ["train", "lenet5", "--data", "digits", "--batch-size", "100", "--no-nesterov"]


def clusters(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for index in range(count):
        task = {"type": "worker", "index": index}
        yield json.dumps({"cluster": {"worker": addresses}, "task": task})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the results of every case, alone and with two workers."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "alone").mkdir()
    for case in some_workers.CASES:
        some_workers.run(case, folder / "alone")
    command = ["-m", "tests.training.some_workers", folder, ",".join(some_workers.CASES)]
    with processes(command, command, TF_CONFIG=list(clusters(2))) as pair:
        for process in pair:
            output, _ = process.communicate(timeout=LIMIT)
            assert process.returncode == 0, output
    return folder


@pytest.mark.parametrize("case", some_workers.CASES)
def test_weights_and_history_are_those_of_one_process(trained, case):
    tolerance = 2e-5 if some_workers.CASES[case].get("norm") else 2e-6
    if case == "stopped":  # many large steps
        tolerance = 1e-4
    with np.load(trained / "alone" / f"{case}-0-of-1.npz") as archive:
        alone = dict(archive)
    for index in range(2):
        with np.load(trained / f"{case}-{index}-of-2.npz") as archive:
            together = dict(archive)
        assert set(together) == set(alone)
        for name in set(alone) - {"history"}:
            np.testing.assert_allclose(together[name], alone[name], rtol=tolerance, atol=tolerance)
        if case != "one_row":  # its last row counts twice in the metrics
            np.testing.assert_allclose(
                together["history"], alone["history"], rtol=max(tolerance, 1e-5)
            )


def test_the_chief_alone_writes_the_folder(trained):
    """The other would have been refused, as the folder is there already."""
    config = json.loads((trained / "conv" / "config.json").read_text())
    assert config["recipe"]["optimizer"] == "sgd"
    assert (trained / "conv" / "model.keras").exists()


def test_a_worker_that_dies_ends_the_others(tmp_path):
    run = [ROOT / "kzoo_command.py", *TRAIN, "--epochs", "150", "--workers", "2"]
    run += ["--output", tmp_path / "run"]
    with processes(run) as [chief]:
        wait_for(lambda: list((tmp_path / "run" / "checkpoints").glob("*.npz")))
        children = Path(f"/proc/{chief.pid}/task/{chief.pid}/children").read_text().split()
        for child in map(int, children):
            os.kill(child, signal.SIGKILL)
        output, _ = chief.communicate(timeout=LIMIT)
    assert chief.returncode == 2, output
    assert "worker 1 ended by SIGKILL; continue with `kzoo train lenet5" in output
    assert "Traceback" not in output
    assert not (tmp_path / "run" / "model.keras").exists()


def test_ctrl_c_ends_all_workers(tmp_path):
    run = [ROOT / "kzoo_command.py", *TRAIN, "--epochs", "3000", "--workers", "2"]
    run += ["--output", tmp_path / "run"]
    # A process that ignores the signal, as those in the background do, has children that do.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with processes(run) as [chief]:
        signal.signal(signal.SIGINT, before)
        wait_for(lambda: (tmp_path / "run" / "checkpoints").exists())
        children = Path(f"/proc/{chief.pid}/task/{chief.pid}/children").read_text().split()
        os.killpg(chief.pid, signal.SIGINT)
        too_late = threading.Timer(LIMIT, chief.kill)
        too_late.start()
        assert any(line.startswith("kzoo: interrupted") for line in chief.stdout)
        # TensorFlow by itself waits for the other worker, 3 seconds and more.
        assert chief.wait(2) == 130
        too_late.cancel()
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


def test_ctrl_c_ends_a_worker_that_waits_for_others(tmp_path):
    """TensorFlow waits for them within one call, in which Python hears no signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = [ROOT / "kzoo_command.py", *TRAIN, "--output", tmp_path / "run"]
    with processes(run, TF_CONFIG=[next(clusters(2))]) as [chief]:
        signal.signal(signal.SIGINT, before)
        # While it waits, it has the default action in place of Python's handler.
        caught = re.compile(r"SigCgt:\s*(\w+)")
        status = Path(f"/proc/{chief.pid}/status")

        def mask():
            return int(caught.search(status.read_text())[1], 16) >> (signal.SIGINT - 1) & 1

        wait_for(mask)
        wait_for(lambda: not mask())
        os.killpg(chief.pid, signal.SIGINT)
        assert chief.wait(10) == -signal.SIGINT


def test_a_chief_that_refuses_ends_the_others_in_one_sentence(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").touch()
    run = [ROOT / "kzoo_command.py", *TRAIN, "--output", tmp_path / "run"]
    with processes(run, run, TF_CONFIG=list(clusters(2))) as [chief, other]:
        refusal, _ = chief.communicate(timeout=LIMIT)
        output, _ = other.communicate(timeout=LIMIT)
    assert (chief.returncode, other.returncode) == (2, 2), output
    assert "already" in refusal
    assert "kzoo: error: worker 1 of 2 has lost another worker" in output
    assert "Traceback" not in output


def test_a_worker_with_another_command_is_refused_by_all(tmp_path):
    run = [ROOT / "kzoo_command.py", *TRAIN, "--output", tmp_path / "run", "--epochs"]
    with processes([*run, 2], [*run, 3], TF_CONFIG=list(clusters(2))) as [chief, other]:
        outputs = [process.communicate(timeout=LIMIT)[0] for process in (chief, other)]
    assert (chief.returncode, other.returncode) == (2, 2), outputs
    assert "worker 0 waits for the others, at 127.0.0.1:" in outputs[0]
    assert "error: worker 1 was started with something else than the chief, in wh" in outputs[0]
    assert "error: recipe.epochs is 3 in worker 1 and 2 in the chief; start all wo" in outputs[1]
    assert not (tmp_path / "run").exists()


def test_an_address_that_is_taken_is_told(tmp_path):
    run = [ROOT / "kzoo_command.py", *TRAIN, "--output", tmp_path / "run"]
    config = next(clusters(2))
    host, port = json.loads(config)["cluster"]["worker"][0].split(":")
    with socket.create_server((host, int(port))), processes(run, TF_CONFIG=[config]) as [chief]:
        output, _ = chief.communicate(timeout=LIMIT)
    assert chief.returncode == 2, output
    assert re.search("error: worker 0 of 2 could not join .* nothing listens at 127.0.0.1", output)


class _Numbers(keras.utils.PyDataset):
    num_batches = 3

    def __getitem__(self, index):
        return tuple(part[16 * index : 16 * (index + 1)] for part in NUMBERED)


NUMBERED = np.arange(45, dtype="float32")[:, None], np.arange(45) % 3


@pytest.mark.parametrize("kind", ["arrays", "pipeline", "dataset", "tf.data"])
def test_workers_divide_every_batch(monkeypatch, kind):
    """Whole batches in every worker would train the same weights."""

    def batches(index, count):
        monkeypatch.setattr(replicas, "_index", index)
        monkeypatch.setattr(replicas, "_count", count)
        data = {
            "arrays": NUMBERED,
            "pipeline": Pipeline(ArraySource({"train": NUMBERED}), batch_size=16),
            "dataset": _Numbers(),
            "tf.data": tf.data.Dataset.from_tensor_slices(NUMBERED).batch(16),
        }[kind]
        feed = own_feed(data, Recipe(batch_size=16), 3)
        stream = feed.stream(0)
        if isinstance(stream, keras.utils.PyDataset):
            made = [stream[step] for step in range(feed.steps)]
        else:
            made = list(stream.take(feed.steps).as_numpy_iterator())
        return [np.asarray(x)[:, 0] for x, _ in made]

    whole, parts = batches(0, 1), [batches(index, 2) for index in range(2)]
    assert [len(batch) for batch in whole] == [16, 16, 13]
    for batch, *shares in zip(whole, *parts, strict=True):
        for index, share in enumerate(shares):
            cut = len(batch) // 2 * 2 if kind == "pipeline" else len(batch)
            np.testing.assert_array_equal(share, batch[index:cut:2])


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 2}}']
    + ['{"cluster": {"ps": ["a:1"], "worker": ["b:2"]}, "task": {"type": "worker", "index": 0}}'],
)
def test_a_wrong_tf_config_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG must be as .* and a chief; received"):
        connect()


def test_one_worker_is_no_cluster(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", next(clusters(1)))
    assert connect() is False
    with started([], 1):
        assert replicas.count() == 1


def test_what_workers_cannot_do_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", next(clusters(2)))
    with pytest.raises(ValueError, match="TF_CONFIG names 2 workers, which are not connected"):
        workers.check(Recipe())
    with (
        pytest.raises(ValueError, match="workers must be 2, as TF_CONFIG names .* 3"),
        started([], 3),
    ):
        pass
    with pytest.raises(ValueError, match="workers must be at least 1; received 0"), started([], 0):
        pass
    monkeypatch.delenv("TF_CONFIG")
    monkeypatch.setattr(replicas, "_count", 2)
    with pytest.raises(ValueError, match="xla='on' does not go with several workers"):
        workers.check(Recipe(xla="on"))
    with pytest.raises(ValueError, match=r"batch_size must be at least .* \(2\).*received 1"):
        workers.check(Recipe(batch_size=1))


def test_statistics_that_would_differ_are_refused(monkeypatch):
    monkeypatch.setattr(replicas, "_count", 2)
    with pytest.raises(ValueError, match="norm is a keras.layers.BatchNormalization, whose"):
        workers.shared_model(small_model())
    layer = kzoo.layers.BatchNormalization(renorm=True, name="norm")
    with pytest.raises(ValueError, match="norm cannot normalise across workers with a mask or ren"):
        layer(np.ones((2, 3), "float32"), training=True)


def test_two_jax_devices_train_as_one_does():
    pytest.importorskip("jax")
    flags = "--xla_force_host_platform_device_count=2"
    command = ["-m", "tests.training.jax_devices"]
    with processes(command, KERAS_BACKEND=["jax"], XLA_FLAGS=[flags]) as [process]:
        output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, output
    assert "workers must be at most the number of JAX devices (2); received 3." in output
    assert "batch_size must be divisible by the number of devices (2); received 15." in output
    assert "['batch', None]" in output  # devices divide 16 rows, and each has 15 whole


def test_a_mirrored_strategy_trains_as_one_device_does():
    with processes(["-m", "tests.training.mirrored"]) as [process]:
        output, _ = process.communicate(timeout=2 * LIMIT)
    assert process.returncode == 0, output
    for name, without in (("accumulate", "1"), ("clip", "None")):
        assert f"{name} must be {without} in a tf.distribute strategy, whose devices" in output
    assert "xla='on' does not go with a tf.distribute strategy" in output
    assert "batch_size must be divisible by the number of devices (2); received 1." in output
    assert "small must be made in the scope of the tf.distribute strategy that trains" in output
