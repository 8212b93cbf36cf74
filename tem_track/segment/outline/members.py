"""Particles of some frames while they are outlined together, and what a track remembers from one frame for the next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline.choice import radii_about
from tem_track.segment.outline.fit import OutlineGroup, new_group
from tem_track.segment.outline.rays import (
    binning_for,
    ray_points,
    recentred,
    resample_radius,
    to_frame,
    to_working,
)
from tem_track.segment.outline.rows import OutlineRow
from tem_track.segment.outline.start import Start

# Rounds of refinement; a label that is a pixel or two off is further off for a small particle.
_ROUNDS_LARGE, ROUNDS, _SMALL_PX = 3, 5, 12.0
# An outline that moved less than this in a round is finished, px. One that started from what is remembered takes its
# step from so near that a quarter of the blur leaves a tenth of the area's standard uncertainty, as often to the better
# as to the worse; a bite or bulge of a label goes slowly, in small steps, and beside others that move there is more.
_STILL_PX, _STILL_NEAR_PX = 0.05, 0.3
# Rounds of one that started from what is remembered: the first step from so near is as good as later ones, the second
# takes the profile along the outline as it then is.
_ROUNDS_NEAR = 2
# A label whose form differs from the remembered shape by less than this (rms over the radius, and px for the raggedness
# of whole pixels) says no more about the form than its size and place: the outline starts from what is remembered.
_ALIKE, _RAGGED_PX = 0.015, 0.3
# An outline that is larger or smaller than its label by more than this share and px is no start for others.
_LARGER, _LARGER_PX = 0.06, 2.0
# Weight of the newest frame in the remembered shape: a memory of about five frames.
_RECENT = 0.2


@dataclass(frozen=True)
class Memory:
    """What a track brings to another frame.

    Attributes
    ----------
    frame : int
        The frame it was last seen in.
    parameters : (10,) float64
        Fit of its profile.
    centre : (2,) float64, radius : (N,) float64
        Its outline, px of that frame: mean of its points, and radii about it.
    shape : (N,) float64
        Radius over its mean, average of the last frames.
    beside : (2,) float64, larger : float
        Centre of the outline minus that of its label, px, and its mean radius over the label's.
    contrast : float
        Height of its profile, grey values.
    known : (N,) bool
        Directions of `shape` that any frame has shown.
    """

    frame: int
    parameters: FloatArray
    centre: FloatArray
    radius: FloatArray
    shape: FloatArray
    beside: FloatArray
    larger: float
    contrast: float
    known: Mask

    @cached_property
    def size(self) -> float:
        """Mean of the radii, px."""
        return float(self.radius.mean())

    @property
    def sane(self) -> bool:
        """Whether the outline is where its label says the particle is."""
        return abs(math.log(self.larger)) < _LARGER + _LARGER_PX / self.size


@dataclass(frozen=True)
class Members:
    """Particles of some frames that are fitted together: their starts and the outlines as they stand."""

    starts: list[Start]
    group: OutlineGroup
    binning: int

    def outlines(self, rows: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        """Return the (P, N, 2) outlines in frame coordinates, or those of some rows."""
        return to_frame(ray_points(self.group.centre[rows], self.group.radius[rows]), self.binning)

    def circles(self) -> tuple[FloatArray, FloatArray]:
        """Return the means (P, 2) of the outlines' points and the radii (P, N) about them, px of the frame."""
        centre, radius = recentred(self.group.centre, self.group.radius)
        return to_frame(centre, self.binning), radius * self.binning

    def copy(self) -> Members:
        """Return the same particles with outlines of their own, all of them taken as finished."""
        group = self.group.take(np.arange(len(self.group)))
        group.moved[:] = 0.0
        return Members(self.starts, group, self.binning)

    def some(self, rows: list[int]) -> Members:
        """Return a copy of some of the particles."""
        return Members([self.starts[i] for i in rows], self.group.take(np.array(rows, np.intp)), self.binning)

    def place(self, i: int, outline: FloatArray) -> None:
        """Put outline i where the given one (P, 2) lies, px of the frame."""
        points = to_working(outline, self.binning)
        self.group.centre[i] = points.mean(axis=0)
        self.group.radius[i] = radii_about(points, self.group.centre[i], self.group.radius.shape[1])
        self.group.moved[i] = self.group.misfit[i] = np.inf
        self.group.near[i] = False

    def follow(self, i: int, parameters: FloatArray, centre: FloatArray, radius: FloatArray, wrong: Mask) -> None:
        """Put outline i where `radius` (N,) about `centre` (2,) is, px of the frame, and let it keep that shape.

        `parameters` are those of its profile; the rays that are `wrong` (N,) count no more.
        """
        group, count = self.group, self.group.radius.shape[1]
        group.centre[i] = to_working(centre, self.binning)
        group.radius[i] = resample_radius(radius, count) / self.binning
        group.before[i] = np.log(group.radius[i] / group.radius[i].mean())
        group.wrong[i] = resample_radius(wrong.astype(np.float64), count) > 0.5
        group.parameters[i], group.near[i] = parameters, True
        group.moved[i] = group.misfit[i] = np.inf

    def start_from(self, i: int, memory: Memory, shift: FloatArray) -> None:
        """Start outline i from another frame's, `shift` (2,) px away."""
        count = self.group.radius.shape[1]
        self.group.centre[i] = to_working(memory.centre + shift, self.binning)
        self.group.radius[i] = resample_radius(memory.radius, count) / self.binning
        self.group.moved[i] = self.group.misfit[i] = np.inf
        self.group.near[i] = False
        self.group.before[i] = np.log(resample_radius(memory.shape, count))
        self.group.parameters[i] = memory.parameters


