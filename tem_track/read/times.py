"""The time of every frame: what the user says, else what the file says, else the frame number."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.recording import Recording
from tem_track.read.small_text import read_rows


def timed(
    name: str, recording: Recording, frame_interval_s: float | None, times: Path | None
) -> tuple[FloatArray, str, bool]:
    """Return the times, where they come from, and whether they are times at all.

    Parameters
    ----------
    name : str
        Of the movie, for messages.
    recording : Recording
        Gets notes on what was decided.
    frame_interval_s : float or None
        Of the user, s.
    times : Path or None
        CSV of the user with the columns ``frame,time_s``.

    Returns
    -------
    times_s : (T,) float64
        Increasing, 0 at frame 0.
    source : str
    timed : bool
        False where the times are frame numbers only.

    Raises
    ------
    InputError
        Times that do not fit the frames, in the CSV or in the file itself.
    """
    frames = recording.shape[0]
    if times is not None:
        return _from_zero(read_times(times, frames, recording.numbers), recording), f"--times {times.name}", True
    if frame_interval_s is not None:
        if not (math.isfinite(frame_interval_s) and frame_interval_s > 0):
            raise InputError(f"--frame-interval must be above zero, not {frame_interval_s:g} s")
        return _at_interval(recording, frame_interval_s)
    if recording.times_s is not None:
        if frames > 1 and not np.all(np.diff(recording.times_s) > 0):
            recording.warnings.append(f"the times in {name} ({recording.time_source}) do not increase; not used")
        else:
            recording.warnings += [recording.times_doubt] if recording.times_doubt else []
            return _from_zero(recording.times_s, recording), recording.time_source, True
    return np.arange(frames, dtype=np.float64), "frame number", False


def read_times(path: Path, frames: int, numbers: NDArray[np.int64] | None = None) -> FloatArray:
    """Return the time of every frame from a CSV with the columns ``frame,time_s``.

    Frames count from 0; for a folder of single frames the numbers in their file names may stand there instead.

    Parameters
    ----------
    path : Path
    frames : int
        Number of frames T of the movie.
    numbers : (T,) int64, optional
        Numbers in the frames' file names.

    Returns
    -------
    (T,) float64, s

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, a frame or a number, or its times do not increase.
    """
    listed = _listed_times(path)
    wanted = list(range(frames))
    if numbers is not None and set(listed) == set(numbers.tolist()):
        wanted = numbers.tolist()
    missing = [frame for frame in wanted if frame not in listed]
    if missing:
        raise InputError(f"{path.name}: no time for frame {missing[0]} ({len(missing)} of {frames} frames missing)")
    if len(listed) > frames:
        extra = min(set(listed) - set(wanted))
        raise InputError(
            f"{path.name}: has a time for frame {extra}, but the movie has {frames} frames (0 to {frames - 1})"
        )
    times_s = np.array([listed[frame] for frame in wanted], np.float64)
    late = np.flatnonzero(np.diff(times_s) <= 0)
    if late.size:
        raise InputError(
            f"{path.name}: times must increase, but frame {wanted[late[0] + 1]} is not after the one before"
        )
    return times_s


def _listed_times(path: Path) -> dict[int, float]:
    """Return {frame: time in s} of a CSV."""
    rows = read_rows(path)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if "frame" not in header or "time_s" not in header:
        raise InputError(f"{path.name}: must be a CSV whose first line names the columns frame,time_s")
    frame_column, time_column = header.index("frame"), header.index("time_s")
    listed: dict[int, float] = {}
    for number, row in rows[1:]:
        frame, time_s = _row(path, number, row, frame_column, time_column)
        if frame in listed:
            raise InputError(f"{path.name}: line {number}: frame {frame} appears twice")
        listed[frame] = time_s
    return listed


def _row(path: Path, number: int, row: list[str], frame_column: int, time_column: int) -> tuple[int, float]:
    try:
        frame, time_s = float(row[frame_column]), float(row[time_column])
    except (IndexError, ValueError) as error:
        raise InputError(f"{path.name}: line {number}: {','.join(row)!r} is not a frame and a time in s") from error
    if not (frame.is_integer() and frame >= 0 and math.isfinite(time_s)):
        raise InputError(f"{path.name}: line {number}: {','.join(row)!r} is not a frame and a time in s")
    return int(frame), time_s


def _from_zero(times_s: FloatArray, recording: Recording) -> FloatArray:
    times_s = np.asarray(times_s, np.float64)
    if times_s[0] != 0:
        recording.notes.append(f"times start at 0: {times_s[0]:g} s taken off")
    return times_s - float(times_s[0])


def _at_interval(recording: Recording, interval_s: float) -> tuple[FloatArray, str, bool]:
    numbers = recording.numbers
    steps: FloatArray = np.arange(recording.shape[0], dtype=np.float64)
    source = "--frame-interval"
    if numbers is not None and np.any(np.diff(numbers) != 1):
        steps = (numbers - numbers[0]).astype(np.float64)
        source = "--frame-interval x number in the file name"
        recording.notes.append("frame times are the number in the file name x --frame-interval")
    times_s: FloatArray = steps * interval_s
    return times_s, source, True
