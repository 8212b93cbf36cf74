"""Speeds of the front along boundaries and in interiors, their ratio and an apparent activation energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.front.propagation.onset import NORMAL_95
from tem_track.movie import FloatArray, Mask

# Boltzmann's constant, eV/K (2019 SI, exact), and 0 degC in K.
BOLTZMANN_EV, ZERO_C_K = 8.617333262e-5, 273.15
# Blocks the field is divided into, along each side, for intervals: pixels of one block share their front.
BLOCKS = 8
# Resampled fields per interval.
RESAMPLES = 200
# Speeds are counted in classes of equal ratio, 1 % wide, around the overall median.
CLASS_RATIO, CLASSES = 1.01, 1200
# What the smoothing of the arrival times, the width of the zone and missed boundaries leave of a bias, as a standard
# deviation: the scatter of stated about true speeds on simulated lamellae beyond what resampling explains.
BIAS = 0.04
# The same of the activation energy: even exact arrival maps of simulated lamellae give 0.85 to 0.97 of the energy that
# the front was made with.
ENERGY_BIAS = 0.09
# Width of the core's weights in deviations, and rounds of reweighting: wide enough to use most of a normal core (90 %
# efficiency at about 2.4), narrow enough to leave a tail of twice the speed out.
WELSCH, CORE_ROUNDS = 2.0, 12
# Classes of temperature that a mean speed is taken over, and fewest speeds for one to have its own core.
MEAN_CLASSES, FEWEST_IN_MEAN = 4, 1000
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
        Front speed in the boundary zone and in the interiors: the mean over the pixels a front passed.
    ratio : Estimate
        boundary / interior, each at the temperatures its own front had.
    activation_ev : Estimate
        Slope of ln(speed) against -1/kT, boundary zone and interiors with one slope and two levels.
    ratio_same_temperature : float
        Boundary over interior at one temperature.
    """

    boundary: Estimate
    interior: Estimate
    ratio: Estimate
    activation_ev: Estimate
    ratio_same_temperature: float


def measure_kinetics(
    boundary: FloatArray,
    interior: FloatArray,
    zone: Mask,
    temperature_c: FloatArray | None,
    passed: Mask | None = None,
    seed: int = 0,
) -> Kinetics:
    """Return boundary and interior speed, their ratio, and the apparent activation energy.

    Parameters
    ----------
    boundary, interior : (Y, X) float
        Local speed of fronts along boundaries, and in interiors; NaN where not known, infinite where the slope is lost
        in noise (it counts as fast). A pixel may have both.
    zone : (Y, X) bool
        Boundary zone.
    temperature_c : (Y, X) float or None
        Temperature when the front was at each pixel.
    passed : (Y, X) bool, optional
        Pixels that a front passed, over which speeds are averaged; those with a speed where not given.
    seed : int
        Of the resampling.

    Returns
    -------
    Kinetics

    Notes
    -----
    A population's speeds, brought to one temperature by the activation energy, have a sharp core and a long tail of
    fast ones (fronts that come in obliquely, or all along a boundary at once): the densest half of their logarithms
    (the shorth), refined by Welsch's weights, stands for the core. The speed stated is the mean over all pixels a
    front passed, each at its own temperature. Intervals resample square blocks of the field, 8 x 8, with replacement
    (block bootstrap, see H. R. Kuensch, Ann. Statist. 17 (1989) 1217, DOI 10.1214/aos/1176347265), and add what is left
    of the bias. On a ramp, temperature and extent rise together: what the reacted fraction does to the speed is in the
    activation energy too.

    References
    ----------
    D. F. Andrews et al., Robust Estimates of Location (Princeton 1972), DOI 10.1515/9781400867011 (shorth);
    P. W. Holland, R. E. Welsch, Commun. Stat. A 6 (1977) 813, DOI 10.1080/03610927708827533.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(BLOCKS**2, np.full(BLOCKS**2, BLOCKS**-2.0), RESAMPLES)
    weights: FloatArray = np.vstack((np.ones(BLOCKS**2), drawn)).astype(np.float64)
    populations = [(boundary, zone), (interior, ~zone)]
    energy = np.full(len(weights), np.nan)
    rise = np.zeros(zone.shape)
    if temperature_c is not None:
        beta = 1 / (BOLTZMANN_EV * (temperature_c + ZERO_C_K))
        energy = _arrhenius((boundary, interior), beta, weights)
        if np.isfinite(energy[0]):
            # From the temperature in the middle.
            rise = -energy[0] * (beta - float(np.nanmedian(beta)))
    near, far = (
        _mean_speed(speed, rise, where if passed is None else where & passed, weights) for speed, where in populations
    )
    return Kinetics(
        boundary=_estimate(near[1], BIAS),
        interior=_estimate(far[1], BIAS),
        ratio=_estimate(near[1] / far[1], np.sqrt(2) * BIAS),
        activation_ev=_estimate(energy, ENERGY_BIAS),
        ratio_same_temperature=float(near[0][0] / far[0][0]),
    )


def _mean_speed(speed: FloatArray, rise: FloatArray, where: Mask, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a population's speed (W,) at the middle temperature, and its mean over the given pixels.

    `rise` is the logarithm of a speed at each pixel over that at the middle temperature. The mean is taken class by
    class of the temperature, each with its own core where it has enough speeds, so that an energy a little off does
    not carry over.
    """
    blocks, known = _blocks(speed.shape), ~np.isnan(speed) & np.isfinite(rise)
    where = where & np.isfinite(rise)
    level = _block_cores(speed[known] / np.exp(rise[known]), blocks[known], weights)
    if not where.any():
        return level, np.full(len(weights), np.nan)
    edges = np.quantile(rise[where], np.linspace(0, 1, MEAN_CLASSES + 1)[1:-1])
    group = np.searchsorted(edges, rise, side="right")
    total, pixels = np.zeros(len(weights)), np.zeros(len(weights))
    for k in range(MEAN_CLASSES):
        here, own = where & (group == k), known & (group == k)
        count = weights @ np.bincount(blocks[here], minlength=BLOCKS**2)
        cores = level
        if own.sum() >= FEWEST_IN_MEAN:
            inside = _block_cores(speed[own] / np.exp(rise[own]), blocks[own], weights)
            cores = np.where(np.isfinite(inside), inside, level)
        total += np.where(count > 0, cores * _block_means(np.exp(rise[here]), blocks[here], weights), 0) * count
        pixels += count
    return level, np.where(pixels > 0, total / np.maximum(pixels, 1), np.nan)


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


