"""Times of day and dates as logs write them: 12:55:20.50, 2:03 PM, 2022-09-23T12:55:20Z, 23/09/'22 12:55."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from tem_track.movie import FloatArray

_DAY_S = 86400.0
_CLOCK = re.compile(
    r"(?:(?P<date>\d{1,4}[-/.]\d{1,2}[-/.]'?\d{2,4})[T ,]+)?"
    r"(?P<hours>\d{1,3}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2})(?P<fraction>[.,:]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)


@dataclass(frozen=True)
class ClockTimes:
    """A column of clock times.

    Attributes
    ----------
    times_s : (N,) float64
        From 0 at the first; NaN where a field is no time.
    clock_s : float
        Time of day of the first, s after midnight.
    start : datetime or None
        Date and time of the first, with its zone if that is stated; None without a date, or where day and month
        cannot be told apart.
    ambiguous : bool
        True where day and month cannot be told apart.
    """

    times_s: FloatArray
    clock_s: float
    start: datetime | None = None
    ambiguous: bool = False


def is_clock(text: str) -> bool:
    """Return whether a field is a time of day, with or without a date.

    >>> [is_clock(text) for text in ("12:55:20.50", "2022-09-23 12:55:20", "2:03 PM", "12.5", "a:b")]
    [True, True, True, False, False]
    """
    return _CLOCK.fullmatch(text.strip()) is not None


def clock_times(fields: Sequence[str], dates: Sequence[str] | None = None) -> ClockTimes:
    """Return the times of a column of clock times; where there is no date, a step back by half a day is midnight.

    Parameters
    ----------
    fields : sequence of N str
    dates : sequence of N str, optional
        Dates that stand in a column of their own.

    Examples
    --------
    >>> clock_times(["23:59:59.5", "00:00:00.5"]).times_s.tolist()
    [0.0, 1.0]
    """
    if dates is not None:
        fields = [f"{date} {field}" for date, field in zip(dates, fields, strict=True)]
    found = [_CLOCK.fullmatch(field.strip()) for field in fields]
    seconds = np.array([_seconds_of_day(one) if one else np.nan for one in found], np.float64)
    known = np.flatnonzero(np.isfinite(seconds))
    if not known.size:
        return ClockTimes(seconds, float("nan"))
    first = int(known[0])
    clock = float(seconds[first])
    days, ambiguous = _days([one["date"] if one else None for one in found])
    if days is None:
        steps = np.diff(seconds[known], prepend=seconds[first])
        seconds[known] += _DAY_S * np.cumsum(steps < -_DAY_S / 2)
        return ClockTimes(seconds - clock, clock)
    absolute = days * _DAY_S + seconds
    begin = found[first]
    start = None
    # The last year that there is leaves no room for what is added.
    if not ambiguous and begin and days[first] < datetime(9000, 1, 1).toordinal():
        start = datetime.fromordinal(int(days[first])) + timedelta(seconds=clock)
        start = start.replace(tzinfo=_zone(begin["zone"]))
    return ClockTimes(absolute - absolute[first], clock, start, ambiguous)


def moment(text: str) -> datetime | None:
    """Return the date and time of one text, None where it is none or day and month cannot be told apart.

    >>> moment("23/09/'22 12:55"), moment("03/04/2022 12:55")
    (datetime.datetime(2022, 9, 23, 12, 55), None)
    """
    return clock_times([text]).start


def _seconds_of_day(found: re.Match[str]) -> float:
    hours, minutes, fraction = int(found["hours"]), int(found["minutes"]), found["fraction"]
    if found["half"]:
        hours = hours % 12 + (12 if found["half"].lower().startswith("p") else 0)
    seconds = float(found["seconds"] or 0)
    return hours * 3600.0 + minutes * 60.0 + seconds + (float("0." + fraction[1:]) if fraction else 0.0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    apart = sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    # No clock on Earth is a day from another; Python knows none either.
    return timezone(apart) if abs(apart) < timedelta(days=1) else None


def _days(dates: Sequence[str | None]) -> tuple[FloatArray | None, bool]:
    """Return the day number of every date (None where there are none), and whether day and month are uncertain."""
    given = [date for date in dates if date]
    if not given:
        return None, False
    parts = [[int(part) for part in re.split(r"[-/.]'?", date)] for date in given]
    orders = [order for order in _orders(given[0]) if all(_day_number(three, order) for three in parts)]
    if not orders:
        return None, False
    numbers = iter([float(_day_number(three, orders[0])) for three in parts])
    days = np.array([next(numbers) if date else np.nan for date in dates], np.float64)
    return days, len(orders) > 1


def _orders(date: str) -> tuple[tuple[int, int, int], ...]:
    """Return where year, month and day may stand: ISO and dotted dates leave no doubt, slashes and dashes do."""
    if re.match(r"\d{4}", date):
        return ((0, 1, 2),)
    # The apostrophe in front of the year is DENSsolutions' way of writing, and they write the day first.
    if "." in date or "'" in date:
        return ((2, 1, 0),)
    return ((2, 1, 0), (2, 0, 1))


def _day_number(three: Sequence[int], order: tuple[int, int, int]) -> int:
    year, month, day = (three[place] for place in order)
    try:
        return datetime(year + 2000 if year < 100 else year, month, day).toordinal()
    except ValueError:
        return 0
