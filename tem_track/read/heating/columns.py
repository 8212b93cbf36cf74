"""What a column of a log holds, from its name: a time or a temperature, in which unit, measured or set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tem_track.read.units import seconds_per_unit

_CELSIUS = {"c", "°c", "degc", "deg.c", "celsius", "degreesc", "degreec", "degreescelsius", "degreecelsius", "gradc"}
_KELVIN = {"k", "kelvin", "degk"}
_FAHRENHEIT = {"f", "°f", "degf", "fahrenheit", "degreesf", "degreesfahrenheit"}
_UNIT_IN_BRACKETS = re.compile(r"[\[(]\s*([^\])]*?)\s*[\])]\s*$")
_UNIT_BEHIND = re.compile(r"(?:[_/]|\s+|\bin\s+)([^\W\d]+\.?|°[CFcf])\s*$")
_TIME = re.compile(r"time|elapsed|zeit|timestamp|seconds|date", re.IGNORECASE)
_TEMPERATURE = re.compile(
    r"temp(?:\b|_|erat)|temp$|\bt[ _]?(?:meas|set|sample|heater|act|target|avg|mean|chip|\d)", re.IGNORECASE
)
# A programmed value is not what the specimen had; a room or a cold side is not the specimen.
_SET = re.compile(r"set|target|program|soll|\bsp\b|ambient|room|cold|limit|max|min\b", re.IGNORECASE)
_MEASURED = re.compile(r"meas|actual|sample|\bpv\b|ist\b", re.IGNORECASE)
_ELAPSED = re.compile(r"elapsed|experiment|relative|rel\b|since", re.IGNORECASE)
_STAMP = re.compile(r"stamp|date|clock|uhr", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnMeaning:
    """What one column seems to hold.

    Attributes
    ----------
    quantity : str
        ``"time"``, ``"temperature"``, ``"date"`` or ``""``.
    unit : str
        As written, "" where none is.
    rank : int
        0 for the best of its kind (measured temperature, elapsed time), more for worse ones.
    """

    quantity: str
    unit: str = ""
    rank: int = 1


def column_meaning(name: str) -> ColumnMeaning:
    """Return what a column holds, by its name.

    Examples
    --------
    >>> column_meaning("t(ms)").quantity, column_meaning("T (°C)").quantity, column_meaning("temp_K").unit
    ('time', 'temperature', 'K')
    """
    name = name.replace("℃", "°C").replace("º", "°").replace("\ufffdC", "°C").strip().strip("\"'")
    base, unit = _parted(name)
    is_temperature = _TEMPERATURE.search(base) is not None or base == "T"
    if temperature_scale(unit) and (is_temperature or not base or base == "t"):
        return ColumnMeaning("temperature", unit, _temperature_rank(base))
    if seconds_per_unit(unit) and (_TIME.search(base) or base in ("t", "T", "")):
        return ColumnMeaning("time", unit, _time_rank(base))
    if is_temperature:
        return ColumnMeaning("temperature", "", _temperature_rank(base))
    if re.fullmatch(r"date|datum", base, re.IGNORECASE):
        return ColumnMeaning("date")
    if _TIME.search(base) or base == "t":
        return ColumnMeaning("time", unit if re.fullmatch(r"[hms:. ]+", unit) else "", _time_rank(base))
    return ColumnMeaning("")


def best_column(names: Sequence[str], quantity: str) -> tuple[int | None, list[int]]:
    """Return the best column of a quantity (None if there is none), and all others that are as good."""
    meanings = [column_meaning(name) for name in names]
    found = [i for i, meaning in enumerate(meanings) if meaning.quantity == quantity]
    if not found:
        return None, []
    best = min(found, key=lambda i: (meanings[i].rank, i))
    return best, [i for i in found if i != best and meanings[i].rank == meanings[best].rank]


def temperature_scale(unit: str) -> tuple[float, float] | None:
    """Return (factor, zero) that make degC of a reading, factor x reading + zero; None for no unit of temperature.

    >>> temperature_scale("K"), temperature_scale("mbar")
    ((1.0, -273.15), None)
    """
    plain = re.sub(r"\s", "", unit).lower()
    if plain in _CELSIUS:
        return 1.0, 0.0
    if plain in _KELVIN:
        return 1.0, -273.15
    if plain in _FAHRENHEIT:
        return 1 / 1.8, -32 / 1.8
    return None


def is_unit_row(fields: Sequence[str]) -> bool:
    """Return whether a line under the header holds the units: ``s,degC``."""
    given = [re.sub(r"^[\[(]|[\])]$", "", field.strip()) for field in fields]
    known = [bool(seconds_per_unit(unit) or temperature_scale(unit)) for unit in given if unit]
    return any(known) and not any(re.search(r"\d", unit) for unit in given)


def _parted(name: str) -> tuple[str, str]:
    """Return (name without its unit, unit)."""
    in_brackets = _UNIT_IN_BRACKETS.search(name)
    if in_brackets:
        return name[: in_brackets.start()].strip(" _"), in_brackets.group(1)
    behind = _UNIT_BEHIND.search(name)
    if behind and (seconds_per_unit(behind.group(1)) or temperature_scale(behind.group(1))):
        return name[: behind.start()].strip(" _"), behind.group(1)
    # A column may be called by its unit alone; one letter would be too little to go by.
    if len(name) > 1 and (temperature_scale(name) or seconds_per_unit(name)):
        return "", name
    return name, ""


def _temperature_rank(base: str) -> int:
    return 2 if _SET.search(base) else 0 if _MEASURED.search(base) else 1


def _time_rank(base: str) -> int:
    return 0 if _ELAPSED.search(base) else 2 if _STAMP.search(base) else 1
