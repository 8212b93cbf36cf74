"""A curve whose segments follow a law each: which law a stage follows, and by when an unseen onset must have been.

Strategy: between two knots the curve changes by an amount in a given shape, a straight line or a square root, every
corner averaged over the rounding of the fit. At given knots the amounts follow from linear least squares, so that only
the knots are searched. A straight and a parabolic stage have the same number of parameters: the difference of their
Bayesian information criteria is that of their misfits, taken under serially correlated noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_track.expansion.hinges import HingeFit
from tem_track.expansion.other_onsets import OtherOnsets
from tem_track.expansion.selection import FEWEST_LEVEL_ROWS, Noise
from tem_track.movie import FloatArray, Mask

# Rows a stage holds at least before its law is asked for: two ends and one between that can tell.
FEWEST_LAW_ROWS = 3
# Difference of the Bayesian information criteria from which evidence is called strong: A. E. Raftery, Sociol. Methodol.
# 25 (1995) 111, https://doi.org/10.2307/271063
STRONG_EVIDENCE = 6.0
# Places within the rounding that a corner is averaged over; the hinge's own average is exact, five places are to 1 %.
PLACES = np.linspace(-0.8, 0.8, 5)
# Steps in which knots are moved, and the shortest distance of two, in rows.
MOST_STEPS, CLOSEST_ROWS = 8, 0.5
# Chi-square of one parameter that holds 95 % on one side.
ONE_SIDED_95 = 2.706
# Places tried for an onset that is not seen: a few per row of any stage long enough to hide it.
ONSET_PLACES = 60


@dataclass(frozen=True)
class Course:
    """What the knots of a curve stand between: its rows, scaled as for the fit.

    Attributes
    ----------
    times, values, weights : (N,) float64
        Rows that count.
    noise : Noise
    half_width : float
        Rounding of the corners.
    start, end : float
        Where the first segment begins if no level start is seen, and the last ends if no plateau is.
    free_start, flat_end : bool
        As in `HingeFit`.
    gap : float
        Time between rows.
    """

    times: FloatArray
    values: FloatArray
    weights: FloatArray
    noise: Noise
    half_width: float
    start: float
    end: float
    free_start: bool
    flat_end: bool
    gap: float

    def bounds(self, knots: FloatArray) -> FloatArray:
        """Return where segments begin and end, (segments + 1,)."""
        first = [self.start] if self.free_start else []
        last = [] if self.flat_end else [self.end]
        return np.concatenate([first, knots, last])

    def misfit(self, knots: FloatArray, laws: Sequence[str]) -> float:
        """Return chi-square of the best curve with these knots and these laws of its segments."""
        return self.solved(knots, laws)[0]

    def solved(self, knots: FloatArray, laws: Sequence[str]) -> tuple[float, float]:
        """Return chi-square of that curve and its value at the start."""
        columns = [np.ones_like(self.times)]
        bounds = self.bounds(knots)
        for a, b, law in zip(bounds[:-1], bounds[1:], laws, strict=True):
            columns.append(self._shape(a, max(b, a + 1e-9), law))
        rows = np.sqrt(self.weights) / self.noise.sd
        basis = self._fresh(np.column_stack(columns) * rows[:, None])
        target = self._fresh((self.values * rows)[:, None])[:, 0]
        normal = basis.T @ basis
        # A ridge far below any real curvature: a segment without rows has no amount of its own.
        normal.flat[:: len(normal) + 1] += 1e-10 * np.trace(normal)
        amounts = np.linalg.solve(normal, basis.T @ target)
        left = target - basis @ amounts
        return float(left @ left), float(amounts[0])

    def _shape(self, a: float, b: float, law: str) -> FloatArray:
        """Return the course from 0 at a to 1 at b of a segment, corners averaged."""
        share = np.clip((self.times + self.half_width * PLACES[:, None] - a) / (b - a), 0.0, 1.0)
        return np.asarray((np.sqrt(share) if law == "parabolic" else share).mean(axis=0))

    def _fresh(self, rows: FloatArray) -> FloatArray:
        """Return (N, P) rows with what neighbours have in common taken out (first-order filter)."""
        rho = self.noise.correlation
        fresh = (rows[1:] - rho * rows[:-1]) / np.sqrt(1 - rho**2)
        return np.vstack([rows[:1], fresh])


def course_of(times: FloatArray, values: FloatArray, fit: HingeFit, noise: Noise) -> Course:
    """Return the rows that a fit trusts, with its rounding and ends."""
    used = fit.weights > 0
    gap = float(np.median(np.diff(times)))
    return Course(
        times[used],
        values[used],
        fit.weights[used],
        noise,
        fit.half_width,
        float(times[0]),
        float(times[-1]),
        fit.free_start,
        fit.flat_end,
        gap,
    )


def law_evidence(course: Course, knots: FloatArray, stages: Sequence[int]) -> dict[int, float]:
    """Return for each stage by how much a straight course explains the curve better than a parabolic one.

    Parameters
    ----------
    course : Course
    knots : (K,) float64
        Of the fit.
    stages : sequence of int
        Segments that are stages, counted from the first row as in `selection.segments`.

    Returns
    -------
    dict of int to float
        BIC(parabolic) - BIC(linear) of each stage, all other segments straight; NaN where the stage has too few rows.
    """
    bounds = course.bounds(knots)
    count = len(bounds) - 1
    plain = ["linear"] * count
    found = dict.fromkeys(stages, float("nan"))
    straight = _searched(course, knots, plain) if count else 0.0
    for j in stages:
        at = j if course.free_start else j - 1
        if not 0 <= at < count:
            continue
        inside = (course.times >= bounds[at] - course.gap) & (course.times <= bounds[at + 1] + course.gap)
        if int(inside.sum()) < FEWEST_LAW_ROWS + 2:
            continue
        bent = [*plain[:at], "parabolic", *plain[at + 1 :]]
        found[j] = _searched(course, knots, bent) - straight
    return found


def law_named(evidence: float) -> str:
    """Return the law that a difference of BIC (parabolic minus linear) supports.

    >>> law_named(30.0), law_named(-30.0), law_named(1.0), law_named(float("nan"))
    ('linear', 'parabolic', 'undecided', 'undecided')
    """
    if not abs(evidence) >= STRONG_EVIDENCE:
        return "undecided"
    return "linear" if evidence > 0 else "parabolic"


@dataclass(frozen=True)
class UnseenStart:
    """What a curve says of its value before an onset that it does not show.

    Attributes
    ----------
    level, level_sd : float
        Value before the onset, and what not knowing the onset leaves open of it.
    latest_onset : float
        The onset was before this time (95 %, one-sided).
    onset, onset_sd : float
        The onset, where the other particles make it more likely that the movie holds it than that it does not; NaN
        otherwise.
    interval : (float, float)
        95 % of that onset; the lower end is NaN where it may have been before the first row after all.
    """

    level: float
    level_sd: float
    latest_onset: float
    onset: float = float("nan")
    onset_sd: float = float("nan")
    interval: tuple[float, float] = (float("nan"), float("nan"))


def unseen_start(course: Course, knots: FloatArray, others: OtherOnsets | None = None) -> UnseenStart:
    """Return the value before an onset that lies in or before the first rows.

    Parameters
    ----------
    course : Course
        With `free_start`.
    knots : (K,) float64
        Of the fit: ends of its segments.
    others : OtherOnsets, optional
        When the other particles of the movie began, in the time of the course.

    Notes
    -----
    The onset may be anywhere from the first row on; each place counts by its likelihood, exp(-misfit / 2), and by what
    the others predict. A curve that is steep from its first row on leaves only that row; a slow one that may have been
    level for some rows is averaged.
    """
    places, misfits, levels = _onset_places(course, knots)
    latest = float(places[np.flatnonzero(misfits <= misfits.min() + ONE_SIDED_95)[-1]])
    likely = np.exp(-(misfits - misfits.min()) / 2)
    if others is not None:
        step = float(places[1] - places[0])
        after = likely * others.density(places) * step * (1 - others.begun_share)
        # A start before the first row looks as one at it.
        after[0] += float(likely[0]) * others.before(course.start)
        shown = places >= course.start + (FEWEST_LEVEL_ROWS - 0.5) * course.gap
        if after[shown].sum() > after[~shown].sum():
            return _placed(places, levels, after, shown, latest)
    mean, sd = _mean_and_sd(levels, likely)
    return UnseenStart(mean, sd, latest)


def _onset_places(course: Course, knots: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return places of an onset from the first row to the end of the first stage, with misfit and level of each."""
    level = replace(course, free_start=False)
    last = float(knots[0]) if len(knots) else course.end
    places = np.linspace(course.start, last, ONSET_PLACES, endpoint=False)
    laws = ["linear"] * len(course.bounds(knots)[1:])
    misfits, levels = np.array([level.solved(np.concatenate([[at], knots]), laws) for at in places]).T
    return places, misfits, levels


