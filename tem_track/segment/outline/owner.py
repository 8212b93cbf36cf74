"""Who stands where: a picture of the particles' outlines as they are by now, for the rays of their neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask

# A neighbour's own blurred edge reaches this far beyond its outline, px.
_NEIGHBOUR_MARGIN_PX = 2
# cv2.fillPoly takes fixed-point vertices; 8 fractional bits place a vertex to 1/256 px.
_SHIFT = 8


class OwnerPicture:
    """A working picture of owners: 0 nobody, n > 0 the particle numbered n, -1 an overlay or more than one particle.

    Attributes
    ----------
    owner : (Y, X) float32
    """

    def __init__(self, shape: tuple[int, int], fixed: Mask | None, binning: int):
        self._fixed = fixed
        self._margin = max(1, round(_NEIGHBOUR_MARGIN_PX / binning))
        self._kernel = np.ones((2 * self._margin + 1, 2 * self._margin + 1), np.uint8)
        self._drawn: list[tuple[slice, slice]] = []
        self.owner: Image = np.zeros(shape, np.float32)
        if fixed is not None:
            self.owner[fixed] = -1

    def draw(self, numbers: Sequence[int], outlines: Sequence[FloatArray]) -> None:
        """Draw particles anew, each as its (P, 2) yx outline in working px, widened by its blurred edge."""
        for box in self._drawn:
            self.owner[box] = 0 if self._fixed is None else -self._fixed[box].astype(np.float32)
        boxes = [self._draw_one(number, points) for number, points in zip(numbers, outlines, strict=True)]
        self._drawn = [box for box in boxes if box is not None]

    def _draw_one(self, number: int, points: FloatArray) -> tuple[slice, slice] | None:
        height, width = self.owner.shape
        # Plain numbers: for boxes of a few pixels array functions would cost more than the drawing.
        top, left = (max(int(low) - self._margin - 1, 0) for low in points.min(axis=0))
        bottom, right = (int(high) + self._margin + 2 for high in points.max(axis=0))
        bottom, right = min(bottom, height), min(right, width)
        if bottom <= top or right <= left:
            return None
        mask = np.zeros((bottom - top, right - left), np.uint8)
        vertices = np.rint((points[:, ::-1] - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [vertices], 1, shift=_SHIFT)
        inside = cv2.dilate(mask, self._kernel).view(np.bool_)
        box = (slice(top, bottom), slice(left, right))
        part = self.owner[box]
        # Whole boxes: picking pixels out of them costs five times as much.
        mine = np.where(part == 0, np.float32(number), np.float32(-1))
        np.copyto(part, mine, where=inside)
        return box
