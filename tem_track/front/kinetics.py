"""Speeds of the front along boundaries and in interiors, their ratio and an apparent activation energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask

# Boltzmann's constant, eV/K (2019 SI, exact), and 0 degC in K.
BOLTZMANN_EV, ZERO_C_K = 8.617333262e-5, 273.15
# Blocks the field is divided into, along each side, for intervals: pixels of one block share their front.
BLOCKS = 8
# Resampled fields per interval.
RESAMPLES = 400
# Speeds are counted in classes of equal ratio, 1 % wide, around the overall median.
CLASS_RATIO, CLASSES = 1.01, 1200
# Fewest pixels in each of the two populations for a speed to be stated.
FEWEST_PIXELS = 50
# Activation energy: classes of temperature, least span of 1/kT (1/eV; about 20 K at 550 degC) and least pixels a class.
TEMPERATURE_CLASSES, LEAST_SPAN, FEWEST_IN_CLASS = 12, 0.35, 30


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; all NaN where the movie does not show it."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Kinetics:
    """Speeds in the unit of the given speeds; NaN where not shown.

    Attributes
    ----------
    boundary, interior : Estimate
        Median front speed in the boundary zone and in the interiors.
    ratio : Estimate
        boundary / interior, each at the temperatures its own front had.
    activation_ev : Estimate
        Slope of ln(speed) against -1/kT, boundary zone and interiors with one slope and two levels.
    ratio_same_temperature : float
        The two levels' ratio: boundary over interior at one temperature.
    """

    boundary: Estimate
    interior: Estimate
    ratio: Estimate
    activation_ev: Estimate
    ratio_same_temperature: float


def measure_kinetics(
    speed: FloatArray, zone: Mask, known: Mask, temperature_c: FloatArray | None, seed: int = 0
) -> Kinetics:
    """Return boundary and interior speed, their ratio, and the apparent activation energy.

    Parameters
    ----------
    speed : (Y, X) float
        Local front speed; infinite where the slope is lost in noise (it counts as fast).
    zone : (Y, X) bool
        Boundary zone.
    known : (Y, X) bool
        Pixels with a speed.
    temperature_c : (Y, X) float or None
        Temperature when the front was at each pixel.
    seed : int
        Of the resampling.

    Returns
    -------
    Kinetics

    Notes
    -----
    Intervals resample square blocks of the field, 8 x 8, with replacement (block bootstrap, see H. R. Kuensch,
    Ann. Statist. 17 (1989) 1217, DOI 10.1214/aos/1176347265). On a ramp, temperature and extent rise together: what
    the reacted fraction does to the speed is in the activation energy too.
    """
    rng = np.random.default_rng(seed)
    block = _blocks(speed.shape)[known]
    drawn = rng.multinomial(BLOCKS**2, np.full(BLOCKS**2, BLOCKS**-2.0), RESAMPLES)
    weights: FloatArray = np.vstack((np.ones(BLOCKS**2), drawn)).astype(np.float64)
    v, near = speed[known], zone[known]
    boundary = _block_medians(v[near], block[near], weights)
    interior = _block_medians(v[~near], block[~near], weights)
    energy, factor = np.full(len(weights), np.nan), np.nan
    if temperature_c is not None:
        energy, factor = _arrhenius(v, near, temperature_c[known], block, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = boundary / interior
    return Kinetics(_estimate(boundary), _estimate(interior), _estimate(ratio), _estimate(energy), factor)


def _blocks(shape: tuple[int, ...]) -> NDArray[np.intp]:
    rows = np.arange(shape[0]) * BLOCKS // shape[0]
    columns = np.arange(shape[1]) * BLOCKS // shape[1]
    return rows[:, None] * BLOCKS + columns[None, :]


def _block_medians(v: FloatArray, block: NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """Return the median (W,) of values under each set of block weights."""
    usable = v > 0
    v, block = v[usable], block[usable]
    if len(v) < FEWEST_PIXELS or not np.isfinite(np.median(v)):
        return np.full(len(weights), np.nan)
    classes, middle = _classes(v), float(np.log(np.median(v)))
    counts = np.bincount(block * CLASSES + classes, minlength=BLOCKS**2 * CLASSES).reshape(-1, CLASSES)
    below = np.cumsum(weights @ counts, axis=1)
    half = (below >= below[:, -1:] / 2).argmax(axis=1)
    out = np.exp(middle + (half - CLASSES // 2) * np.log(CLASS_RATIO))
    out[below[:, -1] < FEWEST_PIXELS] = np.nan
    out[0] = np.median(v)
    return np.asarray(out)


def _classes(v: FloatArray) -> NDArray[np.intp]:
    middle = np.median(v)
    finite = np.where(np.isfinite(v), v, middle * CLASS_RATIO**CLASSES)
    level = np.rint(np.log(finite / middle) / np.log(CLASS_RATIO)) + CLASSES // 2
    return np.asarray(np.clip(level, 0, CLASSES - 1), np.intp)


def _estimate(values: FloatArray) -> Estimate:
    """Return the first value with the 95 % range of the others."""
    others = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(others) < len(values) / 2:
        return Estimate()
    low, high = np.quantile(others, (0.025, 0.975))
    return Estimate(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))


def _arrhenius(
    v: FloatArray, near: Mask, temperature_c: FloatArray, block: NDArray[np.intp], weights: FloatArray
) -> tuple[FloatArray, float]:
    """Return activation energies (W,) in eV under each set of block weights, and the boundary's factor."""
    good = (v > 0) & np.isfinite(temperature_c)
    if good.sum() < 2 * FEWEST_PIXELS:
        return np.full(len(weights), np.nan), np.nan
    beta = 1 / (BOLTZMANN_EV * (temperature_c[good] + ZERO_C_K))
    edges = np.quantile(beta, np.linspace(0, 1, TEMPERATURE_CLASSES + 1))
    group = np.clip(np.searchsorted(edges, beta, side="right") - 1, 0, TEMPERATURE_CLASSES - 1)
    v, near, block = v[good], near[good], block[good]
    rows = []
    for population in (True, False):
        for k in range(TEMPERATURE_CLASSES):
            of = (group == k) & (near == population)
            if of.sum() >= FEWEST_IN_CLASS:
                medians = _block_medians(v[of], block[of], weights)
                rows.append((population, float(beta[of].mean()), medians, int(of.sum())))
    if len(rows) < 4 or np.ptp([r[1] for r in rows]) < LEAST_SPAN:
        return np.full(len(weights), np.nan), np.nan
    return _common_slope(rows)


def _common_slope(rows: list[tuple[bool, float, FloatArray, int]]) -> tuple[FloatArray, float]:
    """Return minus the slope (W,) of ln v against 1/kT, one for both populations, and the first one's factor."""
    both = len({r[0] for r in rows}) == 2
    design = np.array([[r[1], 1.0, float(r[0])] if both else [r[1], 1.0] for r in rows])
    root = np.sqrt([r[3] for r in rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.stack([r[2] for r in rows]))
    solved = np.full((design.shape[1], logs.shape[1]), np.nan)
    for w in range(logs.shape[1]):
        use = np.isfinite(logs[:, w])
        if use.sum() > design.shape[1]:
            solved[:, w] = np.linalg.lstsq(design[use] * root[use, None], logs[use, w] * root[use], rcond=None)[0]
    return -solved[0], float(np.exp(solved[2, 0])) if both else np.nan
