"""Cut the photographs of CamVid into a folder of patches, one sub-folder per class.

Command: .venv/bin/python scripts/street_patches.py CAMVID FOLDER
Cost: a minute.

CAMVID has `train` and `test`, in each `images` (photographs) and `masks` (PNG of class numbers;
SegNet's eleven classes and 11 for void), as Brostow et al. 2009 published it at a quarter of the
size. A patch belongs to the class that has four fifths of its pixels; classes with fewer than 200
training patches are left out. Training and test patches come from different photographs, some of
them of one drive.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)
SIZE, STEP, SHARE = 32, 16, 0.8
FEWEST, MOST = 200, 1000


def patches(folder):
    """Return the patches of a split, by class."""
    found = {name: [] for name in NAMES}
    for path in sorted((folder / "images").iterdir()):
        image = np.asarray(Image.open(path).convert("RGB"))
        mask = np.asarray(Image.open(folder / "masks" / f"{path.stem}.png"))
        for row in range(0, mask.shape[0] - SIZE + 1, STEP):
            for column in range(0, mask.shape[1] - SIZE + 1, STEP):
                window = np.s_[row : row + SIZE, column : column + SIZE]
                counts = np.bincount(mask[window].ravel(), minlength=len(NAMES))[: len(NAMES)]
                if counts.max() >= SHARE * SIZE**2:
                    found[NAMES[counts.argmax()]].append(image[window])
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("camvid", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(argv)
    splits = {split: patches(options.camvid / split) for split in ("train", "test")}
    kept = [name for name in NAMES if len(splits["train"][name]) >= FEWEST]
    for split, found in splits.items():
        for name in kept:
            folder = options.folder / split / name
            folder.mkdir(parents=True)
            order = np.random.default_rng(0).permutation(len(found[name]))[:MOST]
            for number, index in enumerate(order):
                Image.fromarray(found[name][index]).save(folder / f"{number:04d}.png")
            print(f"{split:<6} {name:<10} {len(order)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
