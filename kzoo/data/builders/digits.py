"""scikit-learn's digits, 1,797 grey images of 8 x 8, as a TFDS data set.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI repository, 1998: the
test part of it, which scikit-learn carries. Its values 0..16 are rescaled to 0..255.
"""

import numpy as np
import tensorflow_datasets as tfds

# Examples of each split; together all 1,797.
SPLITS = {"train": 1400, "validation": 147, "test": 250}
_SEED = 0


class KzooDigits(tfds.core.GeneratorBasedBuilder):
    """Builder of `digits`."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="scikit-learn's digits, rescaled to 0..255, split by class.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = np.round(images * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
        return {
            name: self._generate_examples(images[chosen], labels[chosen])
            for name, chosen in stratified_parts(labels, SPLITS).items()
        }

    def _generate_examples(self, images, labels):
        for number, (image, label) in enumerate(zip(images, labels)):
            yield number, {"image": image, "label": int(label)}


def stratified_parts(labels: np.ndarray, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Divide the indices of `labels` into parts of exactly `sizes`, classes in proportion."""
    random = np.random.RandomState(_SEED)
    # Within each class the examples get evenly spaced ranks at random; sorted by rank, any
    # stretch of the order holds the classes in proportion.
    ranks = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        offsets = random.permutation(len(members)) + random.rand()
        ranks[members] = offsets / len(members)
    order = np.argsort(ranks, kind="stable")
    bounds = np.cumsum(list(sizes.values()))[:-1]
    return dict(zip(sizes, np.split(order, bounds)))
