"""`batch.csv`: one row per movie, with how it ended and its main figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tem_track.errors import TemTrackError
from tem_track.tables import GROWTH, PARTICLES, Column, Table, row_count, table_from_rows
from tem_track.write.files import RUN_RECORD
from tem_track.write.tables import read_table

_OF_FRONT = (
    ("onset_temperature_c", "temperature at which degradation begins"),
    ("crossing_temperature_c", "temperature at which the front first crosses a grain boundary"),
    ("boundary_speed_nm_per_s", "speed of the front in the boundary zone"),
    ("interior_speed_nm_per_s", "speed of the front in the interiors"),
    ("boundary_interior_ratio", "of those two speeds"),
    ("activation_energy_ev", "apparent activation energy"),
)

_FIRST = (
    Column("status", "text", "done, failed, or waiting (not come to yet)"),
    Column("reason", "text", "why it failed"),
    Column("warnings", "int", "warnings of the run; they stand in its report"),
    Column("frames", "int", "frames of the movie"),
    Column("frames_unusable", "int", "blank, blurred, duplicate or torn ones"),
    Column("duration_s", "float", "time of the last frame"),
    Column("pixel_size_nm", "float", "edge of a pixel"),
    Column("particles", "int", "particles followed"),
    Column("final_volume_ratio_mean", "float", "mean final V/V0 of those whose V0 and end were seen"),
    Column("final_volume_ratio_sd", "float", "spread between them"),
    Column("final_particles", "int", "how many they are"),
    Column("onset_median_s", "float", "median onset of its particles"),
    Column("degraded_fraction_final", "float", "share of the film that has degraded by the end"),
)
_OF_FRONT_COLUMNS = tuple(
    Column(f"{name}{end}", "float", f"{words}{what}")
    for name, words in _OF_FRONT
    for end, what in (("", ""), ("_low", ", lower end of the 95 % interval"), ("_high", ", upper end of it"))
)
_LAST = (
    Column("objects", "int", "objects that grew"),
    Column("growth_onset_c", "float", "lowest temperature at which one began to grow"),
    Column("analysis", "text", "what was analysed, and why"),
)
FIGURES: tuple[Column, ...] = (*_FIRST, *_OF_FRONT_COLUMNS, *_LAST)
"""Columns of `batch.csv` behind movie, run folder and conditions."""


def batch_columns(conditions: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of `batch.csv`."""
    named = [Column(name, "text", "condition") for name in conditions]
    return (
        Column("movie", "text", "path relative to the folder of the movies"),
        Column("run_folder", "text", "path of its run folder"),
        *named,
        *FIGURES,
    )


def batch_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return `batch.csv` as a table; what a row does not say is empty, whole numbers too."""
    table = table_from_rows(columns, rows)
    for column in columns:
        if column.kind == "int":
            # Not known is not zero.
            values = [row.get(column.name) for row in rows]
            table[column.name] = np.array([np.nan if value is None else value for value in values], np.float64)
    return table


def run_figures(folder: Path) -> dict[str, Any]:
    """Return the main figures of a finished run by column name.

    Raises
    ------
    TemTrackError
        The run folder is damaged.
    """
    record = read_record(folder)
    movie, outcome = record.get("movie", {}), record.get("outcome", {})
    figures: dict[str, Any] = {
        "warnings": len(record.get("warnings", ())),
        "frames": (movie.get("shape") or [None])[0],
        "frames_unusable": outcome.get("frames_unusable"),
        "duration_s": movie.get("duration_s"),
        "pixel_size_nm": record.get("calibration", {}).get("pixel_size_nm"),
        "analysis": outcome.get("analysis", ""),
    }
    figures |= _particle_figures(folder) | _front_figures(record.get("front")) | _growth_figures(folder)
    return {name: value for name, value in figures.items() if value is not None}


def read_record(folder: Path) -> dict[str, Any]:
    """Return the `run.json` of a run folder.

    Raises
    ------
    TemTrackError
        It is not there or damaged.
    """
    try:
        record = json.loads((folder / RUN_RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemTrackError(f"{folder.name}: its {RUN_RECORD} cannot be read") from error
    if not isinstance(record, dict):
        raise TemTrackError(f"{folder.name}: its {RUN_RECORD} cannot be read")
    return record


def _particle_figures(folder: Path) -> dict[str, Any]:
    if not (folder / "particles.csv").is_file():
        return {}
    particles = read_table(folder / "particles.csv", PARTICLES)
    final = particles["final_volume_ratio"][(particles["v0_seen"] == 1) & np.isfinite(particles["final_volume_ratio"])]
    onset = particles["onset_s"][np.isfinite(particles["onset_s"])]
    return {
        "particles": row_count(particles),
        "final_particles": len(final),
        "final_volume_ratio_mean": float(np.mean(final)) if len(final) else None,
        "final_volume_ratio_sd": float(np.std(final, ddof=1)) if len(final) > 1 else None,
        "onset_median_s": float(np.median(onset)) if len(onset) else None,
    }


def _front_figures(front: Mapping[str, Any] | None) -> dict[str, Any]:
    if not front:
        return {}
    return {name: front.get(name) for name in (*(c.name for c in _OF_FRONT_COLUMNS), "degraded_fraction_final")}


def _growth_figures(folder: Path) -> dict[str, Any]:
    if not (folder / "growth.csv").is_file():
        return {}
    growth = read_table(folder / "growth.csv", GROWTH)
    onset = growth["onset_c"][np.isfinite(growth["onset_c"])]
    return {"objects": row_count(growth), "growth_onset_c": float(np.min(onset)) if len(onset) else None}
