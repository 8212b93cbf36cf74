"""Time and temperature in the names of single frames: ``Chip-4-Frame-1049-1041sec-349C``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from tem_track.movie import FloatArray
from tem_track.read.heating.columns import temperature_scale
from tem_track.read.units import seconds_per_unit

# A dash parts words in file names: it is a minus only behind another sign that parts them.
_VALUE = r"(?<![\d.])(?P<minus>(?<=[-_ =])-)?(?P<value>\d+(?:[.,]\d+)?)"
_TEMPERATURE = re.compile(
    _VALUE + r"[ _]?(?P<unit>°C|ºC|deg ?C|degrees ?C|celsius|C|K|kelvin)(?![A-Za-z0-9])", re.IGNORECASE
)
_TIME = re.compile(_VALUE + r"[ _]?(?P<unit>ms|msec|s|sec|secs|seconds?|min|minutes?|h|hours?)(?![A-Za-z0-9])")


def temperatures_in_names(stems: Sequence[str]) -> FloatArray | None:
    """Return the temperature that every frame's name carries, degC; None where the names do not carry one that changes.

    A temperature that is the same in all names is a label of the sample ("annealed at 600C"), not a reading.

    >>> temperatures_in_names(["f-2-0sec-20C", "f-47-49sec-24C"]).tolist()
    [20.0, 24.0]
    """
    return _changing(stems, _TEMPERATURE, _degrees, increasing=False)


def times_in_names(stems: Sequence[str]) -> FloatArray | None:
    """Return the time that every frame's name carries, s; None where the names do not carry one that increases.

    >>> times_in_names(["f-2-0sec-20C", "f-47-49sec-24C"]).tolist()
    [0.0, 49.0]
    """
    return _changing(stems, _TIME, _seconds, increasing=True)


def without_quantities(stem: str) -> str:
    """Return a name without its time and temperature, so that what is left may be a frame number.

    >>> without_quantities("Frame-1049-1041sec-349C")
    'Frame-1049--'
    """
    return _TIME.sub("", _TEMPERATURE.sub("", stem))


def _changing(
    stems: Sequence[str], pattern: re.Pattern[str], meaning: Callable[[re.Match[str]], float], increasing: bool
) -> FloatArray | None:
    found = [[meaning(one) for one in pattern.finditer(stem)] for stem in stems]
    if len(stems) < 2 or len({len(values) for values in found}) != 1 or not found[0]:
        return None
    table = np.array(found, np.float64)
    usable = np.all(np.diff(table, axis=0) > 0, axis=0) if increasing else np.any(table != table[0], axis=0)
    columns = np.flatnonzero(usable)
    # Two that change contradict each other: neither is taken.
    return np.array(table[:, columns[0]]) if columns.size == 1 else None


def _degrees(found: re.Match[str]) -> float:
    scale = temperature_scale(found["unit"].replace("º", "°"))
    return float("nan") if scale is None else scale[0] * _number(found) + scale[1]


def _seconds(found: re.Match[str]) -> float:
    unit = found["unit"]
    return _number(found) * (seconds_per_unit(unit) or seconds_per_unit(unit.rstrip("s")) or float("nan"))


def _number(found: re.Match[str]) -> float:
    return float((found["minus"] or "") + found["value"].replace(",", "."))
