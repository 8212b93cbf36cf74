"""Sub-pixel outlines, cores and shells of tracked particles, frame by frame.

Strategy. All particles of a frame start from their labels and are refined in common rounds, so that each knows by
then where its neighbours really end. A label can have a bite (a pale grain at the rim) or a spur, and a fit does not
leave it; so an outline that is not convex, or differs from that of the frame before, is fitted again from the hull or
from there, and the picture decides. Frames in which outlines differ from those of the frame after are read once more
for the same, from the last to the first: the first frames of a movie are its hardest. What is kept of a particle and
frame is small: its outline and its mean profile. When the movie is over, the profiles of a track together decide what
kind of body it is and give core and void of every frame (core/boundaries.py). Particles with equal numbers of rays are
worked on as one group of arrays, in a frame as well as at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import sizes
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress
from tem_track.segment.outline.again import another, like_neighbours, without_bites
from tem_track.segment.outline.consensus import odd_rows
from tem_track.segment.outline.contour import follow_contour
from tem_track.segment.outline.fit import finished_radii
from tem_track.segment.outline.fringe import (
    ANY_FRINGE_PX2,
    PARTICLES_LOOKED_AT,
    FringeMemory,
    fringes_of,
    largest,
    looked_at,
)
from tem_track.segment.outline.members import Members, Memory, chain, grouped, memory_of, rows_in_order
from tem_track.segment.outline.noise import NoiseSharing
from tem_track.segment.outline.plain import are_plain, plain_evidence
from tem_track.segment.outline.polygon import polygon_areas
from tem_track.segment.outline.profile import View
from tem_track.segment.outline.rays import ray_points, to_frame
from tem_track.segment.outline.rows import OutlineRow, evidence_of, finished_outlines, quality_of
from tem_track.segment.outline.scene import Scene, pictures_of, refine_all
from tem_track.segment.outline.start import Start, starts_from_labels
from tem_track.segment.outline.table import Outlines
from tem_track.segment.side_by_side import side_by_side
from tem_track.segment.support import without_support
from tem_track.settings import SegmentSettings

# An outline whose radius differs from its label's by more than this factor and margin has run away.
_RUNAWAY, _RUNAWAY_PX = 1.5, 2.5
# An outline that encloses less is none, px^2.
_LEAST_AREA = 0.5
# Frames are outlined together, as calls of array functions cost more than the arithmetic of a few particles: so many
# frames or outlines at most, and so many pixels (64 MB of a grey value each).
_FRAMES_TOGETHER, _OUTLINES_TOGETHER, _PIXELS_TOGETHER = 12, 256, 16_000_000
Measured = Callable[[int, int], bool]


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
    bare, tracks = without_support(frames, labels, drift_px, usable, fixed, polarity == "dark")
    stage = _Stage(bare, labels, seen, polarity == "dark", fixed, drift_px)
    stage.look_for_fringe(looked_at(usable))
    rows: list[OutlineRow] = []
    for chosen in together(np.flatnonzero(usable).tolist(), labels):
        rows += stage.outline_frames(chosen)
        progress(chosen[-1] + 1, count)
    progress(count, count)
    stage.look_back(rows)
    stage.agree_on_shapes(rows)
    return replace(finished_outlines(rows, stage.dark), support_taken_out=tracks)


def together(frames: Sequence[int], labels: Sequence[Labels]) -> list[list[int]]:
    """Return the numbers of the frames in groups that are outlined together."""
    if not frames:
        return []
    first = labels[frames[0]]
    particles = max(1, len(sizes(first)[0]))
    count = min(_FRAMES_TOGETHER, _OUTLINES_TOGETHER // particles, _PIXELS_TOGETHER // max(first.size, 1))
    step = max(1, count)
    return [list(frames[i : i + step]) for i in range(0, len(frames), step)]


def _as_callable(measured: Measured | set[tuple[int, int]]) -> Measured:
    if callable(measured):
        return measured
    bridged = measured
    return lambda track, frame: (track, frame) not in bridged


class _Stage:
    """A movie and what goes on from frame to frame: the tracks' memories and how neighbouring pixels share noise."""

    def __init__(
        self,
        frames: Frames,
        labels: Sequence[Labels],
        seen: Measured,
        dark: bool,
        fixed: Mask | None,
        drift_px: FloatArray,
    ):
        self.dark = dark
        self._frames, self._labels, self._seen, self._fixed = frames, labels, seen, fixed
        self._drift_px = drift_px
        self._memories: dict[int, Memory] = {}
        self._sharing = NoiseSharing()
        self._fringe = FringeMemory()
        self._plain = False

    def goes_on_from(self, before: _Stage) -> None:
        """Take over what another stage learnt from the frames before: shapes, noise, fringe, kind of body."""
        self._memories, self._sharing, self._fringe = before._memories, before._sharing, before._fringe
        self._plain = before._plain

    def look_for_fringe(self, chosen: NDArray[np.intp]) -> None:
        """Outline some frames with the defocus fringe free, to learn whether the movie has one (bright field only).

        And whether its bodies show a core or a void at all.
        """
        looks: list[FloatArray] = []
        plain: list[FloatArray] = []
        if self.dark:
            self._fringe, fringe = FringeMemory(free=True), self._fringe
            for few in together(chosen.tolist(), self._labels):
                large = {k: largest(self._labels[k], PARTICLES_LOOKED_AT) for k in few}
                scene, members = self._scene(few, {}, lambda k, track, large=large: track in large[k])  # type: ignore[misc]
                refine_all(scene, members)
                without_bites(scene, members)
                looks += [fringes_of([(m.group, m.binning) for m in members], k) for k in range(len(few))]
                plain += [plain_evidence(m.group, m.binning, ANY_FRINGE_PX2) for m in members]
            self._fringe, self._plain = fringe, are_plain(plain)
        self._fringe.begin(looks)

    def outline_frames(self, numbers: list[int]) -> list[OutlineRow]:
        """Return the rows of some frames, sorted by frame, then track."""
        scene, members = self._scene(numbers, self._memories)
        refine_all(scene, members, self._memories)
        # Two more starts: without the bites that a pale grain at the rim leaves in a label, and from the frame before.
        without_bites(scene, members)
        like_neighbours(scene, members, self._memories, self._drift_px)
        self._memories = chain(members, rows_in_order(members), numbers, self._memories)[1]
        for k in range(len(numbers)):
            self._fringe.learn(fringes_of([(m.group, m.binning) for m in members], k))
        rows = [
            self._contour_row(number, scene.frames[k], scene.labels[k], start)
            for k, number in enumerate(numbers)
            for start in scene.starts[k]
            if not start.star
        ]
        for m in members:
            rows += _ray_rows(numbers, m)
        # A label one or two pixels wide, such as the tip that a particle leaves the field with, has no outline.
        kept = [row for row in rows if _area(row.points) >= _LEAST_AREA]
        return sorted(kept, key=lambda row: (row.frame, row.track_id))

    def look_back(self, rows: list[OutlineRow]) -> None:
        """Replace rows by better ones that start from the outlines of later frames, from the last frame to the first.

        A movie of a reaction begins with its hardest frames: crystals full of diffraction contrast, no frame before.
        """
        place = {(row.track_id, row.frame): i for i, row in enumerate(rows)}
        by_frame: dict[int, list[OutlineRow]] = {}
        for row in rows:
            if row.evidence is not None:
                by_frame.setdefault(row.frame, []).append(row)
        later: dict[int, Memory] = {}
        for numbers in reversed(together(sorted(by_frame), self._labels)):
            if self._any_differs([row for k in reversed(numbers) for row in by_frame[k]], later):
                for row in self._outline_again(numbers, by_frame, later):
                    rows[place[row.track_id, row.frame]] = row
            for k in reversed(numbers):
                for row in (rows[place[row.track_id, k]] for row in by_frame[k]):
                    later[row.track_id] = memory_of(row, later.get(row.track_id))

    def agree_on_shapes(self, rows: list[OutlineRow]) -> None:
        """Replace rows whose outline has a bite or bulge that their track's other outlines do not have."""
        odd = {(rows[shape.row].frame, rows[shape.row].track_id): shape for shape in odd_rows(rows)}
        for numbers in together(sorted({k for k, _ in odd}), self._labels):
            scene, members = self._scene(numbers, {}, lambda k, track: (k, track) in odd)
            for m in members:
                for i, (k, start) in enumerate(zip(m.group.frame.tolist(), m.starts, strict=True)):
                    shape = odd[numbers[k], start.contour.track_id]
                    evidence = rows[shape.row].evidence
                    assert evidence is not None
                    m.follow(i, evidence.parameters, shape.centre, shape.radius, shape.wrong)
            refine_all(scene, members)
            for row in (row for m in members for row in _ray_rows(numbers, m)):
                if row.evidence is not None:
                    rows[odd[row.frame, row.track_id].row] = row

    def _any_differs(self, rows: Sequence[OutlineRow], later: Mapping[int, Memory]) -> bool:
        """Return whether an outline is another than that of its track in the frame after; rows from last to first."""
        known = dict(later)
        for row in rows:
            memory = known.get(row.track_id)
            assert row.circle is not None
            seen = (*row.circle, row.label_radius)
            if memory and not row.touches_border and another(row.frame, *seen, memory, self._drift_px):
                return True
            known[row.track_id] = memory_of(row, None)
        return False

    def _outline_again(
        self, numbers: list[int], rows: Mapping[int, Sequence[OutlineRow]], later: Mapping[int, Memory]
    ) -> list[OutlineRow]:
        """Return the rows of some frames that become better with a start from a later frame."""
        known = {(row.frame, row.track_id): row for k in numbers for row in rows[k]}
        scene, members = self._scene(numbers, {}, lambda k, track: (k, track) in known)
        for m in members:
            for i, (k, start) in enumerate(zip(m.group.frame.tolist(), m.starts, strict=True)):
                row = known[numbers[k], start.contour.track_id]
                m.place(i, row.points.astype(np.float64))
                assert row.evidence is not None
                m.group.parameters[i] = row.evidence.parameters
        changed = like_neighbours(scene, members, later, self._drift_px, backward=True)
        found = []
        for j, m in enumerate(members):
            mine = [i for _, its, i in sorted(changed) if its == j]
            found += _ray_rows(numbers, m.some(mine)) if mine else []
        # One that ran away on the second attempt is no better than the first.
        return [row for row in found if row.evidence is not None]

    def _scene(
        self, numbers: list[int], memories: Mapping[int, Memory], seen: Measured | None = None
    ) -> tuple[Scene, list[Members]]:
        """Return some frames and their particles at their starts."""
        frames, labels, starts = (list(each) for each in zip(*side_by_side(self._read, numbers), strict=True))
        stars = starts
        if seen:
            stars = [
                [s for s in of_frame if seen(k, s.contour.track_id)]
                for k, of_frame in zip(numbers, starts, strict=True)
            ]
        members = grouped(stars, memories)
        pictures = pictures_of(frames, members)
        views = {
            b: View(self.dark, b, self._information(b, pictures[b], labels), *self._fringe.known, self._plain)
            for b in pictures
        }
        return Scene(numbers, frames, labels, self._fixed, starts, pictures, views), members

    def _read(self, k: int) -> tuple[Image, Labels, list[Start]]:
        """Return a frame, its label image and the starts of all its particles."""
        labels = self._labels[k]
        return self._frames[k], labels, starts_from_labels(labels, lambda track: self._seen(track, k), self._fixed)

    def _information(self, binning: int, pictures: Sequence[Image], labels: Sequence[Labels]) -> float:
        """Return how many independent pixels a pixel of some binned pictures is worth."""
        found = 1.0
        for picture, image in zip(pictures, labels, strict=True):
            found = self._sharing.independent(picture, image, self._fixed, binning)
        return found

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


