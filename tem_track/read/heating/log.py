"""A holder's log, or any table with a time and a temperature column, as times and temperatures.

Strategy: text -> table -> two columns -> numbers in s and degC -> readings in the order of time. Nothing is resampled
or smoothed: every reading that is kept stands at its own time, and what was left out is counted in the notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray, Mask
from tem_track.read.heating.clock import clock_times, is_clock
from tem_track.read.heating.columns import column_meaning, temperature_scale
from tem_track.read.heating.formats import MakersLog, makers_log
from tem_track.read.heating.table import ChosenColumns, LogTable, choose_columns, numbers_of_fields
from tem_track.read.heating.text import read_log_lines
from tem_track.read.recording import one_line
from tem_track.read.units import seconds_per_unit

_ABSOLUTE_ZERO_C = -273.15
# Heating chips end at 1300 degC, furnaces holders at 1500; no solid is left above (tungsten melts at 3422 degC).
_HOTTEST_C = 3500.0
# Seconds since 1970 between the years 2001 and 2100; no experiment runs for thirty years.
_EPOCH_S = (1e9, 4.1e9)
# Steps back in time up to this many usual steps are readings out of order; longer ones are a clock that was reset.
_SMALL_STEPS_BACK = 20
# Fewer rows than this share with a reading, and the columns are not what they seem; logs put together from several
# instruments have readings in one row of a few.
_LEAST_READABLE = 0.1


@dataclass(frozen=True)
class TemperatureLog:
    """Readings of a holder's temperature.

    Attributes
    ----------
    times_s : (N,) float64
        Increasing, s. As the log counts them where it counts from a zero of its own; from 0 at the first reading
        where it writes times of day.
    temperatures_c : (N,) float64
        degC.
    name, format : str
        Of the file; ``"DENSsolutions Digiheater 3.2 log"``.
    start : datetime or None
        Date and time at log time 0.
    clock_s : float or None
        Time of day at log time 0, s after midnight, where the log knows it.
    notes, warnings : tuple of str
        What was decided; what needs attention.
    """

    times_s: FloatArray
    temperatures_c: FloatArray
    name: str
    format: str
    start: datetime | None = None
    clock_s: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_temperature_log(path: Path, *, columns: tuple[str, str] | None = None) -> TemperatureLog:
    """Return the readings of a log.

    Parameters
    ----------
    path : Path
        A DENSsolutions Digiheater or Impulse log, a Protochips log, or text with a time and a temperature column,
        parted by tabs, commas, semicolons or blanks.
    columns : (str, str), optional
        Names or numbers (from 1) of the time and the temperature column; by default their names tell.

    Raises
    ------
    InputError
        Not text, no time or temperature column, no readings, temperatures that cannot be, a clock that was reset.
    """
    lines = read_log_lines(path)
    try:
        return _read(path, lines, columns)
    # Dates and times of day beyond what a calendar has, which no check of each field by itself finds.
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path.name}: cannot be read as a temperature log: {one_line(error)}") from error


def _read(path: Path, lines: list[str], columns: tuple[str, str] | None) -> TemperatureLog:
    log = makers_log(path, lines)
    chosen = choose_columns(path.name, log.table, columns)
    notes = list(chosen.notes)
    times_s, clock_s, start = _times(path.name, log, chosen, notes)
    temperatures_c = _temperatures(path.name, log, chosen.temperature, notes)
    keep = np.isfinite(times_s) & np.isfinite(temperatures_c)
    if not keep.any() or keep.mean() < _LEAST_READABLE:
        raise InputError(
            f"{path.name}: only {int(keep.sum())} of {len(keep)} rows have a time in {log.table.names[chosen.time]!r} "
            f"and a temperature in {log.table.names[chosen.temperature]!r}; --temperature-columns names other columns"
        )
    if not keep.all():
        notes.append(f"{path.name}: {int((~keep).sum())} of {len(keep)} rows hold no reading and are left out")
    times_s, temperatures_c = _in_order(path.name, log.table, times_s[keep], temperatures_c[keep], keep, notes)
    return TemperatureLog(times_s, temperatures_c, path.name, log.format, start, clock_s, tuple(notes))


def _times(
    name: str, log: MakersLog, chosen: ChosenColumns, notes: list[str]
) -> tuple[FloatArray, float | None, datetime | None]:
    """Return times in s, the time of day at time 0, and its date and time, where they are known."""
    table, column = log.table, log.table.names[chosen.time]
    fields = table.column(chosen.time)
    if any(is_clock(text) for text in fields[:20]):
        found = clock_times(fields, None if chosen.date is None else table.column(chosen.date))
        if found.ambiguous:
            notes.append(f"{name}: day and month cannot be told apart; only the time since the first reading is used")
        start = found.start
        if start is None and log.day is not None and np.isfinite(found.clock_s):
            # The day in the header is that of its own clock; rows that begin earlier in the day began after midnight.
            seconds = log.day.hour * 3600 + log.day.minute * 60
            midnight = log.day.replace(hour=0, minute=0) + timedelta(days=1 if found.clock_s < seconds - 60 else 0)
            start = midnight + timedelta(seconds=found.clock_s)
        return found.times_s, found.clock_s if np.isfinite(found.clock_s) else None, start
    unit = column_meaning(column).unit or log.time_unit
    if not unit:
        notes.append(f"{name}: the time column {column!r} has no unit; taken as s")
    times_s = numbers_of_fields(fields)[0] * (seconds_per_unit(unit) or 1.0)
    return _absolute(times_s, log, _stamped(table, chosen, times_s))


def _absolute(
    times_s: FloatArray, log: MakersLog, stamped: tuple[float | None, datetime | None]
) -> tuple[FloatArray, float | None, datetime | None]:
    """Return times with what is known about the clock at time 0."""
    known = times_s[np.isfinite(times_s)]
    if known.size and _EPOCH_S[0] < known.min() and known.max() < _EPOCH_S[1]:
        return times_s - known[0], None, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(known[0]))
    clock_s, start = stamped
    if log.start is not None:
        start = log.start
        clock_s = start.hour * 3600 + start.minute * 60 + start.second + start.microsecond * 1e-6
    return times_s, clock_s, start


def _stamped(table: LogTable, chosen: ChosenColumns, times_s: FloatArray) -> tuple[float | None, datetime | None]:
    """Return the clock at time 0 from a column of times of day beside the elapsed time."""
    if chosen.stamp is None or not np.isfinite(times_s[0]):
        return None, None
    found = clock_times(table.column(chosen.stamp)[:1])
    start = None if found.start is None else found.start - timedelta(seconds=float(times_s[0]))
    return (found.clock_s - float(times_s[0])) % 86400, start


def _temperatures(name: str, log: MakersLog, column: int, notes: list[str]) -> FloatArray:
    header = log.table.names[column]
    values, _ = numbers_of_fields(log.table.column(column))
    unit = column_meaning(header).unit or log.temperature_unit
    scale = temperature_scale(unit)
    if scale is None:
        notes.append(f"{name}: the temperature column {header!r} has no unit; taken as degC")
    else:
        values = scale[0] * values + scale[1]
    known = values[np.isfinite(values)]
    if known.size and (known.min() < _ABSOLUTE_ZERO_C or known.max() > _HOTTEST_C):
        raise InputError(
            f"{name}: {header!r} runs from {known.min():.6g} to {known.max():.6g} degC, which no specimen can have; "
            "--temperature-columns names another column"
        )
    return values


def _in_order(
    name: str, table: LogTable, times_s: FloatArray, temperatures_c: FloatArray, keep: Mask, notes: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Return the readings by increasing time: a few out of order are sorted, those of one time stamp averaged."""
    steps = np.diff(times_s)
    if (steps < 0).any():
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
        worst = int(np.argmin(steps))
        if -steps[worst] > _SMALL_STEPS_BACK * usual:
            line = table.first_line + int(np.flatnonzero(keep)[worst + 1])
            raise InputError(
                f"{name}: the time goes back by {-steps[worst]:.6g} s near line {line}: two logs in one file, or a "
                "clock that was reset; keep the part that belongs to the movie"
            )
        notes.append(f"{name}: {int((steps < 0).sum())} readings out of order are sorted by time")
        order = np.argsort(times_s, kind="stable")
        times_s, temperatures_c = times_s[order], temperatures_c[order]
    single, inverse, counts = np.unique(times_s, return_inverse=True, return_counts=True)
    if single.size == times_s.size:
        return times_s, temperatures_c
    notes.append(f"{name}: readings with one time stamp are averaged ({times_s.size} readings, {single.size} times)")
    return single, np.bincount(inverse.ravel(), temperatures_c) / counts