def grouped(starts: Sequence[Sequence[Start]], memories: Mapping[int, Memory]) -> list[Members]:
    """Return the star-shaped starts of some frames in groups that are fitted together, in the order of the frames."""
    stars = [(k, start) for k, of_frame in enumerate(starts) for start in of_frame if start.star]
    kinds = [_class_of(start) for _, start in stars]
    return [
        _begin([star for star, its in zip(stars, kinds, strict=True) if its == kind], kind[1], memories)
        for kind in sorted(set(kinds))
    ]


def _class_of(start: Start) -> tuple[int, int]:
    """Return what particles must share to be fitted together: number of rays and binning."""
    return len(start.radius), binning_for(start.size)


def _begin(stars: list[tuple[int, Start]], binning: int, memories: Mapping[int, Memory]) -> Members:
    centre = np.stack([start.contour.centre for _, start in stars])
    radius = np.stack([start.radius for _, start in stars]) / binning
    number = np.array([start.contour.track_id for _, start in stars], np.int64)
    group = new_group(number, np.array([k for k, _ in stars], np.intp), to_working(centre, binning), radius)
    for i, track in enumerate(number.tolist()):
        memory = memories.get(track)
        if memory is not None:
            shape = resample_radius(memory.shape, radius.shape[1])
            group.parameters[i] = memory.parameters
            group.before[i] = np.log(shape)
            start = stars[i][1]
            if not start.contour.cut and memory.sane and _alike(start, shape):
                group.centre[i] += memory.beside / binning
                group.radius[i] = start.size / binning * memory.larger / float(shape.mean()) * shape
                group.contrast[i], group.misfit[i], group.near[i] = memory.contrast, 0.0, True
    return Members([start for _, start in stars], group, binning)


def _alike(start: Start, shape: FloatArray) -> bool:
    """Return whether a label shows the same form as a remembered shape (N,)."""
    off = np.log(start.radius / shape)
    square = float(off @ off) / len(off) - (float(off.sum()) / len(off)) ** 2
    return square < (_ALIKE + _RAGGED_PX / start.size) ** 2


def unfinished(m: Members, r: int) -> Mask:
    """Return which outlines go on in round r."""
    near = m.group.near
    few = (r < np.where(near, _ROUNDS_NEAR, _ROUNDS_LARGE)) | (m.group.radius.mean(axis=1) < _SMALL_PX)
    still = np.where(near & ~m.group.crowded, _STILL_NEAR_PX, _STILL_PX)
    return np.asarray(few & (m.group.moved * m.binning > still))


Row = tuple[int, int, int]
"""Place in the list of frames, in the list of groups, and in the group."""


