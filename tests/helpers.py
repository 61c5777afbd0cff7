"""One harness that every layer passes: `check_layer`."""

import inspect
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

BASE_CONFIG = {"name", "trainable", "dtype"}
MIXED_TOLERANCE = {"mixed_bfloat16": 0.05, "mixed_float16": 0.01}


def check_layer(
    layer_class,
    config,
    input_shape,
    *,
    expected_output_shape,
    trainable,
    non_trainable=0,
    seed_generators=0,
    input_data=None,
    integer_outputs=(),
    unknown_axes=(),
    finite_differences=False,
    mixed_precision=True,
    fit=True,
    call_options=None,
):
    """Hold a layer to everything that Keras expects of one; returns the layer's float32 output.

    Args:
        layer_class: the class; it is called as `layer_class(**config)`.
        config: its arguments.
        input_shape: shape of the input, batch included, or a list of shapes for several inputs.
        expected_output_shape: shape of the output, or a list of shapes for several outputs.
        trainable: number of trainable weights after `build`.
        non_trainable: number of non-trainable weights after `build`.
        seed_generators: number of seed generators.
        input_data: the array, or list of arrays; standard normal where it is None.
        integer_outputs: positions of the outputs that hold integers: they get no loss, keep
            their type under every policy, and are compared exactly.
        unknown_axes: axes of the inputs that the layer takes as None; it is then run that way,
            with XLA and without.
        finite_differences: compare gradients with central differences in float64.
        mixed_precision: run under the two mixed policies.
        fit: train one step, compiled with XLA and without, and compare the weights.
        call_options: keyword arguments of the call, such as `{"training": True}`.
    """
    several = isinstance(input_shape, list)
    shapes = input_shape if several else [input_shape]
    if input_data is None:
        input_data = [_normal(shape) for shape in shapes]
    data = list(input_data) if isinstance(input_data, (list, tuple)) else [input_data]
    assert [array.shape for array in data] == [tuple(shape) for shape in shapes]
    case = _Case(layer_class, config, data, several, set(integer_outputs), call_options or {})
    expected = (
        [tuple(shape) for shape in expected_output_shape]
        if isinstance(expected_output_shape, list)
        else [tuple(expected_output_shape)]
    )

    _check_config(layer_class, config)
    layer, outputs = _check_build(case, expected, trainable, non_trainable, seed_generators)
    _check_saving(case, layer, outputs, deterministic=not seed_generators)
    if unknown_axes:
        _check_unknown_sizes(case, layer, outputs, expected, unknown_axes)
    if len(case.integer_outputs) < len(outputs):
        _check_gradients(case, layer)
    if mixed_precision:
        for policy, tolerance in MIXED_TOLERANCE.items():
            _check_mixed_precision(case, layer, outputs, policy, tolerance)
    if fit:
        _check_fit(case, layer, compare=not seed_generators)
    if finite_differences:
        _check_finite_differences(case)
    return outputs if len(outputs) > 1 else outputs[0]


class _Case:
    """A layer to make, and the data to call it with."""

    def __init__(self, layer_class, config, data, several, integer_outputs, call_options):
        self.layer_class = layer_class
        self.config = config
        self.data = data
        self.several = several
        self.integer_outputs = integer_outputs
        self.call_options = call_options

    def make(self, like=None, **options):
        """Return a new layer, built and with the weights of `like` where it is given."""
        layer = self.layer_class(**self.config, **options)
        if like is not None:
            layer.build(self.packed([array.shape for array in self.data]))
            layer.set_weights(like.get_weights())
        return layer

    def packed(self, items):
        return list(items) if self.several else items[0]

    def call(self, layer, arrays=None):
        arrays = self.data if arrays is None else arrays
        result = layer(self.packed([ops.convert_to_tensor(a) for a in arrays]), **self.call_options)
        return _listed(result)

    def inputs(self, unknown_axes=()):
        """Return Keras inputs with an unknown batch, and unknown sizes of the axes given."""
        return [
            keras.Input(
                tuple(None if i in unknown_axes else n for i, n in enumerate(a.shape))[1:],
                dtype=str(a.dtype),
            )
            for a in self.data
        ]

    def model(self, layer, unknown_axes=()):
        inputs = self.inputs(unknown_axes)
        return keras.Model(inputs, _listed(layer(self.packed(inputs), **self.call_options)))

    def float_outputs(self, outputs):
        return [y for i, y in enumerate(outputs) if i not in self.integer_outputs]

    def check_equal(self, outputs, expected, tolerance=1e-6):
        for i, (y, target) in enumerate(zip(outputs, expected, strict=True)):
            y, target = _array(y), _array(target)
            if i in self.integer_outputs:
                np.testing.assert_array_equal(y, target)
            else:
                np.testing.assert_allclose(y, target, rtol=tolerance, atol=tolerance)