def _block_cores(v: FloatArray, block: NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """Return where the core of values lies on a logarithmic scale (W,), under each set of block weights.

    NaN with too few values, and where more than half of them are lost in noise.
    """
    usable = v > 0
    v, block = v[usable], block[usable]
    if len(v) < FEWEST_PIXELS or not np.isfinite(np.median(v)):
        return np.full(len(weights), np.nan)
    counts = np.bincount(block * CLASSES + _classes(v), minlength=BLOCKS**2 * CLASSES).reshape(-1, CLASSES)
    centre = np.array([_core(count) if count.sum() >= FEWEST_PIXELS else np.nan for count in weights @ counts])
    return np.asarray(np.median(v) * np.exp((centre - CLASSES // 2) * np.log(CLASS_RATIO)))


def _core(count: FloatArray) -> float:
    """Return the centre of a histogram's core, in classes: its densest half, then Welsch's estimate about that."""
    below = np.concatenate(([0.0], np.cumsum(count)))
    number = np.arange(len(count), dtype=np.float64)
    end = np.searchsorted(below, below[:-1] + below[-1] / 2)
    start = int(np.argmin(np.where(end <= len(count), end - number, len(count))))
    # Half of a normal distribution lies within 0.674 deviations.
    width = WELSCH * max(float(end[start] - start), 1.0) / (2 * 0.674)
    centre = (start + float(end[start]) - 1) / 2
    for _ in range(CORE_ROUNDS):
        weight = count * np.exp(-(((number - centre) / width) ** 2))
        centre = float((weight * number).sum() / weight.sum())
    return centre


def _block_means(values: FloatArray, block: NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """Return the mean (W,) of values under each set of block weights; NaN of none."""
    total, count = (weights @ np.bincount(block, w, minlength=BLOCKS**2) for w in (values, np.ones(len(values))))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _estimate(values: FloatArray, bias: float = 0.0) -> Estimate:
    """Return the first value with the 95 % range of the others, widened by a relative bias (standard deviation)."""
    others = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(others) < len(values) / 2:
        return Estimate()
    value, wide = float(values[0]), NORMAL_95 * bias * float(values[0])
    low, high = (float(q) - value for q in np.quantile(others, (0.025, 0.975)))
    return Estimate(value, value - float(np.hypot(min(low, 0.0), wide)), value + float(np.hypot(max(high, 0.0), wide)))


def _arrhenius(speeds: tuple[FloatArray, FloatArray], beta: FloatArray, weights: FloatArray) -> FloatArray:
    """Return activation energies (W,) in eV under each set of block weights, of (boundary, interior) speeds."""
    good = [(speed > 0) & np.isfinite(beta) for speed in speeds]
    if sum(int(g.sum()) for g in good) < 2 * FEWEST_PIXELS:
        return np.full(len(weights), np.nan)
    blocks = _blocks(beta.shape)
    every = np.concatenate([beta[g] for g in good])
    edges = np.quantile(every, np.linspace(0, 1, TEMPERATURE_CLASSES + 1))
    rows = []
    for number, (speed, known) in enumerate(zip(speeds, good, strict=True)):
        group = np.clip(np.searchsorted(edges, beta[known], side="right") - 1, 0, TEMPERATURE_CLASSES - 1)
        for k in range(TEMPERATURE_CLASSES):
            of = group == k
            if of.sum() >= FEWEST_IN_CLASS:
                medians = _block_medians(speed[known][of], blocks[known][of], weights)
                rows.append((number == 0, float(beta[known][of].mean()), medians, int(of.sum())))
    if len(rows) < 4 or np.ptp([r[1] for r in rows]) < LEAST_SPAN:
        return np.full(len(weights), np.nan)
    return _common_slope(rows)


def _common_slope(rows: list[tuple[bool, float, FloatArray, int]]) -> FloatArray:
    """Return minus the slope (W,) of ln v against 1/kT, one for both populations with a level each."""
    both = len({r[0] for r in rows}) == 2
    design = np.array([[r[1], 1.0, float(r[0])] if both else [r[1], 1.0] for r in rows])
    root = np.sqrt([r[3] for r in rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.stack([r[2] for r in rows]))
    slope = np.full(logs.shape[1], np.nan)
    for w in range(logs.shape[1]):
        use = np.isfinite(logs[:, w])
        if use.sum() > design.shape[1]:
            slope[w] = np.linalg.lstsq(design[use] * root[use, None], logs[use, w] * root[use], rcond=None)[0][0]
    return -slope
