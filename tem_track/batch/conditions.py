"""`conditions.csv`: what came out per condition, as means over particles and movies with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tem_track.batch.finished import FinishedRun, Group
from tem_track.batch.means import TWO_SIDED_95, Mean, mean_of
from tem_track.batch.rows import read_record
from tem_track.movie import FloatArray
from tem_track.tables import KINDS, PARTICLES, Column, Table, blank_table, row_count, select_rows, table_from_rows
from tem_track.write.tables import read_table

_MARKS = (("onset", "onset"), ("stage_change", "end of the first of two stages"), ("complete", "end of the last stage"))
FRONT_MARKS = (
    ("onset_temperature_c", "temperature at which degradation begins"),
    ("crossing_temperature_c", "temperature at which the front first crosses a boundary"),
    ("boundary_interior_ratio", "speed of the front along boundaries over that in interiors"),
    ("activation_energy_ev", "apparent activation energy"),
)
_ALL = "all"


def _mean_columns(name: str, unit: str, words: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_mean{unit}", "float", f"mean {words}"),
        Column(f"{name}_low{unit}", "float", "lower end of its 95 % interval"),
        Column(f"{name}_high{unit}", "float", "upper end of it"),
    )


CONDITIONS: tuple[Column, ...] = (
    Column("kind", "text", "all, solid, core-shell or hollow"),
    Column("movies", "int", "movies that were analysed"),
    Column("particles", "int", "particles whose final V/V0 goes into the means: V0 and the end were seen"),
    Column("particles_left_out", "int", "particles whose V0 or end was not seen"),
    *_mean_columns("final_volume_ratio", "", "final V/V0"),
    Column("final_volume_ratio_sd", "float", "spread between particles"),
    *(column for name, words in _MARKS for column in _mean_columns(name, "_s", words)),
    *(column for name, words in FRONT_MARKS for column in _mean_columns(name, "", f"{words}, over the movies")),
)


@dataclass(frozen=True)
class Finals:
    """Final V/V0 of the particles of one group and kind.

    Attributes
    ----------
    values : (N,) float64
    mean : Mean
    """

    values: FloatArray
    mean: Mean


def condition_rows(groups: Sequence[Group], by: Sequence[str]) -> Table:
    """Return one row per group and kind of particle.

    Parameters
    ----------
    groups : sequence of Group
    by : sequence of str
        Names of the conditions that part them.
    """
    rows: list[dict[str, Any]] = []
    for group in groups:
        named = dict(zip(by, group.values, strict=True))
        particles = group_particles(group)
        kinds = [kind for kind in KINDS if (particles["kind"] == kind).any()]
        # A single kind is all there is.
        for kind in (_ALL, *(kinds if len(kinds) > 1 else ())):
            own = particles if kind == _ALL else select_rows(particles, particles["kind"] == kind)
            front = _of_front(group) if kind == _ALL else {}
            rows.append({**named, "kind": kind, "movies": len(group.runs), **_of_particles(own), **front})
    columns = (*(Column(name, "text", "condition") for name in by), *CONDITIONS)
    return table_from_rows(columns, rows)


def group_particles(group: Group) -> Table:
    """Return PARTICLES of all movies of a group, with the number of the movie as ``member``."""
    parts = []
    for number, run in enumerate(group.runs):
        if (run.folder / "particles.csv").is_file():
            table = read_table(run.folder / "particles.csv", PARTICLES)
            parts.append(table | {"member": np.full(row_count(table), number)})
    if not parts:
        return blank_table(PARTICLES, 0) | {"member": np.zeros(0, np.int64)}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def finals_of(particles: Table) -> Finals:
    """Return the final V/V0 of the particles that were seen to react from their start, and their mean."""
    rows = select_rows(particles, (particles["v0_seen"] == 1) & np.isfinite(particles["final_volume_ratio"]))
    own = np.hypot(np.nan_to_num(rows["final_sd_noise"]), np.nan_to_num(rows["final_sd_v0"]))
    own = np.hypot(own, np.nan_to_num(rows["final_sd_curve"]))
    shared = np.hypot(np.nan_to_num(rows["final_sd_localisation"]), np.nan_to_num(rows["final_sd_shape"]))
    values = rows["final_volume_ratio"]
    return Finals(values, mean_of(values, own, shared, rows["member"].tolist()))


def _of_particles(particles: Table) -> dict[str, Any]:
    finals = finals_of(particles)
    row: dict[str, Any] = {
        "particles": finals.mean.count,
        "particles_left_out": row_count(particles) - finals.mean.count,
        "final_volume_ratio_sd": finals.mean.sd,
        **_cells("final_volume_ratio", "", finals.mean),
    }
    for name, _ in _MARKS:
        rows = select_rows(particles, np.isfinite(particles[f"{name}_s"]))
        low, high = (rows.get(f"{name}_{end}_s", np.full(row_count(rows), np.nan)) for end in ("low", "high"))
        own = np.nan_to_num((high - low) / (2 * TWO_SIDED_95))
        row |= _cells(name, "_s", mean_of(rows[f"{name}_s"], own, members=rows["member"].tolist()))
    return row


def _of_front(group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, _ in FRONT_MARKS:
        row |= _cells(name, "", front_mean(group, name))
    return row


def front_values(group: Group, name: str) -> list[tuple[FinishedRun, float, float, float]]:
    """Return a number of the front with its interval for each movie that has it; NaN for an end that is not known."""
    found = []
    for run in group.runs:
        front = read_record(run.folder).get("front") or {}
        value, low, high = (front.get(f"{name}{end}") for end in ("", "_low", "_high"))
        if isinstance(value, int | float):
            ends = [float(end) if isinstance(end, int | float) else float("nan") for end in (low, high)]
            found.append((run, float(value), ends[0], ends[1]))
    return found


def front_mean(group: Group, name: str) -> Mean:
    """Return the mean of a number of the front over the movies of a group."""
    values = front_values(group, name)
    own = [np.nan_to_num((high - low) / (2 * TWO_SIDED_95)) for _, _, low, high in values]
    return mean_of([value for _, value, _, _ in values], own)


def _cells(name: str, unit: str, mean: Mean) -> dict[str, float]:
    return {f"{name}_mean{unit}": mean.value, f"{name}_low{unit}": mean.low, f"{name}_high{unit}": mean.high}
