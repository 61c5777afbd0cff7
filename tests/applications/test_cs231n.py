import keras
import pytest

import kzoo


def test_the_example_of_the_course_notes():
    """[32x32x3] -> CONV [32x32x12] -> RELU -> POOL [16x16x12] -> FC [10]."""
    model = kzoo.create_model("cs231n", n=1, m=1, k=0, filters=12, kernel_size=5)
    assert model.get_layer("block1.conv1").output.shape == (None, 32, 32, 12)
    assert model.get_layer("block1.pool").output.shape == (None, 16, 16, 12)
    # 5 * 5 * 3 * 12 + 12, and 16 * 16 * 12 * 10 + 10.
    assert kzoo.analysis.count_parameters(model) == 912 + 30_730


@pytest.mark.parametrize(
    ("n", "m", "k", "pool"), [(1, 2, 0, True), (3, 1, 2, False), (0, 0, 1, True)]
)
def test_layers_follow_the_pattern(n, m, k, pool):
    model = kzoo.create_model("cs231n", n=n, m=m, k=k, pool=pool, units=16, filters=4)
    kinds = [type(layer) for layer in model.layers]
    assert kinds.count(keras.layers.Conv2D) == n * m
    assert kinds.count(keras.layers.MaxPooling2D) == m * pool
    assert kinds.count(keras.layers.Dense) == k + 1


def test_filters_of_each_block():
    model = kzoo.create_model("cs231n", filters=(4, 6, 5))
    widths = [model.get_layer(f"block{block}.conv2").filters for block in (1, 2, 3)]
    assert widths == [4, 6, 5]
