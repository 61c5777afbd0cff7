"""SegNet's encoder beside the features of torchvision's VGG16 with batch normalisation."""

import keras
import numpy as np
import torch

import kzoo
from tests.peers import import_timm


def test_maps_and_indices_are_those_of_vgg16():
    import_timm()
    from torchvision.models import vgg

    torch.manual_seed(0)
    peer = vgg.make_layers(vgg.cfgs["D"], batch_norm=True).eval()
    model = kzoo.create_model(
        "segnet_encoder", include_top=False, input_shape=(64, 32, 3), include_preprocessing=False
    )
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    image = np.random.default_rng(0).normal(size=(1, 64, 32, 3)).astype("float32")
    x, indices = torch.tensor(image).permute(0, 3, 1, 2), []
    with torch.no_grad():
        for layer in peer:
            if isinstance(layer, torch.nn.Conv2d):
                convs.pop(0).set_weights([layer.weight.permute(2, 3, 1, 0), layer.bias])
            elif isinstance(layer, torch.nn.BatchNorm2d):
                for value in (layer.weight, layer.running_var):
                    value.uniform_(0.5, 1.5)
                for value in (layer.bias, layer.running_mean):
                    value.normal_(0, 0.1)
                statistics = [layer.running_mean, layer.running_var]
                norms.pop(0).set_weights([layer.weight, layer.bias, *statistics])
            elif isinstance(layer, torch.nn.MaxPool2d):
                layer.return_indices = True
                x, where = layer(x)
                indices.append(where)
                continue
            x = layer(x)
    assert len(convs) == len(norms) == 0
    expected = x.permute(0, 2, 3, 1).numpy()
    pooled = [model.get_layer(f"relu{last}").output for last in ("1_2", "3_3")]
    outputs, *maps = keras.Model(model.input, [model.output, *pooled])(image)
    np.testing.assert_allclose(
        np.asarray(outputs), expected, rtol=0, atol=1e-4 * np.abs(expected).max()
    )
    for found, where in zip(maps, (indices[0], indices[2])):
        _, argmax = kzoo.layers.MaxPoolingWithArgmax2D(2)(found)
        # Nearly equal maxima may come out in another order.
        assert np.mean(np.asarray(argmax) == where.permute(0, 2, 3, 1).numpy()) > 0.999
