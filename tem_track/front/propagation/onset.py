"""Onset: when the degraded fraction of the field rises out of nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask

# 95 % of a normal distribution lie within this many standard deviations.
NORMAL_95 = 1.96
# A degraded place has neighbours that degrade with it: a pixel counts once it and two more of its 3 x 3 have degraded,
# so that lone early pixels are no onset. More would delay an onset that begins along a line.
SUPPORT = 3
# Pixels looked at, as a multiple of those asked for: lone ones drop out.
SPARE = 50
# Less than this share of the field that ever degrades is no onset, however small the fraction asked for.
LEAST_REACHED = 2e-4
# The onset is stated for one degraded fraction; a reader who takes half or twice as much as the onset gets the ends
# of the interval.
FRACTION_RANGE = 2.0
# What has just begun is seen once it is about as large as what the arrival map is smoothed over, px (a disc of three px
# radius). It took as long to get there as it takes to grow to twice that width, four times the area.
RESOLVED_PX, GROWN = 30, 4


@dataclass(frozen=True)
class Onset:
    """When degradation begins, with its 95 % interval, in the arrival map's unit."""

    time: float
    low: float
    high: float


def find_onset(arrival: Image, sd: Image, field: Mask, fraction: float) -> Onset | None:
    """Return when the given fraction of the field has degraded, not counting what was degraded before the movie.

    Parameters
    ----------
    arrival : (Y, X) float32
        Arrival time, NaN = never.
    sd : (Y, X) float32
        Its standard uncertainty, same unit.
    field : (Y, X) bool
        Pixels of the film that were seen and not degraded before the movie.
    fraction : float
        Degraded fraction of the field taken as the onset.

    Returns
    -------
    Onset or None
        None where less than the fraction, or than `LEAST_REACHED`, ever degrades.

    Notes
    -----
    The interval joins the uncertainty of the earliest arrival times (their `sd`, not reduced by averaging, since the
    pixels of one nucleus share their error), half to twice the fraction, and the time that a nucleus of the smallest
    size the map resolves took to become so large.
    """
    own_times = np.where(field & np.isfinite(arrival), arrival, np.float32(np.inf)).ravel()
    wanted = [int(np.ceil(f * field.sum())) for f in (fraction / FRACTION_RANGE, fraction, FRACTION_RANGE * fraction)]
    reached = int(np.isfinite(own_times).sum())
    if reached < max(wanted[1], LEAST_REACHED * field.sum(), SUPPORT):
        return None
    spare = min(SPARE * wanted[2], reached)
    candidates = np.argpartition(own_times, spare - 1)[:spare]
    times = _supported(np.where(field, arrival, np.float32(np.inf)), candidates)
    order = np.argsort(times, kind="stable")
    early, at, late = (float(times[order[min(n, spare) - 1]]) for n in wanted)
    if not np.isfinite(at):
        return None
    first = sd.ravel()[candidates[order[: wanted[1]]]]
    own = float(np.nanmedian(first)) if np.isfinite(first).any() else 0.0
    late = late if np.isfinite(late) else at
    spread = float(np.hypot(NORMAL_95 * own, _growing(times[order], max(RESOLVED_PX, wanted[1]))))
    return Onset(at, float(at - np.hypot(at - early, spread)), float(at + np.hypot(late - at, spread)))


def _growing(times: FloatArray, area: int) -> float:
    """Return the time from when an area has degraded to when several times as much has; 0 where it never has."""
    if len(times) < area or not np.isfinite(times[area - 1]):
        return 0.0
    known = times[np.isfinite(times)]
    return float(known[min(GROWN * area, len(known)) - 1] - known[area - 1])


def _supported(arrival: Image, early: NDArray[np.intp]) -> FloatArray:
    """Return the times (n,) of the given pixels (flat indices) by which they and enough of their 3 x 3 had degraded."""
    padded = cv2.copyMakeBorder(arrival, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=float("inf"))
    y, x = np.unravel_index(early, arrival.shape)
    around = np.stack([padded[y + dy, x + dx] for dy in range(3) for dx in range(3)])
    around[np.isnan(around)] = np.inf
    return np.asarray(np.maximum(around[4], np.partition(around, SUPPORT - 1, axis=0)[SUPPORT - 1]), np.float64)
