"""How far to trust V/V0: what each error adds to a row and to the final value.

Itemised, as relative standard uncertainties:

- *noise*: scatter of the curve about its fit, independent from frame to frame or correlated over a few;
- *localisation*: the stated edge error of the outline, less what already shows as scatter. It is the same, or nearly,
  in neighbouring frames, and cancels in V/V0 as far as the edge at V and at V0 is wrong in the same way. While the
  particle has not changed it cancels wholly; a fully reacted one has `shared` of it in common with V0 (contrast and
  shell are then others);
- *V0*: scatter of the rows before the onset;
- *curve*: what other curves that explain the rows nearly as well would give for the final value;
- *shape*: V ~ A^(3/2) holds for any body that swells alike in all directions. A change of the outline's aspect ratio
  q says that it did not; the unseen third axis may have followed the long or the short one, which puts V within
  +-|ln(q/q0)| / 2 of the sphere's;
- *calibration*: the pixel size cancels in V/V0 and is not in the volumes' uncertainty either (nobody states it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.expansion.noise import roughness
from tem_track.movie import FloatArray, Mask

# A particle that has doubled its volume is taken as fully changed: no oxide that becomes metal and Li2O does more.
FULL_CHANGE = float(np.log(2.0))
# Two-sided 95 % of a normal distribution.
NORMAL_FACTOR = 1.96
# Half width of the interval of ln(V/V0) beyond which nothing is known: a factor of a million either way.
LARGEST_HALF_WIDTH = float(np.log(1e6))


@dataclass(frozen=True)
class FinalRatio:
    """Final V/V0, its 95 % interval, and what its standard uncertainty is made of (absolute, in V/V0)."""

    value: float
    low: float
    high: float
    localisation: float
    noise: float
    curve: float
    v0: float
    shape: float


def slow_part(relative_sd: FloatArray, noise: FloatArray | float) -> FloatArray:
    """Return the part of a stated relative error that does not show as scatter from row to row; (N,), >= 0."""
    return np.sqrt(np.clip(np.nan_to_num(relative_sd) ** 2 - np.square(noise), 0.0, None))


def edge_error_of_ratio(ratio: FloatArray, slow: FloatArray, slow_before: float, shared: float) -> FloatArray:
    """Return what the edge error leaves in V/V0 after the part shared with V0 has cancelled.

    Parameters
    ----------
    ratio : (N,) float64
        V/V0.
    slow : (N,) float64
        Relative error of V that does not scatter from row to row.
    slow_before : float
        The same before the onset.
    shared : float
        Correlation of the two errors for a particle that has changed fully, 0 to 1.

    Returns
    -------
    (N,) float64
        Relative standard uncertainty: sqrt(s^2 + s0^2 - 2 c s s0), c falling from 1 to `shared` as |ln V/V0| rises to
        ln 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = np.clip(np.abs(np.log(ratio)) / FULL_CHANGE, 0.0, 1.0)
    common = 1.0 - (1.0 - shared) * np.nan_to_num(progress, nan=1.0)
    return np.sqrt(np.clip(slow**2 + slow_before**2 - 2 * common * slow * slow_before, 0.0, None))


def shape_error(aspect: FloatArray, before: Mask, end: Mask) -> float:
    """Return the relative standard uncertainty of V/V0 from a change of shape.

    Parameters
    ----------
    aspect : (N,) float64
        Long over short axis of the outline, row by row, NaN allowed.
    before, end : (N,) bool
        Rows before the onset, and the last rows.

    Returns
    -------
    float
        |ln(q_end / q_before)| / 2 / sqrt(3), the standard deviation of a value anywhere in +-|ln(q/q0)| / 2; what the
        scatter of q explains is taken out. 0 where the axes are not known.
    """
    logs = np.log(np.where(aspect >= 1.0, aspect, np.nan))
    first, last = logs[before & np.isfinite(logs)], logs[end & np.isfinite(logs)]
    if not len(first) or not len(last):
        return 0.0
    change = float(np.median(last) - np.median(first))
    scatter = np.nan_to_num(roughness(logs)) ** 2
    # The variance of a median is pi / 2 times that of a mean.
    chance = scatter * np.pi / 2 * (1 / len(first) + 1 / len(last))
    return float(np.sqrt(max(change**2 - chance, 0.0)) / 2 / np.sqrt(3.0))


def final_ratio(
    end: float,
    end_sd: float,
    level: float,
    level_sd: float,
    covariance: float,
    *,
    edge: float,
    shape: float,
    factor: float,
    model: float = 0.0,
) -> FinalRatio:
    """Return end / level with a 95 % interval (symmetric in the logarithm).

    Parameters
    ----------
    end, end_sd, level, level_sd, covariance : float
        Mean volume of the last rows and V0 with what scatters, one unit.
    edge, shape : float
        Relative standard uncertainties of the ratio from edge error and shape.
    factor : float
        Student's factor for the part that scatters; the others take 1.96.
    model : float
        Relative standard uncertainty from the choice of the curve, counted with the scatter.
    """
    value = end / level
    joint = 2 * covariance / (end * level)
    scatter = max((end_sd / end) ** 2 + (level_sd / level) ** 2 - joint, 0.0) + model**2
    half = float(np.sqrt(factor**2 * scatter + NORMAL_FACTOR**2 * (edge**2 + shape**2)))
    half = min(half, LARGEST_HALF_WIDTH)
    v0 = min(level_sd / level, np.sqrt(scatter))
    curve = min(model, float(np.sqrt(max(scatter - v0**2, 0.0))))
    noise = float(np.sqrt(max(scatter - v0**2 - curve**2, 0.0)))
    return FinalRatio(
        value,
        value * float(np.exp(-half)),
        value * float(np.exp(half)),
        value * edge,
        value * noise,
        value * curve,
        value * v0,
        value * shape,
    )
