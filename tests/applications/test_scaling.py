"""Width and depth as options of the builders."""

import dataclasses
import math

import keras
import numpy as np
import pytest

import kzoo
from kzoo.analysis import count_parameters
from kzoo.applications._scaling import scale_blocks, scale_channels, scale_row
from kzoo.registry import find_family
from kzoo.weights.half_precision import write_half_precision
from tests.applications.published import PARAMETERS, SMALLEST
from tests.check_application import build_small
from tests.peers import count_counterpart

RULES = {"width": scale_channels, "depth": scale_blocks}
# Of these the default suite builds scaled networks, of the others the sweep.
QUICK = {
    "all_cnn_c",
    "darknet17",
    "lenet5",
    "maxout_mnist",
    "mnist1d_resnet",
    "nin_cifar",
    "p4cnn",
    "resnet18",
    "resnet20_cifar",
    "tiled_cnn",
    "udl_conv1d",
    "udl_dense",
}


def scalable(names):
    for name in names:
        family = find_family(name)
        if family.width or family.depth:
            yield pytest.param(name, marks=[] if name in QUICK else [pytest.mark.full])


@pytest.mark.parametrize("width", [0.1, 0.35, 0.5, 0.75, 1.0, 1.3, 2.0, 2.75])
def test_channels_are_the_nearest_multiple_of_what_they_share_with_8(width):
    for channels in (*range(1, 70), 728, 1280):
        step = math.gcd(channels, 8)
        scaled = scale_channels(channels, width)
        nearest = min(abs(n * step - channels * width) for n in range(1, 600))
        assert scaled % step == 0
        assert abs(scaled - channels * width) == pytest.approx(nearest)


def test_filters_with_a_plane_for_each_element_of_a_group_go_in_finer_steps():
    filters = {
        name: [kzoo.create_model(name, width=0.25).get_layer(f"l{n}.conv").filters for n in (1, 4)]
        for name in ("z2_all_cnn_c", "p4_all_cnn_c", "p4m_all_cnn_c")
    }
    assert filters == {
        "z2_all_cnn_c": [24, 48],
        "p4_all_cnn_c": [12, 24],
        "p4m_all_cnn_c": [8, 16],
    }


def test_blocks_are_the_nearest_number_and_at_least_one():
    blocks = [scale_blocks(n, depth) for n in (1, 2, 3, 10) for depth in (0.1, 0.5, 1.3, 2)]
    assert blocks == [1, 1, 1, 2, 1, 1, 3, 4, 1, 2, 4, 6, 1, 5, 13, 20]


@dataclasses.dataclass(frozen=True)
class Inner:
    channels: int | None
    pairs: tuple = ((16, 3), (32, 5))


@dataclasses.dataclass(frozen=True)
class Outer:
    rows: tuple = (Inner(15), Inner(64), Inner(None))
    inner: Inner = Inner(8)
    nested: tuple = ((8, (16, 24)), 0)
    factor: float = 0.75
    factors: tuple = (1.0, 1.5)


def test_paths_lead_through_dataclasses_and_tuples():
    paths = ("rows.channels", "inner.pairs[0]", "nested", "factor", "factors")
    scaled = scale_row(Outer(), paths, 2.0, scale_channels)
    assert scaled == Outer(
        rows=(Inner(30), Inner(128), Inner(None)),
        inner=Inner(8, pairs=((32, 3), (64, 5))),
        nested=((16, (32, 48)), 0),
        factor=1.5,
        factors=(2.0, 3.0),
    )
    rows = scale_row((Inner(8), Inner(16)), ("channels", "pairs[1]"), 2.0, scale_blocks)
    assert rows == (Inner(16, ((16, 6), (32, 10))), Inner(32, ((16, 6), (32, 10))))


@pytest.mark.parametrize("family", kzoo.registry.families(), ids=lambda family: family.name)
def test_every_path_scales_a_row_and_a_factor_of_one_changes_none(family):
    rows = family.variants.values()
    for option in RULES:
        paths = getattr(family, option)
        assert all(scale_row(row, paths, 1.0, RULES[option]) is row for row in rows)
        for path in paths:
            assert any(scale_row(row, (path,), 4.0, RULES[option]) != row for row in rows), path


@pytest.mark.parametrize("name", list(scalable(SMALLEST)))
def test_networks_grow_with_width_and_depth(name):
    family = find_family(name)
    own = count_parameters(build_small(name))
    for option, factors in (("width", (0.5, 1.5)), ("depth", (0.5, 2))):
        if not getattr(family, option):
            continue
        counts = []
        for factor in factors:
            model = build_small(name, **{option: factor})
            outputs = np.asarray(model(np.ones((2, *model.input_shape[1:]), "float32")))
            assert outputs.shape == (2, 5)
            assert np.all(np.isfinite(outputs))
            counts.append(count_parameters(model))
        # One block of a kind is the least there is, and some networks have no more.
        assert counts[0] < own or option == "depth" and counts[0] == own
        assert own < counts[1]


