"""Optimisers: what decays, and what wraps them."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from kzoo.training import Recipe
from kzoo.training.optimizers import create_optimizer, decays
from tests.peers import import_timm
from tests.training.small import small_model


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "lamb", "muon"])
def test_with_zero_gradients_only_kernels_shrink(name):
    inputs = keras.Input((6, 8))
    x = keras.layers.Conv1D(8, 3)(inputs)
    model = keras.Model(inputs, small_model()(keras.layers.GlobalMaxPooling1D()(x)))
    for weight in model.weights:
        weight.assign(ops.ones(weight.shape))
    recipe = Recipe(optimizer=name, learning_rate=0.1, weight_decay=0.5, schedule="constant")
    optimizer = create_optimizer(recipe, model, 10)
    gradients = [ops.zeros(weight.shape) for weight in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    for weight in model.weights:
        expected = 0.95 if weight.name == "kernel" else 1.0
        np.testing.assert_allclose(ops.convert_to_numpy(weight), expected, rtol=1e-6)


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_shares_of_the_rate_are_pytorchs_groups(name, clip):
    torch = pytest.importorskip("torch")
    shares = {"hidden": 0.25, "norm": 0.5, "head": 1.0}
    model = small_model()
    weights = model.trainable_variables
    rates = {weight.path: shares[weight.path.split("/")[0]] for weight in weights}
    recipe = Recipe(
        optimizer=name, learning_rate=0.1, weight_decay=0.1, schedule="constant", clip=clip
    )
    optimizer = create_optimizer(recipe, model, 10, rates=rates)
    theirs = [torch.tensor(ops.convert_to_numpy(w), requires_grad=True) for w in weights]
    groups = [
        {"params": [their], "lr": 0.1 * rates[w.path], "weight_decay": 0.1 * decays(w)}
        for w, their in zip(weights, theirs)
    ]
    if name == "adamw":
        reference = torch.optim.AdamW(groups, eps=1e-7)
    else:
        # Its weight decay is an L2 penalty; without momentum that is the same.
        reference = torch.optim.SGD(groups)
        recipe = dataclasses.replace(recipe, momentum=0.0)
        optimizer = create_optimizer(recipe, model, 10, rates=rates)
    for step in range(3):
        gradients = [2 + np.cos(ops.convert_to_numpy(w) + step) for w in weights]
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], weights)
        for their, gradient in zip(theirs, gradients):
            their.grad = torch.tensor(gradient)
        if clip:
            torch.nn.utils.clip_grad_norm_(theirs, clip)
        reference.step()
    for weight, their in zip(weights, theirs):
        found = ops.convert_to_numpy(weight)
        np.testing.assert_allclose(found, their.detach().numpy(), rtol=2e-5, atol=5e-5)


def test_lamb_is_timms():
    import_timm()
    torch = pytest.importorskip("torch")
    from timm.optim import Lamb

    model = small_model()
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(np.random.default_rng(len(weight.shape)).normal(size=weight.shape))
    model.get_layer("hidden").bias.assign(np.zeros(16))
    recipe = Recipe(optimizer="lamb", learning_rate=0.1, weight_decay=0.0, schedule="constant")
    optimizer = create_optimizer(recipe, model, 10)
    theirs = [torch.tensor(ops.convert_to_numpy(w), requires_grad=True) for w in weights]
    # What decays, be it by next to nothing, takes steps as long as it is.
    groups = [
        {"params": [their], "weight_decay": 1e-12 * decays(weight)}
        for weight, their in zip(weights, theirs)
    ]
    reference = Lamb(groups, lr=0.1, eps=1e-7, max_grad_norm=None)
    for step in range(4):
        gradients = [2 + np.cos(ops.convert_to_numpy(w) + step) for w in weights]
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], weights)
        for their, gradient in zip(theirs, gradients):
            their.grad = torch.tensor(gradient)
        reference.step()
    for weight, their in zip(weights, theirs):
        # Keras's Adam adds its epsilon before it corrects the bias.
        np.testing.assert_allclose(
            ops.convert_to_numpy(weight), their.detach().numpy(), rtol=1e-5, atol=5e-6
        )


def test_accumulation_does_not_shorten_the_average():
    model = small_model()
    plain = create_optimizer(Recipe(ema=0.9, schedule="constant"), model, 10)
    halves = create_optimizer(Recipe(ema=0.9, schedule="constant", accumulate=4), model, 10)
    assert halves.ema_momentum**4 == pytest.approx(plain.ema_momentum)


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
