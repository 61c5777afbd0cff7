import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.selective_kernel import SelectiveKernel, weighted_sum
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected", "unknown_axes"),
    [
        ({"filters": 4}, (4, 5, 6, 3), (4, 5, 6, 4), (1, 2)),
        (
            {
                "filters": 4,
                "kernel_sizes": (3, 5),
                "strides": 2,
                "groups": 2,
                "ratio": 0.5,
                "divisor": 2,
                "keep_3x3": False,
                "split_input": True,
                "activation": "silu",
                "kernel_initializer": "he_normal",
                "momentum": 0.99,
                "epsilon": 1e-3,
            },
            (4, 5, 6, 4),
            (4, 3, 3, 4),
            (1, 2),
        ),
        (
            {
                "filters": 3,
                "strides": 2,
                "reduced_channels": 2,
                "data_format": "channels_first",
            },
            (4, 3, 5, 6),
            (4, 3, 3, 3),
            (2, 3),
        ),
    ],
)
def test_keras_contract(config, shape, expected, unknown_axes):
    check_layer(
        SelectiveKernel,
        config,
        shape,
        expected_output_shape=expected,
        trainable=10,
        non_trainable=6,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {"split_input": False}),
        ({"split_input": True, "divisor": 16}, {"rd_divisor": 16}),
        (
            {"kernel_sizes": (3, 5, 7), "keep_3x3": False, "reduced_channels": 5},
            {
                "kernel_size": [3, 5, 7],
                "keep_3x3": False,
                "rd_channels": 5,
                "split_input": False,
            },
        ),
    ],
)
def test_timm_gives_the_same(config, options, groups, stride):
    import_timm()
    from timm.layers import SelectiveKernel as Peer

    peer = randomise(Peer(16, 24, stride=stride, groups=groups, **options))
    x = random_maps(2, 7, 8, 16)
    layer = SelectiveKernel(24, strides=stride, groups=groups, **config)
    layer.build(x.shape)
    copy_weights(peer, layer)
    assert_same(layer(x), module_output(peer, x))


def test_training_in_torch_gives_the_same_outputs_and_gradients():
    import_timm()
    import torch
    from timm.layers import SelectiveKernel as Peer

    peer = randomise(Peer(8, 12, split_input=False).double())
    x = random_maps(6, 5, 4, 8).astype("float64")
    layer = SelectiveKernel(12, dtype="float64")
    layer.build(x.shape)
    copy_weights(peer, layer)
    peer.train()
    planes = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
    theirs = peer(planes)
    theirs.square().sum().backward()
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        ours = layer(inputs, training=True)
        loss = tf.reduce_sum(ours**2)
    assert_same(ours, np.moveaxis(theirs.detach().numpy(), 1, -1), 1e-9)
    dx = tape.gradient(loss, inputs)
    assert_same(dx, np.moveaxis(planes.grad.numpy(), 1, -1), 1e-8)


@pytest.mark.filterwarnings("ignore:.*np.object:FutureWarning")  # in tf2onnx
def test_onnx_export_gives_the_same_for_maps_of_unknown_size(tmp_path):
    """A dilated convolution with padding "same" after a split comes out wrong."""
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    x = random_maps(2, 9, 8, 4)
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, SelectiveKernel(4, split_input=True)(inputs))
    expected, path = model(x), str(tmp_path / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    assert_same(y, expected)


def test_equal_scores_average_the_maps():
    maps = [random_maps(2, 3, 4, 5, seed=seed) for seed in range(3)]
    y = weighted_sum(maps, np.ones((2, 15), "float32"))
    assert_same(y, sum(maps) / 3)


def test_one_high_score_selects_one_map_for_that_channel():
    maps = [random_maps(1, 3, 4, 2, seed=seed) for seed in range(2)]
    y = np.asarray(weighted_sum(maps, np.array([[100, 0, 0, 100]], "float32")))
    np.testing.assert_array_equal(y, np.stack([maps[0][..., 0], maps[1][..., 1]], axis=-1))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kernel_sizes": (3,)}, r"kernel_sizes must be at least two odd numbers; received \(3,\)"),
        ({"kernel_sizes": (3, 4)}, "kernel_sizes must be at least two odd numbers"),
        ({"kernel_sizes": (1, 3)}, "kernel_sizes must be at least 3; received 1"),
        ({"groups": 3}, "groups must divide the filters, 8; received 3"),
        ({"kernel_sizes": (3, 7), "strides": 2}, "strides must divide dilation_rate"),
        ({"epsilon": 0}, "epsilon must be positive and finite; received 0"),
    ],
)
def test_refused_arguments(config, message):
    with pytest.raises(ValueError, match=message):
        SelectiveKernel(8, **config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"split_input": True}, "the number of paths must divide the input channels, 9; received"),
        ({"groups": 2}, "groups must divide the input channels of a path, 9; received 2"),
    ],
)
def test_refused_inputs(config, message):
    with pytest.raises(ValueError, match=message):
        SelectiveKernel(8, **config).build((None, 4, 4, 9))