def rows_in_order(members: Sequence[Members], backward: bool = False) -> list[Row]:
    """Return all particles, frame by frame."""
    rows = [(int(k), j, i) for j, m in enumerate(members) for i, k in enumerate(m.group.frame)]
    return sorted(rows, key=lambda row: (-row[0] if backward else row[0], row[1], row[2]))


def chain(
    members: Sequence[Members], rows: Iterable[Row], numbers: Sequence[int], memories: Mapping[int, Memory]
) -> tuple[list[Memory | None], dict[int, Memory]]:
    """Return what each row's track knew when the row's turn came, and what the tracks know in the end.

    Parameters
    ----------
    members : sequence of Members
    rows : iterable of (frame, group, particle)
        In the order in which the frames are gone through.
    numbers : sequence of int
        The movie's numbers of the frames.
    memories : mapping of track to Memory
        What they knew before.
    """
    facts = [_facts(m) for m in members]
    known = dict(memories)
    found: list[Memory | None] = []
    for k, j, i in rows:
        group, its = members[j].group, facts[j]
        track = its.track[i]
        before = known.get(track)
        found.append(before)
        shape, seen = recent_shape(its.shape[i], before, group.shown[i])
        known[track] = Memory(
            numbers[k],
            group.parameters[i],
            its.centre[i],
            its.radius[i],
            shape,
            its.beside[i],
            its.larger[i],
            its.contrast[i],
            seen,
        )
    return found, known


@dataclass(frozen=True)
class _Facts:
    """What the outlines of a group tell of their tracks (see Memory), as lists of numbers where one is asked for."""

    track: list[int]
    centre: FloatArray
    radius: FloatArray
    shape: FloatArray
    beside: FloatArray
    larger: list[float]
    contrast: list[float]


def _facts(m: Members) -> _Facts:
    centre, radius = m.circles()
    size = radius.mean(axis=1)
    beside = centre - np.stack([start.contour.centre for start in m.starts])
    larger = size / np.array([start.size for start in m.starts])
    track = [start.contour.track_id for start in m.starts]
    return _Facts(track, centre, radius, radius / size[:, None], beside, larger.tolist(), m.group.contrast.tolist())


def memory_of(row: OutlineRow, memory: Memory | None) -> Memory:
    """Return what a finished row brings to the frame before it."""
    assert row.evidence is not None
    assert row.circle is not None
    centre, radius = row.circle
    shown = np.ones(len(radius), np.bool_) if row.shown is None else row.shown
    shape, known = recent_shape(radius / radius.mean(), memory, shown)
    larger = float(radius.mean()) / row.label_radius
    return Memory(row.frame, row.evidence.parameters, centre, radius, shape, np.zeros(2), larger, np.inf, known)


def recent_shape(shape: FloatArray, memory: Memory | None, shown: Mask) -> tuple[FloatArray, Mask]:
    """Return a shape (N,), mean of several frames, and the directions (N,) of it that any of them has shown.

    Directions that this frame does not show (N,), because a neighbour has come to lie there, keep what earlier frames
    have shown of them: what is drawn there in their stead must not become knowledge.
    """
    if memory is None:
        return shape, shown
    before = resample_radius(memory.shape, len(shape))
    mixed = (1 - _RECENT) * before + _RECENT * shape
    if shown.all():
        return mixed, shown
    known = resample_radius(memory.known.astype(np.float64), len(shape)) > 0.5
    kept = known & ~shown
    if kept.any() and shown.any():
        # Of the size that the directions tell that are shown: the others would scale them.
        scale = float(mixed[shown].mean() / before[shown].mean())
        mixed = np.where(kept, before * scale, mixed)
    return mixed, known | shown


def remember_shapes(members: Sequence[Members], numbers: Sequence[int], memories: Mapping[int, Memory]) -> None:
    """Give every particle the shape that its track has in the frames before it, as they stand."""
    rows = rows_in_order(members)
    shapes: list[list[tuple[int, FloatArray]]] = [[] for _ in members]
    for (_, j, i), memory in zip(rows, chain(members, rows, numbers, memories)[0], strict=True):
        if memory is not None:
            shapes[j].append((i, resample_radius(memory.shape, members[j].group.radius.shape[1])))
    for m, known in zip(members, shapes, strict=True):
        if known:
            m.group.before[[i for i, _ in known]] = np.log(np.stack([shape for _, shape in known]))