def _ray_rows(numbers: Sequence[int], m: Members) -> list[OutlineRow]:
    """Return the finished rows of particles fitted by rays, or their labels' where the fit ran away."""
    g = m.group
    points = to_frame(ray_points(g.centre, finished_radii(g)), m.binning)
    area = polygon_areas(points)
    size = np.sqrt(area / np.pi)
    labels = ray_points(np.stack([s.contour.centre for s in m.starts]), np.stack([s.radius for s in m.starts]))
    expected = np.sqrt(polygon_areas(labels) / np.pi)
    sane = (size > expected / _RUNAWAY - _RUNAWAY_PX) & (size < _RUNAWAY * expected + _RUNAWAY_PX)
    sane &= np.isfinite(points).all(axis=(1, 2))
    share, quality = np.sqrt(g.variance), quality_of(g)
    centre, radius = m.circles()
    rows = []
    for i, (frame, start) in enumerate(zip(g.frame.tolist(), m.starts, strict=True)):
        contour, k = start.contour, numbers[frame]
        if not sane[i]:
            # The label's own outline, uncertain by 2 px all round, and by what the border hides of it.
            hidden = float(contour.hidden.mean()) if contour.cut else 0.0
            sd = float(np.hypot(2.0 * 2 * np.pi * start.size, hidden * expected[i] ** 2 * np.pi))
            rows.append(OutlineRow(contour.track_id, k, labels[i].astype(np.float32), sd, contour.cut, 0.1))
            continue
        sd = float(share[i] * area[i])
        row = OutlineRow(contour.track_id, k, points[i].astype(np.float32), sd, contour.cut, float(quality[i]))
        row.rays_sd, row.evidence, row.circle = float(share[i]), evidence_of(g, i), (centre[i], radius[i])
        row.shown, row.label_radius = g.shown[i].copy(), float(start.radius.mean())
        if not contour.cut:
            row.label_area = contour.whole_area
        rows.append(row)
    return rows


def _area(points: NDArray[np.float32]) -> float:
    return float(polygon_areas(points.astype(np.float64)))
