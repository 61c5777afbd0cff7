"""Every model, driven from the list: what the published networks have, and what every one does."""

import functools

import numpy as np
import pytest

import kzoo
from kzoo import layers
from kzoo.registry import find_family
from tests.applications.published import PARAMETERS, REPLACED, SMALLEST
from tests.check_application import build_small, check_application
from tests.peers import (
    count_counterpart,
    count_counterpart_multiply_adds,
    find_counterpart,
)


@functools.cache
def published_parameters(name):
    """Return the counterpart's number of parameters, the printed one, or both if they agree."""
    counts = {PARAMETERS[name]} if name in PARAMETERS else set()
    if find_counterpart(name):
        counts.add(count_counterpart(name)[0])
    assert len(counts) == 1, f"{name}: no published number of parameters, or two, {counts}"
    return counts.pop()


def check_multiply_adds(name, counted):
    """Hold the multiply-adds to those that PyTorch counts in a counterpart."""
    if find_counterpart(name) in ("timm", "torchvision"):
        size = find_family(name).shape_of(name)[0]
        expected = count_counterpart_multiply_adds(name, size)
        # A convolution averages there, and no pooling, which counts for nothing.
        assert counted == pytest.approx(expected, rel=3e-4 if name == "nasnetalarge" else 0, abs=0)


def test_the_default_suite_has_a_model_of_each_family():
    families = {find_family(name).name for name in SMALLEST}
    assert families == {family.name for family in kzoo.registry.families()}


# Each is built five times there, which takes these forty seconds; in every run of the tests, their
# parity holds them.
SLOW_TO_BUILD = {"ghostnetv3_050", "inception_resnet_v2", "nasnetalarge", "pnasnet5large"}


@pytest.mark.parametrize("name", [name for name in SMALLEST if name not in SLOW_TO_BUILD])
def test_smallest_of_each_family(name, record):
    parameters = published_parameters(name)
    multiply_adds = check_application(name, parameters, thorough=False)
    check_multiply_adds(name, multiply_adds)
    record(model=name, parameters=parameters, multiply_adds=multiply_adds)


@pytest.mark.full
@pytest.mark.parametrize("name", kzoo.list_models())
def test_every_model(name, record):
    parameters = published_parameters(name)
    multiply_adds = check_application(name, parameters)
    check_multiply_adds(name, multiply_adds)
    record(model=name, parameters=parameters, multiply_adds=multiply_adds)


KINDS = {
    "tiled": (layers.TiledConv1D, layers.TiledConv2D),
    "locally_connected": (layers.LocallyConnected1D, layers.LocallyConnected2D),
}


def takes_conv(name):
    family = find_family(name)
    return family.plain_variants is None or name in family.plain_variants


@pytest.mark.parametrize("name", list(filter(takes_conv, SMALLEST)))
def test_tiled_replaces_every_larger_kernel(name):
    check_conv(name, "tiled")


@pytest.mark.parametrize("conv", ["locally_connected", "gabor"])
@pytest.mark.parametrize("name", ["all_cnn_c", "lenet5", "resnet18", "udl_conv1d"])
def test_other_kinds_replace_every_larger_kernel(name, conv):
    check_conv(name, conv)


@pytest.mark.full
@pytest.mark.parametrize("conv", ["tiled", "locally_connected", "gabor"])
@pytest.mark.parametrize("name", list(filter(takes_conv, kzoo.list_models())))
def test_conv_replaces_every_larger_kernel_of_every_model(name, conv, record):
    record(model=name, conv=conv, replaced=check_conv(name, conv))


def check_conv(name, conv):
    """Count the layers that `conv` replaced, of the published number; returns it, or a refusal."""
    replaced = REPLACED[name] if name in REPLACED else count_counterpart(name)[1]
    try:
        model = build_small(name, conv=conv)
    except ValueError as refusal:
        if conv == "locally_connected" and "max_weights" in str(refusal):
            return "refused: too many weights"
        raise
    if conv == "gabor":
        found = [
            layer
            for layer in model.layers
            if type(getattr(layer, "kernel_initializer", None)).__name__ == "Gabor"
        ]
    else:
        found = [layer for layer in model.layers if isinstance(layer, KINDS[conv])]
    assert len(found) == replaced
    outputs = np.asarray(model(np.ones((2, *model.input_shape[1:]), "float32")))
    assert outputs.shape == (2, 5)
    assert np.all(np.isfinite(outputs))
    return replaced
