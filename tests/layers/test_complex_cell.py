import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.initializers.gabor import gabor
from kzoo.layers.complex_cell import ComplexCell2D
from tests.helpers import check_layer

# The envelope's standard deviation is 4 pixels, about half a cycle of the wave.
MATCHED = {"f": 0.8, "beta_x": 1 / 32, "beta_y": 1 / 32, "tau": 0.5, "alpha": 1.0}


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def grating(f, tau, phase, size=31):
    """Return waves (phases, size, size, 1) of angular frequency `f` and direction `tau`."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    waves = np.cos(f * (x * np.cos(tau) + y * np.sin(tau)) + np.reshape(phase, (-1, 1, 1)))
    return waves[..., None]


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"filters": 4, "kernel_size": 5}, (2, 9, 8, 3), (2, 5, 4, 4)),
        (
            {
                "filters": 2,
                "kernel_size": (4, 5),
                "strides": 2,
                "padding": "same",
                "alpha": (0.1, 0.3),
                "f": 0.9,
                "seed": 1,
                "data_format": "channels_first",
            },
            (2, 3, 9, 8),
            (2, 2, 5, 4),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        ComplexCell2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=7,
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


def test_kernels_are_gabor_functions_a_quarter_of_a_wave_apart():
    parameters = {"beta_x": 0.05, "beta_y": 0.03, "f": 0.9, "x0": 0.5, "y0": -1.0, "tau": 0.6}
    layer = ComplexCell2D(1, (7, 9), alpha=1.5, **parameters)
    layer.build((None, 20, 20, 2))
    y, x = np.mgrid[:7, :9] - np.array([3, 4]).reshape(2, 1, 1)
    for kernel, phi in zip(layer.get_kernel(), (0, np.pi / 2)):
        expected = gabor(x, y, alpha=1.5, phi=phi, **parameters)
        for channel in (0, 1):
            np.testing.assert_allclose(kernel[:, :, channel, 0], expected, rtol=0, atol=1e-6)


def test_kernels_of_scikit_image():
    """scikit-image's Gabor kernel is complex: its two parts are the pair, up to their scale."""
    filters = pytest.importorskip("skimage.filters")
    sigma = 2.0
    expected = filters.gabor_kernel(
        0.15, theta=0.4, sigma_x=sigma, sigma_y=sigma, n_stds=4, dtype=np.complex128
    )
    beta = 1 / (2 * sigma**2)
    layer = ComplexCell2D(
        1,
        expected.shape,
        alpha=1 / (2 * np.pi * sigma**2),
        beta_x=beta,
        beta_y=beta,
        f=2 * np.pi * 0.15,
        tau=0.4,
    )
    layer.build((None, 50, 50, 1))
    real, imaginary = layer.get_kernel()[..., 0, 0]
    np.testing.assert_allclose(real, expected.real, rtol=0, atol=1e-7)
    np.testing.assert_allclose(imaginary, -expected.imag, rtol=0, atol=1e-7)


def test_energy_of_two_correlations_of_scipy():
    signal = pytest.importorskip("scipy.signal")
    x = random_maps(1, 12, 11, 2)
    layer = ComplexCell2D(3, (5, 4), strides=(1, 2))
    y = np.asarray(layer(x))
    for j in range(3):
        pair = [
            sum(signal.correlate(x[0, ..., c], k[..., c, j], mode="valid") for c in (0, 1))
            for k in layer.get_kernel()
        ]
        np.testing.assert_allclose(y[0, ..., j], np.hypot(*pair)[:, ::2], rtol=0, atol=1e-5)


def test_a_drifting_grating_does_not_change_the_energy():
    phase = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    layer = ComplexCell2D(1, 31, dtype="float64", **MATCHED)
    waves = grating(MATCHED["f"], MATCHED["tau"], phase)
    energy = np.asarray(layer(waves)).ravel()
    assert energy.max() / energy.min() < 1.0001
    simple = np.einsum("phwi,hwi->p", waves, layer.get_kernel()[0, :, :, :, 0])
    np.testing.assert_allclose(simple.max(), energy.max(), rtol=1e-4)
    np.testing.assert_allclose(simple.min(), -energy.max(), rtol=1e-4)
    # The negative frequency, 2 f away, is left with exp(-f^2 / beta) and adds twice that.
    narrow = {**MATCHED, "beta_x": MATCHED["f"] ** 2 / np.log(2e6), "beta_y": 0.02}
    energy = np.asarray(
        ComplexCell2D(1, 41, dtype="float64", **narrow)(
            grating(MATCHED["f"], MATCHED["tau"], phase, size=41)
        )
    ).ravel()
    np.testing.assert_allclose(energy.max() / energy.min(), 1.000001, rtol=0, atol=1e-7)


def test_energy_falls_with_the_mismatch_as_the_fourier_transform_says():
    """The energy is the envelope's Gaussian spectrum, exp(-d^2 / (4 beta)), at distance d."""
    layer = ComplexCell2D(1, 41, **{**MATCHED, "tau": 0.0})
    best = float(layer(grating(0.8, 0.0, 0.3, size=41))[0, 0, 0, 0])
    for d in (0.1, 0.2, 0.3):
        along = float(layer(grating(0.8 + d, 0.0, 0.3, size=41))[0, 0, 0, 0])
        np.testing.assert_allclose(along / best, np.exp(-(d**2) * 8), rtol=1e-3)
    turned = float(layer(grating(0.8, np.pi / 2, 0.3, size=41))[0, 0, 0, 0])
    assert turned < 1e-3 * best


