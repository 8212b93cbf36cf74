"""Sub-pixel outlines, cores and shells of tracked particles, frame by frame.

Strategy. All particles of a frame start from their labels and are refined in common rounds, so that each knows by
then where its neighbours really end. A label can have a bite (a pale grain at the rim) or a spur, and a fit does not
leave it; so an outline that is not convex, or differs from that of the frame before, is fitted again from the hull or
from there, and the picture decides. Frames in which outlines differ from those of the frame after are read once more
for the same, from the last to the first: the first frames of a movie are its hardest. What is kept of a particle and
frame is small: its outline and its mean profile. When the movie is over, the profiles of a track together decide what
kind of body it is and give core and void of every frame (core.py). Particles with equal numbers of rays are worked on
as one group of arrays, in a frame as well as at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress
from tem_track.segment.outline_choice import difference, second_is_better
from tem_track.segment.outline_contour import follow_contour
from tem_track.segment.outline_fit import finished_radii, new_group, refine
from tem_track.segment.outline_fringe import FringeMemory, fringes_of, looked_at
from tem_track.segment.outline_members import (
    ROUNDS,
    Anew,
    Members,
    Memory,
    class_of,
    memory_of,
    recent_shape,
    start_from_hull,
    unfinished,
)
from tem_track.segment.outline_noise import NoiseSharing
from tem_track.segment.outline_owner import OwnerPicture
from tem_track.segment.outline_polygon import polygon_moments
from tem_track.segment.outline_profile import View
from tem_track.segment.outline_rays import binned, ray_points, resample_radius, to_frame, to_working
from tem_track.segment.outline_rows import OutlineRow, evidence_of, finished_outlines, quality_of
from tem_track.segment.outline_start import Start, starts_from_labels
from tem_track.segment.outline_table import Outlines
from tem_track.settings import SegmentSettings

# An outline whose radius differs from its label's by more than this factor and margin has run away.
_RUNAWAY, _RUNAWAY_PX = 1.5, 2.5
# An outline that encloses less is none, px^2.
_LEAST_AREA = 0.5
# An outline that differs from that of the frame before or after by more than this (rms over the radius) is fitted again
# from there: one with a bite, where a pale grain lies at the rim, differs by 0.03 and more, a growing one by less.
_ANOTHER = 0.02
# Frames beyond which an outline is no start for another.
_TOO_LONG = 5
Measured = Callable[[int, int], bool]


@dataclass(frozen=True)
class _Scene:
    """One frame as the outlines see it: number, labels, and the pictures and views of every binning in use."""

    k: int
    frame: Image
    labels: Labels
    pictures: dict[int, Image]
    views: dict[int, View]


def outline_particles(
    frames: Frames,
    labels: Sequence[Labels],
    *,
    drift_px: FloatArray,
    measured: Measured | set[tuple[int, int]],
    usable: Mask,
    polarity: str,
    fixed: Mask | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress = no_progress,
) -> Outlines:
    """Return sub-pixel outlines, cores and kinds of the particles of a movie.

    Parameters
    ----------
    frames : Frames
        T frames of (Y, X), float32, finite.
    labels : sequence of (Y, X) int32
        Label image of each frame in its own coordinates; value = track number.
    drift_px : (T, 2) float64
        Drift of each frame (dy, dx), px: where an outline of one frame is looked for in another.
    measured : callable (track, frame) -> bool, or set of (track, frame)
        Whether a label was seen in its frame; or the labels that were not (bridged). Those get no row.
    usable : (T,) bool
        Frames that may be measured.
    polarity : {"dark", "bright"}
        Particles darker (bright field) or brighter (dark field) than their surroundings.
    fixed : (Y, X) bool or None
        Burned-in overlays.
    settings : SegmentSettings or None
    progress : callable

    Raises
    ------
    ValueError
        Numbers of frames, labels, drifts or flags that differ, or an unknown polarity.
    """
    count = len(frames)
    if not len(labels) == len(drift_px) == len(usable) == count:
        raise ValueError(f"{count} frames, but {len(labels)} labels, {len(drift_px)} drifts, {len(usable)} flags")
    if polarity not in ("dark", "bright"):
        raise ValueError(f"polarity {polarity!r} is neither 'dark' nor 'bright'")
    seen = _as_callable(measured)
    stage = _Stage(polarity == "dark", fixed, drift_px)
    stage.look_for_fringe(frames, labels, looked_at(usable), seen)
    rows: list[OutlineRow] = []
    for k in range(count):
        if usable[k]:
            rows += stage.outline_frame(k, frames[k], labels[k], lambda track, k=k: seen(track, k))  # type: ignore[misc]
        progress(k + 1, count)
    stage.look_back(frames, labels, rows, seen)
    return finished_outlines(rows, stage.dark)


def _as_callable(measured: Measured | set[tuple[int, int]]) -> Measured:
    if callable(measured):
        return measured
    bridged = measured
    return lambda track, frame: (track, frame) not in bridged


class _Stage:
    """What goes on from frame to frame: the tracks' memories and how neighbouring pixels share their noise."""

    def __init__(self, dark: bool, fixed: Mask | None, drift_px: FloatArray, fringe: FringeMemory | None = None):
        self.dark = dark
        self._drift_px = drift_px
        self._fixed = fixed
        self._memories: dict[int, Memory] = {}
        self._sharing = NoiseSharing()
        self._fringe = fringe or FringeMemory()
        self._look = np.zeros((0, 2))

    def look_for_fringe(
        self, frames: Frames, labels: Sequence[Labels], chosen: NDArray[np.intp], seen: Measured
    ) -> None:
        """Outline some frames with the defocus fringe free, to learn whether the movie has one (bright field only)."""
        looks = []
        for k in chosen.tolist() if self.dark else []:
            trial = _Stage(True, self._fixed, self._drift_px, FringeMemory(free=True))
            trial.outline_frame(k, frames[k], labels[k], lambda track, k=k: seen(track, k))  # type: ignore[misc]
            looks.append(trial._look)
        self._fringe.begin(looks)

    def outline_frame(self, k: int, frame: Image, labels: Labels, wanted: Callable[[int], bool]) -> list[OutlineRow]:
        """Return the rows of frame k, sorted by track."""
        starts = starts_from_labels(labels, wanted, self._fixed)
        members = self._grouped(starts)
        contours = [start for start in starts if not start.star]
        scene = self._scene(k, frame, labels, members)
        self._refine(scene, members, contours)
        # Two more starts: without the bites that a pale grain at the rim leaves in a label, and from the frame before.
        self._again(scene, members, contours, start_from_hull)
        self._again(scene, members, contours, self._start_from(k, self._memories))
        rows = [self._contour_row(k, frame, labels, start) for start in contours]
        self._look = fringes_of([(m.group, m.binning) for m in members])
        self._fringe.learn(self._look)
        for m in members:
            self._remember(k, m)
            rows += _ray_rows(k, m)
        # A label one or two pixels wide, such as the tip that a particle leaves the field with, has no outline.
        kept = [row for row in rows if _area(row.points) >= _LEAST_AREA]
        return sorted(kept, key=lambda row: row.track_id)

    def look_back(self, frames: Frames, labels: Sequence[Labels], rows: list[OutlineRow], seen: Measured) -> None:
        """Replace rows by better ones that start from the outlines of later frames, from the last frame to the first.

        A movie of a reaction begins with its hardest frames: crystals full of diffraction contrast, no frame before.
        """
        later: dict[int, Memory] = {}
        place = {(row.track_id, row.frame): i for i, row in enumerate(rows)}
        by_frame: dict[int, list[OutlineRow]] = {}
        for row in rows:
            if row.evidence is not None:
                by_frame.setdefault(row.frame, []).append(row)
        for k in sorted(by_frame, reverse=True):
            if any(self._differs(k, row.points.astype(np.float64), later.get(row.track_id)) for row in by_frame[k]):
                for row in self._outline_again(k, frames[k], labels[k], by_frame[k], later, seen):
                    rows[place[row.track_id, k]] = row
            for row in (rows[place[row.track_id, k]] for row in by_frame[k]):
                later[row.track_id] = memory_of(row, later.get(row.track_id))

    def _outline_again(
        self,
        k: int,
        frame: Image,
        labels: Labels,
        rows: Sequence[OutlineRow],
        later: Mapping[int, Memory],
        seen: Measured,
    ) -> list[OutlineRow]:
        """Return the rows of frame k that become better with a start from a later frame."""
        outlined = {row.track_id: row.points.astype(np.float64) for row in rows}
        starts = starts_from_labels(labels, lambda track: seen(track, k), self._fixed)
        members = self._grouped([start for start in starts if start.contour.track_id in outlined])
        for m in members:
            for i, start in enumerate(m.starts):
                m.place(i, outlined[start.contour.track_id])
        scene = self._scene(k, frame, labels, members)
        contours = [start for start in starts if not start.star]
        changed = self._again(scene, members, contours, self._start_from(k, later))
        found = [row for m in members for row in _ray_rows(k, m) if row.track_id in changed]
        # One that ran away on the second attempt is no better than the first.
        return [row for row in found if row.evidence is not None]

    def _grouped(self, starts: Sequence[Start]) -> list[Members]:
        """Return star-shaped starts in groups that are fitted together."""
        stars = [start for start in starts if start.star]
        classes = sorted({class_of(start) for start in stars})
        return [self._begin(b, [s for s in stars if class_of(s) == (count, b)]) for count, b in classes]

    def _begin(self, binning: int, starts: list[Start]) -> Members:
        centre = np.stack([start.contour.centre for start in starts])
        radius = np.stack([start.radius for start in starts]) / binning
        number = np.array([start.contour.track_id for start in starts])
        group = new_group(number, to_working(centre, binning), radius)
        for i, start in enumerate(starts):
            memory = self._memories.get(start.contour.track_id)
            if memory is not None:
                group.parameters[i] = memory.parameters
                group.before[i] = np.log(resample_radius(memory.radius, radius.shape[1]))
        return Members(starts, group, binning)

    def _scene(self, k: int, frame: Image, labels: Labels, members: list[Members]) -> _Scene:
        binnings = sorted({m.binning for m in members})
        pictures = {b: binned(frame, b) for b in binnings}
        views = {
            b: View(self.dark, b, self._sharing.independent(pictures[b], labels, self._fixed, b), *self._fringe.known)
            for b in binnings
        }
        return _Scene(k, frame, labels, pictures, views)

    def _refine(self, scene: _Scene, members: list[Members], contours: list[Start]) -> None:
        owners = {b: _owner_picture(picture, self._fixed, b) for b, picture in scene.pictures.items()}
        alone = sum(len(m.starts) for m in members) + len(contours) < 2
        for r in range(ROUNDS):
            moving = [np.flatnonzero(unfinished(m, r)) for m in members]
            if not any(len(chosen) for chosen in moving):
                break
            if not alone:
                _draw_owners(owners, members, contours)
            for m, chosen in zip(members, moving, strict=True):
                refine(m.group, scene.pictures[m.binning], owners[m.binning].owner, chosen, scene.views[m.binning])

    def _again(self, scene: _Scene, members: list[Members], contours: list[Start], anew: Anew) -> list[int]:
        """Fit those outlines again that `anew` gives another start; the better one stays.

        Returns the tracks that have a new one.
        """
        trial = [m.copy() for m in members]
        tried = []
        for m, new in zip(members, trial, strict=True):
            outlines = m.outlines()
            whole = (i for i, start in enumerate(m.starts) if not start.contour.cut)
            tried += [(m, new, i) for i in whole if anew(new, i, outlines[i])]
        if not tried:
            return []
        self._refine(scene, trial, contours)
        changed = []
        for m, new, i in tried:
            track = m.starts[i].contour.track_id
            barred = (scene.labels != 0) & (scene.labels != track)
            if self._fixed is not None:
                barred |= self._fixed
            if second_is_better(scene.frame, barred, m.outlines()[i], new.outlines()[i]):
                m.group.put(np.array([i]), new.group.take(np.array([i])))
                changed.append(track)
        return changed

    def _start_from(self, k: int, others: Mapping[int, Memory]) -> Anew:
        """Return the function that starts outlines from those of another frame where they differ from them."""

        def anew(m: Members, i: int, outline: FloatArray) -> bool:
            memory = others.get(m.starts[i].contour.track_id)
            if memory is None or not self._differs(k, outline, memory):
                return False
            m.start_from(i, memory, self._shift(k, memory))
            return True

        return anew

    def _shift(self, k: int, memory: Memory) -> FloatArray:
        """Return by how much the specimen lies elsewhere in frame k, px."""
        return np.asarray(self._drift_px[k] - self._drift_px[memory.frame])

    def _differs(self, k: int, outline: FloatArray, memory: Memory | None) -> bool:
        """Return whether an outline is another than that of a frame nearby."""
        if memory is None or abs(k - memory.frame) > _TOO_LONG:
            return False
        shift = self._shift(k, memory)
        return bool(np.isfinite(shift).all()) and difference(outline, memory.points + shift) > _ANOTHER

    def _remember(self, k: int, m: Members) -> None:
        shapes = m.group.radius / m.group.radius.mean(axis=1, keepdims=True)
        outlines = m.outlines()
        for i, start in enumerate(m.starts):
            track = start.contour.track_id
            shape = recent_shape(shapes[i], self._memories.get(track))
            self._memories[track] = Memory(m.group.parameters[i], shape, outlines[i], k)

    def _contour_row(self, k: int, frame: Image, labels: Labels, start: Start) -> OutlineRow:
        """Return the row of a particle that is not star-shaped."""
        margin = 16
        top, left, bottom, right = start.contour.box
        top, left = max(0, top - margin), max(0, left - margin)
        part = np.s_[top : bottom + margin, left : right + margin]
        barred = (labels[part] != 0) & (labels[part] != start.contour.track_id)
        if self._fixed is not None:
            barred |= self._fixed[part]
        picture = np.ascontiguousarray(frame[part])
        found = follow_contour(picture, barred.astype(np.float32), start.contour.points - (top, left), self.dark)
        points = (found.points + np.array([top, left])).astype(np.float32)
        contour = start.contour
        # Nothing but the label itself says how wrong the edge is where shapes are this irregular.
        sd = float(np.hypot(found.area_sd, 0.5 * abs(_area(points) - contour.whole_area)))
        row = OutlineRow(contour.track_id, k, points, max(sd, 1.0), contour.cut, 0.5 * found.seen)
        row.label_area = np.nan if contour.cut else contour.whole_area
        return row


