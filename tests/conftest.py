"""What every test starts from: the same seeds, the same Keras settings, no leftover state."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Seed every generator, and undo what the test changes in Keras's global settings."""
    policy = keras.config.dtype_policy()
    data_format = keras.config.image_data_format()
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format(data_format)
    keras.utils.clear_session(free_memory=False)
