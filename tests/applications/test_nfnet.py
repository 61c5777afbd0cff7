import keras
import numpy as np

import kzoo
from kzoo.layers import WeightStandardizedConv2D


def test_branches_start_at_zero():
    model = kzoo.create_model("nf_regnet_b0", input_shape=(32, 32, 3), classes=5)
    names = [layer.name for layer in model.layers if layer.name.endswith(".add")]
    blocks = keras.Model(
        model.input,
        [[model.get_layer(name).input[0], model.get_layer(name).output] for name in names],
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    for shortcut, y in blocks(images):
        np.testing.assert_array_equal(shortcut, y)
    assert len(names) == 1 + 3 + 6 + 6


def test_kernels_keep_the_variance_of_the_signal():
    """Each gain starts from 1, and gamma is that of the network's activation."""
    model = kzoo.create_model("nf_regnet_b0", input_shape=(32, 32, 3), classes=5)
    convolutions = [x for x in model.layers if isinstance(x, WeightStandardizedConv2D)]
    rng = np.random.default_rng(0)
    normal = rng.normal(size=1_000_000)
    silu = normal / (1 + np.exp(-normal))
    for layer in convolutions:
        if ".conv1" not in layer.name and "downsample" not in layer.name:
            np.testing.assert_allclose(layer.gamma, 1 / silu.std(), rtol=1e-2)
    # Brock et al. (2021), section 4: the variance is 1 + 0.2^2 after one block of a stage, and
    # grows by 0.2^2 with each.
    np.testing.assert_allclose(
        [model.get_layer(f"stages.2.{i}.conv1").gamma * silu.std() for i in range(4)],
        [(1 + 3 * 0.04) ** -0.5, 1.04**-0.5, 1.08**-0.5, 1.12**-0.5],
        rtol=1e-2,
    )
