"""The truth of a simulated movie as the tables a run folder has, and a few columns more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tem_track.movie import FloatArray, Labels
from tem_track.simulate.course import Course
from tem_track.simulate.footprint import draw_labels, seen_fraction
from tem_track.simulate.particles import BALL
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.tracks import TrueEvent, TrueTrack
from tem_track.tables import DRIFT, EVENTS, PARTICLES, TRACKS, Column, Table, table_from_rows


def columns_named(columns: Sequence[Column], names: str) -> tuple[Column, ...]:
    """Return the columns of the given names (separated by spaces): the truth keeps what it can know.

    >>> [c.name for c in columns_named(DRIFT, "time_s frame")]
    ['time_s', 'frame']
    """
    by_name = {c.name: c for c in columns}
    return tuple(by_name[name] for name in names.split())


FRAMES = (
    Column("frame", "int", "frame number, from 0"),
    Column("time_s", "float", "time of the frame"),
    Column("state", "text", "ok, blank, duplicate or blurred"),
    Column("usable", "int", "1, or 0 for a blank, duplicate or blurred frame"),
    Column("brightness", "float", "factor on the dose"),
    Column("psf_px", "float", "standard deviation of the point spread"),
)
TRUE_TRACKS = (
    *columns_named(
        TRACKS,
        "track_id lineage_id frame time_s y_px x_px y_specimen_px x_specimen_px area_px area_nm2 "
        "equivalent_diameter_px equivalent_diameter_nm volume_nm3 volume_ratio "
        "core_equivalent_diameter_nm core_equivalent_diameter_px "
        "shell_thickness_nm void_equivalent_diameter_nm core_volume_ratio shell_volume_ratio void_volume_ratio "
        "touches_border state",
    ),
    Column("material", "text", "NiO, CuO or NiO@CuO"),
    Column("visible_fraction", "float", "share of the projected area inside the field"),
    Column("parent_ids", "text", "tracks it came from by fracture or coalescence, joined by +"),
)
TRUE_PARTICLES = (
    *columns_named(
        PARTICLES,
        "track_id lineage_id kind first_frame last_frame v0_nm3 initial_equivalent_diameter_nm onset_s stage_change_s "
        "final_volume_ratio max_rate_per_s complete_s fate",
    ),
    # Not the run folder's whole number: it is empty for pieces and merged particles.
    Column("stage_count", "float", "stages of expansion begun in the movie, 0 for an inert particle"),
    Column("material", "text", "NiO, CuO or NiO@CuO"),
)
TRUE_DRIFT = columns_named(DRIFT, "frame time_s dy_px dx_px usable reason")


@dataclass(frozen=True)
class Truth:
    """What a perfect analysis of the movie would find.

    Attributes
    ----------
    drift_px : (T, 2) float64
        (dy, dx): where the specimen sits minus where it sat in frame 0.
    drift, frames, tracks, particles, events : Table
        Columns `TRUE_DRIFT`, `FRAMES`, `TRUE_TRACKS`, `TRUE_PARTICLES`, `tem_track.tables.EVENTS`.
        Areas, diameters and volumes are those of the bodies, whole even where the border cuts them, not pixel counts.
        The V/V0 of a piece is its volume over the V0 of the unbroken particle, so that a lineage sums to V/V0.
    """

    scene: LithiationScene
    drift_px: FloatArray
    drift: Table
    frames: Table
    tracks: Table
    particles: Table
    events: Table
    _tracks: tuple[TrueTrack, ...]

    def labels(self, k: int) -> Labels:
        """Return the (Y, X) int32 label image of frame k, value = track_id."""
        return draw_labels(self.scene, list(self._tracks), k, self.drift_px[k])

    def cores(self, k: int) -> Labels:
        """Return the same with the cores' pixels only (voids included)."""
        return draw_labels(self.scene, list(self._tracks), k, self.drift_px[k], cores=True)


