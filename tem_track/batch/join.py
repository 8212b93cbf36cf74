"""The tables of all movies together: the same columns, the movie and its conditions in front; CSV and Parquet.

Rows are copied from the run folders one after the other, movie by movie: memory does not grow with their number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from tem_track.batch.finished import FinishedRun, numeric_conditions
from tem_track.errors import TemTrackError
from tem_track.tables import OPTIONAL_SCHEMAS, SCHEMAS, Column
from tem_track.write.files import whole_file
from tem_track.write.tables import harmless

# Rows of a Parquet file that are read and compressed together.
_ROWS_TOGETHER = 1 << 18
_BLOCK_BYTES = 1 << 24


def joined_name(name: str) -> str:
    """Return the name of the table of all movies.

    >>> joined_name("front/grains.csv"), joined_name("tracks.csv")
    ('grains.csv', 'tracks.csv')
    """
    return name.rpartition("/")[2]


JOINED = tuple((name, columns) for name, columns in (*SCHEMAS.items(), *OPTIONAL_SCHEMAS.items()))
"""The tables that are put together, with their columns."""


def write_joined(output: Path, runs: Sequence[FinishedRun], conditions: Sequence[str]) -> list[str]:
    """Write every table that any run has, for all runs together; return their names.

    Parameters
    ----------
    output : Path
    runs : sequence of FinishedRun
        In the order of the rows.
    conditions : sequence of str
        Columns between the movie and the table's own.

    Raises
    ------
    OutputError
        A file cannot be written.
    TemTrackError
        A run folder is damaged.
    """
    written = []
    for name, columns in JOINED:
        having = [run for run in runs if (run.folder / name).is_file()]
        target = output / joined_name(name)
        if not having:
            for path in (target, target.with_suffix(".parquet")):
                path.unlink(missing_ok=True)
            continue
        _write_csv(target, name, columns, having, conditions)
        _write_parquet(target.with_suffix(".parquet"), name, columns, having, conditions)
        written.append(target.name)
    return written


def _write_csv(
    target: Path, name: str, columns: Sequence[Column], runs: Sequence[FinishedRun], conditions: Sequence[str]
) -> None:
    numeric = numeric_conditions([run.conditions for run in runs], conditions)
    header = ",".join(column.name for column in columns)
    with (
        whole_file(target) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        stream.write(_csv_row(["movie", *map(harmless, conditions)]) + "," + header + "\n")
        for run in runs:
            values = [(name, run.conditions.get(name, "")) for name in conditions]
            cells = [harmless(run.movie), *(v if name in numeric else harmless(v) for name, v in values)]
            _copy_rows(run.folder / name, header, _csv_row(cells) + ",", stream)


def _copy_rows(path: Path, header: str, front: str, stream: IO[str]) -> None:
    """Copy the rows of a table with the same cells put in front of each."""
    with path.open(encoding="utf-8", newline="") as source:
        if source.readline().rstrip("\n") != header:
            raise TemTrackError(f"{path.parent.name}: {path.name} has other columns than this version writes")
        for row in _rows(source):
            stream.write(front + row)


def _rows(source: IO[str]) -> Iterator[str]:
    """Yield the rows of a CSV as they stand, those over several lines (in quotes) as one."""
    row = ""
    for line in source:
        row += line
        if row.count('"') % 2 == 0:
            yield row
            row = ""


def _csv_row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _write_parquet(
    target: Path, name: str, columns: Sequence[Column], runs: Sequence[FinishedRun], conditions: Sequence[str]
) -> None:
    import pyarrow
    from pyarrow import parquet

    numeric = numeric_conditions([run.conditions for run in runs], conditions)
    kinds = {"int": pyarrow.int64(), "float": pyarrow.float64(), "text": pyarrow.string()}
    own = [(column.name, kinds[column.kind]) for column in columns]
    front = [("movie", kinds["text"])]
    front += [(name, kinds["float"] if name in numeric else kinds["text"]) for name in conditions]
    schema = pyarrow.schema([*front, *own])
    with whole_file(target) as aside, parquet.ParquetWriter(aside, schema, compression="zstd") as writer:
        waiting: list[Any] = []
        for run in runs:
            values = [_text(run.movie), *(_value(run.conditions.get(c, ""), c in numeric) for c in conditions)]
            for part in _parts(run.folder / name, own):
                fronts = [pyarrow.array([v] * len(part), kind) for v, (_, kind) in zip(values, front, strict=True)]
                waiting.append(pyarrow.Table.from_arrays([*fronts, *part.columns], schema=schema))
                if sum(map(len, waiting)) >= _ROWS_TOGETHER:
                    writer.write_table(pyarrow.concat_tables(waiting), _ROWS_TOGETHER)
                    waiting = []
        if waiting:
            writer.write_table(pyarrow.concat_tables(waiting), _ROWS_TOGETHER)


def _parts(path: Path, own: Sequence[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the rows of a table in parts that fit in memory."""
    from pyarrow import ArrowInvalid, csv

    try:
        with csv.open_csv(
            path,
            csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                column_types=dict(own),
                include_columns=[name for name, _ in own],
                null_values=[""],
                strings_can_be_null=False,
            ),
        ) as reader:
            yield from reader
    except ArrowInvalid as error:
        raise TemTrackError(f"{path.parent.name}: {path.name} is damaged: {error}") from error


def _text(text: str) -> str:
    """Return text that is valid UTF-8: names of files need not be."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _value(text: str, number: bool) -> str | float | None:
    if number:
        return float(text) if text else None
    return _text(text)
