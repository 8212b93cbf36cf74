"""The tables of a run folder: their columns, types and meaning, declared once.

A table is a plain mapping of column name to a 1-D array, all of one length. The unit ends the name: ``_px _nm _nm2
_nm3 _s _c _per_s``; no ending is a count or a ratio. NaN (numbers) and "" (text) are written as empty cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Table: TypeAlias = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Column:
    """One column: its name (with the unit at the end), what it holds, how many decimals a CSV needs."""

    name: str
    kind: Literal["int", "float", "text"]
    meaning: str
    digits: int = 6
    """Significant digits written for a float."""


# Six digits suit a measurement; a clock that runs for hours at a thousand frames a second, and a position in a frame of
# 4096 px known to 0.001 px, need more.
_MORE_DIGITS: Mapping[str, int] = {"time_s": 12, "y_px": 8, "x_px": 8, "y_specimen_px": 8, "x_specimen_px": 8}


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, meaning, _MORE_DIGITS.get(name, 6)) for name, kind, meaning in rows)  # type: ignore[arg-type]


DRIFT = _columns(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("dy_px", "float", "where the specimen sits in this frame minus where it sat in frame 0, down"),
    ("dx_px", "float", "the same, to the right"),
    ("usable", "int", "1, or 0 for a blank, blurred, duplicate or torn frame"),
    ("reason", "text", "why a frame is not usable or could not be registered"),
    ("drift_sd_px", "float", "standard uncertainty of each component of the drift"),
)

TRACKS = _columns(
    ("track_id", "int", "track, from 1"),
    ("lineage_id", "int", "shared by a particle and the pieces it breaks into"),
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("y_px", "float", "centroid in the recorded frame, down"),
    ("x_px", "float", "centroid in the recorded frame, to the right"),
    ("y_specimen_px", "float", "centroid with the drift taken out"),
    ("x_specimen_px", "float", "centroid with the drift taken out"),
    ("area_px", "float", "projected area inside the outer outline, holes filled"),
    ("area_nm2", "float", "projected area"),
    ("area_sd_nm2", "float", "standard uncertainty of the projected area"),
    ("area_sd_px", "float", "standard uncertainty of the projected area"),
    ("equivalent_diameter_px", "float", "2 sqrt(area / pi)"),
    ("equivalent_diameter_nm", "float", "2 sqrt(area / pi)"),
    ("equivalent_diameter_sd_nm", "float", "standard uncertainty of the equivalent diameter"),
    ("major_axis_px", "float", "long axis of the ellipse with the outline's second moments"),
    ("minor_axis_px", "float", "short axis of that ellipse"),
    ("solidity", "float", "projected area over the area of its convex hull"),
    ("volume_nm3", "float", "volume of the envelope by the volume model of the track"),
    ("volume_sd_nm3", "float", "standard uncertainty of the volume, without the error of the shape assumption"),
    ("volume_ratio", "float", "V/V0"),
    ("volume_ratio_sd", "float", "standard uncertainty of V/V0, without the error of the shape assumption"),
    ("core_equivalent_diameter_nm", "float", "of the core's outline"),
    ("core_equivalent_diameter_sd_nm", "float", "standard uncertainty of it"),
    ("core_equivalent_diameter_px", "float", "of the core's outline"),
    ("core_equivalent_diameter_sd_px", "float", "standard uncertainty of it"),
    ("shell_thickness_nm", "float", "(outer - core equivalent diameter) / 2"),
    ("shell_thickness_sd_nm", "float", "standard uncertainty of it"),
    ("shell_thickness_px", "float", "(outer - core equivalent diameter) / 2"),
    ("void_equivalent_diameter_nm", "float", "of the void's outline, where the core is hollow"),
    ("void_equivalent_diameter_px", "float", "of the void's outline, where the core is hollow"),
    ("void_equivalent_diameter_sd_px", "float", "standard uncertainty of it"),
    ("core_volume_ratio", "float", "volume of the core without its void over its V0"),
    ("shell_volume_ratio", "float", "volume of the shell over its V0"),
    ("void_volume_ratio", "float", "volume of the void over its V0"),
    ("core_volume_ratio_sd", "float", "standard uncertainty of it"),
    ("shell_volume_ratio_sd", "float", "standard uncertainty of it"),
    ("void_volume_ratio_sd", "float", "standard uncertainty of it"),
    (
        "lineage_volume_ratio",
        "float",
        "V/V0 of all pieces of a lineage together, over the V0 of the particle they come from",
    ),
    ("lineage_volume_ratio_sd", "float", "standard uncertainty of it, without the error of the shape assumption"),
    ("lineage_pieces", "int", "tracks summed in it: 1 is the particle before it broke; 0 where there is no sum"),
    ("touches_border", "int", "1 where the outline is cut by the edge of the field"),
    ("state", "text", "whole, fractured, merged or inferred (frame bridged)"),
    ("quality", "float", "0 to 1: how well the outline explains the image around it"),
)

PARTICLES = _columns(
    ("track_id", "int", "track, from 1"),
    ("lineage_id", "int", "shared by a particle and the pieces it breaks into"),
    ("kind", "text", "solid, core-shell or hollow"),
    ("first_frame", "int", "first frame of the track"),
    ("last_frame", "int", "last frame of the track"),
    ("volume_model", "text", "sphere, spheroid or film"),
    ("v0_nm3", "float", "robust mean volume before the onset"),
    ("v0_sd_nm3", "float", "standard uncertainty of it"),
    ("initial_equivalent_diameter_nm", "float", "equivalent diameter before the onset"),
    ("onset_s", "float", "where the volume starts to change"),
    ("onset_low_s", "float", "lower end of its 95 % interval"),
    ("onset_high_s", "float", "upper end of its 95 % interval; without an onset: it was before this"),
    ("stage_count", "int", "stages of expansion, 0 for an inert particle"),
    ("stage_change_s", "float", "end of the first of two stages"),
    ("stage_change_low_s", "float", "lower end of its 95 % interval"),
    ("stage_change_high_s", "float", "upper end of its 95 % interval"),
    (
        "final_volume_ratio",
        "float",
        "V/V0 at the end of the track: mean over its last uncut rows (5 %, at least 3) over V0; rows that belong to "
        "the break or merger which ends a track do not count",
    ),
    ("final_volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("final_volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("max_rate_per_s", "float", "largest rate of V/V0 over the stages"),
    ("complete_s", "float", "end of the last stage, empty if the movie ends first"),
    ("v0_seen", "int", "1 where frames before the onset were seen; 0: V/V0 is over the first frames of the track"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("stage_change_frame", "float", "the stage change in frames"),
    ("final_sd_localisation", "float", "part of the final V/V0's standard uncertainty from the outlines' edge error"),
    ("final_sd_noise", "float", "part from the scatter of the curve"),
    ("final_sd_curve", "float", "part from other curves that explain the rows nearly as well"),
    ("final_sd_v0", "float", "part from V0"),
    (
        "final_sd_shape",
        "float",
        "part from the shape assumption: how much the outline changed its aspect ratio, or its shape",
    ),
    ("final_volume_ratio_sphere", "float", "final V/V0 if the particle is a ball: area ratio^(3/2)"),
    (
        "final_volume_ratio_spheroid",
        "float",
        "final V/V0 if it is a spheroid about its long axis: that times sqrt(aspect ratio before / at the end)",
    ),
    ("final_volume_ratio_film", "float", "final V/V0 if it is a film of constant thickness: the area ratio"),
    (
        "shape_holds",
        "text",
        "no: the outline changed its shape, so that no volume model is to be believed (the interval of the final V/V0 "
        "allows three times that change); yes: nothing in the outline speaks against it (what happens along the beam "
        "is not seen)",
    ),
    ("shape_fails_frame", "float", "frame from which on the shape does not hold"),
    ("shape_change", "text", "what changed"),
    ("lineage_final_volume_ratio", "float", "of a particle that broke: V/V0 of all its pieces together at their end"),
    ("lineage_final_sd", "float", "standard uncertainty of it"),
    ("fate", "text", "whole, fractured, merged, left or lost"),
)

STAGES = _columns(
    ("track_id", "int", "track, from 1"),
    ("stage", "int", "stage, from 1"),
    ("start_s", "float", "start of the stage"),
    ("end_s", "float", "end of the stage"),
    ("rate_per_s", "float", "d(V/V0)/dt"),
    ("rate_low", "float", "lower end of its 95 % interval, per s"),
    ("rate_high", "float", "upper end of its 95 % interval, per s"),
    ("volume_ratio_end", "float", "V/V0 at the end of the stage"),
    ("start_frame", "float", "start of the stage in frames"),
    ("end_frame", "float", "end of the stage in frames"),
    ("start_low_s", "float", "lower end of the start's 95 % interval"),
    ("start_high_s", "float", "upper end of the start's 95 % interval"),
    ("end_low_s", "float", "lower end of the end's 95 % interval, empty if the movie ends first"),
    ("end_high_s", "float", "upper end of the end's 95 % interval, empty if the movie ends first"),
    (
        "growth_law",
        "text",
        "linear, parabolic (V grows with the square root of time since the stage's start), or undecided below strong "
        "evidence (6 in law_delta_bic)",
    ),
    ("law_delta_bic", "float", "evidence: BIC of a parabolic stage minus that of a linear one; positive: linear"),
)

EVENTS = _columns(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("event", "text", "onset, fracture, coalescence, enters, leaves or lost"),
    ("track_id", "int", "fracture: the parent; coalescence: the product"),
    ("other_track_ids", "text", "fracture: the pieces; coalescence: the parents; joined by +"),
)

KINDS = ("solid", "core-shell", "hollow")

_EXPANSION_OF = (
    ("particles", "int", "particles with a V/V0 in this frame"),
    ("volume_ratio_mean", "float", "mean V/V0"),
    ("volume_ratio_sd", "float", "spread of V/V0 between particles (standard deviation)"),
    ("volume_ratio_sem", "float", "standard uncertainty of the mean, spread and measurement together"),
    ("volume_ratio_median", "float", "median V/V0"),
)

EXPANSION = _columns(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    *((name, kind, f"{meaning}, whole tracks") for name, kind, meaning in _EXPANSION_OF),
    *(
        (f"{name}_{of.replace('-', '_')}", kind, f"{meaning}, whole {of} tracks")
        for of in KINDS
        for name, kind, meaning in _EXPANSION_OF
    ),
)

THEORY = _columns(
    ("track_id", "int", "track, from 1"),
    ("kind", "text", "solid, core-shell or hollow"),
    ("level", "text", "expected state: stage 1, ..., complete"),
    ("body", "text", "envelope, or the particle without void, where a void was measured"),
    ("frame", "float", "where the measured V/V0 is from, in frames"),
    ("volume_ratio", "float", "measured V/V0 of this body"),
    ("volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("sd_own", "float", "part of its standard uncertainty that is this particle's: noise, V0"),
    ("sd_shared", "float", "part that all particles may have in common: outline, shape, void"),
    ("expected_volume_ratio", "float", "V/V0 of the reaction from unit cells"),
    ("difference", "float", "measured minus expected V/V0"),
    ("difference_low", "float", "lower end of its 95 % interval"),
    ("difference_high", "float", "upper end of its 95 % interval"),
    ("counted", "int", "1 where the particle counts in the mean of its kind"),
    ("remark", "text", "why it does not"),
)

FRONT = _columns(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("degraded_fraction", "float", "share of the film seen that has degraded"),
    ("boundary_fraction", "float", "share of the boundary zone that has degraded"),
    ("interior_fraction", "float", "share of the grains' interiors that has degraded"),
    ("front_speed_nm_per_s", "float", "median local speed of the front within a frame of this one"),
    ("front_speed_px_per_frame", "float", "the same in px from frame to frame"),
    ("boundary_speed_nm_per_s", "float", "the same of the front in the boundary zone"),
    ("interior_speed_nm_per_s", "float", "the same of the front in the interiors"),
    ("front_length_nm", "float", "length of the front line"),
    ("front_length_px", "float", "length of the front line"),
)

GRAINS = _columns(
    ("grain_id", "int", "grain, from 1, as in front/grains.tif"),
    ("area_nm2", "float", "area in the field"),
    ("onset_s", "float", "when 1 % of the grain had degraded"),
    ("onset_c", "float", "temperature then"),
    ("half_s", "float", "when half of the grain had degraded"),
    ("half_c", "float", "temperature then"),
    ("complete_s", "float", "when 95 % of the grain had degraded"),
    ("complete_c", "float", "temperature then"),
    ("final_fraction", "float", "share of the grain that has degraded by the end"),
    ("nuclei", "int", "nuclei in the grain"),
    ("entered_from", "text", "grains from which a front came in, first one first, joined by +"),
    ("area_px", "float", "area in the field"),
    ("equivalent_diameter_nm", "float", "2 sqrt(area / pi)"),
    ("y_px", "float", "centroid in the specimen frame, down"),
    ("x_px", "float", "centroid in the specimen frame, to the right"),
    ("touches_border", "int", "1 where the edge of the field cuts the grain"),
    ("seen_fraction", "float", "share of the grain that enough frames show"),
    ("initial_fraction", "float", "share of the grain degraded before the movie; not part of onset, half and complete"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("half_frame", "float", "the half in frames"),
    ("complete_frame", "float", "the completion in frames"),
)

CROSSINGS = _columns(
    ("from_grain", "int", "grain the front came from"),
    ("to_grain", "int", "grain it went on into"),
    ("y_px", "float", "where it came through first, in the specimen frame, down"),
    ("x_px", "float", "the same, to the right"),
    ("arrival_s", "float", "when the front had reached that place of the boundary"),
    ("crossing_s", "float", "when it set out on the other side"),
    ("delay_s", "float", "how long it stood there"),
    ("temperature_c", "float", "temperature at the crossing"),
    ("crossing_sd_s", "float", "standard uncertainty of the time of the crossing"),
    ("crossing_frame", "float", "the crossing in frames"),
    ("delay_frames", "float", "the delay in frames"),
    ("length_nm", "float", "length of the boundary between the two grains that was crossed in this direction"),
    ("length_px", "float", "the same in px"),
    ("target_fraction", "float", "share of the grain it went into that had degraded before"),
)

NUCLEI = _columns(
    ("y_px", "float", "place in the specimen frame, down"),
    ("x_px", "float", "place in the specimen frame, to the right"),
    ("time_s", "float", "when degradation began there"),
    ("temperature_c", "float", "temperature then"),
    ("site", "text", "junction, boundary, interior or edge (of the field or of the film)"),
    ("grain_id", "int", "grain it lies in"),
    ("frame", "float", "the time in frames"),
    ("distance_nm", "float", "distance to the nearest boundary"),
    ("distance_px", "float", "distance to the nearest boundary"),
)

VOIDS = _columns(
    ("y_px", "float", "centre in the specimen frame, down"),
    ("x_px", "float", "centre in the specimen frame, to the right"),
    ("diameter_px", "float", "2 sqrt(area / pi) at half of its darkness"),
    ("diameter_nm", "float", "2 sqrt(area / pi) at half of its darkness"),
    ("grain_id", "int", "grain it lies in"),
    ("distance_nm", "float", "distance to the nearest boundary"),
)

DARK = _columns(
    ("frame", "int", "number from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("dark_fraction", "float", "share of the area darker than the foil around it by front.dark_contrast"),
    ("dark_contrast", "float", "how much darker than the foil its darkest percentile is: the diffraction condition"),
    ("dark_places", "float", "distinct dark places: separate, and at least 0.6 of dark_contrast (and of the setting)"),
    ("median_diameter_px", "float", "median of 2 sqrt(area / pi) of the places"),
    ("median_diameter_nm", "float", "median of 2 sqrt(area / pi) of the places"),
)

DISTANCE = _columns(
    ("distance_px", "float", "distance to the nearest boundary, middle of the class"),
    ("distance_nm", "float", "distance to the nearest boundary, middle of the class"),
    ("area_px", "float", "film seen at that distance"),
    ("arrival_s", "float", "when half of it had degraded"),
    ("arrival_low_s", "float", "when 16 % of it had degraded"),
    ("arrival_high_s", "float", "when 84 % of it had degraded"),
    ("arrival_c", "float", "temperature when half of it had degraded"),
    ("front_speed_nm_per_s", "float", "median local speed of the front"),
    ("final_fraction", "float", "share that has degraded by the end"),
)

GROWTH = _columns(
    ("track_id", "int", "object, from 1"),
    ("onset_c", "float", "temperature at which it began to grow"),
    ("onset_low_c", "float", "lower end of its 95 % interval"),
    ("onset_high_c", "float", "upper end of its 95 % interval"),
    ("onset_s", "float", "when it began to grow"),
    ("onset_low_s", "float", "lower end of its 95 % interval"),
    ("onset_high_s", "float", "upper end of its 95 % interval"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("first_seen_c", "float", "temperature of the first frame in which it is large enough to be seen"),
    ("first_seen_frame", "int", "that frame"),
    ("final_area_nm2", "float", "projected area at the end, mean of its last frames"),
    ("final_area_sd_nm2", "float", "standard uncertainty of it"),
    ("final_area_px", "float", "the same in px"),
    ("max_rate_nm2_per_s", "float", "largest rate of growth"),
    ("max_rate_sd_nm2_per_s", "float", "standard uncertainty of it"),
    ("max_rate_c", "float", "temperature at which it grows fastest"),
    ("half_c", "float", "temperature at which it has half of its largest area"),
    ("half_s", "float", "when it has half of its largest area"),
    ("touches_border", "int", "1 where the edge of the field cut it at any time"),
)

GROWTH_RATES = _columns(
    ("track_id", "int", "object, from 1"),
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("area_nm2", "float", "projected area"),
    ("area_sd_nm2", "float", "standard uncertainty of it"),
    ("area_px", "float", "projected area"),
    ("rate_nm2_per_s", "float", "rate of growth, from a straight line through the neighbouring frames"),
    ("rate_sd_nm2_per_s", "float", "standard uncertainty of it from the scatter about that line"),
    ("rate_px_per_frame", "float", "rate of growth in px of area from frame to frame"),
)

SENSITIVITY = _columns(
    ("setting", "text", "what was shifted; 'as set' is the run itself"),
    ("value", "text", "to what"),
    ("track_id", "int", "track of the run"),
    ("final_volume_ratio", "float", "final V/V0 then; empty where the particle is not found or has none"),
    ("change", "float", "that minus the run's own final V/V0"),
    ("final_volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("final_volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("stage_count", "int", "stages then"),
    ("onset_frame", "float", "onset then, in frames"),
    ("stage_change_frame", "float", "end of the first of two stages then, in frames"),
)

SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "drift.csv": DRIFT,
    "tracks.csv": TRACKS,
    "particles.csv": PARTICLES,
    "stages.csv": STAGES,
    "events.csv": EVENTS,
    "expansion.csv": EXPANSION,
}
# Only where the front in a film was analysed.
FRONT_SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "front/front.csv": FRONT,
    "front/grains.csv": GRAINS,
    "front/crossings.csv": CROSSINGS,
    "front/nuclei.csv": NUCLEI,
    "front/distance.csv": DISTANCE,
    "front/voids.csv": VOIDS,
}
# Only where objects that grow were followed.
GROWTH_SCHEMAS: Mapping[str, tuple[Column, ...]] = {"growth.csv": GROWTH, "growth_rates.csv": GROWTH_RATES}
# Theory and sensitivity only where they were asked for.
OPTIONAL_SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "theory.csv": THEORY,
    "sensitivity.csv": SENSITIVITY,
    **FRONT_SCHEMAS,
    # Only where contrast changes both ways.
    "front/dark.csv": DARK,
    **GROWTH_SCHEMAS,
}

_DTYPES: Mapping[str, Any] = {"int": np.int64, "float": np.float64, "text": object}
_EMPTY: Mapping[str, Any] = {"int": 0, "float": np.nan, "text": ""}


def blank_table(columns: Sequence[Column], rows: int) -> Table:
    """Return a table of the given columns and number of rows: 0, NaN and "" everywhere."""
    return {c.name: np.full(rows, _EMPTY[c.kind], _DTYPES[c.kind]) for c in columns}


def table_from_rows(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return a table from one mapping per row; a name that is not a column is an error, a missing one stays empty."""
    rows = list(rows)
    table = blank_table(columns, len(rows))
    for i, row in enumerate(rows):
        for name, value in row.items():
            if name not in table:
                raise KeyError(f"{name!r} is not a column of this table")
            table[name][i] = value
    return table


def row_count(table: Table) -> int:
    """Return how many rows a table has."""
    return len(next(iter(table.values()))) if table else 0


def select_rows(table: Table, rows: NDArray[Any]) -> Table:
    """Return the rows chosen by a boolean mask or by indices, as a new table."""
    return {name: values[rows] for name, values in table.items()}