def truth_of(
    scene: LithiationScene,
    course: Course,
    tracks: list[TrueTrack],
    events: list[TrueEvent],
) -> Truth:
    """Return the truth of a scene."""
    seen = {t.number: seen_fraction(scene, t, course.drift_px) for t in tracks}
    found = [t for t in tracks if (seen[t.number] > 0).any()]
    return Truth(
        scene=scene,
        drift_px=course.drift_px,
        drift=drift_table(course),
        frames=_frames_table(course),
        tracks=_tracks_table(scene, course, found, seen),
        particles=table_from_rows(TRUE_PARTICLES, [_particle_row(scene, course, t, seen[t.number]) for t in found]),
        events=_events_table(course, found, events, seen),
        _tracks=tuple(tracks),
    )


def drift_table(course: Course) -> Table:
    """Return the true drift of every frame, columns `TRUE_DRIFT`."""
    frames = np.arange(len(course.times_s))
    rows = zip(frames, course.times_s, course.drift_px, course.state, strict=True)
    return table_from_rows(
        TRUE_DRIFT,
        (
            {
                "frame": k,
                "time_s": t,
                "dy_px": d[0],
                "dx_px": d[1],
                "usable": int(s == "ok"),
                "reason": "" if s == "ok" else s,
            }
            for k, t, d, s in rows
        ),
    )


def _frames_table(course: Course) -> Table:
    return {
        "frame": np.arange(len(course.times_s)),
        "time_s": course.times_s,
        "state": course.state,
        "usable": (course.state == "ok").astype(np.int64),
        "brightness": course.brightness,
        "psf_px": course.psf_px,
    }


def _tracks_table(
    scene: LithiationScene, course: Course, tracks: list[TrueTrack], seen: Mapping[int, FloatArray]
) -> Table:
    """Rows of every track and frame in which something of it is seen, by frame."""
    columns = [_track_columns(scene, course, t, seen[t.number]) for t in tracks]
    keep = [seen[t.number] > 0 for t in tracks]
    blank = {c.name: (np.nan if c.kind == "float" else 0 if c.kind == "int" else "") for c in TRUE_TRACKS}
    table: Table = {}
    for name, empty in blank.items():
        parts = [
            np.broadcast_to(np.asarray(values.get(name, empty)), k.shape)[k]
            for values, k in zip(columns, keep, strict=True)
        ]
        table[name] = np.concatenate(parts) if parts else np.zeros(0)
        if isinstance(empty, str):
            table[name] = table[name].astype(object)
    order = np.lexsort((table["track_id"], table["frame"]))
    return {name: values[order] for name, values in table.items()}


def _track_columns(scene: LithiationScene, course: Course, track: TrueTrack, seen: FloatArray) -> dict[str, Any]:
    px = scene.pixel_size_nm
    specimen = track.centroid_nm / px
    recorded = specimen + course.drift_px
    area, volume = track.area_nm2, track.volume_nm3
    diameter = 2 * np.sqrt(area / np.pi)
    columns: dict[str, Any] = {
        "track_id": track.number,
        "lineage_id": track.lineage,
        "frame": np.arange(scene.frames),
        "time_s": course.times_s,
        "y_px": recorded[:, 0],
        "x_px": recorded[:, 1],
        "y_specimen_px": specimen[:, 0],
        "x_specimen_px": specimen[:, 1],
        "area_px": area / px**2,
        "area_nm2": area,
        "equivalent_diameter_px": diameter / px,
        "equivalent_diameter_nm": diameter,
        "volume_nm3": volume,
        "volume_ratio": volume / _first_volume(track),
        "touches_border": (seen < 1).astype(np.int64),
        "state": track.state,
        "material": track.particle.material if track.state != "merged" else "",
        "visible_fraction": seen,
        "parent_ids": "+".join(map(str, track.parents)),
    }
    if track.sector is None and track.merged is None:
        columns |= _inner_columns(track, px)
    return columns


def _first_volume(track: TrueTrack) -> float:
    """V0: of the particle before its onset; a merged particle's is its volume when it is born."""
    return track.particle.v0_nm3 if track.merged is None else float(track.volume_nm3[np.argmax(track.alive)])


