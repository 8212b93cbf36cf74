"""Gatan in-situ recordings: ``Hour_00/Minute_00/Second_00/NAME_Frame_0000.dm4``, the time in the folders' names."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray

_LEVEL = re.compile(r"(Hour|Minute|Second)_(\d+)", re.IGNORECASE)
_FRAME = re.compile(r"(?:Frame_?)?(\d+)$", re.IGNORECASE)
_SECONDS = {"hour": 3600, "minute": 60, "second": 1}


def is_insitu_tree(folder: Path) -> bool:
    """Return whether a folder holds ``Hour_``, ``Minute_`` or ``Second_`` folders."""
    try:
        with os.scandir(folder) as entries:
            return any(_LEVEL.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False) for entry in entries)
    except OSError as error:
        raise InputError(f"{folder.name}: cannot be read: {error.strerror or error}") from error


def tree_frames(folder: Path, suffixes: Container[str]) -> tuple[list[Path], list[tuple[int, int]]]:
    """Return the frame files of a tree in the order of time, each with its (second, number within the second).

    Raises
    ------
    InputError
        No frames in the tree.
    """
    found = []
    for place, _, names in os.walk(folder, followlinks=False):
        levels = [_LEVEL.fullmatch(part) for part in Path(place).relative_to(folder).parts]
        if not levels or not all(levels):
            continue
        second = sum(_SECONDS[level.group(1).lower()] * int(level.group(2)) for level in levels if level)
        for name in names:
            file = Path(place) / name
            number = _FRAME.search(file.stem)
            if number and file.suffix.lower() in suffixes and not name.startswith("."):
                found.append(((second, int(number.group(1))), file))
    if not found:
        raise InputError(f"{folder.name}: an in-situ tree without frames")
    found.sort()
    kinds = {file.suffix.lower() for _, file in found}
    if len(kinds) > 1:
        raise InputError(f"{folder.name}: holds frames of several kinds ({', '.join(sorted(kinds))}); keep one")
    return [file for _, file in found], [place for place, _ in found]


def newest_frames(folder: Path, suffixes: Container[str], since_s: int) -> list[tuple[tuple[int, int], Path]]:
    """Return the frames of a tree from one second on: ((second, number within it), file), in the order of time.

    Folders of earlier times are not entered, so that a recording of hours is as quick to look at as one of seconds.

    Raises
    ------
    InputError
        The tree cannot be read.
    """
    found: list[tuple[tuple[int, int], Path]] = []
    try:
        _walk_from(folder, 0, since_s, suffixes, found)
    except OSError as error:
        raise InputError(f"{folder.name}: cannot be read: {error.strerror or error}") from error
    return sorted(found)


def _walk_from(
    folder: Path, second: int, since_s: int, suffixes: Container[str], found: list[tuple[tuple[int, int], Path]]
) -> None:
    """Add the frames below a folder that stands for a time to a list."""
    with os.scandir(folder) as entries:
        for entry in list(entries):
            level = _LEVEL.fullmatch(entry.name)
            if level and entry.is_dir(follow_symlinks=False):
                unit = _SECONDS[level.group(1).lower()]
                begin = second + unit * int(level.group(2))
                # The whole of this folder lies before the time wanted.
                if begin + unit > since_s:
                    _walk_from(Path(entry.path), begin, since_s, suffixes, found)
            elif place := _place(Path(entry.path), second, suffixes):
                found.append(place)


def _place(file: Path, second: int, suffixes: Container[str]) -> tuple[tuple[int, int], Path] | None:
    """Return ((second, number), file) of a frame; None for any other file, and beside the folders of times."""
    number = _FRAME.search(file.stem)
    is_frame = number and file.suffix.lower() in suffixes and not file.name.startswith(".")
    if not (number and is_frame and _LEVEL.fullmatch(file.parent.name)):
        return None
    return (second, int(number.group(1))), file


def newest_folder(folder: Path) -> Path:
    """Return the folder of the latest time below a folder; itself where it is no tree."""
    with os.scandir(folder) as entries:
        levels = [(int(level.group(2)), e.name) for e in entries if (level := _LEVEL.fullmatch(e.name)) and e.is_dir()]
    return newest_folder(folder / max(levels)[1]) if levels else folder


def tree_times(places: Sequence[tuple[int, int]]) -> tuple[FloatArray, list[str]]:
    """Return the time of every frame from its second and its number within that second.

    The camera runs at a constant rate, but the tree only says how many frames fell into each second. Where one rate
    puts every frame into its own second, that rate gives the times; otherwise (frames were dropped) the number within
    the second does, at the rate of the fullest second.

    Parameters
    ----------
    places : sequence of (int, int)
        (second, number within the second) of each frame, sorted.

    Returns
    -------
    times_s : (T,) float64
        From 0 at the first frame.
    notes : list of str
        What was taken from what.
    """
    second = np.array([place[0] for place in places], np.float64)
    number = np.array([place[1] for place in places], np.float64)
    order = np.arange(len(places), dtype=np.float64)
    for period in _periods(second, order):
        # Where the running number puts each frame, less its own second: the phase must fit all of them to a frame.
        late = second - order * period
        if late.max() - period <= (late + 1).min() and _is_gapless(second, number):
            return order * period, [f"frame times from the in-situ tree: {1 / period:.4g} frames/s"]
    fullest = max(number.max() + 1, 1.0)
    times_s: FloatArray = second + number / fullest
    times_s -= float(times_s[0])
    return times_s, [f"frame times from the in-situ tree: second + number/{fullest:.0f} (the fullest second)"]


def _periods(second: FloatArray, order: FloatArray) -> list[float]:
    """Return candidates for the s per frame: from the seconds between the first and the last, and a fitted line."""
    inside = (second > second[0]) & (second < second[-1])
    if second[-1] - second[0] < 2 or not inside.any():
        return []
    return [float((second[-1] - second[0] - 1) / inside.sum()), float(np.polyfit(order, second, 1)[0])]


def _is_gapless(second: FloatArray, number: FloatArray) -> bool:
    """Return whether the numbers within each second run on from the one before or start at 0."""
    same = np.diff(second) == 0
    return bool(np.all(np.where(same, np.diff(number) == 1, number[1:] == 0)))
