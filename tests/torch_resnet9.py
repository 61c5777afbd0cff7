"""Page's ResNet-9 in PyTorch, with the names of its state dict."""

import pytest


def resnet9(width=1, classes=10):
    """Return the network; `width` multiplies its channels."""
    torch = pytest.importorskip("torch")
    nn, functional = torch.nn, torch.nn.functional
    channels = [3, *(int(width * number) for number in (64, 128, 256, 512))]

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            for name, inputs, filters in (
                ("prep", *channels[0:2]),
                ("layer1", *channels[1:3]),
                ("layer1_residual_res1", channels[2], channels[2]),
                ("layer1_residual_res2", channels[2], channels[2]),
                ("layer2", *channels[2:4]),
                ("layer3", *channels[3:5]),
                ("layer3_residual_res1", channels[4], channels[4]),
                ("layer3_residual_res2", channels[4], channels[4]),
            ):
                setattr(self, f"{name}_conv", nn.Conv2d(inputs, filters, 3, padding=1, bias=False))
                setattr(self, f"{name}_bn", nn.BatchNorm2d(filters))
            self.linear = nn.Linear(channels[4], classes, bias=False)

        def unit(self, x, name):
            return functional.relu(getattr(self, f"{name}_bn")(getattr(self, f"{name}_conv")(x)))

        def residual(self, x, name):
            return x + self.unit(self.unit(x, f"{name}_res1"), f"{name}_res2")

        def forward(self, x):
            x = functional.max_pool2d(self.unit(self.unit(x, "prep"), "layer1"), 2)
            x = self.residual(x, "layer1_residual")
            x = functional.max_pool2d(self.unit(x, "layer2"), 2)
            x = functional.max_pool2d(self.unit(x, "layer3"), 2)
            x = self.residual(x, "layer3_residual")
            return 0.125 * self.linear(functional.max_pool2d(x, 4).flatten(1))

    return Network()