def _inner_columns(track: TrueTrack, px: float) -> dict[str, Any]:
    """Core, shell and void, of particles that have them."""
    s, p = track.swelling, track.particle
    squash = s.height_nm / s.radius_nm
    core, void = BALL * s.core_radius_nm**3 * squash, BALL * s.void_radius_nm**3 * squash
    columns: dict[str, Any] = {}
    if p.void_share > 0:
        columns |= {
            "void_equivalent_diameter_nm": 2 * s.void_radius_nm,
            "void_volume_ratio": void / (p.void_share * p.v0_nm3),
        }
    if p.core_share > 0:
        columns |= {
            "core_equivalent_diameter_nm": 2 * s.core_radius_nm,
            "core_equivalent_diameter_px": 2 * s.core_radius_nm / px,
            "shell_thickness_nm": s.radius_nm - s.core_radius_nm,
            "core_volume_ratio": (core - void) / ((p.core_share - p.void_share) * p.v0_nm3),
            "shell_volume_ratio": (s.volume_nm3 - core) / ((1 - p.core_share) * p.v0_nm3),
        }
    return columns


def _particle_row(scene: LithiationScene, course: Course, track: TrueTrack, seen: FloatArray) -> dict[str, Any]:
    frames = np.flatnonzero(seen > 0)
    first, last = int(frames[0]), int(frames[-1])
    particle = track.particle
    row: dict[str, Any] = {
        "track_id": track.number,
        "lineage_id": track.lineage,
        "kind": "solid" if track.merged is not None else particle.form,
        "first_frame": first,
        "last_frame": last,
        "fate": _fate(scene, track, last),
    }
    if track.state != "whole":
        return row
    v0 = _first_volume(track)
    ratio = track.volume_nm3 / v0
    complete = particle.end_s <= course.times_s[last]
    begun = particle.onset_s <= course.times_s[last]
    changed = particle.stage_change_s <= course.times_s[last]
    return row | {
        "material": particle.material,
        "v0_nm3": v0,
        "initial_equivalent_diameter_nm": 2 * float(np.cbrt(v0 / BALL)),
        "onset_s": particle.onset_s if begun else np.nan,
        "stage_count": (1 + int(changed) if particle.kind.stages > 1 else 1) if begun else 0,
        "stage_change_s": particle.stage_change_s if changed else np.nan,
        "final_volume_ratio": float(ratio[last]),
        "max_rate_per_s": particle.max_rate_per_s if begun else np.nan,
        "complete_s": particle.end_s if complete else np.nan,
    }


def _fate(scene: LithiationScene, track: TrueTrack, last: int) -> str:
    if track.alive[scene.frames - 1]:
        return "whole" if last == scene.frames - 1 else "left"
    if track.number in {int(row[0]) for row in scene.fracture}:
        return "fractured"
    return "merged"


def _events_table(
    course: Course, found: list[TrueTrack], events: list[TrueEvent], seen: Mapping[int, FloatArray]
) -> Table:
    """Onsets, fractures, coalescences, and particles that come into or go out of the field."""
    rows = [(e.frame, e.event, e.track, "+".join(map(str, e.others))) for e in events]
    frames = len(course.times_s)
    for track in found:
        visible = np.flatnonzero(seen[track.number] > 0)
        alive = np.flatnonzero(track.alive)
        if visible[0] > alive[0]:
            rows.append((int(visible[0]), "enters", track.number, ""))
        if visible[-1] < alive[-1]:
            rows.append((int(visible[-1]) + 1, "leaves", track.number, ""))
        onset = int(np.searchsorted(course.times_s, track.particle.onset_s))
        if track.state == "whole" and onset < frames and seen[track.number][onset] > 0:
            rows.append((onset, "onset", track.number, ""))
    return table_from_rows(
        EVENTS,
        (
            {"frame": k, "time_s": course.times_s[k], "event": event, "track_id": number, "other_track_ids": others}
            for k, event, number, others in sorted(rows)
            if k < frames
        ),
    )
