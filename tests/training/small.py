"""A small classifier and small data that it can learn."""

import keras
import numpy as np


def small_model(dropout=0.3, classifier_activation="softmax", classes=3):
    """Return a network with normalisation and dropout, on vectors of 8 numbers."""
    x = inputs = keras.Input((8,), name="signal")
    x = keras.layers.Dense(16, name="hidden")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Dropout(dropout, name="drop")(x)
    x = keras.layers.Dense(classes, dtype="float32", name="head")(x)
    if classifier_activation is not None:
        x = keras.layers.Activation(classifier_activation, dtype="float32", name="predictions")(x)
    return keras.Model(inputs, x, name="small")


def small_data(examples=96, seed=0):
    """Return three well separated clouds, `x` (examples, 8) and `y` (examples,)."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, examples)
    centres = np.eye(3, 8) * 3
    return (centres[y] + random.normal(size=(examples, 8))).astype("float32"), y
