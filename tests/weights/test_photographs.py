"""ResNet-50 from a safetensors file as the hub serves it, on photographs, beside timm."""

import numpy as np
import pytest
from PIL import Image

import kzoo
from tests.peers import calibrate, import_timm, randomise, write_state_dict


def test_resnet50_gives_the_logits_of_timm_on_photographs(tmp_path):
    timm = import_timm()
    import torch

    data = pytest.importorskip("skimage.data")
    theirs = calibrate(randomise(timm.create_model("resnet50")), 64)
    path = write_state_dict(theirs, tmp_path / "model.safetensors")
    ours = kzoo.create_model("resnet50", weights=path, classifier_activation=None)

    settings = timm.data.resolve_data_config({}, model=theirs)
    transform = timm.data.create_transform(**settings)
    photographs = [Image.fromarray(image()) for image in (data.astronaut, data.coffee, data.cat)]
    with torch.no_grad():
        wanted = theirs(torch.stack([transform(photo) for photo in photographs])).numpy()
    # All but the last two steps, which make a tensor and normalise it: kzoo's model does both.
    for step in transform.transforms[:-2]:
        photographs = [step(photo) for photo in photographs]
    logits = np.asarray(ours(np.stack(photographs).astype("float32")))

    scale = np.abs(wanted).max()
    assert logits.shape == (3, 1000)
    assert np.abs(logits - wanted).max() <= 1e-4 * scale
    assert np.ptp(logits, axis=0).max() > 0.1 * scale  # the photographs differ
