"""All tracks of a movie to completed tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tem_track.expansion.lineage import lineage_end, write_lineage_ratios
from tem_track.expansion.other_onsets import OtherOnsets, other_onsets
from tem_track.expansion.particle import Curve, track_curve
from tem_track.expansion.population import population_curve
from tem_track.expansion.stages import END_ROWS
from tem_track.expansion.summary import Row, onset_row, particle_row, stage_rows
from tem_track.expansion.uncertainty import NORMAL_FACTOR
from tem_track.expansion.volume import volume_exponent
from tem_track.movie import FloatArray
from tem_track.settings import ExpansionSettings
from tem_track.tables import EVENTS, PARTICLES, STAGES, TRACKS, Table, blank_table, row_count, table_from_rows


@dataclass(frozen=True)
class Expansion:
    """What the tracks say about expansion.

    Attributes
    ----------
    tracks : Table
        The rows given, completed (TRACKS), in their order.
    particles, stages, population, onset_events : Table
        PARTICLES, STAGES, EXPANSION, EVENTS (onsets only).
    fitted : (N,) float64
        V/V0 of the fitted stages in each row of `tracks`, NaN where there is no fit.
    warnings : tuple of str
        What needs the user's attention.
    """

    tracks: Table
    particles: Table
    stages: Table
    population: Table
    onset_events: Table
    fitted: FloatArray
    warnings: tuple[str, ...] = ()


def measure_expansion(
    tracks: Table,
    *,
    kinds: Mapping[int, str],
    fates: Mapping[int, str],
    pixel_size_nm: float | None,
    times_s: FloatArray,
    timed: bool,
    settings: ExpansionSettings,
) -> Expansion:
    """Return volumes, V/V0, stages and the population mean of tracked particles.

    Parameters
    ----------
    tracks : Table
        TRACKS; `area_px` is NaN in rows of bridged frames. Not modified.
    kinds, fates : mapping of track to str
        Kind (``solid``, ``core-shell``, ``hollow``) and fate of each track.
    pixel_size_nm : float or None
        None leaves the nm columns empty; ratios still come.
    times_s : (T,) float64
        Time of every frame of the movie.
    timed : bool
        False where times are frame numbers: columns in s of events and stages stay empty, those in frames are filled.
    settings : ExpansionSettings

    Returns
    -------
    Expansion

    Notes
    -----
    V0 is the level of the curve before its onset, fitted together with the stages. A curve that does not show such a
    level is over the fitted value at its first row, or what a few level rows that it may hide make of it (`v0_seen`
    0). Pieces of a broken particle and coalescence products have no V0 of their own: their `volume_ratio` is empty, and
    `lineage_volume_ratio` holds V/V0 of all pieces of a lineage together over its first track's V0. A movie of one
    frame has volumes but no ratios.
    """
    full = blank_table(TRACKS, row_count(tracks)) | {name: values.copy() for name, values in tracks.items()}
    full["time_s"] = np.where(np.isfinite(full["time_s"]), full["time_s"], np.asarray(times_s, float)[full["frame"]])
    model = settings.volume_model
    fitted = np.full(row_count(full), np.nan)
    places = dict(_rows_of_tracks(full))
    frame_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    curves = _curves(full, places, settings, pixel_size_nm, fates, frame_s)
    for track_id, index in places.items():
        curve = curves[track_id]
        for name, values in curve.rows.items():
            full[name][index] = values
        if curve.fit:
            fitted[index[curve.fitted_rows]] = curve.fit.fitted / curve.level
    exponent = volume_exponent(model)
    write_lineage_ratios(full, {i: _start_area(curve, exponent) for i, curve in curves.items()}, exponent, fates)
    return _tables(full, fitted, curves, kinds, fates, pixel_size_nm, times_s, timed, model)


def _rows_of_tracks(tracks: Table) -> list[tuple[int, np.ndarray]]:
    """Return (track, its rows in order of frame) for every track."""
    order = np.lexsort((tracks["frame"], tracks["track_id"]))
    ids, starts = np.unique(tracks["track_id"][order], return_index=True)
    return [(int(i), rows) for i, rows in zip(ids, np.split(order, starts[1:]), strict=True)] if len(order) else []


def _curves(
    full: Table,
    places: Mapping[int, np.ndarray],
    settings: ExpansionSettings,
    pixel_size_nm: float | None,
    fates: Mapping[int, str],
    frame_s: float,
) -> dict[int, Curve]:
    """Return every track's curve; those that leave their onset open are asked again, with the others' onsets."""

    def curve_of(i: int, others: OtherOnsets | None = None) -> Curve:
        rows = {name: values[places[i]] for name, values in full.items()}
        return track_curve(rows, settings, pixel_size_nm, fates.get(i, "whole"), others)

    curves = {i: curve_of(i) for i in places}
    unseen = [i for i, c in curves.items() if c.fit and c.fit.stages and not c.onset_known]
    seen = [c.fit.stages[0] for c in curves.values() if c.fit and c.onset_known]
    onsets = [stage.start_s for stage in seen]
    sds = [(stage.start_interval[1] - stage.start_interval[0]) / (2 * NORMAL_FACTOR) for stage in seen]
    others = other_onsets(onsets, sds, len(unseen) - 1, frame_s) if unseen else None
    if others is not None:
        curves |= {i: curve_of(i, others) for i in unseen}
    return curves


def _start_area(curve: Curve, exponent: float) -> float:
    """Return the projected area that goes with V0, px^2."""
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = curve.rows["area_px"] / curve.rows["volume_ratio"] ** (1 / exponent)
    known = areas[np.isfinite(areas)]
    return float(np.median(known)) if len(known) else float("nan")


def _tables(
    full: Table,
    fitted: FloatArray,
    curves: Mapping[int, Curve],
    kinds: Mapping[int, str],
    fates: Mapping[int, str],
    pixel_size_nm: float | None,
    times_s: FloatArray,
    timed: bool,
    model: str,
) -> Expansion:
    scale = float("nan") if pixel_size_nm is None else pixel_size_nm
    particles: list[Row] = []
    stages: list[Row] = []
    onsets: list[Row] = []
    for i, curve in curves.items():
        row = particle_row(curve, i, kinds.get(i, "solid"), fates.get(i, "whole"), model, scale, timed)
        if row["fate"] == "fractured":
            row["lineage_final_volume_ratio"], row["lineage_final_sd"] = lineage_end(full, row["lineage_id"], END_ROWS)
        particles.append(row)
        stages += stage_rows(curve, i, timed)
        onset = onset_row(curve, i, timed)
        onsets += [onset] if onset else []
    first_frame = int(full["frame"].min()) if row_count(full) else 0
    referred = {i: c.level_seen or int(c.rows["frame"][0]) == first_frame for i, c in curves.items()}
    return Expansion(
        full,
        table_from_rows(PARTICLES, particles),
        table_from_rows(STAGES, stages),
        population_curve(full, times_s, kinds, referred),
        table_from_rows(EVENTS, sorted(onsets, key=lambda row: (row["frame"], row["track_id"]))),
        fitted,
        _warnings(curves),
    )


def _warnings(curves: Mapping[int, Curve]) -> tuple[str, ...]:
    """Return one line for each thing the user should know about the curves."""
    unseen = [i for i, c in curves.items() if c.fit and c.fit.stages and not c.level_seen]
    jumps = [i for i, c in curves.items() if c.fit and c.fit.jumps_s]
    found = []
    if unseen:
        found.append(f"V0 not seen (the volume changes from the first frame on): V/V0 is over it; {_tracks(unseen)}")
    bent = [i for i, c in curves.items() if c.final and c.shape.holds is False]
    if bent:
        found.append(
            "the outline changes its shape: no volume model holds, and the interval of the final V/V0 is wider for it; "
            f"{_tracks(bent)} (see shape_change in particles.csv)"
        )
    if jumps:
        found.append(f"sudden step in the volume, taken for a wrong outline and not for a stage: {_tracks(jumps)}")
    return tuple(found)


def _tracks(ids: list[int]) -> str:
    """Return the track numbers in words, at most ten of them."""
    shown = ", ".join(str(i) for i in ids[:10])
    return f"track{'s' if len(ids) > 1 else ''} {shown}" + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
