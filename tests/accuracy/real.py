"""`python -m tests.accuracy --real`: single real images with hand-drawn masks, through the whole tool, nothing told.

Nothing of these images is in this repository; where they are absent the measurement says so and ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tem_track.errors import TemTrackError
from tem_track.movie import Labels, Mask
from tem_track.pipeline import Clock, Silence, measure_movie
from tem_track.read import open_movie
from tem_track.settings import Settings

from .score import match_image

# Px by which outlines are moved to see where a hand draws: outside what is found (positive) or inside.
MOVED_PX = (1, -1, -2, -3)
# Pixels of a mask below which a particle is a slip of the brush.
LEAST_PX = 30


@dataclass(frozen=True)
class RealImage:
    """One image: the overlap of all that was found with all that was drawn, and particle by particle.

    Attributes
    ----------
    name : str
    iou : float
    area : float
        Found over drawn, of all.
    moved_iou : tuple of float
        `iou` if everything found were larger by each of `MOVED_PX`.
    matched, missed, invented : int
        Particles at an IoU of 0.5.
    said : str
        Why nothing was found.
    """

    name: str
    iou: float
    area: float
    moved_iou: tuple[float, ...]
    matched: int
    missed: int
    invented: int
    said: str

    @property
    def f1(self) -> float:
        """F1 at an IoU of 0.5; NaN of nothing."""
        total = 2 * self.matched + self.missed + self.invented
        return 2 * self.matched / total if total else float("nan")


def measure_real(data: Path) -> str:
    """Return the tables of both sets under a folder, or why there are none."""
    parts = []
    for name, images, masks, instances in (
        ("sinter_bf_tem", "images/image_*.png", "labels/label_{}.png", False),
        ("emps", "images/*.png", "segmaps/{}.png", True),
    ):
        found = sorted((data / name).glob(images))
        if not found:
            parts.append(f"{name}: left out, no {name}/{images.split('/')[0]} beside the exam")
            continue
        rows = [_measured(path, data / name / masks.format(path.stem.removeprefix("image_"))) for path in found]
        parts.append(_table(name, rows, instances))
    return "\n\n".join(parts)


def _measured(image: Path, mask: Path) -> RealImage:
    true = _drawn(mask)
    said = ""
    try:
        movie = open_movie(image)
        found = measure_movie(movie, Settings(), Silence(), Clock()).labels[0]
    except TemTrackError as error:
        found, said = np.zeros(true.shape, np.int32), str(error)
    pairs, missed, invented = match_image(found, true)
    there, drawn = found > 0, true > 0
    area = float(there.sum() / drawn.sum()) if drawn.any() else float("nan")
    moved = tuple(_iou(_grown(there, by), drawn) for by in MOVED_PX)
    return RealImage(image.stem, _iou(there, drawn), area, moved, len(pairs), missed, invented, said)


def _iou(one: Mask, other: Mask) -> float:
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else float("nan")


def _grown(mask: Mask, by_px: int) -> Mask:
    """Return a mask grown (or shrunk, but not from the border of the frame) by a number of px."""
    side = 2 * abs(by_px) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    moved: Mask = (cv2.dilate if by_px > 0 else cv2.erode)(mask.view(np.uint8), disc) > 0
    return moved


def _drawn(path: Path) -> Labels:
    """Return the particles of a mask: an instance map, or the connected parts of a black and white picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FileNotFoundError(path)
    if picture.ndim == 3:
        drawn: Mask = picture[..., 0] > 127
        labels = cv2.connectedComponents(drawn.astype(np.uint8), connectivity=4)[1]
    else:
        labels = picture.astype(np.int32)
    sizes = np.bincount(labels.ravel())
    kept = np.flatnonzero(sizes >= LEAST_PX)
    numbers = np.zeros(len(sizes), np.int32)
    numbers[kept[kept > 0]] = np.arange(1, (kept > 0).sum() + 1)
    return numbers[labels]


def _table(name: str, rows: list[RealImage], instances: bool) -> str:
    """Return one line per image, worst first, and what the target is about last."""
    lines = [f"{name}: image | IoU of all | area found / drawn | F1 | matched, missed, invented"]
    for row in sorted(rows, key=lambda row: row.f1 if instances else row.iou):
        counts = f"{row.matched}, {row.missed}, {row.invented}"
        lines.append(f"{row.name} | {row.iou:.3f} | {row.area:.2f} | {row.f1:.3f} | {counts} {row.said[:70]}".rstrip())
    matched, missed, invented = (sum(getattr(row, n) for row in rows) for n in ("matched", "missed", "invented"))
    pooled = 2 * matched / max(1, 2 * matched + missed + invented)
    mean = float(np.nanmean([row.f1 for row in rows]))
    iou = float(np.nanmean([row.iou for row in rows]))
    lines.append(
        f"all {len(rows)} | {iou:.3f} | {np.nanmedian([row.area for row in rows]):.2f} | "
        f"{pooled:.3f} pooled, {mean:.3f} per image | {matched}, {missed}, {invented}"
    )
    moved = np.nanmean([row.moved_iou for row in rows], axis=0)
    told = ", ".join(f"{by:+d} px {value:.3f}" for by, value in zip(MOVED_PX, moved, strict=True))
    lines.append(f"IoU of all were everything found larger or smaller by so much: {told}")
    return "\n".join(lines)
