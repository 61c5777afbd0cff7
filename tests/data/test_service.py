"""Batches that come through tf.data service are those that the pipeline makes itself."""

import contextlib
import dataclasses
import gc
import itertools

import numpy as np
import pytest

from kzoo.data import (
    ArraySource,
    DataServiceError,
    Pipeline,
    ServedPipeline,
    open_source,
    service,
    serving,
)
from kzoo.data.failures import raised_as_they_were
from kzoo.training.local_workers import free_ports


@pytest.fixture(scope="module")
def pipeline():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50, 8, 8, 3)).astype("uint8")
    source = ArraySource({"train": (images, random.integers(0, 4, 50))})
    return Pipeline(source, batch_size=16, augment=("crop=2", "flip"), mixup=0.2, seed=5)


def addresses(count):
    return tuple(f"localhost:{port}" for port in free_ports(count))


@pytest.fixture(scope="module", params=[1, 3])
def served(request, pipeline):
    """The pipeline, while one or three servers make its batches for two workers."""
    served = ServedPipeline.of(pipeline, addresses(request.param))
    with contextlib.ExitStack() as stack:
        for place in range(request.param):
            stack.enter_context(serving(served, place, epochs=4, workers=2))
        yield served
        gc.collect()  # ends what reads ahead, while there is something to read


@pytest.mark.parametrize("shard", [(0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize(("first_epoch", "first_step"), [(0, 0), (3, 0), (3, 2)])
def test_batches_are_those_of_the_pipeline(pipeline, served, first_epoch, first_step, shard):
    pipeline = dataclasses.replace(pipeline, shard=shard)
    served = dataclasses.replace(served, shard=shard)
    stream = served.stream(first_epoch, first_step)
    assert stream.element_spec == pipeline.stream().element_spec
    steps = itertools.product(range(first_epoch, first_epoch + 3), range(pipeline.steps))
    steps = itertools.islice(steps, first_step, None)
    for (epoch, step), got in zip(steps, stream.as_numpy_iterator()):
        for part, expected in zip(got, pipeline.batch(epoch, step), strict=True):
            np.testing.assert_array_equal(part, expected)


def test_a_second_iteration_begins_again(served):
    stream = served.stream()
    first, again = (list(stream.take(2).as_numpy_iterator()) for _ in range(2))
    np.testing.assert_array_equal(first[1][0], again[1][0])


@pytest.mark.parametrize(
    "change", [{"seed": 6}, {"batch_size": 10}, {"augment": ("flip",)}, {"shard": (0, 4)}]
)
def test_a_server_of_other_batches_is_refused(served, monkeypatch, change):
    monkeypatch.setattr(service, "_PATIENCE", 0)
    other = dataclasses.replace(served, **change)
    with pytest.raises(DataServiceError, match="the server at localhost:.* makes other batches"):
        other.stream()


def test_later_image_sizes_count(pipeline):
    first, other = (
        ServedPipeline.of(dataclasses.replace(pipeline, sizes=sizes), ("a:1",))
        for sizes in (lambda epoch: 8 + epoch // 50, lambda epoch: 8 + epoch // 60)
    )
    assert first.identity(0, 0) == first.identity(0, 0) != other.identity(0, 0)


def test_other_files_count(image_folder):
    folder = image_folder({"train/a": 4, "train/b": 4})

    def identity():
        return ServedPipeline.of(Pipeline(open_source(folder)), ("a:1",)).identity(0, 0)

    before = identity()
    assert identity() == before
    (folder / "train" / "a" / "000.png").rename(folder / "train" / "a" / "999.png")
    assert identity() != before


def test_no_server_is_refused(pipeline, monkeypatch):
    monkeypatch.setattr(service, "_PATIENCE", 0)
    with pytest.raises(DataServiceError, match="there is no server of batches at localhost:"):
        ServedPipeline.of(pipeline, addresses(1)).stream()


def test_a_batch_that_cannot_be_made_is_told(pipeline, monkeypatch):
    def broken(*arguments):
        raise OSError("3.jpg is truncated")

    served = ServedPipeline.of(pipeline, addresses(1))
    monkeypatch.setattr(Pipeline, "batch", broken)
    message = "at localhost:.* could not make a batch .*3.jpg is truncated.*--resume"
    with (
        serving(served, 0, epochs=1),
        pytest.raises(DataServiceError, match=message),
        raised_as_they_were(),
    ):
        next(iter(served.stream()))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("a:1", TypeError, "data_service must be a sequence of addresses .* received 'a:1'"),
        ((), TypeError, r"data_service must be a sequence of addresses .* received \(\)"),
        (("a",), ValueError, "data_service must be 'host:port'; received 'a'"),
        (("a:1", "http://b:2"), ValueError, "data_service must be 'host:port'; received 'http"),
    ],
)
def test_addresses_that_cannot_be_are_refused(pipeline, given, error, message):
    with pytest.raises(error, match=message):
        ServedPipeline.of(pipeline, given)


@pytest.mark.parametrize(
    ("place", "workers", "error", "message"),
    [
        (3, 1, ValueError, r"serve_data must be below the number .* \(\d\); received 3"),
        (-1, 1, ValueError, "serve_data must be at least 0; received -1"),
        (0, 0, ValueError, "workers must be at least 1; received 0"),
        (0, 1, DataServiceError, "something listens at localhost:.* already; give another port"),
    ],
)
def test_servers_that_cannot_be_are_refused(served, place, workers, error, message):
    with pytest.raises(error, match=message), serving(served, place, 1, workers):
        pass


def test_the_address_of_another_machine_is_refused(pipeline):
    # 192.0.2.0/24 is for documentation: it leads nowhere.
    port = addresses(1)[0].rpartition(":")[2]
    served = ServedPipeline.of(pipeline, (f"192.0.2.1:{port}",))
    message = f"192.0.2.1:{port} does not lead to this process; give serve_data=0 where it does"
    with pytest.raises(DataServiceError, match=message), serving(served, 0, epochs=1):
        pass


def test_it_needs_tensorflow(pipeline, monkeypatch):
    monkeypatch.setattr(service.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="data_service needs TensorFlow, which is not installed"):
        ServedPipeline.of(pipeline, ("a:1",))
