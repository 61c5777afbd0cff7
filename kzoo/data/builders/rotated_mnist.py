"""Rotated MNIST: every image of MNIST turned once by a uniformly random angle.

After H. Larochelle et al., "An empirical evaluation of deep architectures on problems with many
factors of variation", ICML 2007: 12,000 training and 50,000 test images out of MNIST's 70,000.
Their file is not read; the images are made here from MNIST by a fixed seed.
"""

import numpy as np
import tensorflow_datasets as tfds

from kzoo.data.spec import Source

SPLITS = {"train": 12_000, "test": 50_000}
_SEED = 0


class KzooRotatedMnist(tfds.core.GeneratorBasedBuilder):
    """Builder of `rotated_mnist`.

    Args:
        mnist: Opened source of MNIST, with the splits "train" and "test".
        splits: Examples of each split.
        **kwargs: Arguments of every TFDS builder.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, mnist: Source, splits: dict[str, int] | None = None, **kwargs):
        self._mnist = mnist
        self._splits = SPLITS if splits is None else splits
        super().__init__(**kwargs)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="MNIST, each image turned by one random angle in [0, 360) degrees.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        parts = [
            self._mnist.read(split, np.arange(self._mnist.spec.splits[split]))
            for split in ("train", "test")
        ]
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
        random = np.random.RandomState(_SEED)
        order = random.permutation(len(images))
        angles = random.uniform(0, 360, len(images))
        generators = {}
        start = 0
        for name, size in self._splits.items():
            chosen = order[start : start + size]
            generators[name] = self._generate_examples(
                images[chosen], angles[chosen], labels[chosen]
            )
            start += size
        return generators

    def _generate_examples(self, images, angles, labels):
        for number, (image, angle, label) in enumerate(zip(images, angles, labels)):
            yield number, {"image": rotate(image, angle), "label": int(label)}


def rotate(image: np.ndarray, angle: float) -> np.ndarray:
    """Turn a grey uint8 image (height, width, 1) counter-clockwise by `angle` degrees.

    About its centre, bilinear, black where nothing was.
    """
    from PIL import Image

    turned = Image.fromarray(image[..., 0]).rotate(angle, Image.Resampling.BILINEAR)
    return np.asarray(turned)[..., None]
