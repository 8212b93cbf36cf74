"""Volume curves with known stages, and TRACKS tables made of them, shared by the tests of the expansion stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tem_track.tables import TRACKS, Table, blank_table

Floats = NDArray[np.float64]


def piecewise(times: Floats, knots: Sequence[float], values: Sequence[float]) -> Floats:
    """Return a curve through (knot, value), level outside."""
    return np.interp(times, knots, values)


def correlated(rng: np.random.Generator, count: int, sd: float, rho: float) -> Floats:
    """Return noise of a given standard deviation and correlation of neighbours."""
    fresh = rng.normal(size=count) * sd
    noise = fresh.copy()
    for k in range(1, count):
        noise[k] = rho * noise[k - 1] + np.sqrt(1 - rho**2) * fresh[k]
    return noise


def tracks_of(curves: Sequence[Floats], times: Floats, area_px: float = 5000.0, relative_sd: float = 0.002) -> Table:
    """Return TRACKS rows of balls whose V/V0 follows the given curves; NaN leaves the row unmeasured."""
    count = len(times)
    table = blank_table(TRACKS, count * len(curves))
    for i, ratio in enumerate(curves):
        rows = slice(i * count, (i + 1) * count)
        table["track_id"][rows] = table["lineage_id"][rows] = i + 1
        table["frame"][rows] = np.arange(count)
        table["time_s"][rows] = times
        table["area_px"][rows] = area_px * ratio ** (2 / 3)
    table["area_sd_px"] = relative_sd * table["area_px"]
    table["major_axis_px"] = table["minor_axis_px"] = 2 * np.sqrt(table["area_px"] / np.pi)
    table["state"][:] = "whole"
    return table
