"""A heating ramp given by hand: ``450C+2C/s``."""

from __future__ import annotations

import re

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.heating.columns import temperature_scale
from tem_track.read.units import seconds_per_unit

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_RAMP = re.compile(
    rf"\s*(?P<start>[-+]?(?:{_NUMBER}))\s*(?P<unit>[^\s\d+\-/]+)\s*"
    rf"(?:(?P<sign>[-+])\s*(?P<rate>{_NUMBER})\s*(?P<per>[^\s\d+\-/]+)\s*/\s*(?P<time>[a-z]+)\s*)?"
)
_ABSOLUTE_ZERO_C = -273.15


def ramp_temperatures(text: str, times_s: FloatArray) -> FloatArray:
    """Return the temperature at each time of a constant ramp that begins at time 0.

    Parameters
    ----------
    text : str
        Start and rate, ``"450C+2C/s"``, ``"723K+20K/min"``; a start alone holds.
    times_s : (T,) float64

    Returns
    -------
    (T,) float64, degC

    Raises
    ------
    InputError
        Not a ramp, or one that goes below absolute zero.

    Examples
    --------
    >>> ramp_temperatures("450C+2C/s", np.array([0.0, 10.0])).tolist()
    [450.0, 470.0]
    """
    found = _RAMP.fullmatch(text)
    scale = temperature_scale(found["unit"]) if found else None
    if not found or scale is None:
        raise InputError(f"--ramp {text}: not a ramp; write it as 450C+2C/s, 723K+20K/min, or 450C for a constant one")
    start_c = scale[0] * float(found["start"]) + scale[1]
    rate = _rate(text, found) if found["rate"] else 0.0
    temperatures_c: FloatArray = start_c + rate * np.asarray(times_s, np.float64)
    if temperatures_c.min() < _ABSOLUTE_ZERO_C:
        raise InputError(f"--ramp {text}: goes below absolute zero within the movie")
    return temperatures_c


def _rate(text: str, found: re.Match[str]) -> float:
    """Return the rate in degC/s."""
    scale, seconds = temperature_scale(found["per"]), seconds_per_unit(found["time"])
    if scale is None or seconds is None:
        raise InputError(f"--ramp {text}: the rate needs a temperature over a time, such as +2C/s or +20K/min")
    # A difference of temperatures: only the size of the degree counts, not the zero of the scale.
    degrees = scale[0] * float(found["rate"])
    return (-degrees if found["sign"] == "-" else degrees) / seconds
