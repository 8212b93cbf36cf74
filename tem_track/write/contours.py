"""Lines to draw: the borders of regions in an image, without what only follows the edge of the field."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Labels, Mask

# Regions smaller than this along both axes, px, are specks.
_LEAST_PX = 3


def closed_contours(mask: Mask) -> list[FloatArray]:
    """Return the outer borders of a (Y, X) mask, each closed by itself, (P, 2) of (y, x) px."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour[:, 0, ::-1].astype(np.float64) for contour in found if len(contour) > 2]


def region_lines(mask: Mask) -> list[FloatArray]:
    """Return the borders of a (Y, X) mask as open or closed lines (P, 2) of (y, x) px; the field's edge left out."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_TC89_L1)
    lines = [np.concatenate([line, line[:1]])[:, 0, ::-1].astype(np.float64) for line in found]
    return [part for line in lines if np.ptp(line, axis=0).max() >= _LEAST_PX for part in _inside(line, mask.shape)]


def grain_lines(labels: Labels) -> list[FloatArray]:
    """Return the boundaries of a (Y, X) label image whose grains leave one pixel between them, along that pixel."""
    lines = []
    for grain in np.unique(labels[labels > 0]).tolist():
        wide = cv2.dilate((labels == grain).astype(np.uint8), np.ones((3, 3), np.uint8))
        lines += region_lines(wide.astype(bool))
    return lines


def _inside(line: FloatArray, shape: tuple[int, ...]) -> list[FloatArray]:
    """Return the parts of a line that do not run along the edge of an image of (Y, X) px."""
    last = np.array(shape) - 1
    # Which of the four edges each point lies on: a step along one of them shares that edge.
    on: NDArray[np.bool_] = np.concatenate([line <= 0, line >= last], axis=1)
    along = np.asarray((on[1:] & on[:-1]).any(axis=1), bool).reshape(-1)
    parts = np.split(np.arange(len(along)), np.flatnonzero(np.diff(along)) + 1)
    return [line[part[0] : part[-1] + 2] for part in parts if len(part) and not along[part[0]]]
