"""Tables of a run folder as CSV, and back.

UTF-8 with a header, `.` decimals, line feeds as line ends; the columns and their order are those of `tem_track.tables`.
A number that is not known (NaN, infinite) is an empty cell. The same table gives the same bytes on every machine.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.tables import Column, Table, blank_table, row_count
from tem_track.visible import visible
from tem_track.write.files import whole_file

# Rows turned into text at a time: 34 columns of Python objects stay below some 100 MB.
_ROWS_AT_ONCE = 50_000
# A spreadsheet takes what begins so for a formula, at the start of a cell and where a spreadsheet of another country
# begins a new one (OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection); the wide forms count
# too in East Asia.
_FORMULA = re.compile(r"(^|[;,|\t]\s*+[\"']?)\s*+(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
# A plain number is none, whatever its sign.
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


def write_table(path: Path, columns: Sequence[Column], table: Table, foreign: Sequence[str] = ()) -> None:
    """Write a table as CSV, whole or not at all.

    Parameters
    ----------
    path : Path
    columns : sequence of Column
        The schema: which columns are written, in which order, with how many significant digits.
    table : Table
        (N,) arrays by column name. A column of the schema that is missing is written empty.
    foreign : sequence of str
        Text columns whose cells come from outside (names of files, words of the user): they are made `harmless`.

    Raises
    ------
    ValueError
        A name in `table` is not a column of the schema, or the arrays differ in length.
    OutputError
        The file cannot be written.
    """
    unknown = sorted(set(table) - {c.name for c in columns})
    if unknown:
        raise ValueError(f"not columns of {path.name}: {', '.join(unknown)}")
    rows = row_count(table)
    if any(len(values) != rows for values in table.values()):
        raise ValueError(f"columns of {path.name} differ in length")
    with (
        whole_file(path) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        stream.write(",".join(c.name for c in columns) + "\n")
        for start in range(0, rows, _ROWS_AT_ONCE):
            part = {name: values[start : start + _ROWS_AT_ONCE] for name, values in table.items()}
            stream.write(_rows_text(columns, part, min(_ROWS_AT_ONCE, rows - start), foreign))


def table_cells(columns: Sequence[Column], table: Table) -> list[tuple[str, ...]]:
    """Return the cells of a table as text, row by row, as they stand in the CSV (without quotes)."""
    cells = [_cells(c, table.get(c.name), row_count(table), ()) for c in columns]
    texts = [[form % v for v in values] for form, values in cells]
    return list(zip(*texts, strict=True))


def harmless(text: str) -> str:
    """Return words from outside as a cell that no spreadsheet runs and no terminal obeys.

    An apostrophe stands in front of what a spreadsheet would take for a formula, which is how spreadsheets themselves
    mark text. Plain numbers stay as they are, negative ones too, and control signs are spelt out.

    >>> harmless("=1+1"), harmless("NiO 3"), harmless("-0.5"), harmless("a;@b")
    ("'=1+1", 'NiO 3', '-0.5', "a;'@b")
    """
    return text if _NUMBER.fullmatch(text) else visible(_FORMULA.sub(r"\1'", text))


def read_table(path: Path, columns: Sequence[Column]) -> Table:
    """Return the table of a CSV file.

    Parameters
    ----------
    path : Path
    columns : sequence of Column
        The schema. A column that the file lacks comes back empty; further columns of the file are left out.

    Returns
    -------
    Table
        (N,) arrays: int64, float64 (empty = NaN) or object (text). A column of whole numbers with an empty cell
        comes back as float64 with NaN there, so that "not known" never turns into 0.

    Raises
    ------
    InputError
        The file is missing, not UTF-8, ragged, or a cell is not a number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(csv.reader(stream), columns, path.name)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: is not a CSV table in UTF-8: {error}") from error


_Cells = tuple[str, list[Any]]
"""A %-format and the values of one column that it takes."""


def _rows_text(columns: Sequence[Column], part: Table, rows: int, foreign: Sequence[str]) -> str:
    # One %-format for the whole row is the fastest way to text without a compiled library: about 4 us a row of 34.
    cells = [_cells(c, part.get(c.name), rows, foreign) for c in columns]
    cells = [
        (f, [_quoted(v) for v in vs] if c.kind == "text" else vs) for c, (f, vs) in zip(columns, cells, strict=True)
    ]
    line = ",".join(form for form, _ in cells) + "\n"
    return "".join(map(line.__mod__, zip(*(values for _, values in cells), strict=True)))


def _cells(column: Column, values: NDArray[Any] | None, rows: int, foreign: Sequence[str]) -> _Cells:
    if values is None:
        return "%s", [""] * rows
    if column.kind == "text":
        return "%s", [harmless(str(v)) if column.name in foreign else str(v) for v in values.tolist()]
    form = "%d" if column.kind == "int" else f"%.{column.digits}g"
    if np.issubdtype(values.dtype, np.floating) or values.dtype == object:
        numbers = values.astype(np.float64)
        known = np.isfinite(numbers)
        # Negative zero would make two equal tables differ as text.
        listed = (numbers + 0.0).tolist()
        if not known.all():
            return "%s", [form % v if k else "" for v, k in zip(listed, known.tolist(), strict=True)]
        return form, listed
    return form, values.tolist()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _read(rows: Iterator[list[str]], columns: Sequence[Column], name: str) -> Table:
    header = next(rows, None)
    if header is None:
        raise InputError(f"{name}: is empty; a table needs at least a header")
    place = {title.strip(): i for i, title in enumerate(header)}
    wanted = [(c, place[c.name]) for c in columns if c.name in place]
    parts: dict[str, list[NDArray[Any]]] = {c.name: [] for c, _ in wanted}
    first_row = 2  # as a text editor counts, after the header
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        _same_width(chunk, len(header), name, first_row)
        for column, i in wanted:
            parts[column.name].append(_parsed([row[i] for row in chunk if row], column, name))
        first_row += len(chunk)
    count = sum(len(part) for part in next(iter(parts.values()), []))
    table = blank_table(columns, count)
    for title, pieces in parts.items():
        if pieces:
            table[title] = np.concatenate(pieces)
    return table


def _same_width(chunk: list[list[str]], width: int, name: str, first_row: int) -> None:
    for i, row in enumerate(chunk):
        if row and len(row) != width:
            raise InputError(f"{name}: line {first_row + i} has {len(row)} cells, the header {width}")


def _parsed(cells: list[str], column: Column, name: str) -> NDArray[Any]:
    if column.kind == "text":
        values = np.empty(len(cells), object)
        values[:] = cells
        return values
    whole = column.kind == "int" and all(cells)
    try:
        numbers = [int(c) for c in cells] if whole else [float(c) if c else np.nan for c in cells]
    except ValueError as error:
        raise InputError(f"{name}: column {column.name}: {error}") from error
    return np.array(numbers, np.int64 if whole else np.float64)
