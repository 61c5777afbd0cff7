import keras
import pytest
from keras import ops

from tests.helpers import check_layer


class Scale(keras.layers.Layer):
    """Multiplies by a weight; its faults are what the subclasses add."""

    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        initializer = keras.initializers.Constant(self.start)
        self.scale = self.add_weight(name="scale", shape=(), initializer=initializer)

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class WithoutConfig(Scale):
    def get_config(self):
        return keras.layers.Layer.get_config(self)


class OtherShape(Scale):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 7)


class Detached(Scale):
    def call(self, inputs):
        return inputs * ops.stop_gradient(ops.convert_to_tensor(self.scale))


class WrongGradient(Scale):
    def call(self, inputs):
        scale = ops.convert_to_tensor(self.scale)
        return inputs * (2 * scale - ops.stop_gradient(scale))


class Float32Output(Scale):
    def call(self, inputs):
        return ops.cast(super().call(inputs), "float32")


class KeepsItsStart(Scale):
    def __init__(self, start=2.0, **kwargs):
        super().__init__(start, **kwargs)
        self.start = start + 1

    def get_config(self):
        return {**super().get_config(), "start": 2.0}


def check(layer_class, **options):
    keras.saving.register_keras_serializable(package="kzoo")(layer_class)
    options = {"expected_output_shape": (2, 3), "trainable": 1, **options}
    return check_layer(layer_class, {"start": 2.0}, (2, 3), finite_differences=True, **options)


def test_a_right_layer_passes():
    assert check(Scale).shape == (2, 3)


@pytest.mark.parametrize(
    ("layer_class", "message"),
    [
        (WithoutConfig, "get_config lacks"),
        (KeepsItsStart, "start"),
        (OtherShape, None),
        (Detached, None),
        (WrongGradient, "Not equal to tolerance"),
        (Float32Output, None),
    ],
)
def test_a_faulty_layer_is_found(layer_class, message):
    with pytest.raises(AssertionError, match=message):
        check(layer_class)


@pytest.mark.parametrize(
    "options", [{"trainable": 2}, {"non_trainable": 1}, {"expected_output_shape": (2, 4)}]
)
def test_a_wrong_expectation_is_found(options):
    with pytest.raises(AssertionError):
        check(Scale, **options)
