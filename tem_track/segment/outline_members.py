"""Particles of one frame while they are outlined, and what a track remembers from one frame for the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline_choice import difference, hull_of, radii_about
from tem_track.segment.outline_fit import OutlineGroup
from tem_track.segment.outline_rays import binning_for, ray_points, resample_radius, to_frame, to_working
from tem_track.segment.outline_rows import OutlineRow
from tem_track.segment.outline_start import Start

# Rounds of refinement; a label that is a pixel or two off is further off for a small particle.
_ROUNDS_LARGE, ROUNDS, _SMALL_PX = 3, 5, 12.0
# An outline that moved less than this in a round is finished, px.
_STILL_PX = 0.05
# Weight of the newest frame in the remembered shape: a memory of about five frames.
_RECENT = 0.2
# An outline this far from its convex hull may have a bite in it.
_NOT_CONVEX = 0.01


@dataclass(frozen=True)
class Memory:
    """What a track brings to another frame.

    Attributes
    ----------
    parameters : (10,) float64
        Fit of its profile.
    radius : (N,) float64
        Its shape, mean over the last frames.
    points : (N, 2) float64
        Its outline, yx, px of the frame it was last seen in, and
    frame : int
        that frame.
    """

    parameters: FloatArray
    radius: FloatArray
    points: FloatArray
    frame: int


@dataclass(frozen=True)
class Members:
    """Particles of one frame that are fitted together: their starts and the outlines as they stand."""

    starts: list[Start]
    group: OutlineGroup
    binning: int

    def outlines(self) -> FloatArray:
        """Return the (P, N, 2) outlines in frame coordinates."""
        return to_frame(ray_points(self.group.centre, self.group.radius), self.binning)

    def copy(self) -> Members:
        """Return the same particles with outlines of their own, all of them taken as finished."""
        group = self.group.take(np.arange(len(self.group)))
        group.moved[:] = 0.0
        return Members(self.starts, group, self.binning)

    def place(self, i: int, outline: FloatArray) -> None:
        """Put outline i where the given one (P, 2) lies, px of the frame."""
        points = to_working(outline, self.binning)
        self.group.centre[i] = points.mean(axis=0)
        self.group.radius[i] = radii_about(points, self.group.centre[i], self.group.radius.shape[1])
        self.group.moved[i] = self.group.misfit[i] = np.inf

    def start_from(self, i: int, memory: Memory, shift: FloatArray) -> None:
        """Start outline i from another frame's, `shift` (2,) px away."""
        self.place(i, memory.points + shift)
        count = self.group.radius.shape[1]
        self.group.before[i] = np.log(resample_radius(memory.radius, count))
        self.group.parameters[i] = memory.parameters


# Starts outline i of some members anew where that may help, given the outline (N, 2) as it stands; whether it did.
Anew: TypeAlias = Callable[[Members, int, FloatArray], bool]


def start_from_hull(m: Members, i: int, outline: FloatArray) -> bool:
    """Start outline i from its convex hull if it is not convex; whether it is not."""
    hull = hull_of(outline)
    if difference(outline, hull) <= _NOT_CONVEX:
        return False
    m.place(i, hull)
    return True


def recent_shape(shape: FloatArray, memory: Memory | None) -> FloatArray:
    """Return a shape (N,), mean of several frames."""
    if memory is None:
        return shape
    return np.asarray((1 - _RECENT) * resample_radius(memory.radius, len(shape)) + _RECENT * shape)


def memory_of(row: OutlineRow, memory: Memory | None) -> Memory:
    """Return what a finished row brings to the frame before it."""
    assert row.evidence is not None
    points = row.points.astype(np.float64)
    radius = radii_about(points, points.mean(axis=0), len(points))
    return Memory(row.evidence.parameters, recent_shape(radius / radius.mean(), memory), points, row.frame)


def class_of(start: Start) -> tuple[int, int]:
    """Return what particles must share to be fitted together: number of rays and binning."""
    return len(start.radius), binning_for(float(start.radius.mean()))


def unfinished(m: Members, r: int) -> Mask:
    """Return which outlines go on in round r."""
    few = (r < _ROUNDS_LARGE) | (m.group.radius.mean(axis=1) < _SMALL_PX)
    return np.asarray(few & (m.group.moved * m.binning > _STILL_PX))
