"""Batch normalisation, held to Keras's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers import BatchNormalization
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({}, (4, 5, 6, 3), (1, 2)),
        ({"momentum": 0.9, "epsilon": 1e-5, "scale": False}, (4, 5, 6, 3), ()),
        ({"center": False}, (4, 7, 3), (1,)),
        ({"axis": 1}, (4, 3, 5, 6), (2, 3)),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    check_layer(
        BatchNormalization,
        config,
        shape,
        expected_output_shape=shape,
        trainable=2 - ("scale" in config) - ("center" in config),
        non_trainable=2,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


def run(layer_class, config, x, training, trainable=True, **options):
    """Return outputs, moved statistics and gradients of a layer with random weights."""
    layer = layer_class(**config)
    layer.build(x.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    layer.trainable = trainable
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training, **options)
        loss = tf.reduce_sum(tf.sin(3 * y))
    gradients = tape.gradient(loss, [x, *(w.value for w in layer.trainable_weights)])
    return [np.asarray(value) for value in (y, *layer.non_trainable_weights, *gradients)]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("config", "shape", "options"),
    [
        ({}, (4, 5, 6, 3), {}),
        ({"momentum": 0.9, "epsilon": 1e-5}, (1, 1, 1, 3), {}),
        ({"scale": False}, (2, 5, 6, 7), {}),
        ({"center": False, "axis": 3}, (2, 5, 6, 7), {}),
        ({}, (6, 3), {}),
        ({}, (4, 7, 3), {}),
        ({}, (2, 5, 5, 4, 3), {}),
        ({"axis": 1}, (4, 3, 5, 6), {}),
        ({"renorm": True}, (4, 5, 6, 3), {}),
        ({"dtype": "float64"}, (4, 5, 6, 3), {}),
        ({"dtype": "mixed_bfloat16"}, (4, 5, 6, 3), {}),
        ({}, (2, 4, 3), {"mask": [[True, False, True, True], [True, True, True, False]]}),
        ({}, (4, 5, 6, 3), {"trainable": False}),
    ],
)
def test_results_are_kerass(config, shape, options, training):
    x = np.random.default_rng(0).normal(2, 3, shape).astype("float32")
    if "mask" in options:
        options = {"mask": tf.constant(options["mask"])}
    ours = run(BatchNormalization, config, x, training, **options)
    # Keras's own rounding in float32 is larger than the kernel's.
    exact = config if "dtype" in config else {**config, "dtype": "float64"}
    theirs = run(keras.layers.BatchNormalization, exact, x, training, **options)
    for mine, wanted in zip(ours, theirs, strict=True):
        summed = x.size / wanted.size
        atol = 1e-5 * np.abs(wanted).max() + 1e-6 * summed
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=atol)


def test_a_convolution_and_its_normalisation_are_one_operation_in_inference():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    model = keras.Model(image, keras.layers.ReLU()(BatchNormalization()(x)))
    infer = tf.function(lambda x: model(x, training=False))
    kinds = {
        node.op
        for node in infer.get_concrete_function(tf.zeros((1, 8, 8, 3))).graph.as_graph_def().node
    }
    assert "FusedBatchNormV3" in kinds
    assert not kinds & {"Rsqrt", "Mul"}
