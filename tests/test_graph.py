import keras
import numpy as np
import pytest

from kzoo.graph import expand, model_calls


def wrapped(name="first"):
    image = keras.Input((4,), name="inside")
    inner = keras.Model(image, keras.layers.Dense(3, name="first")(image), name="inner")
    outside = keras.Input((4,), name="outside")
    x = keras.layers.Dense(4, name=name)(outside)
    return keras.Model(outside, inner(x), name="outer")


def test_nested_models_are_opened_and_layers_shared():
    model = wrapped("zeroth")
    flat = expand(model)
    assert [layer.name for layer in flat.layers] == ["outside", "zeroth", "first"]
    assert flat.get_layer("first") is model.get_layer("inner").get_layer("first")
    x = np.ones((1, 4), "float32")
    np.testing.assert_array_equal(flat(x), model(x))
    assert expand(flat) is flat


def test_structures_of_inputs_and_outputs_are_kept():
    inner = wrapped("zeroth")
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
    x = inner(keras.layers.Add()([inputs["a"], inputs["b"]]))
    flat = expand(keras.Model(inputs, {"y": x, "z": [x]}))
    outputs = flat({"a": np.ones((1, 4)), "b": np.zeros((1, 4))})
    np.testing.assert_array_equal(outputs["y"], inner(np.ones((1, 4))))
    np.testing.assert_array_equal(outputs["z"][0], outputs["y"])


def test_layers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="nested in outer must have names of .* called 'first'"):
        expand(wrapped())


class Subclass(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    "model",
    [Subclass(name="plain"), keras.Sequential([keras.layers.Dense(2)], name="plain")],
    ids=["subclass", "not built"],
)
def test_models_without_a_graph_are_refused(model):
    with pytest.raises(ValueError, match="plain has no graph"):
        model_calls(model)


def test_something_else_than_a_model_is_refused():
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        model_calls("resnet18")
