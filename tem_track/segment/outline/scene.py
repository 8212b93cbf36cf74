"""Some frames of a movie as the outlines see them: pictures, who stands in whose way, what may not be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.outline.fit import refine
from tem_track.segment.outline.members import ROUNDS, Members, Memory, remember_shapes, unfinished
from tem_track.segment.outline.owner import OwnerPicture
from tem_track.segment.outline.profile import View
from tem_track.segment.outline.rays import binned, longest_rays, to_frame, to_working
from tem_track.segment.outline.start import Start

# An outline may end up larger than its label by this factor and margin (px) before it meets what was not foreseen.
_LARGER, _LARGER_PX = 1.2, 5.0
# An outline is drawn up to 3 px larger than it is, or working px where these are larger, and rays start anew from the
# centre of the outline.
_DRAWN_PX = 3.0


@dataclass(frozen=True)
class Scene:
    """Frames that are outlined together.

    Attributes
    ----------
    numbers : list of int
        The movie's numbers of the frames.
    frames, labels : list of (Y, X)
    fixed : (Y, X) bool or None
    starts : list of list of Start
        Of each frame.
    pictures : mapping of binning to list of (Y, X) float32
    views : mapping of binning to View
    """

    numbers: list[int]
    frames: list[Image]
    labels: list[Labels]
    fixed: Mask | None
    starts: list[list[Start]]
    pictures: Mapping[int, list[Image]]
    views: Mapping[int, View]

    def barred(self, k: int, track: int, box: tuple[slice, slice]) -> Mask:
        """Return the pixels of a box of frame k that belong to others than a track."""
        labels = self.labels[k][box]
        found = (labels != 0) & (labels != track)
        if self.fixed is not None:
            found |= self.fixed[box]
        return np.asarray(found)


def pictures_of(frames: Sequence[Image], members: Sequence[Members]) -> dict[int, list[Image]]:
    """Return the frames in every binning that particles are looked at in."""
    return {b: [binned(frame, b) for frame in frames] for b in sorted({m.binning for m in members})}


def refine_all(scene: Scene, members: Sequence[Members], memories: Mapping[int, Memory] | None = None) -> None:
    """Improve outlines in common rounds until they stand still.

    With `memories`, the tracks' from before the scene, each outline also follows the shape that its track has in the
    frames of the scene before it.
    """
    crowd = _Crowd(scene, members)
    for r in range(ROUNDS):
        moving = [np.flatnonzero(unfinished(m, r)) for m in members]
        if not any(len(chosen) for chosen in moving):
            break
        if r and memories is not None and len(scene.numbers) > 1:
            remember_shapes(members, scene.numbers, memories)
        crowd.draw(members, moving)
        for m, chosen in zip(members, moving, strict=True):
            refine(m.group, scene.pictures[m.binning], crowd.owners(m.binning), chosen, scene.views[m.binning])


class _Crowd:
    """Owner pictures of those frames in which rays meet other particles, or pixels that may not be looked at.

    All outlines of the scene are numbered in one row: those of the members group by group, then the contours that no
    rays describe. Which of them may meet as long as they are about as large as their labels is asked once; which of
    these pairs meet as they stand, in every round: only they are drawn.
    """

    def __init__(self, scene: Scene, members: Sequence[Members]):
        self._contours = [(k, s) for k, starts in enumerate(scene.starts) for s in starts if not s.star]
        starts = [s for m in members for s in m.starts] + [s for _, s in self._contours]
        frames = [m.group.frame for m in members] + [np.array([k for k, _ in self._contours], np.intp)]
        self._bounds = np.cumsum([0, *(len(m.group) for m in members)])
        self._frame: NDArray[np.intp] = np.concatenate(frames)
        self._near, self._near_fixed = _may_meet(starts, self._frame, scene.fixed)
        circles = [_circle(s.contour.centre, s.radius[None], 1) for _, s in self._contours]
        self._circles = np.concatenate([np.zeros((0, 4)), *circles])
        touched = set(self._frame[self._near_fixed].tolist()) | set(self._frame[self._near[:, 0]].tolist())
        self._pictures: dict[int, list[OwnerPicture | None]] = {}
        for b, pictures in scene.pictures.items():
            shape, hidden = pictures[0].shape, _hidden(scene.fixed, b)
            self._pictures[b] = [
                OwnerPicture((shape[0], shape[1]), hidden, b) if k in touched else None for k in range(len(pictures))
            ]

    def owners(self, binning: int) -> list[Image | None]:
        """Return the owner pictures of all frames, None where nothing bars a ray."""
        return [None if picture is None else picture.owner for picture in self._pictures[binning]]

    def draw(self, members: Sequence[Members], moving: Sequence[NDArray[np.intp]]) -> None:
        """Draw all particles that meet others as they stand, in the frames where one of them moves on."""
        met = self._met(members)
        looked_at = np.zeros(1 + int(self._frame.max(initial=0)), np.bool_)
        for m, chosen, first in zip(members, moving, self._bounds, strict=False):
            m.group.crowded[:] = met[first : first + len(m.group)]
            looked_at[m.group.frame[chosen[m.group.crowded[chosen]]]] = True
        drawn: dict[int, tuple[list[int], list[FloatArray]]] = {k: ([], []) for k in np.flatnonzero(looked_at).tolist()}
        for (k, start), meets in zip(self._contours, met[self._bounds[-1] :].tolist(), strict=True):
            if meets and k in drawn:
                drawn[k][0].append(start.contour.track_id)
                drawn[k][1].append(start.contour.points)
        for m in members:
            rows = np.flatnonzero(m.group.crowded & looked_at[m.group.frame])
            for i, outline in zip(rows.tolist(), m.outlines(rows), strict=True):
                numbers, points = drawn[int(m.group.frame[i])]
                numbers.append(int(m.group.number[i]))
                points.append(outline)
        for binning, pictures in self._pictures.items():
            for k, (numbers, points) in drawn.items():
                picture = pictures[k]
                if picture is not None:
                    picture.draw(numbers, [to_working(outline, binning) for outline in points])

    def _met(self, members: Sequence[Members]) -> Mask:
        """Return which outlines meet another's rays as they stand, or may meet fixed pixels."""
        met = self._near_fixed.copy()
        if len(self._near):
            groups = [(m.group, m.binning) for m in members]
            mine = [_circle(to_frame(g.centre, b), g.radius, b) for g, b in groups]
            circles = np.concatenate([*mine, self._circles])
            first, second = circles[self._near[:, 0]], circles[self._near[:, 1]]
            met[self._near[_meet(first, second)].ravel()] = True
        return met