def test_energy_is_that_of_any_phase():
    """Turning both functions by one phase leaves the energy: the layer has no phase to learn."""
    y, x = np.mgrid[:9, :9] - 4
    patch = np.random.default_rng(0).normal(size=(9, 9))
    parameters = {"alpha": 1, "beta_x": 0.05, "beta_y": 0.04, "f": 0.9, "x0": 0, "y0": 0, "tau": 1}
    layer = ComplexCell2D(1, 9, dtype="float64", **parameters)
    expected = float(layer(patch[None, :, :, None])[0, 0, 0, 0])
    for phi in (0.0, 0.4, 2.0):
        pair = [np.sum(patch * gabor(x, y, phi=phi + q, **parameters)) for q in (0, np.pi / 2)]
        np.testing.assert_allclose(np.hypot(*pair), expected, rtol=1e-6)


def test_default_keeps_the_mean_square_of_white_noise():
    layer = ComplexCell2D(16, 9, seed=0)
    y = np.asarray(layer(random_maps(4, 40, 40, 3)))
    np.testing.assert_allclose(np.square(layer.get_kernel()).sum(axis=(0, 1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(np.mean(np.square(y)), 1, rtol=0.1)


def test_gradient_is_finite_where_the_energy_is_zero():
    layer = ComplexCell2D(2, 5)
    x = tf.zeros((1, 8, 8, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    for gradient in tape.gradient(y, [x, *layer.trainable_variables]):
        np.testing.assert_array_equal(tf.convert_to_tensor(gradient).numpy(), 0)


def test_nan_stays_nan():
    """It reaches the outputs of the windows that hold it, those of a correlation in NumPy."""
    x = random_maps(1, 9, 8, 1)
    x[0, 0, 1] = np.nan
    y = np.asarray(ComplexCell2D(1, 3)(x))[0, ..., 0]
    windows = np.lib.stride_tricks.sliding_window_view(x[0, ..., 0], (3, 3))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(windows.sum(axis=(2, 3))))


def test_parameters_are_not_rounded_under_mixed_precision():
    """A frequency of few digits would be off by a tenth of a radian at the ends of the kernel."""
    parameters = {**MATCHED, "f": 3.0049, "beta_x": 1e-3, "beta_y": 1e-3}
    x = random_maps(8, 41, 41, 1)
    expected = np.asarray(ComplexCell2D(1, 41, **parameters)(x))
    mixed = ComplexCell2D(1, 41, dtype="mixed_bfloat16", **parameters)(x)
    y = np.asarray(keras.ops.cast(mixed, "float32"))
    np.testing.assert_allclose(y, expected, rtol=0, atol=0.01 * expected.max())


def test_training_finds_direction_and_frequency():
    x = random_maps(128, 11, 11, 1)
    target = ComplexCell2D(1, 11, alpha=0.1, f=1.0, tau=0.7, beta_x=0.06, beta_y=0.04)
    y = np.asarray(target(x))
    layer = ComplexCell2D(1, 11, alpha=0.08, f=0.85, tau=0.5, beta_x=0.08, beta_y=0.06)
    model = keras.Sequential([keras.Input((11, 11, 1)), layer])
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=False)
    model.fit(x, y, batch_size=64, epochs=100, verbose=0)
    for weight, expected in zip(layer.weights, target.weights, strict=True):
        np.testing.assert_allclose(np.asarray(weight), np.asarray(expected), atol=0.02)


def test_fixed_filters_and_seed():
    layer = ComplexCell2D(3, 5, seed=4, trainable=False)
    layer.build((None, 8, 8, 2))
    assert not layer.trainable_weights
    other = ComplexCell2D(3, 5, seed=4)
    other.build((None, 8, 8, 2))
    np.testing.assert_array_equal(layer.get_kernel(), other.get_kernel())


def test_keras_sets_the_seed():
    kernels = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        layer = ComplexCell2D(3, 5)
        layer.build((None, 8, 8, 2))
        kernels.append(layer.get_kernel())
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"filters": 0}, ValueError, "filters must be at least 1; received 0"),
        ({"padding": "full"}, ValueError, "padding must be one of 'valid', 'same'"),
        ({"f": "high"}, TypeError, r"f must be a number, a range \(low, high\) or None"),
        ({"tau": (2, 1)}, ValueError, r"tau must be a range \(low, high\) with low <= high"),
        ({"beta_x": -0.1}, ValueError, "beta_x must not be negative; received -0.1"),
        ({"beta_y": (-1, 1)}, ValueError, r"beta_y must not be negative; received \(-1.0, 1.0\)"),
        ({"seed": -1}, ValueError, "seed must not be negative; received -1"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        ComplexCell2D(**{"filters": 2, "kernel_size": 3, **config})


def test_refused_inputs():
    with pytest.raises(ValueError, match="needs a known number of input channels"):
        ComplexCell2D(2, 3).build((None, 8, 8, None))
    with pytest.raises(ValueError, match=r"does not fit an input of \(2, 9\)"):
        ComplexCell2D(2, 3).build((None, 2, 9, 1))
    with pytest.raises(ValueError, match="has no kernel yet; call it or `build` it"):
        ComplexCell2D(2, 3).get_kernel()


def test_a_decay_that_begins_at_0_is_trained():
    layer = ComplexCell2D(2, 5, beta_x=0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(random_maps(1, 8, 8, 1)))
    (beta,) = (w for w in layer.trainable_variables if w.path.endswith("beta_x"))
    gradient = tape.gradient(loss, beta.value)
    assert np.all(np.asarray(gradient) != 0)
