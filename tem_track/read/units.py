"""Lengths and durations as people and files write them."""

from __future__ import annotations

import math
import re

from tem_track.errors import InputError

# SI and the units in the field's use; the non-SI ones by definition (1 inch = 25.4 mm, 1 A = 0.1 nm).
_NM_PER = {
    "pm": 1e-3,
    "picometer": 1e-3,
    "å": 0.1,
    "a": 0.1,
    "ang": 0.1,
    "angstrom": 0.1,
    "angstroms": 0.1,
    "ångström": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometers": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "centimeter": 1e7,
    "inch": 2.54e7,
    "in": 2.54e7,
    "m": 1e9,
    "meter": 1e9,
}
_S_PER = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
}
# What a person may write in an option: a metre or an inch per pixel is a slip of the keyboard, not a TEM image.
_LENGTH_OPTIONS = ("nm", "um", "µm", "a", "å", "angstrom", "pm")
_DURATION_OPTIONS = ("s", "ms", "us", "µs", "min", "h")
_BYTES_PER = {
    **{unit.lower(): 2.0 ** (10 * power) for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))},
    **{unit.lower(): 1000.0**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))},
}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d]*)\s*", re.ASCII)


def parse_length(text: str) -> float:
    """Return a length in nm from text with its unit.

    Parameters
    ----------
    text : str
        A positive number and one of nm, um (µm), A (Å, angstrom), pm.

    Raises
    ------
    InputError
        No number, no unit, an unknown unit, or not above zero.

    Examples
    --------
    >>> parse_length("0.5nm"), parse_length("2 µm"), parse_length("1.5A")
    (0.5, 2000.0, 0.15000000000000002)
    """
    return _parsed(text, _NM_PER, _LENGTH_OPTIONS, "length", "0.5nm", "nm, um, A, pm")


def parse_duration(text: str) -> float:
    """Return a duration in s from text with its unit.

    Parameters
    ----------
    text : str
        A positive number and one of s, ms, us, min, h.

    Raises
    ------
    InputError
        No number, no unit, an unknown unit, or not above zero.

    Examples
    --------
    >>> parse_duration("400ms"), parse_duration("2 min")
    (0.4, 120.0)
    """
    return _parsed(text, _S_PER, _DURATION_OPTIONS, "duration", "400ms", "s, ms, us, min, h")


def parse_bytes(text: str) -> float:
    """Return an amount of memory in bytes from text with its unit.

    Parameters
    ----------
    text : str
        A positive number and one of MB, GB, TB (powers of 1000), MiB, GiB, TiB (powers of 1024).

    Raises
    ------
    InputError
        No number, no unit, an unknown unit, or not above zero.

    Examples
    --------
    >>> parse_bytes("2GiB"), parse_bytes("500 MB")
    (2147483648.0, 500000000.0)
    """
    return _parsed(text, _BYTES_PER, tuple(_BYTES_PER), "amount of memory", "2GiB", "MB, GB, MiB, GiB")


def nm_per_unit(unit: str) -> float | None:
    r"""Return how many nm one of the file's length units is; None for one that is not a length.

    >>> nm_per_unit("micron"), nm_per_unit("\\u00B5m"), nm_per_unit("1/nm"), nm_per_unit("pixel")
    (1000.0, 1000.0, None, None)
    """
    return _NM_PER.get(plain_unit(unit))


def seconds_per_unit(unit: str) -> float | None:
    """Return how many s one of the file's time units is; None for one that is not a time."""
    return _S_PER.get(plain_unit(unit))


def is_reciprocal(unit: str) -> bool:
    """Return whether a unit is one over a length or an angle: that of a diffraction pattern.

    >>> [is_reciprocal(unit) for unit in ("1/nm", "1 / µm", "nm^-1", "mrad", "nm")]
    [True, True, True, True, False]
    """
    unit = plain_unit(unit)
    return bool(re.match(r"1/\s*[a-zµå]+$", unit)) or unit.endswith(("^-1", "⁻¹")) or unit in {"mrad", "rad"}


def plain_unit(unit: str) -> str:
    r"""Return a unit in lower case, with one micro sign however the file spelt it, without spaces and brackets.

    >>> plain_unit("\\u00B5m"), plain_unit("μm"), plain_unit("1 / nm")
    ('µm', 'µm', '1/nm')
    """
    unit = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), unit)
    # Greek mu (U+03BC) and the micro sign (U+00B5) look the same; the Angstrom sign (U+212B) is the letter U+00C5.
    unit = unit.replace("\u03bc", "\u00b5").replace("\u212b", "\u00c5")
    return re.sub(r"[\s\[\]\x00]", "", unit).lower()


def _parsed(text: str, table: dict[str, float], allowed: tuple[str, ...], what: str, example: str, units: str) -> float:
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise InputError(f"{text!r} is not a {what}: write a number and a unit ({units}), such as {example}")
    number, unit = float(found.group(1)), plain_unit(found.group(2))
    if not unit:
        raise InputError(f"{text!r} has no unit: write it with one of {units}, such as {example}")
    if unit not in allowed:
        raise InputError(f"{text!r} has a unit that is not known: use one of {units}, such as {example}")
    if not (number > 0 and math.isfinite(number)):
        raise InputError(f"{text!r} must be above zero, such as {example}")
    return number * table[unit]
