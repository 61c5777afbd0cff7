"""Train on one JAX device and on two, and compare; without TensorFlow."""

import sys

sys.modules["tensorflow"] = None  # any import of it fails

import keras  # noqa: E402
import numpy as np  # noqa: E402

from kzoo.data import ArraySource, Pipeline  # noqa: E402
from kzoo.training import Recipe, fit  # noqa: E402
from kzoo.training.local_workers import started  # noqa: E402
from tests.training.small import small_data, small_model  # noqa: E402


def trained(workers, examples=95, cut=False, **fields):
    data = small_data(examples)
    if cut:  # as two devices cut the last batch
        data = Pipeline(ArraySource({"train": data}), batch_size=16, multiple=2)
    with started([], workers):
        keras.utils.set_random_seed(7)
        model = small_model(dropout=0.0)
        recipe = Recipe(**{"epochs": 3, "batch_size": 16, "clip": 0.05} | fields)
        history = fit(model, data, recipe, validation_data=small_data(27, 1), verbose=0)
    columns = ("loss", "accuracy", "val_loss", "val_accuracy")
    return model.get_weights(), [[row[name] for name in columns] for row in history]


if __name__ == "__main__":
    for examples in (95, 97):  # of the last batch, 14 rows are left, and none
        for one, two in zip(trained(1, examples, cut=True), trained(2, examples)):
            for first, second in zip(one, two, strict=True):
                np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5)
    for arguments in ({"workers": 3}, {"workers": 2, "batch_size": 15}):
        try:
            trained(**arguments)
        except ValueError as error:
            print(error)
    with started([], 2):
        distribution = keras.distribution.distribution()
        print([distribution.get_data_layout((rows, 8)).axes[0] for rows in (16, 15)])
