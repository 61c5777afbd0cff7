"""SkipInit: one learned factor at the end of a residual branch.

De and Smith, Batch normalization biases residual blocks towards the identity function in deep
networks (NeurIPS 2020, https://arxiv.org/abs/2002.10444).
"""

import numbers

import keras


@keras.saving.register_keras_serializable(package="kzoo")
class SkipInit(keras.layers.Layer):
    """Multiplies its input by one learned number, which starts at 0.

    A residual block whose branch ends so begins as the identity.

    Args:
        initial_value: what the factor starts from.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: output of a residual branch.

    Input shape:
        Any.

    Output shape:
        The same.

    Raises:
        TypeError: an initial value that is not a number.

    Example:

    >>> layer = kzoo.layers.SkipInit(0.25)
    >>> float(layer(keras.ops.ones((1, 2, 2, 3)))[0, 0, 0, 0])
    0.25
    >>> layer.count_params()
    1

    Reference:
        De and Smith (2020), section 4.
    """

    def __init__(self, initial_value=0.0, **kwargs):
        super().__init__(**kwargs)
        if isinstance(initial_value, bool) or not isinstance(initial_value, numbers.Real):
            raise TypeError(f"initial_value must be a number; received {initial_value!r}.")
        self.initial_value = float(initial_value)

    def build(self, input_shape):
        self.gain = self.add_weight(
            name="gain",
            shape=(),
            initializer=keras.initializers.Constant(self.initial_value),
        )

    def call(self, inputs):
        return inputs * self.gain

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "initial_value": self.initial_value}