def _circle(centre: FloatArray, radius: FloatArray, binning: int) -> FloatArray:
    """Return centre yx, size as drawn and reach of the rays of outlines with (P, N) working radii, px, (P, 4)."""
    largest = radius.max(axis=1)
    size, reach = binning * largest + _DRAWN_PX * (1 + binning), binning * longest_rays(radius) + _DRAWN_PX
    return np.column_stack([np.broadcast_to(centre, (len(radius), 2)), size, reach])


def _meet(first: FloatArray, second: FloatArray) -> Mask:
    """Return whether the rays of (M, 4) circles reach the others of their pairs."""
    apart = np.hypot(first[:, 0] - second[:, 0], first[:, 1] - second[:, 1])
    return np.asarray(apart < np.maximum(first[:, 2] + second[:, 3], second[:, 2] + first[:, 3]))


def _hidden(fixed: Mask | None, binning: int) -> Mask | None:
    if fixed is None or not fixed.any():
        return None
    # A binned pixel is hidden if a quarter of it is.
    return np.asarray(binned(fixed.astype(np.float32), binning) > 0.25)


def _may_meet(starts: Sequence[Start], frame: NDArray[np.intp], fixed: Mask | None) -> tuple[NDArray[np.intp], Mask]:
    """Return pairs (M, 2) of Q starts of one frame each that rays may lead to one another, and who (Q,) may meet fixed.

    Outlines are taken as large as they may become before they meet what was not foreseen.
    """
    if not starts:
        return np.zeros((0, 2), np.intp), np.zeros(0, np.bool_)
    centre = np.stack([start.contour.centre for start in starts])
    size = _LARGER_PX + _LARGER * np.array([start.radius.max() for start in starts])
    reach = _LARGER_PX + _LARGER * np.array([longest_rays(start.radius[None])[0] for start in starts])
    # Frames lie apart, one beside the other, further than any ray reaches.
    furthest = float(reach.max() + size.max())
    beside = centre + np.stack([np.zeros(len(frame)), frame * (np.ptp(centre[:, 1]) + 2 * furthest)], axis=1)
    near = cKDTree(beside).query_pairs(furthest, output_type="ndarray")
    circles = np.column_stack([centre, size, reach])
    near = near[_meet(circles[near[:, 0]], circles[near[:, 1]])]
    found = np.zeros(len(starts), np.bool_) if fixed is None or not fixed.any() else _near_fixed(centre, reach, fixed)
    return near, found


def _near_fixed(centre: FloatArray, reach: FloatArray, fixed: Mask) -> Mask:
    low = np.maximum(np.floor(centre - reach[:, None]), 0).astype(int).tolist()
    high = np.ceil(centre + reach[:, None] + 1).astype(int).tolist()
    boxes = zip(low, high, strict=True)
    return np.array([fixed[top:bottom, left:right].any() for (top, left), (bottom, right) in boxes], np.bool_)
