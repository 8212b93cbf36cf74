"""The particles that linking follows: where each was last, how large, how long missing."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.track.regions import IntArray, Regions


class Roster:
    """Particles by their working number, from 1; entry 0 stands for the background.

    Attributes
    ----------
    y, x : float64
        Last centroid in the specimen frame, px.
    area : float64
        Last area, px.
    box : int64, (n, 4)
        Last box in the specimen frame (whole px): first row and column, ends + 1.
    alive : bool
        Followed: expected in the next frame.
    missed : int64
        Frames since it was last seen, in which it should have been.
    alone : int64
        Usable frames in which it was a region of its own.
    partly : int64
        Frames in a row in which only part of it was detected.
    """

    def __init__(self) -> None:
        self.count = 1
        self.y: FloatArray = np.zeros(64)
        self.x: FloatArray = np.zeros(64)
        self.area: FloatArray = np.zeros(64)
        self.box: IntArray = np.zeros((64, 4), np.int64)
        self.alive: Mask = np.zeros(64, np.bool_)
        self.missed: IntArray = np.zeros(64, np.int64)
        self.alone: IntArray = np.zeros(64, np.int64)
        self.partly: IntArray = np.zeros(64, np.int64)

    def add(self, how_many: int) -> IntArray:
        """Return the numbers of new particles, alive."""
        numbers = np.arange(self.count, self.count + how_many)
        self.count += how_many
        while self.count > len(self.y):
            for name in ("y", "x", "area", "box", "alive", "missed", "alone", "partly"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate((column, np.zeros_like(column))))
        self.alive[numbers] = True
        return numbers

    def update(self, regions: Regions, drift: tuple[float, float], offset: tuple[int, int], motion_px: float) -> float:
        """Take over where particles are in this frame, and return the usual motion from frame to frame.

        `regions` carry working numbers; the usual motion is the median displacement in the specimen frame of the
        particles seen before, averaged with `motion_px`, that of the frames before.
        """
        numbers = regions.number
        known = (self.area[numbers] > 0) & (self.missed[numbers] == 0)
        moved = np.hypot(regions.y - drift[0] - self.y[numbers], regions.x - drift[1] - self.x[numbers])[known]
        if len(moved):
            motion_px = float(np.median(moved)) if np.isinf(motion_px) else 0.5 * (motion_px + float(np.median(moved)))
        self.y[numbers] = regions.y - drift[0]
        self.x[numbers] = regions.x - drift[1]
        self.area[numbers] = regions.area
        self.box[numbers] = regions.box - np.array([offset[0], offset[1], offset[0], offset[1]])
        self.missed[numbers] = 0
        return motion_px

    def outside(self, numbers: IntArray, offset: tuple[int, int], size: tuple[int, int]) -> Mask:
        """Return which particles do not lie wholly inside a field of (Y, X) `size` at an offset."""
        box = self.box[numbers] + np.array([offset[0], offset[1], offset[0], offset[1]])
        outside: Mask = (box[:, 0] < 0) | (box[:, 1] < 0) | (box[:, 2] > size[0]) | (box[:, 3] > size[1])
        return outside

    def centre_inside(self, numbers: IntArray, offset: tuple[int, int], size: tuple[int, int]) -> Mask:
        """Return which particles have their centroid inside the field."""
        y, x = self.y[numbers] + offset[0], self.x[numbers] + offset[1]
        return (y >= 0) & (x >= 0) & (y <= size[0] - 1) & (x <= size[1] - 1)

    def unite(self, parts: list[int], whole: int) -> None:
        """Make `whole` the particle that `parts` are together; the parts end."""
        area = np.maximum(self.area[parts], 1e-9)
        self.y[whole], self.x[whole] = np.average(self.y[parts], weights=area), np.average(self.x[parts], weights=area)
        self.area[whole] = area.sum()
        self.box[whole, :2], self.box[whole, 2:] = self.box[parts, :2].min(0), self.box[parts, 2:].max(0)
        self.missed[whole] = self.missed[parts].min()
        self.alive[parts] = False
        self.alive[whole] = True