def _owner_picture(picture: Image, fixed: Mask | None, binning: int) -> OwnerPicture:
    height, width = picture.shape
    hidden = None
    if fixed is not None and fixed.any():
        # A binned pixel is hidden if a quarter of it is.
        hidden = binned(fixed.astype(np.float32), binning) > 0.25
    return OwnerPicture((height, width), hidden, binning)


def _draw_owners(owners: dict[int, OwnerPicture], members: list[Members], contours: list[Start]) -> None:
    """Draw all particles as they stand into the owner picture of every binning."""
    numbers = [start.contour.track_id for m in members for start in m.starts]
    numbers += [start.contour.track_id for start in contours]
    outlines = [points for m in members for points in m.outlines()] + [start.contour.points for start in contours]
    for binning, picture in owners.items():
        picture.draw(numbers, [to_working(points, binning) for points in outlines])


def _ray_rows(k: int, m: Members) -> list[OutlineRow]:
    """Return the finished rows of particles fitted by rays, or their labels' where the fit ran away."""
    g = m.group
    points = to_frame(ray_points(g.centre, finished_radii(g)), m.binning)
    area = np.abs(polygon_moments(points)[0])
    size = np.sqrt(area / np.pi)
    labels = ray_points(np.stack([s.contour.centre for s in m.starts]), np.stack([s.radius for s in m.starts]))
    expected = np.sqrt(np.abs(polygon_moments(labels)[0]) / np.pi)
    sane = (size > expected / _RUNAWAY - _RUNAWAY_PX) & (size < _RUNAWAY * expected + _RUNAWAY_PX)
    sane &= np.isfinite(points).all(axis=(1, 2))
    share, quality = np.sqrt(g.variance), quality_of(g)
    rows = []
    for i, start in enumerate(m.starts):
        contour = start.contour
        if not sane[i]:
            # The label's own outline, uncertain by 2 px all round, and by what the border hides of it.
            hidden = float(contour.hidden.mean()) if contour.cut else 0.0
            sd = float(np.hypot(2.0 * 2 * np.pi * float(start.radius.mean()), hidden * expected[i] ** 2 * np.pi))
            rows.append(OutlineRow(contour.track_id, k, labels[i].astype(np.float32), sd, contour.cut, 0.1))
            continue
        sd = float(share[i] * area[i])
        row = OutlineRow(contour.track_id, k, points[i].astype(np.float32), sd, contour.cut, float(quality[i]))
        row.rays_sd, row.evidence = float(share[i]), evidence_of(g, i)
        if not contour.cut:
            row.label_area = contour.whole_area
        rows.append(row)
    return rows


def _area(points: NDArray[np.float32]) -> float:
    return float(polygon_moments(points.astype(np.float64))[0])
