"""The truth of a simulated lamella: what a perfect analysis of the movie would put into `front/`.

Everything is in the specimen frame, cut to what frame 0 shows. Fractions are of the lamella (platinum and vacuum
apart); a grain's milestones are the times at which 1, 50 and 95 % of its pixels whole in frame 0 are degraded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.simulate.canvas import Canvas
from tem_track.simulate.course import Course
from tem_track.simulate.heating_crossings import Crossing, crossings_of, ways_of
from tem_track.simulate.heating_front import Degradation, in_zone
from tem_track.simulate.heating_grains import Lamella
from tem_track.simulate.heating_nuclei import Nucleus, nuclei_of
from tem_track.simulate.heating_ramp import arrhenius, temperature_c
from tem_track.simulate.heating_scene import HeatingScene
from tem_track.simulate.truth import drift_table
from tem_track.tables import Column, Table, table_from_rows

HEATED_FRAMES = (
    Column("frame", "int", "frame number, from 0"),
    Column("time_s", "float", "time of the frame", 12),
    Column("temperature_c", "float", "temperature of the frame", 8),
    Column("state", "text", "ok, blank, duplicate or blurred"),
    Column("usable", "int", "1, or 0 for a blank, duplicate or blurred frame"),
    Column("brightness", "float", "factor on the dose"),
    Column("psf_px", "float", "standard deviation of the point spread"),
)
TRUE_FRONT = (
    Column("frame", "int", "frame number, from 0"),
    Column("time_s", "float", "time of the frame", 12),
    Column("temperature_c", "float", "temperature of the frame", 8),
    Column("degraded_fraction", "float", "of the lamella in the field of frame 0"),
    Column("boundary_fraction", "float", "of the boundary zone"),
    Column("interior_fraction", "float", "of the rest"),
)
TRUE_GRAINS = (
    Column("grain_id", "int", "grain, from 1"),
    Column("area_px", "int", "pixels of it in the field of frame 0"),
    Column("area_nm2", "float", "their area"),
    Column("onset_s", "float", "when 1 % of what was whole in frame 0 is degraded"),
    Column("onset_c", "float", "temperature of that time"),
    Column("half_s", "float", "when half of that is degraded"),
    Column("half_c", "float", "temperature of that time"),
    Column("complete_s", "float", "when 95 % of that are degraded"),
    Column("complete_c", "float", "temperature of that time"),
    Column("final_fraction", "float", "degraded at the end of the movie"),
    Column("nuclei", "int", "fronts that started in it"),
    Column("entered_from", "text", "grain the first front came from, empty where one started in it"),
)
TRUE_CROSSINGS = (
    Column("from_grain", "int", "grain the front came from"),
    Column("to_grain", "int", "grain it went into"),
    Column("y_px", "float", "place in frame 0"),
    Column("x_px", "float", "place in frame 0"),
    Column("arrival_s", "float", "when the front reached the boundary there"),
    Column("crossing_s", "float", "when it was through"),
    Column("delay_s", "float", "time between the two"),
    Column("temperature_c", "float", "temperature at the crossing"),
    Column("length_px", "int", "pixels at which fronts came through this boundary in this direction"),
    Column("gained_px", "int", "pixels of the grain these fronts took"),
    Column("target_fraction", "float", "of the grain it went into that was degraded already"),
)
TRUE_NUCLEI = (
    Column("y_px", "float", "place in frame 0"),
    Column("x_px", "float", "place in frame 0"),
    Column("time_s", "float", "when the front started"),
    Column("temperature_c", "float", "temperature of that time"),
    Column("site", "text", "junction, boundary, interior or edge (came in over the edge of the field)"),
    Column("grain_id", "int", "grain it started in"),
    Column("area_px", "int", "pixels of it the front from here took"),
)
# A crossing whose front took fewer pixels (7 x 7) cannot be told from noise at the boundary; the table has it anyhow.
SEEN_PX = 50
# The onset is where this share of the lamella has begun to degrade: a patch of a few pixels in a field of 256 px, the
# least that rises out of the noise of a good movie.
ONSET_SHARE = 2e-4
MILESTONES = {"onset": 0.01, "half": 0.5, "complete": 0.95}


@dataclass(frozen=True)
class HeatingTruth:
    """What a perfect analysis of the movie would find.

    Attributes
    ----------
    arrival_s : (Y, X) float32
        Specimen frame; NaN = never, 0 = before the movie.
    grains : (Y, X) int32
        0 = platinum or vacuum.
    drift_px : (T, 2) float64
    drift, frames, front, grain_rows, crossings, nuclei : Table
        Columns `TRUE_DRIFT`, `HEATED_FRAMES`, `TRUE_FRONT`, `TRUE_GRAINS`, `TRUE_CROSSINGS`, `TRUE_NUCLEI`.
    summary : dict
        As ``front/summary.json``; None where the movie does not show it.
    """

    arrival_s: Image
    grains: Labels
    drift_px: FloatArray
    drift: Table
    frames: Table
    front: Table
    grain_rows: Table
    crossings: Table
    nuclei: Table
    summary: dict[str, Any]


def heating_truth_of(
    scene: HeatingScene, course: Course, canvas: Canvas, lamella: Lamella, degradation: Degradation
) -> HeatingTruth:
    """Return the truth of a scene."""
    arrival = canvas.of_frame_0(degradation.arrival_s)
    grains = canvas.of_frame_0(lamella.labels)
    zone = canvas.of_frame_0(in_zone(scene, lamella))
    ways = ways_of(canvas, lamella.labels, degradation)
    crossings = crossings_of(canvas, lamella.labels, degradation, ways, float(course.times_s[-1]))
    nuclei = nuclei_of(canvas, lamella.labels, degradation, ways, crossings)
    return HeatingTruth(
        arrival_s=arrival.astype(np.float32),
        grains=grains.copy(),
        drift_px=course.drift_px,
        drift=drift_table(course),
        frames=heated_frames_table(scene, course),
        front=_front_table(scene, course, arrival, grains, zone),
        grain_rows=_grain_table(scene, arrival, grains, crossings, nuclei),
        crossings=_crossing_table(scene, arrival, grains, crossings),
        nuclei=_nucleus_table(scene, nuclei),
        summary=_summary(scene, arrival, zone, grains > 0, crossings),
    )


def heated_frames_table(scene: Any, course: Course) -> Table:
    """Return time, temperature and state of every frame."""
    return {
        "frame": np.arange(len(course.times_s)),
        "time_s": course.times_s,
        "temperature_c": temperature_c(scene, course.times_s),
        "state": course.state,
        "usable": (course.state == "ok").astype(np.int64),
        "brightness": course.brightness,
        "psf_px": course.psf_px,
    }


def _front_table(scene: HeatingScene, course: Course, arrival: FloatArray, grains: Labels, zone: Mask) -> Table:
    lamella = grains > 0
    parts = {"degraded_fraction": lamella, "boundary_fraction": lamella & zone, "interior_fraction": lamella & ~zone}
    table = {
        "frame": np.arange(len(course.times_s)),
        "time_s": course.times_s,
        "temperature_c": temperature_c(scene, course.times_s),
    }
    for name, part in parts.items():
        table[name] = _fraction(arrival[part], course.times_s)
    return table


def _fraction(arrivals: FloatArray, times_s: FloatArray) -> FloatArray:
    """Return the share of some pixels degraded at each time; NaN of none."""
    if not arrivals.size:
        return np.full(len(times_s), np.nan)
    return np.asarray(np.searchsorted(np.sort(arrivals[np.isfinite(arrivals)]), times_s, side="right") / arrivals.size)


def _grain_table(
    scene: HeatingScene, arrival: FloatArray, grains: Labels, crossings: list[Crossing], nuclei: list[Nucleus]
) -> Table:
    order = np.argsort(grains.ravel(), kind="stable")
    numbers, first = np.unique(grains.ravel()[order], return_index=True)
    parts = np.split(arrival.ravel()[order], first[1:])
    rows = []
    for number, arrivals in zip(numbers.tolist(), parts, strict=True):
        if number == 0:
            continue
        row: dict[str, Any] = {
            "grain_id": number,
            "area_px": arrivals.size,
            "area_nm2": arrivals.size * scene.pixel_size_nm**2,
            "final_fraction": np.isfinite(arrivals).mean(),
            "nuclei": sum(n.grain == number for n in nuclei),
            "entered_from": _entered_from(number, crossings, nuclei),
        }
        for name, share in MILESTONES.items():
            row[f"{name}_s"] = time = _milestone(arrivals[~(arrivals == 0)], share)
            row[f"{name}_c"] = float(temperature_c(scene, np.array([time]))[0])
        rows.append(row)
    return table_from_rows(TRUE_GRAINS, rows)


def _milestone(arrivals: FloatArray, share: float) -> float:
    """Return when a share of some pixels has degraded, NaN if never."""
    if not arrivals.size:
        return np.nan
    known = np.sort(np.where(np.isfinite(arrivals), arrivals, np.inf))
    time = float(known[min(int(np.ceil(share * known.size)), known.size) - 1])
    return time if np.isfinite(time) else np.nan


def _entered_from(number: int, crossings: list[Crossing], nuclei: list[Nucleus]) -> str:
    into = [(c.crossing_s, str(c.from_grain)) for c in crossings if c.to_grain == number]
    own = [(n.time_s, "") for n in nuclei if n.grain == number]
    return min(into + own, default=(0.0, ""))[1]


def _crossing_table(scene: HeatingScene, arrival: FloatArray, grains: Labels, crossings: list[Crossing]) -> Table:
    rows = []
    for c in crossings:
        inside = arrival[grains == c.to_grain]
        rows.append(
            {
                "from_grain": c.from_grain,
                "to_grain": c.to_grain,
                "y_px": c.y,
                "x_px": c.x,
                "arrival_s": c.arrival_s,
                "crossing_s": c.crossing_s,
                "delay_s": c.crossing_s - c.arrival_s,
                "temperature_c": float(temperature_c(scene, np.array([c.crossing_s]))[0]),
                "length_px": c.length_px,
                "gained_px": c.gained_px,
                "target_fraction": float((inside < c.crossing_s).mean()) if inside.size else np.nan,
            }
        )
    return table_from_rows(TRUE_CROSSINGS, rows)


def _nucleus_table(scene: HeatingScene, nuclei: list[Nucleus]) -> Table:
    return table_from_rows(
        TRUE_NUCLEI,
        (
            {
                "y_px": n.y,
                "x_px": n.x,
                "time_s": n.time_s,
                "temperature_c": float(temperature_c(scene, np.array([n.time_s]))[0]),
                "site": n.site,
                "grain_id": n.grain,
                "area_px": n.area_px,
            }
            for n in nuclei
        ),
    )


def _summary(
    scene: HeatingScene, arrival: FloatArray, zone: Mask, lamella: Mask, crossings: list[Crossing]
) -> dict[str, Any]:
    """Return the figures of the movie; speeds are the mean over pixels of the speed the front passed them with."""
    moving = np.isfinite(arrival) & (arrival > 0)
    onset = _onset(arrival[moving], int(lamella.sum()))
    crossing = min((c.crossing_s for c in crossings if c.gained_px >= SEEN_PX), default=None)
    boundary = _mean_speed(scene, arrival[moving & zone], scene.boundary_factor)
    interior = _mean_speed(scene, arrival[moving & ~zone], 1.0)
    return {
        "onset_temperature_c": _at(scene, onset),
        "onset_s": onset,
        "crossing_temperature_c": _at(scene, crossing),
        "crossing_s": crossing,
        "boundary_speed_nm_per_s": boundary,
        "interior_speed_nm_per_s": interior,
        "boundary_interior_ratio": boundary / interior if boundary and interior else None,
        "boundary_interior_ratio_same_temperature": scene.boundary_factor if moving.any() else None,
        "boundary_zone_nm": scene.boundary_zone_nm,
        "activation_energy_ev": scene.activation_ev if moving.any() else None,
        "degraded_fraction_end": float(np.isfinite(arrival[lamella]).mean()),
        "variant": scene.variant,
        "log_time_of_frame0_s": scene.log_offset_s,
    }


def _onset(arrivals: FloatArray, lamella_px: int) -> float | None:
    """Return when `ONSET_SHARE` of the lamella had degraded in the movie, None if never."""
    rank = int(np.ceil(ONSET_SHARE * lamella_px)) - 1
    return float(np.sort(arrivals)[rank]) if arrivals.size > rank else None


def _mean_speed(scene: HeatingScene, arrivals: FloatArray, factor: float) -> float | None:
    if not arrivals.size:
        return None
    return float(factor * scene.speed_nm_per_s * arrhenius(scene, temperature_c(scene, arrivals)).mean())


def _at(scene: HeatingScene, time_s: float | None) -> float | None:
    return None if time_s is None else float(temperature_c(scene, np.array([time_s]))[0])
