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
from tem_track.segment.outline.rays import binned, longest_ray, to_working
from tem_track.segment.outline.start import Start

# An outline may end up larger than its label by this factor and margin (px) before it meets what was not foreseen.
_LARGER, _LARGER_PX = 1.2, 5.0


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
    """Owner pictures of those frames in which rays meet other particles, or pixels that may not be looked at."""

    def __init__(self, scene: Scene, members: Sequence[Members]):
        self._starts = scene.starts
        self._tracks = [_crowded(starts, scene.fixed) for starts in scene.starts]
        self._pictures: dict[int, list[OwnerPicture | None]] = {}
        for b, pictures in scene.pictures.items():
            shape, hidden = pictures[0].shape, _hidden(scene.fixed, b)
            self._pictures[b] = [OwnerPicture((shape[0], shape[1]), hidden, b) if its else None for its in self._tracks]
        for m in members:
            for i, (k, track) in enumerate(zip(m.group.frame.tolist(), m.group.number.tolist(), strict=True)):
                m.group.crowded[i] = track in self._tracks[k]

    def owners(self, binning: int) -> list[Image | None]:
        """Return the owner pictures of all frames, None where nothing bars a ray."""
        return [None if picture is None else picture.owner for picture in self._pictures[binning]]

    def draw(self, members: Sequence[Members], moving: Sequence[NDArray[np.intp]]) -> None:
        """Draw all particles that others are near as they stand, in the frames where one of them moves on."""
        looked_at = np.zeros(len(self._tracks), np.bool_)
        for m, chosen in zip(members, moving, strict=True):
            looked_at[m.group.frame[chosen[m.group.crowded[chosen]]]] = True
        drawn: list[tuple[list[int], list[FloatArray]]] = [([], []) for _ in self._tracks]
        for k in np.flatnonzero(looked_at).tolist():
            numbers, points = drawn[k]
            mine = [s.contour for s in self._starts[k] if not s.star and s.contour.track_id in self._tracks[k]]
            numbers += [contour.track_id for contour in mine]
            points += [contour.points for contour in mine]
        for m in members:
            rows = np.flatnonzero(m.group.crowded & looked_at[m.group.frame])
            for i, outline in zip(rows.tolist(), m.outlines(rows), strict=True):
                numbers, points = drawn[m.group.frame[i]]
                numbers.append(int(m.group.number[i]))
                points.append(outline)
        for binning, pictures in self._pictures.items():
            for k in np.flatnonzero(looked_at).tolist():
                picture, (numbers, points) = pictures[k], drawn[k]
                if picture is not None:
                    picture.draw(numbers, [to_working(outline, binning) for outline in points])


def _hidden(fixed: Mask | None, binning: int) -> Mask | None:
    if fixed is None or not fixed.any():
        return None
    # A binned pixel is hidden if a quarter of it is.
    return np.asarray(binned(fixed.astype(np.float32), binning) > 0.25)


def _crowded(starts: Sequence[Start], fixed: Mask | None) -> set[int]:
    """Return the tracks of a frame whose rays may meet others or a fixed pixel, and those that they may meet."""
    if not starts:
        return set()
    tracks = np.array([start.contour.track_id for start in starts])
    centre = np.stack([start.contour.centre for start in starts])
    size = np.array([_LARGER * start.radius.max() + _LARGER_PX for start in starts])
    reach = np.array([longest_ray(_LARGER * start.radius) + _LARGER_PX for start in starts])
    near = cKDTree(centre).query_pairs(float(reach.max() + size.max()), output_type="ndarray")
    apart = np.hypot(*(centre[near[:, 0]] - centre[near[:, 1]]).T)
    meet = apart < np.maximum(size[near[:, 0]] + reach[near[:, 1]], size[near[:, 1]] + reach[near[:, 0]])
    found = set(tracks[near[meet]].ravel().tolist())
    if fixed is not None and fixed.any():
        found |= set(tracks[_near_fixed(centre, reach, fixed)].tolist())
    return found


def _near_fixed(centre: FloatArray, reach: FloatArray, fixed: Mask) -> Mask:
    low = np.maximum(np.floor(centre - reach[:, None]), 0).astype(int).tolist()
    high = np.ceil(centre + reach[:, None] + 1).astype(int).tolist()
    boxes = zip(low, high, strict=True)
    return np.array([fixed[top:bottom, left:right].any() for (top, left), (bottom, right) in boxes], np.bool_)
