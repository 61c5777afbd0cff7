"""He et al.'s CIFAR ResNet in PyTorch, with the names that its reimplementations use."""

import pytest


def resnet_cifar(blocks, classes=10):
    """Return the network of `6 * blocks + 2` layers; shortcuts are padded with zeros (option A)."""
    torch = pytest.importorskip("torch")
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, inputs, filters, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(filters)
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(filters)
            self.stride, self.extra = stride, filters - inputs

        def forward(self, x):
            y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
            before = self.extra // 2
            shortcut = x[:, :, :: self.stride, :: self.stride]
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, before, self.extra - before))
            return functional.relu(y + shortcut)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            inputs = 16
            for stage, filters in enumerate((16, 32, 64), start=1):
                layers = []
                for index in range(blocks):
                    stride = 2 if stage > 1 and index == 0 else 1
                    layers.append(Block(inputs, filters, stride))
                    inputs = filters
                setattr(self, f"layer{stage}", nn.Sequential(*layers))
            self.fc = nn.Linear(64, classes)

        def forward(self, x):
            x = functional.relu(self.bn1(self.conv1(x)))
            x = self.layer3(self.layer2(self.layer1(x)))
            return self.fc(x.mean((2, 3)))

    return Network()
