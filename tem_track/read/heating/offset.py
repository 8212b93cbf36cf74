"""What the log's clock showed when frame 0 was taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.heating.clock import clock_times, is_clock
from tem_track.read.heating.log import TemperatureLog
from tem_track.read.units import seconds_per_unit

_DAY_S = 86400.0
# Clocks of one laboratory agree to this.
_CLOCKS_AGREE_S = 120.0
# Zones lie between -12 and +14 h of UTC, in quarters of an hour (Nepal, Chatham Islands).
_FARTHEST_S, _QUARTER_S = 26 * 3600.0, 900.0
_DURATION = re.compile(r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*([^\W\d]+)\s*")


@dataclass(frozen=True)
class LogOffset:
    """The log's time at frame 0, s; how it was found, in words; whether it is from absolute times."""

    offset_s: float
    how: str
    absolute: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find_offset(log: TemperatureLog, given: str, movie_start: datetime | None, duration_s: float) -> LogOffset:
    """Return the log's time at frame 0.

    Parameters
    ----------
    log : TemperatureLog
    given : str
        By the user: a duration (``"37.4s"``) or what the log's clock showed (``"12:55:20.5"``); "" for not given.
    movie_start : datetime or None
        When frame 0 was taken, by the movie's file.
    duration_s : float
        Of the movie.

    Raises
    ------
    InputError
        Neither a duration nor a time of day, or a time of day where the log has none.
    """
    if given:
        return LogOffset(_given_offset(log, given, duration_s), f"--log-offset {given}")
    if log.start is not None and movie_start is not None:
        return _from_starts(log.start, movie_start)
    zero = "its first reading" if log.times_s[0] == 0 else "its time 0"
    how = f"{zero} taken as frame 0"
    # A table that is as long as the movie was made for it.
    if abs(float(log.times_s[-1]) - duration_s) <= 0.01 * duration_s and float(log.times_s[0]) < 0.01 * duration_s:
        return LogOffset(0.0, how)
    return LogOffset(0.0, how, warnings=(f"{log.name}: {how}; --log-offset 37.4s says which time of the log it is",))


def zone_hint(log: TemperatureLog, wanted: FloatArray, clocks: LogOffset) -> str:
    """Return a hint where moving one clock by whole hours (or quarters) would let the log cover the movie; else ""."""
    if not clocks.absolute:
        return ""
    shifts = np.arange(_QUARTER_S, _FARTHEST_S + 1, _QUARTER_S)
    # Whole hours before odd quarters, small shifts before large ones.
    shifts = shifts[np.lexsort((shifts, shifts % 3600 != 0))]
    for shift in (sign * float(one) for one in shifts for sign in (1, -1)):
        begin, end = wanted[0] + shift, wanted[-1] + shift
        if log.times_s[0] - _CLOCKS_AGREE_S <= begin and end <= log.times_s[-1] + _CLOCKS_AGREE_S:
            offset = clocks.offset_s + shift
            return f"; exactly {abs(shift) / 3600:g} h apart: another time zone? then --log-offset {offset:.6g}s"
    return ""


def _given_offset(log: TemperatureLog, given: str, duration_s: float) -> float:
    found = _DURATION.fullmatch(given)
    seconds = seconds_per_unit(found.group(2)) if found else None
    if found and seconds is not None:
        return float(found.group(1)) * seconds
    if not is_clock(given):
        raise InputError(f"--log-offset {given}: write the log's time at frame 0, such as 37.4s or 12:55:20.5")
    clock = clock_times([given])
    if log.start is not None and clock.start is not None:
        return _apart(clock.start, log.start)
    if log.clock_s is None:
        raise InputError(f"--log-offset {given}: {log.name} has no times of day; give the offset as in 37.4s")
    offset_s = clock.clock_s - log.clock_s
    # The day is not said: the one on which the log covers most of the movie.
    days = [offset_s + day * _DAY_S for day in range(-1, int(log.times_s[-1] // _DAY_S) + 2)]
    return max(days, key=lambda at: min(at + duration_s, log.times_s[-1]) - max(at, log.times_s[0]))


def _from_starts(log_start: datetime, movie_start: datetime) -> LogOffset:
    how = f"both clocks' own times: the log began {log_start:%Y-%m-%d %H:%M:%S}, the movie {movie_start:%H:%M:%S}"
    one_zone = (log_start.tzinfo is None) == (movie_start.tzinfo is None)
    doubt = "only one of the movie and its log states its time zone; taken as one zone (--log-offset overrides)"
    return LogOffset(_apart(movie_start, log_start), how, True, warnings=() if one_zone else (doubt,))


def _apart(later: datetime, earlier: datetime) -> float:
    if (later.tzinfo is None) != (earlier.tzinfo is None):
        later, earlier = later.replace(tzinfo=None), earlier.replace(tzinfo=None)
    return (later - earlier).total_seconds()
