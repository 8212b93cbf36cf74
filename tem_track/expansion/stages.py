"""Stages of a volume curve: onset, how many, when each ends, how fast, each with a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tem_track.expansion.course import UnseenStart, course_of, law_evidence, law_named, unseen_start
from tem_track.expansion.hinges import HingeFit
from tem_track.expansion.noise import mean_inflation, student_factor
from tem_track.expansion.other_onsets import OtherOnsets
from tem_track.expansion.selection import (
    FEWEST_ROWS,
    Noise,
    Segment,
    covariance,
    is_jump,
    is_pause,
    other_rate,
    rival_weights,
    segments,
    select_fit,
    slope_map,
    smallest_change,
)
from tem_track.expansion.uncertainty import NORMAL_FACTOR
from tem_track.movie import FloatArray, Mask

# Rows below which a curve is not cut into stages: two for the level before, two after, and two to see the scatter.
FEWEST_ROWS_FOR_STAGES = 6
# The share of the last rows that is "the end" of a curve, and their least number.
END_SHARE, END_ROWS = 0.05, 3

Interval = tuple[float, float]


@dataclass(frozen=True)
class Stage:
    """One stage of a curve.

    Attributes
    ----------
    start_s, end_s : float
        Start and end, s; where the curve's first or last row cuts it off, the time of that row.
    rate_per_s : float
        d(value)/dt.
    end_value : float
        Value at the end.
    start_interval, end_interval, rate_interval : (float, float)
        95 %; NaN for an end that was not seen.
    law : str
        ``"linear"``, ``"parabolic"`` or ``"undecided"``.
    law_evidence : float
        BIC of a parabolic course of this stage minus that of a straight one: positive speaks for the straight one; NaN
        where the stage has too few rows.
    """

    start_s: float
    end_s: float
    rate_per_s: float
    end_value: float
    start_interval: Interval
    end_interval: Interval
    rate_interval: Interval
    law: str = "undecided"
    law_evidence: float = float("nan")


@dataclass(frozen=True)
class StageFit:
    """What a curve says about its stages, in the unit of its values.

    Attributes
    ----------
    level, level_sd : float
        Value before the onset and its standard uncertainty from scatter. Where `level_seen` is False no level rows
        show it, and it is what `course.unseen_start` makes of the first rows.
    latest_onset_s : float
        Where no level start was seen: the time before which the onset was, with 95 % confidence; NaN otherwise.
    onset_by_others : bool
        The curve leaves its onset open, and the first stage starts where the other particles make it likely.
    stages : tuple of Stage
    plateau : bool
        The curve ends level after its last stage.
    jumps_s : tuple of float
        Sudden steps that are no stage.
    end, end_sd : float
        Mean over the last rows (5 %, at least 3) and its standard uncertainty from scatter.
    model_sd : float
        Relative standard uncertainty of end / level from not knowing how many knots the curve has.
    end_level_covariance : float
        Covariance of `end` and `level`.
    noise : Noise
        Of the rows about the curve.
    trusted : (N,) bool
        Rows that were not taken as wrong outlines.
    fitted : (N,) float64
    """

    level: float
    level_sd: float
    level_seen: bool
    latest_onset_s: float
    onset_by_others: bool
    stages: tuple[Stage, ...]
    plateau: bool
    jumps_s: tuple[float, ...]
    end: float
    end_sd: float
    model_sd: float
    end_level_covariance: float
    noise: Noise
    trusted: Mask
    fitted: FloatArray


def find_stages(
    times_s: FloatArray, values: FloatArray, weights: FloatArray | None = None, others: OtherOnsets | None = None
) -> StageFit:
    """Return onset, stages, plateau and levels of a curve.

    Parameters
    ----------
    times_s : (N,) float64
        Increasing times, s; N >= `FEWEST_ROWS_FOR_STAGES`.
    values : (N,) float64
        The curve (a volume, in any unit), finite.
    weights : (N,) float64, optional
        1 / variance of the rows up to a factor.
    others : OtherOnsets, optional
        When the other particles of the movie began: asked only where the curve itself leaves its onset open.

    Returns
    -------
    StageFit

    Raises
    ------
    ValueError
        Fewer rows than `FEWEST_ROWS_FOR_STAGES`.

    Notes
    -----
    Intervals follow from the covariance of the fit under noise of the curve's own scatter and serial correlation, with
    Student's factor for the rows that are effectively independent. They hold what scatters; an error of the outlines
    that is the same in all frames, or drifts slowly, is not in them.
    """
    n = len(values)
    if n < FEWEST_ROWS_FOR_STAGES:
        raise ValueError(f"a curve needs {FEWEST_ROWS_FOR_STAGES} rows to be cut into stages, not {n}")
    begin, span = float(times_s[0]), float(times_s[-1] - times_s[0])
    unit = float(np.median(values[: max(3, n // 10)])) or 1.0
    weights = np.ones(n) if weights is None else weights / weights.mean()
    scaled_times = (times_s - begin) / span
    fit, noise, rivals = select_fit(scaled_times, values / unit, weights)
    spread = covariance(fit, noise)
    factor = student_factor(_freedom(fit, noise))
    course = course_of(scaled_times, values / unit, fit, noise)
    numbered, jumps = _named(fit, noise, scaled_times, spread, factor)
    evidence = law_evidence(course, fit.knots, [j for j, _ in numbered])
    stages = [replace(stage, law=law_named(evidence[j]), law_evidence=evidence[j]) for j, stage in numbered]
    level, level_gradient = _level(fit)
    level_variance = max(float(level_gradient @ spread @ level_gradient), 0.0)
    start = None
    if fit.free_start:
        start = unseen_start(course, fit.knots, others.scaled(begin, span) if others and stages else None)
        level, level_variance = start.level, level_variance + start.level_sd**2
        if np.isfinite(start.onset):
            stages[0] = _placed(stages[0], start)
    end, end_sd, shared = _end(fit, noise, spread, level_gradient)
    model_sd = _rival_spread(fit, noise, rivals)
    return StageFit(
        level=level * unit,
        level_sd=float(np.sqrt(level_variance)) * unit,
        level_seen=not fit.free_start,
        latest_onset_s=begin + span * (start.latest_onset if start else float("nan")),
        onset_by_others=start is not None and bool(np.isfinite(start.onset)),
        stages=tuple(_in_seconds(stage, begin, span, unit) for stage in stages),
        plateau=fit.flat_end,
        jumps_s=tuple(begin + span * at for at in jumps),
        end=end * unit,
        end_sd=end_sd * unit,
        model_sd=model_sd,
        end_level_covariance=shared * unit**2,
        noise=Noise(noise.sd * unit, noise.correlation),
        trusted=fit.weights > 0,
        fitted=fit.fitted * unit,
    )


def end_rows(count: int) -> int:
    """Return how many rows are the end of a curve of `count` rows."""
    return min(count, max(END_ROWS, int(END_SHARE * count)))


def _freedom(fit: HingeFit, noise: Noise) -> float:
    """Return the degrees of freedom: effectively independent rows minus parameters."""
    rows = int((fit.weights > 0).sum())
    return float(rows * (1 - noise.correlation) / (1 + noise.correlation) - fit.jacobian.shape[1] + 1)


def _named(
    fit: HingeFit, noise: Noise, times: FloatArray, spread: FloatArray, factor: float
) -> tuple[list[tuple[int, Stage]], list[float]]:
    """Return the segments that are stages with their numbers, and the times of jumps."""
    pieces = segments(fit, noise, times)
    least, k = smallest_change(fit), fit.knot_count
    numbers = range(0 if fit.free_start else 1, k + 1 - int(fit.flat_end and k > 0))
    others = any(pieces[j].rows >= FEWEST_ROWS and abs(pieces[j].change) >= least for j in numbers)
    inner = [j for j in numbers if 0 < j < k]
    pauses = {j for j in inner if is_pause(*pieces[j - 1 : j + 2])}
    steps = {j for j in inner if others and is_jump(*pieces[j - 1 : j + 2])} - pauses
    stages: list[tuple[int, Stage]] = []
    for j in numbers:
        if j in pauses | steps or abs(pieces[j].change) < least:
            continue
        stage = _stage(fit, pieces, spread, factor, j)
        # The same rate on both sides of a jump is one stage.
        if stages and {*range(stages[-1][0] + 1, j)} & steps and not other_rate(pieces[stages[-1][0]], pieces[j]):
            stage = _joined(stages.pop()[1], stage)
        stages.append((j, stage))
    return stages, [0.5 * (pieces[j].start + pieces[j].end) for j in sorted(steps)]


def _joined(one: Stage, two: Stage) -> Stage:
    """Return two stages of one rate as one, each weighing by its duration."""
    share = (one.end_s - one.start_s) / (one.end_s - one.start_s + two.end_s - two.start_s)

    def mean(a: float, b: float) -> float:
        return share * a + (1 - share) * b

    low, high = (mean(a, b) for a, b in zip(one.rate_interval, two.rate_interval, strict=True))
    rate = mean(one.rate_per_s, two.rate_per_s)
    return replace(
        two, start_s=one.start_s, start_interval=one.start_interval, rate_per_s=rate, rate_interval=(low, high)
    )


def _stage(fit: HingeFit, pieces: list[Segment], spread: FloatArray, factor: float, j: int) -> Stage:
    """Return segment j as a stage, with its intervals.

    A rounded corner has no sharper time than its rounding: an interval of a time also holds where within half the
    rounding's half width the corner is said to be.
    """
    piece = pieces[j]
    start = fit.leaving if j == 1 else piece.start
    first_knot = fit.jacobian.shape[1] - 1 - fit.knot_count
    # Variance of a uniform distribution over a half width.
    rounding = min(fit.half_width, fit.usual_rounding) ** 2 / 12 if fit.knot_count else 0.0

    def around(value: float, variance: float) -> Interval:
        half = factor * float(np.sqrt(max(variance, 0.0)))
        return value - half, value + half

    unseen = (float("nan"), float("nan"))
    knot = first_knot + j - 1
    slope_row = slope_map(fit)[j]
    to_start = np.zeros(len(spread))
    if j > 0:
        to_start[knot] = 1.0
    if start < piece.start:
        to_start[-1] = -1.0
    return Stage(
        start_s=start,
        end_s=piece.end,
        rate_per_s=piece.slope,
        end_value=fit.level + sum(p.change for p in pieces[: j + 1]),
        start_interval=around(start, float(to_start @ spread @ to_start) + rounding) if j > 0 else unseen,
        end_interval=around(piece.end, spread[knot + 1, knot + 1] + rounding) if j < fit.knot_count else unseen,
        rate_interval=around(piece.slope, float(slope_row @ spread @ slope_row)),
    )


def _placed(stage: Stage, start: UnseenStart) -> Stage:
    """Return a first stage that begins at an onset which the other particles make likely, not at the first row."""
    length = stage.end_s - start.onset
    rate = (stage.end_value - start.level) / length
    # Onset and level go together: a later onset is a steeper stage from a higher level.
    open_rate = NORMAL_FACTOR * np.hypot(rate * start.onset_sd, start.level_sd) / length
    half = float(np.hypot(0.5 * (stage.rate_interval[1] - stage.rate_interval[0]), open_rate))
    return replace(
        stage,
        start_s=start.onset,
        start_interval=start.interval,
        rate_per_s=rate,
        rate_interval=(rate - half, rate + half),
    )


def _in_seconds(stage: Stage, begin: float, span: float, unit: float) -> Stage:
    def when(interval: Interval) -> Interval:
        return begin + span * interval[0], begin + span * interval[1]

    rate = unit / span
    return replace(
        stage,
        start_s=begin + span * stage.start_s,
        end_s=begin + span * stage.end_s,
        rate_per_s=stage.rate_per_s * rate,
        end_value=stage.end_value * unit,
        start_interval=when(stage.start_interval),
        end_interval=when(stage.end_interval),
        rate_interval=(stage.rate_interval[0] * rate, stage.rate_interval[1] * rate),
    )


def _level(fit: HingeFit) -> tuple[float, FloatArray]:
    """Return the value before the onset and its derivatives after the fit's parameters.

    Where no level start was seen it is the value at the first row.
    """
    if fit.free_start:
        return float(fit.fitted[0]), fit.jacobian[0]
    gradient = np.zeros(fit.jacobian.shape[1])
    gradient[0] = 1.0
    return fit.level, gradient


def _end(fit: HingeFit, noise: Noise, spread: FloatArray, level_gradient: FloatArray) -> tuple[float, float, float]:
    """Return mean of the last rows, its standard uncertainty and its covariance with the level.

    The fitted curve is the better estimate while it holds; what the last trusted rows lie off it beyond their noise
    is believed in proportion, and adds to the uncertainty.
    """
    rows = slice(-end_rows(len(fit.fitted)), None)
    weights = np.clip(fit.weights[rows], 1e-12, None)
    off = float(np.average(fit.residuals[rows], weights=weights)) if fit.weights[rows].any() else 0.0
    gradient = fit.jacobian[rows].mean(axis=0)
    fitted_variance = float(gradient @ spread @ gradient)
    count = max(int((fit.weights[rows] > 0).sum()), 1)
    rows_variance = noise.sd**2 * mean_inflation(noise.correlation, count) / count
    belief = max(0.0, 1 - 2 * rows_variance / off**2) if off else 0.0
    end = float(fit.fitted[rows].mean()) + belief * off
    sd = float(np.sqrt(max(fitted_variance, 0.0) + belief * rows_variance))
    return end, sd, float(gradient @ spread @ level_gradient)


def _rival_spread(fit: HingeFit, noise: Noise, rivals: list[HingeFit]) -> float:
    """Return how far the rivals' end / level lie from the chosen curve's, relative, each by its likelihood."""
    rows = slice(-end_rows(len(fit.fitted)), None)
    weights = rival_weights(rivals, fit, noise)
    chosen = float(fit.fitted[rows].mean()) / _level(fit)[0]
    others = np.array([float(f.fitted[rows].mean()) / _level(f)[0] for f in rivals])
    # A rival beyond half or twice the value is a runaway, not a reading.
    return float(np.sqrt(weights @ (np.clip(others / chosen, 0.5, 2.0) - 1) ** 2))
