"""Time escnn's group convolutions and print JSON; run by benchmark_layers.py --escnn-python.

Needs torch and escnn, in an environment of their own (escnn wants NumPy below 2).
Command: python scripts/_escnn_rows.py REPEATS BATCH
"""

import json
import sys
import time

import numpy as np
import torch
from escnn import gspaces, nn

# group -> (its space, fields of 64 channels); as in benchmark_layers.py
GROUPS = {"p4": (gspaces.rot2dOnR2(4), 16), "p4m": (gspaces.flipRot2dOnR2(4), 8)}


def seconds(functions, repeats):
    times = {name: [] for name in functions}
    for repeat in range(repeats + 3):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if repeat >= 3:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def passes(module, x, wrap=lambda x: x):
    """Return functions that run the forward pass, and the train step."""
    upstream = torch.ones(x.shape)

    def forward():
        module.eval()  # escnn keeps the expanded filters
        with torch.inference_mode():
            module(wrap(x))

    def train():
        module.train()
        x.grad = None
        y = module(wrap(x))
        getattr(y, "tensor", y).backward(upstream)

    return forward, train


def equivariance_error(module, kind, size):
    """Return the largest difference between rotating before and after, and the largest output."""
    x = torch.randn(2, kind.size, size, size)
    rotation = next(g for g in kind.gspace.testing_elements if g != kind.gspace.fibergroup.identity)
    with torch.inference_mode():
        y = module.eval()(nn.GeometricTensor(x, kind))
        rotated = nn.GeometricTensor(x, kind).transform(rotation)
        difference = module(rotated).tensor - y.transform(rotation).tensor
    return float(difference.abs().max()), float(y.tensor.abs().max())


def main(repeats, batch):
    results = {}
    for group, (space, fields) in GROUPS.items():
        kind = nn.FieldType(space, fields * [space.regular_repr])
        module = nn.R2Conv(kind, kind, 3, padding=1, bias=False)
        conv = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False)
        x = torch.randn(batch, 64, 32, 32, requires_grad=True)
        ours = passes(module, x, lambda x, kind=kind: nn.GeometricTensor(x, kind))
        plain = passes(conv, x)
        times = [seconds({"escnn": a, "conv": b}, repeats) for a, b in zip(ours, plain)]
        results[group] = {"times": times, "error": equivariance_error(module, kind, 33)}
    print(json.dumps(results))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
