"""The temperature of every frame: from a log, a ramp given by hand, or the frames' own names.

Strategy: the log's clock and the movie's are brought together first: by the offset the user gives, else by the absolute
times both state, else the two zeros are one. Then each frame takes the log interpolated at its own time. A log that
ends before the movie is never stretched: that is an error that says how much is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray, Movie
from tem_track.read.heating.log import TemperatureLog, read_temperature_log
from tem_track.read.heating.offset import LogOffset, find_offset, zone_hint
from tem_track.read.heating.ramp import ramp_temperatures

# A step in the log this many times its usual one is a gap.
_GAP_STEPS = 5.0
# Gaps that are worth a warning: longer than this share of the movie.
_LONG_GAP = 0.05


@dataclass(frozen=True)
class FrameTemperatures:
    """Temperature of every frame, degC, where it comes from, and what was decided or needs attention."""

    temperatures_c: FloatArray
    source: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def temperature_of_movie(
    movie: Movie,
    *,
    log: Path | None = None,
    ramp: str = "",
    offset: str = "",
    columns: str = "",
) -> Movie:
    """Return the movie with the temperature of every frame.

    Parameters
    ----------
    movie : Movie
    log : Path or None
        A holder's log or a table with a time and a temperature column.
    ramp : str
        A constant ramp from frame 0 on: ``"450C+2C/s"``; "" for none.
    offset : str
        The log's time at frame 0: ``"37.4s"``, or its clock then: ``"12:55:20.5"``; "" for not given.
    columns : str
        ``"TIME,TEMPERATURE"``: names or numbers of the log's columns; "" to go by their names.

    Returns
    -------
    Movie
        As it was where neither a log nor a ramp is given: the file's own temperatures, if any, stay.

    Raises
    ------
    InputError
        Both a log and a ramp, an offset without a log, a movie without times, a log that does not cover the movie.
    """
    if log is None and (offset or columns):
        raise InputError(
            f"{'--log-offset' if offset else '--temperature-columns'} is for a log: give --temperature LOG too"
        )
    if log is not None and ramp:
        raise InputError("give a temperature log or a ramp, not both")
    if log is None and not ramp:
        return movie
    if not movie.timed and len(movie) > 1:
        raise InputError(
            f"{movie.name}: has no frame times, so no temperature can be given to its frames; "
            "--frame-interval 400ms or --times FILE sets them"
        )
    if log is None:
        found = FrameTemperatures(ramp_temperatures(ramp, movie.times_s), f"--ramp {ramp}")
    else:
        readings = read_temperature_log(log, columns=parse_columns(columns) if columns else None)
        found = temperatures_of_frames(readings, movie.times_s, offset=offset, movie_start=movie.start)
    replaced = (f"temperature from {found.source}, not from the {movie.temperature_source}",)
    return replace(
        movie,
        temperatures_c=found.temperatures_c,
        temperature_source=found.source,
        notes=(*movie.notes, *(replaced if movie.temperatures_c is not None else ()), *found.notes),
        warnings=(*movie.warnings, *found.warnings),
    )


def temperatures_of_frames(
    log: TemperatureLog, times_s: FloatArray, *, offset: str = "", movie_start: datetime | None = None
) -> FrameTemperatures:
    """Return the log's temperature at the time of every frame.

    Parameters
    ----------
    log : TemperatureLog
    times_s : (T,) float64
        Time of every frame, s, frame 0 at 0.
    offset : str
        The log's time at frame 0, see `temperature_of_movie`.
    movie_start : datetime or None
        When frame 0 was taken, by the movie's file.

    Raises
    ------
    InputError
        The log does not cover the movie; the message says by how much, and whether a time zone would explain it.

    Notes
    -----
    Linear interpolation between neighbouring readings. Frames beyond an end of the log by less than its usual step take
    the last reading.
    """
    clocks = find_offset(log, offset, movie_start, float(times_s[-1]))
    wanted = times_s + clocks.offset_s
    step = float(np.median(np.diff(log.times_s))) if log.times_s.size > 1 else 0.0
    # Times of day are sums of large numbers: a millisecond is their rounding, not a lack of readings.
    if max(log.times_s[0] - wanted[0], wanted[-1] - log.times_s[-1]) > step + 1e-3:
        raise InputError(_not_covered(log, wanted, clocks))
    gaps, warnings = _gaps(log, wanted, step)
    return FrameTemperatures(
        np.interp(wanted, log.times_s, log.temperatures_c),
        f"{log.name} ({log.format}; {clocks.how})",
        (*log.notes, *clocks.notes, *gaps),
        (*log.warnings, *clocks.warnings, *warnings),
    )


def parse_columns(text: str) -> tuple[str, str]:
    """Return the two columns that ``"TIME,TEMPERATURE"`` names.

    Raises
    ------
    InputError
        Not two of them.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError(f"--temperature-columns {text}: write two names or numbers, such as 1,3 or time_s,temp_C")
    return names[0], names[1]


def _not_covered(log: TemperatureLog, wanted: FloatArray, clocks: LogOffset) -> str:
    """Return how far the log and the movie miss each other, and what may explain it."""
    begin, end = float(log.times_s[0]), float(log.times_s[-1])
    early, late = begin - float(wanted[0]), float(wanted[-1]) - end
    parts = [f"{early:.6g} s at its beginning"] if early > 0 else []
    parts += [f"{late:.6g} s at its end"] if late > 0 else []
    lacking = f"{' and '.join(parts)} without a reading"
    if wanted[-1] < begin or wanted[0] > end:
        apart = begin - float(wanted[-1]) if wanted[-1] < begin else float(wanted[0]) - end
        lacking = f"they do not overlap, {apart:.6g} s lie between them"
    return (
        f"{log.name}: covers {begin:.6g} to {end:.6g} s of its own time, the movie is {wanted[0]:.6g} to "
        f"{wanted[-1]:.6g} s of it ({clocks.how}): {lacking}"
        f"{zone_hint(log, wanted, clocks)}; --log-offset 37.4s says which time of the log is frame 0"
    )


def _gaps(log: TemperatureLog, wanted: FloatArray, step: float) -> tuple[list[str], list[str]]:
    """Return a note about gaps in the log while the movie ran, and a warning where one is long."""
    steps = np.diff(log.times_s)
    during = (log.times_s[1:] > wanted[0]) & (log.times_s[:-1] < wanted[-1])
    gaps = np.flatnonzero(during & (steps > _GAP_STEPS * step))
    if not gaps.size:
        return [], []
    longest = gaps[np.argmax(steps[gaps])]
    change = abs(float(log.temperatures_c[longest + 1] - log.temperatures_c[longest]))
    text = (
        f"{log.name}: {gaps.size} gap{'s' if gaps.size > 1 else ''} interpolated, the longest {steps[longest]:.3g} s "
        f"at {log.times_s[longest]:.6g} s, across which the temperature changes by {change:.3g} degC"
    )
    long = steps[longest] > _LONG_GAP * float(wanted[-1] - wanted[0])
    return ([], [text]) if long else ([text], [])