def _placed(places: FloatArray, levels: FloatArray, likely: FloatArray, shown: Mask, latest: float) -> UnseenStart:
    """Return the onset from how likely its places are; those not shown stand for a start before the movie."""
    onset, onset_sd = _mean_and_sd(places[shown], likely[shown])
    level, level_sd = _mean_and_sd(levels, likely)
    below = np.cumsum(likely) / likely.sum()
    low, high = (float(places[min(int(np.searchsorted(below, at)), len(places) - 1)]) for at in (0.025, 0.975))
    low = low if below[~shown].max(initial=0.0) < 0.025 else float("nan")
    return UnseenStart(level, level_sd, max(latest, high), onset, onset_sd, (low, high))


def _mean_and_sd(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    share = weights / weights.sum()
    mean = float(share @ values)
    return mean, float(np.sqrt(share @ (values - mean) ** 2))


def _searched(course: Course, knots: FloatArray, laws: Sequence[str]) -> float:
    """Return the misfit after moving the knots, one by one and by ever smaller steps, as long as it falls."""
    place, best = knots.copy(), course.misfit(knots, laws)
    steps = [2.0**-n * max(2 * course.gap, 0.04) for n in range(MOST_STEPS)]
    for step in steps:
        for j in range(len(place)):
            for move in (-step, step):
                trial = place.copy()
                trial[j] += move
                if np.diff(course.bounds(trial)).min() < CLOSEST_ROWS * course.gap:
                    continue
                misfit = course.misfit(trial, laws)
                if misfit < best:
                    place, best = trial, misfit
    return best