# Pairs of published networks of which the second is the first at a width and a depth.
LAWS = [
    ("lcnet_100", {"width": 0.5}, "lcnet_050"),
    ("mobilenetv2_100", {"width": 0.5}, "mobilenetv2_050"),
    ("mobilenetv2_100", {"width": 1.4}, "mobilenetv2_140"),
    ("resnet26t", {"depth": 0.5}, "resnet14t"),
    ("resnet20_cifar", {"depth": 3}, "resnet56_cifar"),
    ("convnext_pico", {"width": 0.75}, "convnext_femto"),
]
SLOW_LAWS = [
    ("convnext_small", {"width": 4 / 3}, "convnext_base"),
    ("convnextv2_base", {"width": 1.5}, "convnextv2_large"),
    ("densenet_bc_100_12_cifar", {"width": 2, "depth": 41 / 16}, "densenet_bc_250_24_cifar"),
    ("efficientnet_b0", {"width": 1.1, "depth": 1.2}, "efficientnet_b2"),
    ("efficientnet_lite0", {"width": 1.2, "depth": 1.4}, "efficientnet_lite3"),
    ("ghostnet_100", {"width": 0.5}, "ghostnet_050"),
    ("hrnet_w18", {"width": 5 / 3}, "hrnet_w30"),
    ("mixnet_m", {"width": 1.6, "depth": 1.2}, "mixnet_xl"),
    ("mnasnet_100", {"width": 0.75}, "mnasnet_075"),
    ("mobilenetv3_large_100", {"width": 1.5, "depth": 1.2}, "mobilenetv3_large_150d"),
    ("resnetv2_50x1_bit", {"width": 3}, "resnetv2_50x3_bit"),
    ("wrn16_8_cifar", {"width": 1.25, "depth": 2}, "wrn28_10_cifar"),
]


@pytest.mark.parametrize(
    ("name", "options", "other"),
    [*LAWS, *(pytest.param(*law, marks=pytest.mark.full) for law in SLOW_LAWS)],
)
def test_a_published_network_at_a_width_and_a_depth_is_another(name, options, other):
    published = PARAMETERS.get(other) or count_counterpart(other)[0]
    assert count_parameters(kzoo.create_model(name, **options)) == published


def test_vgg11_of_twice_the_depth_is_vgg19():
    model = kzoo.create_model("vgg11", depth=2, include_top=False, input_shape=(32, 32, 3))
    # https://keras.io/api/applications/vgg: VGG19 without the top.
    assert count_parameters(model) == 20_024_384


def test_scaled_networks_are_saved(tmp_path):
    model = kzoo.create_model("resnet20_cifar", width=0.5, depth=0.7, conv="tiled=3")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(loaded(images)), np.asarray(model(images)))


def test_pruned_stages_repeat_their_last_block():
    model = build_small("ecaresnet50d_pruned", depth=2)
    widths = [model.get_layer(f"layer1.{index}.conv1").filters for index in range(6)]
    assert widths == [47, 52, 64, 64, 64, 64]


def test_options_are_those_of_the_signature_and_the_docstring():
    builder = kzoo.applications.ResNet50
    assert list(builder.__signature__.parameters)[-2:] == ["width", "depth"]
    assert "width=1.0: factor of the numbers of channels." in builder.__doc__
    assert "depth" not in kzoo.applications.LeNet5.__signature__.parameters
    assert not {"width", "depth"} & set(kzoo.applications.InceptionV3.__signature__.parameters)


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        ("lenet5", {"width": 0}, ValueError, "width must be positive and finite; received 0"),
        ("lenet5", {"width": float("nan")}, ValueError, "width must be positive and finite"),
        ("lenet5", {"width": "0.5"}, TypeError, "width must be a number; received '0.5'"),
        ("lenet5", {"width": True}, TypeError, "width must be a number; received True"),
        ("resnet18", {"depth": -1}, ValueError, "depth must be positive .* received -1"),
        ("lenet5", {"depth": 2}, TypeError, r"unexpected keyword argument 'depth'"),
        ("keras_resnet50", {"width": 2}, TypeError, r"unexpected keyword argument 'width'"),
        (
            "lenet5",
            {"width": 2, "weights": "mnist"},
            ValueError,
            "the weights mnist are those of width=1; received width=2, leave width out",
        ),
        (
            "resnet18",
            {"depth": 0.5, "weights": "a1_in1k"},
            ValueError,
            "the weights a1_in1k are those of depth=1; received depth=0.5",
        ),
        (
            "lenet5",
            {"width": 2, "connections": "paper"},
            ValueError,
            r"a table of \(6, 16\) maps and the width makes it \(12, 32\)",
        ),
    ],
)
def test_bad_factors_are_refused(name, options, error, match):
    with pytest.raises(error, match=match):
        kzoo.create_model(name, **options)


def test_a_file_holds_weights_of_any_width(tmp_path):
    half = kzoo.create_model("lenet5", width=0.5)
    path = write_half_precision(half, tmp_path / "half.npz")
    loaded = kzoo.create_model("lenet5", width=0.5, weights=path)
    for new, old in zip(loaded.weights, half.weights, strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-3, atol=1e-7)
    with pytest.raises(kzoo.weights.WeightsError, match="half.npz does not fit lenet5"):
        kzoo.create_model("lenet5", weights=path)
