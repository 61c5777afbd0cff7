"""What a device is asked to do at once."""

import keras

from kzoo.training.devices import steps_per_call
from tests.analysis.test_counting import Mixing


def test_steps_run_together_where_they_are_known_to_be_small():
    x = keras.Input((4,))
    small = keras.Model(x, keras.layers.Dense(3)(x))
    assert steps_per_call(small, batch_size=1, steps=6) == 6
    wide = keras.Input((None, 4))
    assert steps_per_call(keras.Model(wide, keras.layers.Dense(3)(wide)), 1, 6) == 1
    unknown = keras.Model(x, Mixing()(x))
    assert steps_per_call(unknown, batch_size=1, steps=6) == 1
