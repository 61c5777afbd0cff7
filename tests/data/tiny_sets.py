"""Small TFDS data sets for the tests of `kzoo.data`."""

import numpy as np
import tensorflow_datasets as tfds

SPLITS = {"train": 60, "test": 20}


def tiny_images(split):
    """Return the images (n, 6, 5, 3) and labels of a split of `tiny`."""
    random = np.random.RandomState(len(split))
    images = random.randint(0, 256, (SPLITS[split], 6, 5, 3), np.uint8)
    return images, np.arange(SPLITS[split]) % 3


class KzooTestTiny(tfds.core.GeneratorBasedBuilder):
    """Sixty plus twenty images of noise in three classes."""

    VERSION = tfds.core.Version("1.2.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(6, 5, 3)),
                    "label": tfds.features.ClassLabel(names=["ant", "bee", "cat"]),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split):
        for number, (image, label) in enumerate(zip(*tiny_images(split))):
            yield number, {"id": str(number), "image": image, "label": label}


class KzooTestUnlabelled(KzooTestTiny):
    """The same without labels in the test split."""

    def _generate_examples(self, split):
        for number, example in super()._generate_examples(split):
            yield number, example | ({"label": -1} if split == "test" else {})


class KzooTestMnist(tfds.core.GeneratorBasedBuilder):
    """A stand-in of MNIST: 70 + 10 bars on black, 28 x 28."""

    VERSION = tfds.core.Version("3.0.1")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(70), "test": self._generate_examples(10)}

    def _generate_examples(self, count):
        for number in range(count):
            image = np.zeros((28, 28, 1), np.uint8)
            image[6:22, 8 + number % 10 : 12 + number % 10] = 200
            yield number, {"image": image, "label": number % 10}


def prepare(builder_class, root):
    """Prepare a builder under `root` and return the folder of the version."""
    tfds.disable_progress_bar()
    builder = builder_class(data_dir=root)
    builder.download_and_prepare()
    return builder.data_dir
