"""How far V/V0 moves when the run is repeated under shifted settings; only what a shift touches is repeated.

The volume model, the place of the edge and V0 need the volume curves alone; the grey value of no electrons and the
label that an outline starts from need the outlines; the size limit needs detection and tracking as well. The frames are
never registered again: drift moves no area.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from tem_track.expansion import Expansion, measure_expansion
from tem_track.labels import LabelStack
from tem_track.movie import Labels, MeasuredFrames, Movie
from tem_track.pipeline.measure import Measurement, detect_particles
from tem_track.pipeline.reporter import Reporter
from tem_track.pipeline.rows import track_rows
from tem_track.pipeline.survey import Survey, zero_level
from tem_track.segment import Outlines, outline_particles
from tem_track.settings import ExpansionSettings, Settings
from tem_track.tables import SENSITIVITY, Table, table_from_rows
from tem_track.track import Tracks, link_particles

# A quarter of a pixel: what edge models of one and the same picture differ by (half height, gradient, chord).
EDGE_SHIFT_PX = 0.25
# Frames at the start whose median is V0 instead of the level before the onset.
V0_FRAMES = (1, 5)
# The dark level of a camera and what scatters into a thick particle's shadow are known to about this share of the
# usual grey value.
ZERO_SHARE = 0.05
# The label that an outline starts from is a threshold's: a pixel wider or narrower all round.
LABEL_SHIFT_PX = 1
# Smallest diameter that counts as a particle, times this.
SIZE_FACTOR = 1.25
# Frames in which tracks of a repeated detection are looked up.
_LOOKED_UP = 12
AS_SET = "as set"


@dataclass(frozen=True)
class Shift:
    """One shifted setting and what comes of it.

    Attributes
    ----------
    setting, value : str
        What was shifted and to what, in words.
    expansion : Expansion
    number : mapping of int to int
        Track of the run -> track of the repetition.
    """

    setting: str
    value: str
    expansion: Expansion
    number: dict[int, int]


def sensitivity_table(
    movie: Movie, measured: Measurement, settings: Settings, reporter: Reporter, *, own_labels: bool = True
) -> Table:
    """Return SENSITIVITY: a row per shift and track with a final V/V0, the run itself first.

    Parameters
    ----------
    movie : Movie
    measured : Measurement
        Of the movie under `settings`.
    settings : Settings
    reporter : Reporter
    own_labels : bool
        False where the labels were given: no size limit was at work then.
    """
    particles = measured.expansion.particles
    known = np.isfinite(particles["final_volume_ratio"])
    tracks = particles["track_id"][known].tolist()
    if not tracks:
        return table_from_rows(SENSITIVITY, [])
    itself = {track: track for track in tracks}
    rows: list[dict[str, Any]] = _rows(Shift(AS_SET, "", measured.expansion, itself), particles, tracks)
    for shift in _shifts(movie, measured, settings, reporter, own_labels):
        rows += _rows(shift, particles, tracks)
    return table_from_rows(SENSITIVITY, rows)


def sensitivity_record(table: Table) -> list[dict[str, Any]]:
    """Return for each shift by how much final V/V0 moved: median and largest, and how often beyond its own interval."""
    base = {int(t): (low, high) for s, t, low, high in _columns(table) if s == AS_SET}
    found = []
    for setting, value in dict.fromkeys(zip(table["setting"].tolist(), table["value"].tolist(), strict=True)):
        if setting == AS_SET:
            continue
        rows = (table["setting"] == setting) & (table["value"] == value) & np.isfinite(table["change"])
        change = np.abs(table["change"][rows])
        moved = zip(table["track_id"][rows].tolist(), table["final_volume_ratio"][rows].tolist(), strict=True)
        found.append(
            {
                "setting": setting,
                "value": value,
                "particles": int(rows.sum()),
                "median_change": float(np.median(change)) if len(change) else None,
                "largest_change": float(change.max()) if len(change) else None,
                "median_half_interval": _median_half(table, rows),
                "beyond_interval": sum(not base[i][0] <= final <= base[i][1] for i, final in moved),
            }
        )
    return found


def _median_half(table: Table, rows: Any) -> float | None:
    half = (table["final_volume_ratio_high"][rows] - table["final_volume_ratio_low"][rows]) / 2
    return float(np.median(half)) if len(half) else None


def _columns(table: Table) -> Iterator[tuple[str, int, float, float]]:
    names = ("setting", "track_id", "final_volume_ratio_low", "final_volume_ratio_high")
    yield from zip(*(table[name].tolist() for name in names), strict=True)


def _rows(shift: Shift, particles: Table, tracks: list[int]) -> list[dict[str, Any]]:
    """Return the rows of one shift; a track that the repetition does not have keeps them empty."""
    before = dict(zip(particles["track_id"].tolist(), particles["final_volume_ratio"].tolist(), strict=True))
    found = shift.expansion.particles
    at = {int(track): i for i, track in enumerate(found["track_id"])}
    rows = []
    for track in tracks:
        row: dict[str, Any] = {"setting": shift.setting, "value": shift.value, "track_id": track}
        i = at.get(shift.number.get(track, -1), -1)
        if i >= 0:
            for name in _COPIED:
                row[name] = found[name][i]
            row["change"] = found["final_volume_ratio"][i] - before[track]
        rows.append(row)
    return rows


_COPIED = (
    "final_volume_ratio",
    "final_volume_ratio_low",
    "final_volume_ratio_high",
    "stage_count",
    "onset_frame",
    "stage_change_frame",
)


def _shifts(
    movie: Movie, measured: Measurement, settings: Settings, reporter: Reporter, own_labels: bool
) -> Iterator[Shift]:
    """Yield every shift, the cheap ones first."""
    itself = {int(i): int(i) for i in np.unique(measured.tracks.rows["track_id"])}
    for setting, value, changed in _shifted_settings(settings.expansion):
        found = _expansion(movie, measured, measured.tracks, measured.outlines, changed)
        yield Shift(setting, value, found, itself)
    for setting, value, frames, tracks in _shifted_pictures(movie, measured):
        again = _outlined(frames, measured, tracks, settings, reporter)
        found = _expansion(movie, measured, tracks, again, settings.expansion)
        yield Shift(setting, value, found, itself)
    if own_labels:
        yield _other_size_limit(movie, measured, settings, reporter)


def _shifted_settings(now: ExpansionSettings) -> Iterator[tuple[str, str, ExpansionSettings]]:
    """Yield what needs the volume curves alone."""
    for model in ("sphere", "spheroid", "film"):
        if model != now.volume_model:
            yield "expansion.volume_model", model, replace(now, volume_model=model)
    for sign in (-1, 1):
        moved = now.outline_shift_px + sign * EDGE_SHIFT_PX
        yield "expansion.outline_shift_px", f"{moved:+g}", replace(now, outline_shift_px=moved)
    for frames in V0_FRAMES:
        if frames != now.v0_frames:
            yield "expansion.v0_frames", f"{frames}", replace(now, v0_frames=frames)
    for shared in (0.0, 1.0):
        if shared != now.shared_edge_error:
            yield "expansion.shared_edge_error", f"{shared:g}", replace(now, shared_edge_error=shared)


def _shifted_pictures(movie: Movie, measured: Measurement) -> Iterator[tuple[str, str, MeasuredFrames, Tracks]]:
    """Yield what needs the outlines as well: other frames, or other labels to start from."""
    tracks = measured.tracks
    zero, usual = zero_level(movie.frames), _usual_grey(movie)
    for share in (-ZERO_SHARE, ZERO_SHARE):
        frames = MeasuredFrames(movie.frames, zero + share * (usual - zero))
        yield "grey value of no electrons", f"{100 * share:+.0f} % of the usual", frames, tracks
    plain = MeasuredFrames(movie.frames, zero)
    for pixels in (-LABEL_SHIFT_PX, LABEL_SHIFT_PX):
        labels = LabelStack(tracks.labels.shape)
        for image in tracks.labels:
            labels.append(shifted_labels(image, pixels))
        yield "labels that outlines start from", f"{pixels:+d} px", plain, replace(tracks, labels=labels)


def _other_size_limit(movie: Movie, measured: Measurement, settings: Settings, reporter: Reporter) -> Shift:
    """Return the run from detection on with another smallest diameter."""
    zero = zero_level(movie.frames)
    frames = MeasuredFrames(movie.frames, zero)
    survey = Survey(frames, zero, measured.fixed, measured.quality, measured.drift)
    smallest = SIZE_FACTOR * measured.appearance.min_diameter_px
    appearance = replace(measured.appearance, min_diameter_px=smallest)
    tracks = link_particles(
        detect_particles(survey, appearance, reporter),
        drift_px=measured.drift.displacement_px,
        usable=measured.quality.usable & measured.drift.registered,
        times_s=movie.times_s,
        settings=settings.track,
    )
    if not len(tracks):
        return Shift("smallest diameter", f"{smallest:.3g} px", measured.expansion, {})
    again = _outlined(frames, measured, tracks, settings, reporter)
    found = _expansion(movie, measured, tracks, again, settings.expansion)
    return Shift("smallest diameter", f"{smallest:.3g} px", found, _same_tracks(measured.tracks.labels, tracks.labels))


def _outlined(
    frames: MeasuredFrames, measured: Measurement, tracks: Tracks, settings: Settings, reporter: Reporter
) -> Outlines:
    return outline_particles(
        frames,
        tracks.labels,
        drift_px=measured.drift.displacement_px,
        measured=set(tracks.inferred),
        usable=measured.quality.usable & measured.drift.registered,
        polarity=measured.appearance.polarity,
        fixed=measured.fixed,
        settings=settings.segment,
        progress=reporter.stage("sensitivity", len(frames)),
    )


def _expansion(
    movie: Movie, measured: Measurement, tracks: Tracks, outlines: Outlines, settings: ExpansionSettings
) -> Expansion:
    return measure_expansion(
        track_rows(tracks, outlines, measured.drift, movie),
        kinds=outlines.kinds,
        fates=tracks.fate,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        times_s=movie.times_s,
        timed=movie.timed,
        settings=settings,
    )


def _usual_grey(movie: Movie) -> float:
    """Return the median grey value of a few frames."""
    numbers = np.unique(np.linspace(0, len(movie) - 1, min(len(movie), 5)).round().astype(int))
    return float(np.median([np.median(np.asarray(movie.frames[int(k)])[::4, ::4]) for k in numbers]))


def shifted_labels(labels: Labels, pixels: int) -> Labels:
    """Return a label image with every label wider (or, for negative numbers, narrower) all round.

    Parameters
    ----------
    labels : (Y, X) int32
    pixels : int

    Returns
    -------
    (Y, X) int32
        Labels grow into the background only, the higher number first.

    >>> shifted_labels(np.array([[0, 0, 3, 0, 0]], np.int32), 1).tolist()
    [[0, 3, 3, 3, 0]]
    >>> shifted_labels(np.array([[0, 3, 3, 3, 4]], np.int32), -1).tolist()
    [[0, 0, 3, 0, 0]]
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    # Exact for numbers up to 2^24, far beyond any count of tracks.
    picture = labels.astype(np.float32)
    highest = cv2.dilate(picture, kernel)
    if pixels > 0:
        return np.where(labels > 0, labels, highest.astype(np.int32))
    inside = (highest == picture) & (cv2.erode(picture, kernel) == picture)
    return np.where(inside, labels, 0).astype(np.int32)


def _same_tracks(before: LabelStack, after: LabelStack) -> dict[int, int]:
    """Return which track of a repetition lies on which of the run, by the pixels they share in a few frames."""
    shared: dict[int, dict[int, int]] = {}
    for k in np.unique(np.linspace(0, len(before) - 1, _LOOKED_UP).round().astype(int)).tolist():
        one, two = before[k], after[k]
        both = (one > 0) & (two > 0)
        pairs, counts = np.unique(np.stack([one[both], two[both]]), axis=1, return_counts=True)
        for (a, b), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            of = shared.setdefault(a, {})
            of[b] = of.get(b, 0) + count
    return {a: max(of, key=lambda b: of[b]) for a, of in shared.items()}
