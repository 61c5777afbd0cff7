"""Half-precision files: what is kept, and what is refused."""

import numpy as np
import pytest

import kzoo
from kzoo.weights.half_precision import read_half_precision, write_half_precision

SMALL = {"input_shape": (16, 16, 3), "classes": 3}


def randomised(name, **options):
    """Return a model whose every weight is random; variances are tiny."""
    model = kzoo.create_model(name, **options)
    random = np.random.default_rng(0)
    for weight in model.weights:
        values = random.normal(0, 0.1, weight.shape)
        weight.assign(1e-8 + values**2 if weight.path.endswith("moving_variance") else values)
    return model


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet20_cifar", SMALL),
        ("resnet20_cifar", SMALL | {"conv": "tiled"}),
        ("p4cnn", {"input_shape": (28, 28, 1), "classes": 3}),
        ("mnist1d_resnet", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_kernels_are_rounded_to_half_precision_and_vectors_are_kept(name, options, tmp_path):
    old = randomised(name, **options)
    path = write_half_precision(old, tmp_path / "weights.npz")
    new = kzoo.create_model(name, weights=str(path), **options)
    for one, other in zip(old.weights, new.weights, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        expected = one.astype("float16").astype("float32") if one.ndim > 1 else one
        np.testing.assert_array_equal(other, expected)
    assert path.stat().st_size < 2.4 * old.count_params() + 400 * len(old.weights)


def test_a_new_head_and_another_model(tmp_path):
    path = write_half_precision(kzoo.create_model("resnet20_cifar", **SMALL), tmp_path / "w.npz")
    with pytest.warns(UserWarning, match="kept the initial values of fc/0, fc/1"):
        kzoo.create_model("resnet20_cifar", weights=path, input_shape=(16, 16, 3), classes=4)
    with pytest.raises(kzoo.weights.WeightsError, match="w.npz does not fit resnet32_cifar: missi"):
        kzoo.create_model("resnet32_cifar", weights=path, **SMALL)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("good") / "good.npz"
    return write_half_precision(kzoo.create_model("mnist1d_resnet"), path).read_bytes()


@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.999])
def test_a_damaged_file_is_refused(content, where, tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(content[: int(where * len(content))])
    with pytest.raises(kzoo.weights.WeightsError, match="bad.npz is damaged or no NumPy archive"):
        read_half_precision(path)


def test_a_changed_byte_is_refused(content, tmp_path):
    path = tmp_path / "bad.npz"
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    with pytest.raises(kzoo.weights.WeightsError, match="bad.npz is damaged or no NumPy archive"):
        kzoo.create_model("mnist1d_resnet", weights=path)


def test_other_archives_and_no_file_are_refused(tmp_path):
    np.savez(tmp_path / "data.npz", format=np.array("kzoo data 1"))
    np.savez(tmp_path / "plain.npz", x=np.zeros(3))
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    for name, found in (("data", "kzoo data 1"), ("plain", "another")):
        message = f"{name}.npz holds no weights: its format is {found}, and kzoo weights 1 is read"
        with pytest.raises(ValueError, match=message):
            read_half_precision(tmp_path / f"{name}.npz")
    with pytest.raises(kzoo.weights.WeightsError, match="one.npz is damaged or no NumPy archive"):
        read_half_precision(tmp_path / "one.npz")
    with pytest.raises(FileNotFoundError, match="there is no weights file .*no.npz"):
        read_half_precision(tmp_path / "no.npz")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "conv1/0 has a value that is not finite: train again"),
        (1e5, "conv1/0 has a value of 100000, and half precision ends at 65504: keep these"),
    ],
)
def test_weights_that_half_precision_cannot_hold_are_refused(value, message, tmp_path):
    model = kzoo.create_model("mnist1d_resnet")
    kernel = model.get_layer("conv1").kernel
    kernel.assign(np.full(kernel.shape, value))
    with pytest.raises(kzoo.weights.WeightsError, match=message):
        write_half_precision(model, tmp_path / "w.npz")
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(tmp_path):
    model = kzoo.create_model("mnist1d_resnet")
    with pytest.raises(ValueError, match="half-precision weights go to a file in .npz; received"):
        write_half_precision(model, tmp_path / "w.safetensors")
