"""Batch normalisation that TensorFlow computes in one kernel.

Keras computes it from moments, products and sums, each a pass over the maps.
"""

import keras

from kzoo import replicas

if keras.config.backend() == "tensorflow":
    import tensorflow as tf
else:
    tf = None


@keras.saving.register_keras_serializable(package="kzoo")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, in one kernel where TensorFlow has it.

    It has the arguments, the variables and the results of Keras's layer. In TensorFlow, float32
    maps with their channels last go through TensorFlow's own kernel, which passes over them fewer
    times, and which, in inference, becomes one with the convolution before it and the ReLU behind.
    Everything else, and the other backends, is computed by Keras.

    Where several processes train together, the statistics are those of the whole batch, whatever
    `synchronized` says, so that a training does not depend on how many they are.

    Args:
        *args: the arguments of `keras.layers.BatchNormalization`: axis, momentum, epsilon, center,
            scale and so on.
        **kwargs: the same.

    Call arguments:
        inputs: vectors, signals or maps of any size.
        training: whether the statistics are those of the batch, which then move the layer's.
        mask: which elements count, as in Keras.

    Input shape:
        Any.

    Output shape:
        The same.

    Raises:
        ValueError: a mask or `renorm=True` where several processes train together.

    Example:

    >>> layer = kzoo.layers.BatchNormalization(epsilon=0)
    >>> y = layer(keras.ops.array([[[[1.0]], [[3.0]]]]), training=True)
    >>> keras.ops.convert_to_numpy(y).ravel().tolist()
    [-1.0, 1.0]

    Reference:
        Ioffe and Szegedy, Batch normalization (ICML 2015), algorithms 1 and 2.
    """

    def call(self, inputs, training=None, mask=None):
        if training and self.trainable and replicas.count() > 1:
            return self._normalise_together(inputs, mask)
        if mask is not None or not self._has_kernel(inputs):
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        training = bool(training and self.trainable)
        maps = inputs if len(inputs.shape) == 4 else tf.reshape(inputs, (-1, 1, 1, channels))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=maps,
            scale=self.gamma if self.scale else tf.ones(channels),
            offset=self.beta if self.center else tf.zeros(channels),
            mean=tf.zeros(0) if training else self.moving_mean,
            variance=tf.zeros(0) if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            count = tf.cast(tf.size(inputs) // channels, "float32")
            # The kernel's variance is the sum of squares by one less than the count.
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * ((count - 1) / count))
        return outputs if maps is inputs else tf.reshape(outputs, tf.shape(inputs))

    def _normalise_together(self, inputs, mask):
        """Normalise by the statistics of the whole batch, of which each process has a part."""
        if mask is not None or self.renorm:
            raise ValueError(
                f"{self.name} cannot normalise across workers with a mask or renorm=True; train "
                "with one worker, or leave them out."
            )
        rank = len(inputs.shape)
        axes = [axis for axis in range(rank) if axis != self.axis % rank]
        shape = [inputs.shape[axis] if axis not in axes else 1 for axis in range(rank)]
        maps = tf.cast(inputs, self.variable_dtype)
        # Around the moving mean, so that squares do not lose the digits of the variance.
        centre = tf.stop_gradient(tf.convert_to_tensor(self.moving_mean))
        deviations = maps - tf.reshape(centre, shape)
        count = tf.cast(tf.size(inputs) // inputs.shape[self.axis], maps.dtype)
        sums = [tf.reduce_sum(values, axes) for values in (deviations, tf.square(deviations))]
        [sums] = replicas.total([tf.concat([count[None], *sums], 0)])
        first, second = tf.split(sums[1:] / sums[0], 2)
        mean, variance = centre + first, tf.maximum(second - tf.square(first), 0)
        self._move(self.moving_mean, tf.stop_gradient(mean))
        self._move(self.moving_variance, tf.stop_gradient(variance))
        outputs = tf.nn.batch_normalization(
            maps,
            tf.reshape(mean, shape),
            tf.reshape(variance, shape),
            tf.reshape(self.beta, shape) if self.center else None,
            tf.reshape(self.gamma, shape) if self.scale else None,
            self.epsilon,
        )
        return tf.cast(outputs, self.compute_dtype)

    def _has_kernel(self, inputs):
        return (
            tf is not None
            and self.axis in (-1, len(inputs.shape) - 1)
            and inputs.dtype == self.compute_dtype == self.variable_dtype == "float32"
            and not (self.renorm or self.synchronized)
        )

    def _move(self, variable, value):
        variable.assign(variable * self.momentum + value * (1.0 - self.momentum))
