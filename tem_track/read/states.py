"""The state of the specimen in each of a few images, from a small CSV of the user."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tem_track.errors import InputError
from tem_track.read.small_text import read_rows

_NUMBERS = ("voltage_v", "time_h", "pixel_size_nm")
_COLUMNS = ("state", *_NUMBERS)


@dataclass(frozen=True)
class State:
    """What the user says of an image; empty or NaN where nothing is said.

    Attributes
    ----------
    state : str
        In words: ``"pristine"``, ``"0.5 V"``.
    voltage_v, time_h : float
    pixel_size_nm : float
        Edge of a pixel, in place of what the file says.
    """

    state: str = ""
    voltage_v: float = math.nan
    time_h: float = math.nan
    pixel_size_nm: float = math.nan


def read_states(path: Path, images: Sequence[Path]) -> list[State]:
    """Return the state of each image from a CSV with the columns ``image`` and one or more of ``state``, ``voltage_v``,
    ``time_h`` and ``pixel_size_nm``.

    An image is named by its path as given, its file name, or its file name without suffix.

    Raises
    ------
    InputError
        The file cannot be read, names an image that is not there or none of one that is, or a cell is no number.
    """  # noqa: D205
    header, rows = _rows(path)
    states: dict[int, State] = {}
    for line, row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        k = _image(cells.get("image", ""), images)
        if k is None:
            raise InputError(f"{path.name}: line {line}: {cells.get('image', '')!r} is not one of the images given")
        if k in states:
            raise InputError(f"{path.name}: line {line}: {cells['image']!r} appears twice")
        numbers = {name: _number(cells.get(name, ""), path.name, line, name) for name in _NUMBERS}
        states[k] = State(cells.get("state", ""), **numbers)
    missing = [image.name for k, image in enumerate(images) if k not in states]
    if missing:
        raise InputError(f"{path.name}: no line for {missing[0]} ({len(missing)} of {len(images)} images missing)")
    return [states[k] for k in range(len(images))]


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    rows = read_rows(path)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if "image" not in header or not set(_COLUMNS) & set(header):
        raise InputError(f"{path.name}: its first line must name the columns image and one of {', '.join(_COLUMNS)}")
    unknown = sorted(set(header) - {"image", *_COLUMNS} - {""})
    if unknown:
        raise InputError(f"{path.name}: unknown column {unknown[0]!r}; known: image, {', '.join(_COLUMNS)}")
    return header, rows[1:]


def _image(name: str, images: Sequence[Path]) -> int | None:
    """Return which image a cell means, None where it is none or not clear."""
    for key in (str, lambda p: p.name, lambda p: p.stem):
        found = [k for k, image in enumerate(images) if key(image) == name]
        if len(found) == 1:
            return found[0]
    return None


def _number(text: str, name: str, line: int, column: str) -> float:
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (column == "pixel_size_nm" and value <= 0):
        raise InputError(f"{name}: line {line}: {text!r} is not a {column}")
    return value
