"""`python -m tests.accuracy.grain_images FOLDER`: grain boundaries found in real micrographs, against hand labels.

FOLDER is the five serial sections of polycrystalline iron (Fast-FineCut, MIT licence): `images/` grey, `labels/` with
one colour per grain.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import tifffile

from tem_track.front.grains.find import find_grains
from tem_track.movie import Image, Labels, Mask

# A boundary pixel is right within this distance, px, of one of the other map's.
TOLERANCE_PX = 3.0
SECTIONS = 5


def boundary_pixels(labels: Labels) -> Mask:
    """Return the pixels (Y, X) that have another grain below or to the right."""
    edge = np.zeros(labels.shape, bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        edge[a] |= labels[a] != labels[b]
    return edge


def boundary_f1(found: Labels, true: Labels, tolerance_px: float = TOLERANCE_PX) -> float:
    """Return the harmonic mean of the shares of found boundary that is true and of true boundary that is found."""
    mine, theirs = boundary_pixels(found), boundary_pixels(true)
    if not mine.any() or not theirs.any():
        return float(mine.any() == theirs.any())
    to_mine, to_theirs = (cv2.distanceTransform((~m).astype(np.uint8), cv2.DIST_L2, 5) for m in (mine, theirs))
    precision = float((to_theirs[mine] <= tolerance_px).mean())
    recall = float((to_mine[theirs] <= tolerance_px).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def iron_sections(folder: Path) -> list[str]:
    """Return the names of the sections in a folder."""
    return sorted(path.stem for path in (folder / "images").glob("*.tif"))


def iron_section(folder: Path, name: str) -> tuple[Image, Labels]:
    """Return the image and the grain labels of one section."""
    image = tifffile.imread(folder / "images" / f"{name}.tif").astype(np.float32)
    colours = tifffile.imread(folder / "labels" / f"{name}.tif").astype(np.int64)
    numbers = colours @ np.array([65536, 256, 1])
    return image, np.unique(numbers, return_inverse=True)[1].reshape(numbers.shape).astype(np.int32) + 1


def main() -> None:
    folder = Path(sys.argv[1])
    scores = []
    for name in iron_sections(folder):
        image, true = iron_section(folder, name)
        grains = find_grains(image)
        scores.append(boundary_f1(grains.territory, true))
        print(f"{name}: boundary F1 {scores[-1]:.3f} at {TOLERANCE_PX:g} px, {len(grains)} grains for {true.max()}")
    print(f"mean: {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
