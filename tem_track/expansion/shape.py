"""Whether a projection still says what the volume does: the shape of the outline must stay what it was.

Every volume model takes the part of the body that is not seen to follow the part that is: a ball in all directions, a
spheroid its short axis, a film not at all. None can be checked from a projection, but all of them stand on a body that
keeps its shape, and that leaves traces in the outline: its aspect ratio and its solidity (area over that of the convex
hull) stay as they were. Where one of them changes surely, and by more than a share of the stated interval, the
assumption has failed, and no model's interval is to be believed: what is not seen has changed by more than what is.

A solidity that rises is no sign of that: noisy and pale outlines are rough, and become smooth. It fails only what it
would put beyond the interval by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.expansion.noise import MAD_TO_SD
from tem_track.expansion.uncertainty import NORMAL_FACTOR
from tem_track.movie import FloatArray, Mask

# Rows of the running median that a change of shape is read from: two wrong outlines in a row change nothing.
SMOOTH_ROWS = 5
# A change is real beyond this many standard deviations of its own scatter.
SIGNIFICANT_SD = 4.0
# Outlines of 90 simulated particles that swell alike in all directions keep aspect ratio and solidity to this, in ln V.
LEAST_EFFECT = 0.02
# What a projection hides may change by this many times what it shows: V/V0 of Pd@Au particles that dissolve (tomograms
# seen along three axes) is off by 1.1 to 3.4 times, in the median 3.1 times, what aspect ratio and solidity each show.
HIDDEN_OVER_SEEN = 3.0


@dataclass(frozen=True)
class ShapeCheck:
    """What the outline says about the shape assumption.

    Attributes
    ----------
    holds : bool or None
        None where shape is not known.
    reason : str
        What changed, where it does not hold.
    fails_row : int
        Row from which on it does not hold, -1 where it does.
    aspect_start, aspect_end : float
        Aspect ratio before the onset and at the end, NaN where not known.
    effect : float
        Largest change in ln V that the outline shows at the end where it does not hold; 0 where it does.
    row_effect : (N,) float64
        The same, row by row from `fails_row` on; 0 before it.
    """

    holds: bool | None
    reason: str
    fails_row: int
    aspect_start: float
    aspect_end: float
    effect: float
    row_effect: FloatArray

    @property
    def hidden_sd(self) -> float:
        """Relative standard uncertainty of V/V0 from what a projection hides of a body that changes its shape."""
        return HIDDEN_OVER_SEEN * self.effect / NORMAL_FACTOR

    @property
    def row_hidden_sd(self) -> FloatArray:
        """The same for every row (N,)."""
        return HIDDEN_OVER_SEEN * self.row_effect / NORMAL_FACTOR


def check_shape(
    aspect: FloatArray, solidity: FloatArray, before: Mask, usable: Mask, end: Mask, half_width: FloatArray
) -> ShapeCheck:
    """Return whether the shape of an outline stays what it was before the onset.

    Parameters
    ----------
    aspect, solidity : (N,) float64
        Long over short axis; area over that of the convex hull; NaN allowed.
    before, usable, end : (N,) bool
        Rows before the onset, rows that count, the last rows.
    half_width : (N,) float64
        Half the 95 % interval of ln(V/V0), row by row, without the part of the shape.

    Returns
    -------
    ShapeCheck

    Notes
    -----
    In ln V a change of aspect ratio q makes |ln(q / q0)| / 2, by which sphere and spheroid part; one of solidity s
    makes 3/2 |ln(s / s0)|, by which the outline and its hull part as balls.
    """
    q = _logs(aspect, usable)
    effects = {
        "aspect ratio": (0.5, q, aspect, False),
        "solidity": (1.5, _logs(solidity, usable), solidity, True),
    }
    start, last = _median(np.exp(q), before & usable), _median(np.exp(q), end)
    found: list[tuple[int, str]] = []
    effect, row_effect = 0.0, np.zeros(len(aspect))
    known = False
    for name, (weight, logs, values, may_smooth) in effects.items():
        first = _first_change(weight, logs, before & usable, half_width, may_smooth)
        known |= first is not None
        if first is not None and first >= 0:
            a, b = _median(values, before & usable), _median(values, end)
            found.append((first, f"{name} {a:.2f} to {b:.2f}"))
            effect = max(effect, weight * abs(float(np.log(b / a))))
            at, change = _course(logs, before & usable)
            off = np.interp(np.arange(len(logs)), at, weight * np.abs(change))
            row_effect[first:] = np.maximum(row_effect[first:], off[first:])
    fails = min((row for row, _ in found), default=-1)
    reason = ", ".join(words for _, words in found)
    return ShapeCheck(
        not found if known else None, reason, fails, start, last, float(np.nan_to_num(effect)), row_effect
    )


def _logs(values: FloatArray, usable: Mask) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(usable & (values > 0), np.log(values), np.nan)


def _median(values: FloatArray, rows: Mask) -> float:
    chosen = values[rows & np.isfinite(values)]
    return float(np.median(chosen)) if len(chosen) else float("nan")


def _first_change(
    weight: float, logs: FloatArray, before: Mask, half_width: FloatArray, may_smooth: bool
) -> int | None:
    """Return the row from which on a measure of shape is off for good, -1 for none, None where it is not known.

    With `may_smooth` a rise counts only beyond the interval itself.
    """
    base = before & np.isfinite(logs)
    rows, course = _course(logs, before)
    if len(rows) < 2 or not base.any():
        return None
    scatter = MAD_TO_SD * float(np.median(np.abs(logs[rows] - np.median(logs[base]) - course)))
    # The variance of a median is pi / 2 times that of a mean.
    chance = scatter * np.sqrt(np.pi / 2 * (1 / int(base.sum()) + 1 / min(SMOOTH_ROWS, len(rows))))
    change = weight * course
    half = np.nan_to_num(half_width[rows])
    share = np.where(change > 0, 1.0, 1 / HIDDEN_OVER_SEEN) if may_smooth else 1 / HIDDEN_OVER_SEEN
    off = np.abs(change) > np.fmax(np.fmax(share * half, LEAST_EFFECT), weight * SIGNIFICANT_SD * chance)
    if not off[-1]:
        return -1
    inside = np.flatnonzero(~off)
    return int(rows[inside[-1] + 1]) if len(inside) else int(rows[0])


def _course(logs: FloatArray, before: Mask) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the rows in which a measure of shape is known, and how far it is there from what it was, smoothed."""
    rows = np.flatnonzero(np.isfinite(logs))
    base = logs[before & np.isfinite(logs)]
    if not len(rows) or not len(base):
        return rows, np.full(len(rows), np.nan)
    return rows, _running_median(logs[rows]) - np.median(base)


def _running_median(values: FloatArray) -> FloatArray:
    padded = np.pad(values, SMOOTH_ROWS // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH_ROWS), axis=1))
