"""ResNet-20 of He et al. in PyTorch, trained by a plain loop, for what is compared with kzoo.

Tensors stay in memory, on the GPU if there is one; flip and crop of a whole batch at once are
several times as fast as torchvision's transforms of one image after the other. Eager on a CPU and
compiled on a GPU, channels-last.
"""

import math
import time

import torch
from torch.nn import functional

from tests.torch_resnet_cifar import resnet_cifar

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MEAN, STD = (
    255 * torch.tensor(values, device=DEVICE).view(1, 3, 1, 1)
    for values in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
)


def _tensors(images, labels):
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(DEVICE)
    return x, torch.from_numpy(labels).long().to(DEVICE)


def _normalised(images):
    return ((images.float() - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def _flipped_and_cropped(images):
    count = len(images)
    windows = functional.pad(images, (4, 4, 4, 4)).unfold(2, 32, 1).unfold(3, 32, 1)
    rows, columns = torch.randint(0, 9, (2, count), device=DEVICE)
    cut = windows[torch.arange(count, device=DEVICE), :, rows, columns]
    mirrored = torch.rand(count, 1, 1, 1, device=DEVICE) < 0.5
    return torch.where(mirrored, cut.flip(3), cut)


def train(images, labels, recipe, *, drop_remainder=False):
    """Train by the SGD, cosine and warm-up of a `Recipe`, with flip and crop.

    As usual in PyTorch, all parameters decay, those of normalisation too, which kzoo leaves out.

    Returns:
        The network, and for each epoch its seconds and its training accuracy.
    """
    x, y = _tensors(images, labels)
    torch.manual_seed(recipe.seed)
    model = resnet_cifar(3).to(DEVICE, memory_format=torch.channels_last)
    step_model = torch.compile(model) if DEVICE == "cuda" else model
    size = recipe.batch_size
    steps = len(x) // size if drop_remainder else -(-len(x) // size)
    optimizer = torch.optim.SGD(
        model.parameters(),
        recipe.learning_rate,
        recipe.momentum,
        # A decay of the weights by the learning rate comes to this penalty at the momentum.
        weight_decay=recipe.weight_decay * (1 - recipe.momentum),
        nesterov=recipe.nesterov,
    )
    warmup = round(recipe.warmup_epochs * steps)

    def share(step):
        if step < warmup:
            return (step + 1) / warmup
        return (1 + math.cos(math.pi * (step - warmup) / (recipe.epochs * steps - warmup))) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    half = DEVICE == "cuda" and recipe.precision == "mixed_bfloat16"
    epochs = []
    for _ in range(recipe.epochs):
        start, right = time.perf_counter(), 0
        order = torch.randperm(len(x), device=DEVICE)[: steps * size]
        for chosen in order.split(size):
            with torch.autocast(DEVICE, torch.bfloat16, enabled=half):
                logits = step_model(_normalised(_flipped_and_cropped(x[chosen])))
                loss = functional.cross_entropy(logits, y[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            right += (logits.argmax(1) == y[chosen]).sum()
        accuracy = float(right) / len(order)
        epochs.append((time.perf_counter() - start, accuracy))
    return model, epochs


def accuracy(model, images, labels) -> float:
    """Return the share of images that a network classifies rightly."""
    x, y = _tensors(images, labels)
    model.eval()
    with torch.no_grad():
        right = [
            model(_normalised(part)).argmax(1) == truth
            for part, truth in zip(x.split(500), y.split(500))
        ]
    return float(torch.cat(right).float().mean())
