"""A training whose batches are made elsewhere is the one whose batches are not."""

import pytest

from kzoo.data import DataServiceError
from kzoo.training import Run, serve_data, train
from kzoo.training.local_workers import free_ports
from kzoo.training.recorder import Recorder
from tests.training.processes import LIMIT, ROOT, processes, wait_for

RECIPE = {"epochs": 8, "batch_size": 50, "augment": ("crop=1",), "seed": 4}
COMMAND = [ROOT / "kzoo_command.py", "train", "lenet5", "--data", "digits", "--epochs", "8"]
COMMAND += ["--batch-size", "50", "--augment", "crop=1", "--seed", "4"]


def trained(folder, **arguments):
    arguments = {"recipe": RECIPE, "verbose": 0, "say": lambda line: None} | arguments
    return train("lenet5", "digits", output=folder, **arguments)


def digest(run):
    return [weight.tobytes() for weight in run.model().get_weights()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone") / "run")


@pytest.fixture
def address():
    return f"localhost:{free_ports(1)[0]}"


class EndOfTraining(KeyboardInterrupt):
    """Ends a server."""


def test_weights_are_those_of_one_process(alone, tmp_path, address):
    lines = []

    def once_ready(line):
        lines.append(line)
        trained(tmp_path / "run", data_service=[address])
        raise EndOfTraining

    with pytest.raises(EndOfTraining):
        serve_data("lenet5", "digits", 0, data_service=[address], recipe=RECIPE, say=once_ready)
    assert digest(Run.open(tmp_path / "run")) == digest(alone)
    assert lines == [f"batches for 1 worker of lenet5 are served at {address}; Ctrl-C ends it"]


def test_a_server_that_dies_leaves_a_run_to_resume(alone, tmp_path, address, monkeypatch):
    ended = Recorder.on_epoch_end

    def end_server(self, epoch, logs=None):
        ended(self, epoch, logs)
        if epoch == 1:
            server.kill()

    monkeypatch.setattr(Recorder, "on_epoch_end", end_server)
    monkeypatch.setattr("kzoo.training.recorder._CHECKPOINT_EVERY", 0)
    with processes([*COMMAND, "--data-service", address, "--serve-data", "0"]) as [server]:
        message = f"the server of batches at {address} has ended .* the training with --resume"
        with pytest.raises(DataServiceError, match=message):
            trained(tmp_path / "run", data_service=[address])
    assert not (tmp_path / "run" / "model.keras").exists()
    resumed = trained(tmp_path / "run", resume=True)
    assert digest(resumed) == digest(alone)


@pytest.mark.full
def test_two_workers_and_two_servers(tmp_path):
    """Workers draw other random numbers: their augmentation is left out."""
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    command = [*COMMAND, "--augment", "", "--workers", "2", "--data-service", ",".join(addresses)]
    command += ["--output", tmp_path / "together"]
    servers = [[*command, "--serve-data", place] for place in range(2)]
    with processes(command, *servers) as [chief, *_]:
        wait_for(lambda: chief.poll() is not None)
        output, _ = chief.communicate(timeout=LIMIT)
    assert chief.returncode == 0, output
    alone = trained(tmp_path / "alone", recipe=RECIPE | {"augment": ()})
    together = Run.open(tmp_path / "together")
    for one, other in zip(alone.model().get_weights(), together.model().get_weights()):
        assert abs(one - other).max() < 1e-4
