"""Tables in memory: made, counted, selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tem_track.tables.column import Column

Table: TypeAlias = dict[str, NDArray[Any]]

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
