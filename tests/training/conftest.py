"""A cache of their own for the tests that train, and one small run that they share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep the tests from the user's data, and let them share what kzoo prepares."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KZOO_CACHE", str(base / "kzoo_cache"))
        patch.setenv("TFDS_DATA_DIR", str(base / "no_such_folder"))
        yield


@pytest.fixture(scope="session")
def lenet_run(tmp_path_factory, own_cache):
    """A run folder of LeNet-5 on the digits, of two epochs; to be read only."""
    from kzoo.training import Recipe, train

    folder = tmp_path_factory.mktemp("runs") / "lenet5"
    recipe = Recipe(epochs=2, batch_size=100, learning_rate=0.005)
    return train("lenet5", "digits", recipe=recipe, output=folder, verbose=0)
