import keras
import numpy as np
import pytest

from kzoo.layers import ConnectionTableConv2D
from tests.helpers import check_layer

# LeCun et al. (1998), Table I: the maps of S2 (rows) that each of the 16 maps of C3 reads.
C3_TABLE = """
X   XXX  XXXX XX
XX   XXX  XXXX X
XXX   XXX  X XXX
 XXX  XXXX  X XX
  XXX  XXXX XX X
   XXX  XXXX XXX
"""
C3 = [[int(mark == "X") for mark in row.ljust(16)] for row in C3_TABLE.strip("\n").split("\n")]


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({}, (2, 7, 6, 2), (2, 5, 4, 3)),
        (
            {"data_format": "channels_first", "strides": 2, "padding": "same", "use_bias": False},
            (2, 2, 7, 6),
            (2, 3, 4, 3),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        ConnectionTableConv2D,
        {"kernel_size": 3, "table": [[1, 0, 1], [0, 1, 1]], **config},
        shape,
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        unknown_axes=(2, 3) if config else (1, 2),
        finite_differences=True,
    )


def test_table_of_lenet5():
    layer = ConnectionTableConv2D(5, np.array(C3))
    layer.build((None, 14, 14, 6))
    assert np.sum(C3) == 60
    assert layer.count_params() == 1516
    assert layer.compute_output_shape((None, 14, 14, 6)) == (None, 10, 10, 16)


def test_full_table_is_a_convolution():
    layer = ConnectionTableConv2D(3, np.ones((3, 4)), dilation_rate=2)
    conv = keras.layers.Conv2D(4, 3, dilation_rate=2)
    x = random_maps(2, 9, 8, 3)
    layer.build(x.shape)
    conv.build(x.shape)
    layer.set_kernel(np.asarray(conv.kernel))
    np.testing.assert_array_equal(layer.get_kernel(), np.asarray(conv.kernel))
    np.testing.assert_array_equal(np.asarray(layer(x)), np.asarray(conv(x)))


def test_block_diagonal_table_is_a_grouped_convolution():
    torch = pytest.importorskip("torch")
    peer = torch.nn.Conv2d(4, 6, 3, groups=2)
    grouped = peer.weight.detach().numpy()
    kernel = np.zeros((3, 3, 4, 6), "float32")
    for group in (0, 1):
        inputs, outputs = slice(2 * group, 2 * group + 2), slice(3 * group, 3 * group + 3)
        kernel[:, :, inputs, outputs] = grouped[outputs].transpose(2, 3, 1, 0)
    layer = ConnectionTableConv2D(3, np.kron(np.eye(2), np.ones((2, 3))))
    x = random_maps(2, 7, 8, 4)
    layer.build(x.shape)
    layer.set_kernel(kernel)
    layer.bias.assign(peer.bias.detach().numpy())
    with torch.no_grad():
        expected = peer(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=0, atol=2e-6)


def test_initial_variance_follows_the_number_of_links():
    table = np.zeros((32, 64))
    table[:4, :32] = 1
    table[:, 32:] = 1
    layer = ConnectionTableConv2D(5, table, kernel_initializer=keras.initializers.HeNormal(seed=1))
    layer.build((None, 9, 9, 32))
    kernel = layer.get_kernel()
    np.testing.assert_allclose(kernel[:, :, :4, :32].var(), 2 / (25 * 4), rtol=0.1)
    np.testing.assert_allclose(kernel[:, :, :, 32:].var(), 2 / (25 * 32), rtol=0.1)
    assert np.all(kernel[:, :, 4:, :32] == 0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[1, 0], [1]], "table must be rows of 0 and 1, all of one length"),
        ([1, 0], r"one row per input map and one column .* shape \(2,\)"),
        ([[1, 2]], r"table must hold only 0 and 1; received \[\[1, 2\]\]"),
        ([[1, 0, 0], [1, 1, 0]], r"columns without one: \[2\]"),
    ],
)
def test_refused_tables(table, message):
    with pytest.raises(ValueError, match=message):
        ConnectionTableConv2D(3, table)


def test_refused_inputs_and_kernels():
    layer = ConnectionTableConv2D(3, [[1, 0], [1, 1]])
    with pytest.raises(ValueError, match="table has 2 rows, one per input channel; .* 3 channels"):
        layer.build((None, 9, 9, 3))
    layer.build((None, 9, 9, 2))
    with pytest.raises(ValueError, match="must be 0 where table has no link"):
        layer.set_kernel(np.ones((3, 3, 2, 2)))
    with pytest.raises(ValueError, match=r"has shape \(3, 3, 2, 2\); received .* \(3, 3, 2\)"):
        layer.set_kernel(np.ones((3, 3, 2)))
