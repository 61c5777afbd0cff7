"""Lets layers have names with dots on the PyTorch backend; imported where that is the backend.

Layers of kzoo are named by the parameter paths of the networks' sources, such as
`layer1.0.conv1`. Keras keeps the variables of a layer in a `torch.nn.ParameterDict` under their
paths, and PyTorch refuses attribute names with a dot. Here a dot in a key, which raised a
`KeyError` before, becomes a middle dot in the attribute; keys stay as they are.
"""

import torch

_key_to_attribute = torch.nn.ParameterDict._key_to_attr


def _without_dots(self, key):
    return _key_to_attribute(self, key).replace(".", "\N{MIDDLE DOT}")


torch.nn.ParameterDict._key_to_attr = _without_dots
