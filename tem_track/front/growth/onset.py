"""When an object began to grow and how fast it does, from its area against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray

# The beginning is read off the curve up to this share of its largest area, from at least so many frames.
_EARLY_SHARE, _FEWEST = 0.4, 5
# Exponents tried: 1/2 for a film that thickens by diffusion, 1 for a law that starts at full speed, 2 for a disc whose
# edge moves at constant speed, 3 and more for one that gets faster.
_EXPONENTS = np.linspace(0.5, 4.0, 36)
# Times tried before the first sight, as a share of the early stretch, and how many.
_BACK, _STEPS = 1.0, 241
# chi^2 of one parameter at 95 %.
_CHI2_95 = 3.841
# Frames on either side that the rate is fitted to: this share of the frames in which the object is seen, at least two.
_RATE_SHARE, _RATE_LEAST = 0.04, 2


@dataclass(frozen=True)
class Onset:
    """When growth began: best time and its 95 % interval, in the unit of the times; NaN where it cannot be told."""

    time: float
    low: float
    high: float


NOT_KNOWN = Onset(float("nan"), float("nan"), float("nan"))


def growth_onset(times: FloatArray, areas: FloatArray, areas_sd: FloatArray, before: float) -> Onset:
    """Return when an object began to grow.

    The early part of the curve is fitted with A = c (t - t0)^n; the interval holds every t0 whose best fit is not worse
    than chance allows, whatever c and n.

    Parameters
    ----------
    times, areas, areas_sd : (N,) float64
        From the first frame in which the object is seen; areas in any unit.
    before : float
        Time of the last frame in which it is not; NaN if it stands there from the first frame on.

    Returns
    -------
    Onset
        Not known if the object stands there from the first frame on, is seen in too few frames, or if its curve does
        not tell; the lower end alone is NaN where nothing bounds the onset from below.
    """
    if not np.isfinite(before) or len(times) < _FEWEST:
        return NOT_KNOWN
    grown = np.flatnonzero(areas >= _EARLY_SHARE * areas.max())
    early = max(int(grown[0]) + 1, _FEWEST)
    t, a, sd = times[:early], areas[:early], np.maximum(areas_sd[:early], 1e-6 * areas.max())
    trials = np.linspace(t[0] - _BACK * max(t[-1] - before, 1e-9), t[0], _STEPS)[:-1]
    misfit = np.min([_misfits(t - trials[:, None], before - trials, a, sd, n) for n in _EXPONENTS], axis=0)
    best = int(np.argmin(misfit))
    if best == 0:
        return NOT_KNOWN
    # Where the law does not fit to within the stated errors, the errors are taken to be larger.
    scale = max(1.0, float(misfit[best]) / max(len(t) - 3, 1))
    fair = trials[misfit <= misfit[best] + _CHI2_95 * scale]
    # Where even the earliest time tried is fair, nothing bounds the onset from below.
    low = float("nan") if fair[0] == trials[0] else float(fair[0])
    return Onset(float(trials[best]), low, float(fair[-1]))


def _misfits(
    after: FloatArray, unseen_after: FloatArray, areas: FloatArray, sd: FloatArray, exponent: float
) -> FloatArray:
    """Return chi^2 of the best A = c after^exponent for each row of times (n, N) after a trial onset.

    In the last frame without the object (`unseen_after` (n,) the trial onset) it was smaller than when first seen.
    """
    shape = np.maximum(after, 0) ** exponent / sd
    wanted = areas / sd
    factor = (shape @ wanted) / np.maximum((shape * shape).sum(axis=1), 1e-300)
    unseen = np.maximum(factor * np.maximum(unseen_after, 0) ** exponent - areas[0], 0) / sd[0]
    return np.asarray(((wanted - factor[:, None] * shape) ** 2).sum(axis=1) + unseen**2)


def growth_rates(times: FloatArray, areas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return dA/dt at every time and its standard uncertainty, from straight lines through the neighbouring areas.

    Parameters
    ----------
    times, areas : (N,) float64

    Returns
    -------
    rate, sd : (N,) float64
        NaN where fewer than three areas are at hand.
    """
    reach = max(_RATE_LEAST, round(_RATE_SHARE * len(times)))
    rate, sd = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for i in range(len(times)):
        near = slice(max(i - reach, 0), i + reach + 1)
        t, a = times[near] - times[i], areas[near]
        if len(t) < 3:
            continue
        centred = t - t.mean()
        power = float(centred @ centred)
        rate[i] = float(centred @ a) / power
        left = a - a.mean() - rate[i] * centred
        sd[i] = np.sqrt(float(left @ left) / (len(t) - 2) / power)
    return rate, sd
