"""Sub-pixel outlines, cores and shells of tracked particles, frame by frame.

Strategy. Each frame is read once. All particles of a frame start from their labels and are refined in common rounds,
so that each knows by then where its neighbours really end. What is kept of a particle and frame is small: its outline
and its mean profile. When the movie is over, the profiles of a track together decide what kind of body it is and give
core and void of every frame (core.py). Particles with equal numbers of rays are worked on as one group of arrays, in a
frame as well as at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress
from tem_track.segment.outline_contour import follow_contour
from tem_track.segment.outline_fit import OutlineGroup, finished_radii, new_group, refine
from tem_track.segment.outline_fringe import FringeMemory, fringes_of, looked_at
from tem_track.segment.outline_noise import NoiseSharing
from tem_track.segment.outline_owner import OwnerPicture
from tem_track.segment.outline_polygon import polygon_moments
from tem_track.segment.outline_profile import View
from tem_track.segment.outline_rays import binned, binning_for, ray_points, resample_radius, to_frame, to_working
from tem_track.segment.outline_rows import OutlineRow, evidence_of, finished_outlines, quality_of
from tem_track.segment.outline_start import Start, starts_from_labels
from tem_track.segment.outline_table import Outlines
from tem_track.settings import SegmentSettings

# Rounds of refinement; a label that is a pixel or two off is further off for a small particle.
_ROUNDS_LARGE, _ROUNDS, _SMALL_PX = 3, 5, 12.0
# An outline that moved less than this in a round is finished, px.
_STILL_PX = 0.05
# An outline whose radius differs from its label's by more than this factor and margin has run away.
_RUNAWAY, _RUNAWAY_PX = 1.5, 2.5
# An outline that encloses less is none, px^2.
_LEAST_AREA = 0.5
# Weight of the newest frame in the remembered shape: a memory of about five frames.
_RECENT = 0.2
Measured = Callable[[int, int], bool]


@dataclass(frozen=True)
class _Memory:
    """What a track brings to its next frame: its profile's fit (10,) and its shape (mean over the last frames)."""

    parameters: FloatArray
    radius: FloatArray


@dataclass(frozen=True)
class _Members:
    """Particles of one frame that are fitted together: their starts and the outlines as they stand."""

    starts: list[Start]
    group: OutlineGroup
    binning: int

    def outlines(self) -> FloatArray:
        """Return the (P, N, 2) outlines in frame coordinates."""
        return to_frame(ray_points(self.group.centre, self.group.radius), self.binning)


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
        Drift of each frame (dy, dx), px; not used by the outlines themselves, which follow the labels.
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
    stage = _Stage(polarity == "dark", fixed)
    stage.look_for_fringe(frames, labels, looked_at(usable), seen)
    rows: list[OutlineRow] = []
    for k in range(count):
        if usable[k]:
            rows += stage.outline_frame(k, frames[k], labels[k], lambda track, k=k: seen(track, k))  # type: ignore[misc]
        progress(k + 1, count)
    return finished_outlines(rows, stage.dark)


def _as_callable(measured: Measured | set[tuple[int, int]]) -> Measured:
    if callable(measured):
        return measured
    bridged = measured
    return lambda track, frame: (track, frame) not in bridged


