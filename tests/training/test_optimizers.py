"""Optimisers: what decays, and what wraps them."""

import keras
import numpy as np
import pytest
from keras import ops

from kzoo.training import Recipe
from kzoo.training.optimizers import create_optimizer, decays
from tests.training.small import small_model


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_with_zero_gradients_only_kernels_shrink(name):
    model = small_model()
    for weight in model.weights:
        weight.assign(ops.ones(weight.shape))
    recipe = Recipe(optimizer=name, learning_rate=0.1, weight_decay=0.5, schedule="constant")
    optimizer = create_optimizer(recipe, model, 10)
    gradients = [ops.zeros(weight.shape) for weight in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    for weight in model.weights:
        expected = 0.95 if weight.name == "kernel" else 1.0
        np.testing.assert_allclose(ops.convert_to_numpy(weight), expected, rtol=1e-6)


def test_biases_of_locally_connected_layers_do_not_decay():
    import kzoo

    layer = kzoo.layers.LocallyConnected2D(2, 3)
    layer.build((None, 6, 6, 1))
    assert len(layer.bias.shape) > 1
    assert [decays(weight) for weight in layer.trainable_weights] == [True, False]


def test_clip_bounds_the_gradient_of_all_weights_together():
    model = small_model()
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    recipe = Recipe(optimizer="sgd", learning_rate=1.0, momentum=0.0, clip=0.5, schedule="constant")
    gradients = [3 * ops.ones(weight.shape) for weight in model.trainable_variables]
    create_optimizer(recipe, model, 10).apply(gradients, model.trainable_variables)
    steps = [
        ops.convert_to_numpy(weight) - old for weight, old in zip(model.trainable_variables, before)
    ]
    assert np.sqrt(sum(np.sum(step**2) for step in steps)) == pytest.approx(0.5, rel=1e-5)


def test_loss_scale_is_for_float16_alone():
    model = small_model()
    for precision, scaled in [("mixed_float16", True), ("mixed_bfloat16", False)]:
        optimizer = create_optimizer(Recipe(precision=precision), model, 10)
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) is scaled