def _normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def _listed(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def _serialised(value):
    """Return an attribute of a layer in the form in which a config holds it."""
    if hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    if callable(value):
        return keras.activations.serialize(value)
    return value


def _plain(value):
    """Return `value` with every array and tuple in it as a list, for comparison."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _check_config(layer_class, config):
    """Every argument is in the config and an attribute; a copy from the config has the same one."""
    layer = layer_class(**config)
    described = layer.get_config()
    parameters = inspect.signature(layer_class.__init__).parameters.values()
    named = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    missing = (named | set(config)) - set(described)
    assert not missing, f"get_config lacks {sorted(missing)}"
    for key in (named | set(config)) - BASE_CONFIG:
        assert _plain(_serialised(getattr(layer, key))) == _plain(described[key]), key

    assert _plain(layer_class.from_config(described).get_config()) == _plain(described)
    serialised = keras.saving.serialize_keras_object(layer)
    assert serialised["registered_name"] == f"kzoo>{layer_class.__name__}"
    restored = keras.saving.deserialize_keras_object(serialised)
    assert type(restored) is layer_class
    assert _plain(restored.get_config()) == _plain(described)


def _check_build(case, expected, trainable, non_trainable, seed_generators):
    """Counts after build; compute_output_shape, symbolic and eager shapes are the expected ones."""
    shapes = case.packed([array.shape for array in case.data])
    layer = case.make()
    layer.build(shapes)
    assert layer.built
    assert len(layer.trainable_weights) == trainable
    assert len(layer.non_trainable_weights) == non_trainable
    generators = [v for v in layer.variables if "seed_generator" in v.path]
    assert len(generators) == seed_generators

    computed = layer.compute_output_shape(shapes)
    computed = [computed] if isinstance(computed[0], (int, type(None))) else list(computed)
    assert [tuple(shape) for shape in computed] == expected
    outputs = [_array(y) for y in case.call(layer)]
    assert [y.shape for y in outputs] == expected
    for i, y in enumerate(outputs):
        kind = np.integer if i in case.integer_outputs else np.floating
        assert np.issubdtype(y.dtype, kind)
        assert np.all(np.isfinite(y))

    fresh = case.make()
    symbolic = _listed(fresh(case.packed(case.inputs()), **case.call_options))
    assert [tuple(y.shape) for y in symbolic] == [(None, *shape[1:]) for shape in expected]
    assert [y.dtype for y in symbolic] == [str(y.dtype) for y in outputs]
    assert len(fresh.weights) == trainable + non_trainable
    return layer, outputs


def _check_saving(case, layer, outputs, deterministic):
    """A one-layer model saves, loads with no custom objects, and clones, with equal outputs."""
    model = case.model(layer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (loaded, clone):
        results = _listed(other(case.data))
        if deterministic:
            case.check_equal(results, outputs)


def _check_unknown_sizes(case, layer, outputs, expected, unknown_axes):
    """With sizes that are unknown until the call, the outputs are the same."""
    shapes = [
        tuple(None if i == 0 or i in unknown_axes else n for i, n in enumerate(array.shape))
        for array in case.data
    ]
    computed = layer.compute_output_shape(case.packed(shapes))
    computed = [computed] if isinstance(computed[0], (int, type(None))) else list(computed)
    model = case.model(case.make(like=layer), unknown_axes)
    for symbolic, promised, target in zip(model.outputs, computed, expected, strict=True):
        assert tuple(symbolic.shape) == tuple(promised)
        assert all(a is None or a == b for a, b in zip(promised, target, strict=True))
    for jit_compile in (False, True):
        model.compile(jit_compile=jit_compile)
        results = _listed(model.predict_on_batch(case.data))
        case.check_equal(results, outputs, tolerance=1e-5)


def _loss(case, outputs):
    """Return a scalar that weighs every float output element differently."""
    total = 0.0
    for y in case.float_outputs(outputs):
        weights = np.cos(np.arange(int(np.prod(y.shape)))).reshape(y.shape)
        total = total + ops.sum(y * ops.convert_to_tensor(weights.astype(str(y.dtype.name))))
    return total


def _gradients(case, layer, arrays):
    """Return gradients of `_loss` with respect to the float inputs and the trainable weights."""
    tensors = [tf.convert_to_tensor(array) for array in arrays]
    variables = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        floats = [t for t in tensors if t.dtype.is_floating]
        tape.watch(floats)
        loss = _loss(case, _listed(layer(case.packed(tensors), **case.call_options)))
    return tape.gradient(loss, [*floats, *variables])


def _check_gradients(case, layer):
    """Every float input and every trainable weight gets a finite gradient that is not zero."""
    for gradient in _gradients(case, layer, case.data):
        assert gradient is not None
        values = _array(tf.convert_to_tensor(gradient))
        assert np.all(np.isfinite(values))
        assert np.any(values != 0)


def _check_mixed_precision(case, layer, outputs, policy, tolerance):
    """Variables stay float32, outputs have the compute type and are near the float32 ones."""
    mixed = case.make(like=layer, dtype=policy)
    assert all(v.dtype == "float32" for v in mixed.trainable_variables)
    for i, (y, target) in enumerate(zip(case.call(mixed), outputs, strict=True)):
        if i in case.integer_outputs:
            assert keras.backend.standardize_dtype(y.dtype) == str(target.dtype)
            continue
        assert keras.backend.standardize_dtype(y.dtype) == mixed.compute_dtype
        y = _array(ops.cast(y, "float32"))
        assert np.all(np.isfinite(y))
        np.testing.assert_allclose(y, target, rtol=0, atol=tolerance * np.abs(target).max())


def _fitted_weights(case, layer, jit_compile):
    """Return loss and weights after one step of a model that ends in a copy of `layer`.

    A dense layer comes before it, so that there is a weight to train, and a gradient with respect
    to the input, also where the layer itself has none.
    """
    inputs = case.inputs()
    fed = [
        keras.layers.Dense(x.shape[-1], kernel_initializer="identity")(x)
        if "float" in x.dtype
        else x
        for x in inputs
    ]
    copy = case.make(like=layer)
    outputs = case.float_outputs(_listed(copy(case.packed(fed))))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=jit_compile)
    batch = case.data[0].shape[0]
    targets = [_normal((batch, *y.shape[1:]), seed=i + 1) for i, y in enumerate(outputs)]
    history = model.fit(case.data, targets, batch_size=batch, epochs=1, verbose=0)
    return history.history["loss"][0], model.get_weights()


def _check_fit(case, layer, compare):
    """One training step gives a finite loss, and the same weights with XLA and without."""
    loss, weights = _fitted_weights(case, layer, jit_compile=False)
    xla_loss, xla_weights = _fitted_weights(case, layer, jit_compile=True)
    assert np.isfinite(loss)
    assert np.isfinite(xla_loss)
    if compare:
        np.testing.assert_allclose(xla_loss, loss, rtol=1e-4)
        for value, xla_value in zip(weights, xla_weights, strict=True):
            np.testing.assert_allclose(xla_value, value, rtol=1e-4, atol=1e-5)


def _check_finite_differences(case, samples=12, step=1e-5):
    """In float64, gradients equal central differences at some entries of each input and weight."""
    rng = np.random.default_rng(0)
    layer = case.make(dtype="float64")
    data = [a.astype("float64") if a.dtype.kind == "f" else a for a in case.data]
    layer.build(case.packed([a.shape for a in data]))
    gradients = iter(_gradients(case, layer, data))

    def loss():
        return float(_loss(case, case.call(layer, data)))

    for array in (a for a in data if a.dtype.kind == "f"):
        expected = _array(next(gradients)).reshape(-1)
        flat = array.reshape(-1)
        for i in rng.choice(flat.size, min(samples, flat.size), replace=False):
            original, values = flat[i], []
            for offset in (step, -step):
                flat[i] = original + offset
                values.append(loss())
            flat[i] = original
            np.testing.assert_allclose(
                (values[0] - values[1]) / (2 * step), expected[i], rtol=1e-5, atol=1e-6
            )
    for variable in layer.trainable_variables:
        original = _array(variable)
        expected = _array(tf.convert_to_tensor(next(gradients))).reshape(-1)
        for i in rng.choice(original.size, min(samples, original.size), replace=False):
            values = []
            for offset in (step, -step):
                changed = original.reshape(-1).copy()
                changed[i] += offset
                variable.assign(changed.reshape(original.shape))
                values.append(loss())
            variable.assign(original)
            np.testing.assert_allclose(
                (values[0] - values[1]) / (2 * step), expected[i], rtol=1e-5, atol=1e-6
            )
