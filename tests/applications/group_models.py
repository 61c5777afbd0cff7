"""What the tests of the group-equivariant families share."""

import keras
import numpy as np
import scipy.ndimage

import kzoo


def randomise_norms(model, seed=0):
    """Give every batch normalisation weights and statistics as training would leave them."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            gamma, variance = rng.uniform(0.5, 1.5, shape), rng.uniform(0.5, 2, shape)
            beta, mean = rng.normal(0, 0.2, shape), rng.normal(0, 0.2, shape)
            layer.set_weights([gamma, beta, mean, variance])


def build(name, **options):
    """Build a model that gives logits, with norms as training would leave them."""
    model = kzoo.create_model(name, classifier_activation=None, **options)
    randomise_norms(model)
    return model


def images(height, width, channels, batch=2):
    shape = (batch, height, width, channels)
    return np.random.default_rng(1).uniform(0, 255, shape).astype("float32")


def change(model, inputs, transform):
    """Return the largest change of a logit under a transform, relative to the largest logit."""
    logits = np.asarray(model(inputs))
    return np.abs(np.asarray(model(transform(inputs))) - logits).max() / np.abs(logits).max()


def rotation(quarters):
    return lambda x: np.rot90(x, quarters, axes=(1, 2))


def flip(x):
    return x[:, :, ::-1]


def rotation_by_45(x):
    return scipy.ndimage.rotate(x, 45, axes=(2, 1), reshape=False, order=1)
