"""A log's lines as a table: where the header is, what parts the fields, which two columns count, what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.heating.clock import is_clock
from tem_track.read.heating.columns import best_column, column_meaning, is_unit_row
from tem_track.read.heating.text import find_delimiter, is_comment, split_lines, without_comment_sign

# A header stands within this many lines of the top: programs write at most a page in front of it.
_HEADER_WITHIN = 200
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
_NOT_A_NUMBER = {"nan", "", "-", "--", "n/a", "na", "null", "none"}


@dataclass(frozen=True)
class LogTable:
    """The fields of a log, as text.

    Attributes
    ----------
    names : tuple of str
        Of the columns, with the units of a line below them; ``column 1`` where there is no header.
    rows : list of (N) list of str
    first_line : int
        Number of the first row's line in the file, from 1.
    preamble : tuple of str
        The lines above the header.
    has_header : bool
    """

    names: tuple[str, ...]
    rows: list[list[str]]
    first_line: int
    preamble: tuple[str, ...] = ()
    has_header: bool = True

    def column(self, index: int) -> list[str]:
        """Return the fields of a column, "" where a row is too short."""
        return [row[index] if index < len(row) else "" for row in self.rows]


@dataclass(frozen=True)
class ChosenColumns:
    """Which columns hold time, temperature and (where it stands apart) the date; what was decided, in words."""

    time: int
    temperature: int
    date: int | None = None
    stamp: int | None = None
    notes: tuple[str, ...] = field(default=())


def read_table(name: str, lines: Sequence[str]) -> LogTable:
    """Return the table in the lines of a log.

    The header is the last line above the first row of numbers that names a column; comment signs in front of it are
    taken off, and a line of units below it is added to the names.

    Raises
    ------
    InputError
        No row with two numbers or times in it.
    """
    body = [line for line in lines if not is_comment(line)]
    delimiter = find_delimiter(body)
    head = list(split_lines([without_comment_sign(line) for line in lines[:_HEADER_WITHIN]], delimiter))
    comment = [is_comment(line) for line in lines[:_HEADER_WITHIN]]
    first = next((i for i, fields in enumerate(head) if not comment[i] and _is_reading(fields)), None)
    if first is None:
        raise InputError(f"{name}: no rows of numbers in it; a temperature log has a time and a temperature column")
    header = _header(head[:first], len(head[first]))
    names = tuple(f"column {i + 1}" for i in range(len(head[first])))
    if header is not None:
        names = tuple(head[header])
        if first > header + 1 and is_unit_row(head[first - 1]):
            names = tuple(f"{one} [{unit}]" for one, unit in zip(names, head[first - 1], strict=False))
    rows = list(split_lines([line for line in lines[first:] if line.strip() and not is_comment(line)], delimiter))
    # An empty last column comes from a delimiter at the end of every line.
    while len(names) > 1 and not names[-1]:
        names = names[:-1]
    preamble = tuple(lines[: first if header is None else header])
    return LogTable(names, rows, first + 1, preamble, header is not None)


def choose_columns(name: str, table: LogTable, asked: tuple[str, str] | None) -> ChosenColumns:
    """Return the columns of time and temperature: those asked for, else those whose names say so.

    Raises
    ------
    InputError
        A column that is asked for does not exist, or none that can be recognised.
    """
    notes: list[str] = []
    if asked is not None:
        return ChosenColumns(_asked_column(name, table, asked[0]), _asked_column(name, table, asked[1]))
    if not table.has_header:
        raise InputError(
            f"{name}: has no header that names its columns; "
            "--temperature-columns 1,2 says which hold time and temperature"
        )
    temperature, others = best_column(table.names, "temperature")
    time, _ = best_column(table.names, "time")
    date, _ = best_column(table.names, "date")
    if temperature is None or time is None:
        what = "temperature" if temperature is None else "time"
        raise InputError(
            f"{name}: no column that is a {what} by its name ({_listed(table.names)}); "
            "--temperature-columns TIME,TEMPERATURE says which"
        )
    if others:
        notes.append(
            f"{name}: temperature from {table.names[temperature]!r}, not from "
            f"{' or '.join(repr(table.names[i]) for i in others)}; --temperature-columns changes that"
        )
    return ChosenColumns(time, temperature, date, _stamp(table, time), tuple(notes))


def numbers_of_fields(fields: Sequence[str]) -> tuple[FloatArray, int]:
    """Return the numbers in a column (NaN where there is none), and how many fields are words that should be numbers.

    A decimal comma is understood; "NaN", "-" and an empty field are missing readings, not words.
    """
    values = np.full(len(fields), np.nan)
    strange = 0
    for i, text in enumerate(fields):
        if _NUMBER.fullmatch(text):
            values[i] = float(text.replace(",", "."))
        elif text.lower() not in _NOT_A_NUMBER:
            strange += 1
    return values, strange


def _is_reading(fields: Sequence[str]) -> bool:
    """Return whether a line holds at least two numbers or times, and more of them than words."""
    known = [bool(_NUMBER.fullmatch(text)) or is_clock(text) for text in fields if text]
    return sum(known) >= 2 and 2 * sum(known) >= len(known)


def _header(above: Sequence[Sequence[str]], width: int) -> int | None:
    """Return the number of the line that names the columns: the last above the numbers that knows a quantity."""
    for i in reversed(range(len(above))):
        if len(above[i]) > 1 and any(column_meaning(text).quantity for text in above[i]) and not is_unit_row(above[i]):
            return i
    # Names that mean nothing to the program still name the columns.
    named = [i for i, fields in enumerate(above) if len(fields) == width and all(fields)]
    return named[-1] if named else None


def _stamp(table: LogTable, time: int) -> int | None:
    """Return a column with times of day beside a time column of plain numbers."""
    for i, name in enumerate(table.names):
        if i != time and column_meaning(name).quantity == "time" and table.rows and is_clock(_field(table.rows[0], i)):
            return i
    return None


def _asked_column(name: str, table: LogTable, asked: str) -> int:
    asked = asked.strip()
    plain = [one.strip("\"'").lower() for one in table.names]
    if asked.lower() in plain:
        return plain.index(asked.lower())
    if asked.isdigit():
        if 1 <= int(asked) <= len(table.names):
            return int(asked) - 1
        raise InputError(f"{name}: has {len(table.names)} columns, no column {asked}")
    within = [i for i, one in enumerate(plain) if asked.lower() in one]
    if len(within) == 1:
        return within[0]
    several = "several columns" if within else "no column"
    raise InputError(f"{name}: {several} {asked!r}; there are {_listed(table.names)}")


def _field(row: Sequence[str], index: int) -> str:
    return row[index] if index < len(row) else ""


def _listed(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(repr(name[:40]) for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")