class _Stage:
    """What goes on from frame to frame: the tracks' memories and how neighbouring pixels share their noise."""

    def __init__(self, dark: bool, fixed: Mask | None, fringe: FringeMemory | None = None):
        self.dark = dark
        self._fixed = fixed
        self._memories: dict[int, _Memory] = {}
        self._sharing = NoiseSharing()
        self._fringe = fringe or FringeMemory()
        self._look = np.zeros((0, 2))

    def look_for_fringe(
        self, frames: Frames, labels: Sequence[Labels], chosen: NDArray[np.intp], seen: Measured
    ) -> None:
        """Outline some frames with the defocus fringe free, to learn whether the movie has one (bright field only)."""
        looks = []
        for k in chosen.tolist() if self.dark else []:
            trial = _Stage(True, self._fixed, FringeMemory(free=True))
            trial.outline_frame(k, frames[k], labels[k], lambda track, k=k: seen(track, k))  # type: ignore[misc]
            looks.append(trial._look)
        self._fringe.begin(looks)

    def outline_frame(self, k: int, frame: Image, labels: Labels, wanted: Callable[[int], bool]) -> list[OutlineRow]:
        """Return the rows of frame k, sorted by track."""
        starts = starts_from_labels(labels, wanted, self._fixed)
        members = [
            self._begin(binning, [start for start in starts if start.star and _class_of(start) == (count, binning)])
            for count, binning in sorted({_class_of(start) for start in starts if start.star})
        ]
        contours = [start for start in starts if not start.star]
        self._refine(frame, labels, members, contours)
        rows = [self._contour_row(k, frame, labels, start) for start in contours]
        self._look = fringes_of([(m.group, m.binning) for m in members])
        self._fringe.learn(self._look)
        for m in members:
            self._remember(m)
            rows += _ray_rows(k, m)
        # A label one or two pixels wide, such as the tip that a particle leaves the field with, has no outline.
        kept = [row for row in rows if _area(row.points) >= _LEAST_AREA]
        return sorted(kept, key=lambda row: row.track_id)

    def _begin(self, binning: int, starts: list[Start]) -> _Members:
        centre = np.stack([start.contour.centre for start in starts])
        radius = np.stack([start.radius for start in starts]) / binning
        number = np.array([start.contour.track_id for start in starts])
        group = new_group(number, to_working(centre, binning), radius)
        for i, start in enumerate(starts):
            memory = self._memories.get(start.contour.track_id)
            if memory is not None:
                group.parameters[i] = memory.parameters
                group.before[i] = np.log(resample_radius(memory.radius, radius.shape[1]))
        return _Members(starts, group, binning)

    def _refine(self, frame: Image, labels: Labels, members: list[_Members], contours: list[Start]) -> None:
        binnings = sorted({m.binning for m in members})
        pictures = {b: binned(frame, b) for b in binnings}
        views = {
            b: View(self.dark, b, self._sharing.independent(pictures[b], labels, self._fixed, b), *self._fringe.known)
            for b in binnings
        }
        owners = {b: _owner_picture(pictures[b], self._fixed, b) for b in binnings}
        alone = sum(len(m.starts) for m in members) + len(contours) < 2
        for r in range(_ROUNDS):
            moving = [np.flatnonzero(_unfinished(m, r)) for m in members]
            if not any(len(chosen) for chosen in moving):
                break
            if not alone:
                _draw_owners(owners, members, contours)
            for m, chosen in zip(members, moving, strict=True):
                refine(m.group, pictures[m.binning], owners[m.binning].owner, chosen, views[m.binning])

    def _remember(self, m: _Members) -> None:
        shapes = m.group.radius / m.group.radius.mean(axis=1, keepdims=True)
        for i, start in enumerate(m.starts):
            track, shape = start.contour.track_id, shapes[i]
            memory = self._memories.get(track)
            if memory is not None:
                shape = (1 - _RECENT) * resample_radius(memory.radius, len(shape)) + _RECENT * shape
            self._memories[track] = _Memory(m.group.parameters[i], shape)

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


def _class_of(start: Start) -> tuple[int, int]:
    """Return what particles must share to be fitted together: number of rays and binning."""
    return len(start.radius), binning_for(float(start.radius.mean()))


def _unfinished(m: _Members, r: int) -> Mask:
    """Return which outlines go on in round r."""
    few = (r < _ROUNDS_LARGE) | (m.group.radius.mean(axis=1) < _SMALL_PX)
    return np.asarray(few & (m.group.moved * m.binning > _STILL_PX))


def _owner_picture(picture: Image, fixed: Mask | None, binning: int) -> OwnerPicture:
    height, width = picture.shape
    hidden = None
    if fixed is not None and fixed.any():
        # A binned pixel is hidden if a quarter of it is.
        hidden = binned(fixed.astype(np.float32), binning) > 0.25
    return OwnerPicture((height, width), hidden, binning)


def _draw_owners(owners: dict[int, OwnerPicture], members: list[_Members], contours: list[Start]) -> None:
    """Draw all particles as they stand into the owner picture of every binning."""
    numbers = [start.contour.track_id for m in members for start in m.starts]
    numbers += [start.contour.track_id for start in contours]
    outlines = [points for m in members for points in m.outlines()] + [start.contour.points for start in contours]
    for binning, picture in owners.items():
        picture.draw(numbers, [to_working(points, binning) for points in outlines])


def _ray_rows(k: int, m: _Members) -> list[OutlineRow]:
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
