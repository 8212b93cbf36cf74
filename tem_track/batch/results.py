"""What a batch leaves behind besides its run folders: tables, curves, figures and the page of all movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import tem_track
from tem_track.batch.conditions import CONDITIONS, condition_rows
from tem_track.batch.curves import FRONT_CURVE, VOLUME_CURVE, GroupCurve, front_curves, volume_curves
from tem_track.batch.figures import COMPARISONS, comparison_figures
from tem_track.batch.finished import FinishedRun, Group, groups_of, numeric_conditions
from tem_track.batch.join import write_joined
from tem_track.batch.page import index_html, spark_of
from tem_track.batch.plan import Plan
from tem_track.batch.rows import batch_columns, batch_table, read_record
from tem_track.tables import Column, Table, blank_table, row_count
from tem_track.write.files import output_error, write_text
from tem_track.write.tables import write_table

BATCH_TABLE, TIMINGS = "batch.csv", "timings.csv"
CURVES, FRONT_CURVES, MEANS, INDEX = "curves.csv", "front_curves.csv", "conditions.csv", "index.html"
_TIMINGS = (
    Column("movie", "text", "path relative to the folder of the movies"),
    Column("finished", "text", "when its run was finished"),
    Column("seconds", "float", "what its analysis took"),
)


def write_rows(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `batch.csv`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    columns = batch_columns(plan.conditions)
    numeric = numeric_conditions([job.entry.conditions for job in plan.jobs], plan.conditions)
    foreign = ("movie", "run_folder", "reason", "analysis", *(n for n in plan.conditions if n not in numeric))
    write_table(plan.request.output / BATCH_TABLE, columns, batch_table(columns, rows), foreign)


def write_results(plan: Plan, rows: Sequence[Mapping[str, Any]], runs: Sequence[FinishedRun]) -> None:
    """Write everything that is put together from the finished runs of a batch.

    Parameters
    ----------
    plan : Plan
    rows : sequence of mapping
        Rows of `batch.csv`.
    runs : sequence of FinishedRun
        In the order of their names.

    Raises
    ------
    OutputError
        A file cannot be written.
    TemTrackError
        A run folder is damaged.
    """
    output, by = plan.request.output, plan.by
    write_rows(plan, rows)
    _write_timings(output / TIMINGS, runs)
    tables = write_joined(output, runs, plan.conditions)
    groups = groups_of(runs, by)
    curves, fronts = volume_curves(groups), front_curves(groups)
    named = tuple(Column(name, "text", "condition") for name in by)
    means = condition_rows(groups, by)
    foreign = tuple(set(by) - numeric_conditions([run.conditions for run in runs], by))
    _write_or_remove(output / CURVES, (*named, *VOLUME_CURVE), _joined(curves, by, VOLUME_CURVE), foreign)
    _write_or_remove(output / FRONT_CURVES, (*named, *FRONT_CURVE), _joined(fronts, by, FRONT_CURVE), foreign)
    _write_or_remove(output / MEANS, (*named, *CONDITIONS), means, foreign)
    figures = _write_figures(output, groups, curves, fronts)
    made = [name for name in (BATCH_TABLE, MEANS, CURVES, FRONT_CURVES) if (output / name).is_file()]
    parquet = [name for table in tables if (output / (name := f"{Path(table).stem}.parquet")).is_file()]
    page = index_html(
        plan.request.folder.resolve().name,
        rows,
        plan.conditions,
        {run.movie: spark_of(run.folder) for run in runs},
        ((*named, *CONDITIONS), means),
        figures,
        [("tem-track", tem_track.__version__), ("Curves parted by", ", ".join(by) or "nothing: all movies together")],
        [*made, *tables, *parquet, "manifest.csv", TIMINGS],
    )
    write_text(output / INDEX, page)


def _joined(curves: Sequence[GroupCurve], by: Sequence[str], columns: Sequence[Column]) -> Table:
    """Return the curves of all groups as one table, the conditions in front."""
    if not curves:
        return {name: np.zeros(0, object) for name in by} | blank_table(columns, 0)
    table: Table = {}
    for place, name in enumerate(by):
        cells = [cell for c in curves for cell in [c.group.values[place]] * row_count(c.table)]
        table[name] = np.array(cells, object)
    return table | {column.name: np.concatenate([c.table[column.name] for c in curves]) for column in columns}


def _write_or_remove(path: Path, columns: Sequence[Column], table: Table, foreign: Sequence[str]) -> None:
    """Write a table; one without rows is removed, so that nothing stands from an earlier batch."""
    if row_count(table):
        write_table(path, columns, table, foreign)
    else:
        _remove(path)


def _write_figures(
    output: Path, groups: Sequence[Group], curves: Sequence[GroupCurve], fronts: Sequence[GroupCurve]
) -> list[tuple[str, str, bytes]]:
    from tem_track.write.figure_style import save_figure

    folder = output / "figures"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    written = []
    for name, figure in comparison_figures(groups, curves, fronts):
        png, _ = save_figure(figure, folder / name)
        written.append((name, COMPARISONS[name], png.read_bytes()))
    for name in set(COMPARISONS) - {name for name, _, _ in written}:
        for suffix in ("png", "svg"):
            _remove(folder / f"{name}.{suffix}")
    return written


def _write_timings(path: Path, runs: Sequence[FinishedRun]) -> None:
    records = [read_record(run.folder) for run in runs]
    table = {
        "movie": np.array([run.movie for run in runs], object),
        "finished": np.array([str(record.get("finished") or "") for record in records], object),
        "seconds": np.array([sum(record.get("seconds", {}).values()) for record in records], np.float64),
    }
    write_table(path, _TIMINGS, table, ("movie",))


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
