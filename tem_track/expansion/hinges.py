"""A continuous piecewise-linear curve with rounded corners, fitted robustly.

Strategy: V(t) is a flat start, then straight segments that meet at knots, each corner rounded over the same half width
(a real reaction front is not sharp, and neither is a frame's exposure). The corners sit anywhere, not only on frames.
Knots come first from a search on a grid (forward steps and exchanges on the normal equations, cheap), then all
parameters are refined together by damped Gauss-Newton with weights that ignore outlying rows.

Letters: N rows, K knots. Times are scaled by the caller to [0, 1]; values are of order one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray

# Rows beyond this many robust standard deviations lose weight (Huber), the usual 95 %-efficient range is 1.3 to 3;
# the wide end, because outlines are only rarely wrong but then by a lot.
HUBER_SD = 2.5
# Rows beyond this many are taken as wrong outlines and have no say.
REJECT_SD = 6.0
# ... but never for being off by less than this share of the typical value times `REJECT_SD`: straight pieces are a
# model, and the rows of a steep stage follow it less closely than those of a plateau.
LEAST_SCALE = 0.002
# Gauss-Newton converges in 5 to 8 steps from the grid's start; more only polish a bad model.
MAX_STEPS = 12
# Corners are rounded over half a frame interval at least (a frame is an average) and by default over three at most, or
# this share of the movie: a front that reaches the particle's core, a moving reaction's end.
ROUND_FRAMES, ROUND_SHARE = (0.5, 3.0), 0.03


@dataclass(frozen=True)
class HingeFit:
    """A fitted rounded piecewise-linear curve.

    Attributes
    ----------
    level : float
        Value of the first segment at the first row.
    knots : (K,) float64
        Corner times, increasing.
    slopes : (K + 1,) float64
        Slope of every segment; the first is 0 unless `free_start`.
    half_width : float
        Half width of the rounding of every corner.
    half_widths : (float, float)
        The range it was allowed.
    free_start, flat_end : bool
        Whether the first segment may have a slope; whether the last one is held at slope 0.
    fitted, residuals, weights : (N,) float64
        Curve at the rows, rows minus curve, final weights (prior times robust).
    jacobian : (N, P) float64
        Derivatives of the curve after level, slopes (those that are free), knots and half width.
    law : str
        ``"linear"``, or ``"parabolic"`` for a curve of `laws`.
    """

    level: float
    knots: FloatArray
    slopes: FloatArray
    half_width: float
    half_widths: tuple[float, float]
    free_start: bool
    flat_end: bool
    fitted: FloatArray
    residuals: FloatArray
    weights: FloatArray
    jacobian: FloatArray
    law: str = "linear"

    @property
    def knot_count(self) -> int:
        """Number of corners."""
        return len(self.knots)

    @property
    def usual_rounding(self) -> float:
        """Largest half width of a corner that is no bend of its own."""
        return max(ROUND_FRAMES[1] / ROUND_FRAMES[0] * self.half_widths[0], ROUND_SHARE)

    @property
    def leaving(self) -> float:
        """Where the curve leaves its level start: its first corner, or where the bend begins that it is wider by.

        The rounding that every corner may have (a frame's exposure, a front that is not sharp) lies on both sides of
        it; a bend over more than that is a slow start.
        """
        return float(self.knots[0] - max(self.half_width - self.usual_rounding, 0.0))


def hinge(x: FloatArray, half_width: float) -> FloatArray:
    """Return max(x, 0) with its corner rounded over +-half_width (a hinge averaged over that window).

    >>> hinge(np.array([-2.0, 0.0, 2.0]), 1.0).tolist()
    [0.0, 0.25, 2.0]
    """
    inside = np.clip(x + half_width, 0.0, 2 * half_width)
    return inside**2 / (4 * half_width) + np.maximum(x - half_width, 0.0)


def curve(times: FloatArray, fit: HingeFit, start: float) -> FloatArray:
    """Return the fitted curve at any times; `start` is the time of the first row."""
    bends = np.diff(fit.slopes)
    straight = fit.level + fit.slopes[0] * (times - start)
    return np.asarray(straight + hinge(times[:, None] - fit.knots, fit.half_width) @ bends)


def grid_knots(
    times: FloatArray, values: FloatArray, weights: FloatArray, most: int, grid: FloatArray
) -> list[FloatArray]:
    """Return, for 0 to `most` knots, the places on a grid that fit the curve best.

    Forward steps (the best pair is found by trying every first knot) and exchanges until nothing improves.

    Parameters
    ----------
    times, values, weights : (N,) float64
    most : int
        Largest number of knots.
    grid : (G,) float64
        Allowed knots, increasing.

    Returns
    -------
    list of (k,) float64
        ``knots[k]``, increasing, for k = 0 .. most (fewer where the grid is smaller).
    """
    columns = np.column_stack([np.ones_like(times), np.maximum(times[:, None] - grid, 0.0)])
    gram = (columns * weights[:, None]).T @ columns
    moments = (columns * weights[:, None]).T @ values
    found: list[list[int]] = [[]]
    for k in range(1, min(most, len(grid)) + 1):
        chosen = _best_pair(gram, moments) if k == 2 else [*found[-1], *_best_added(gram, moments, found[-1])]
        found.append(_exchanged(gram, moments, chosen))
    return [np.sort(grid[np.array(chosen, int) - 1]) for chosen in found]


def _best_added(gram: FloatArray, moments: FloatArray, chosen: list[int]) -> list[int]:
    """Return the column (as a list of one) whose addition explains most, given those chosen."""
    have = [0, *chosen]
    ridge = 1e-9 * gram[0, 0] * np.eye(len(have))
    solved = np.linalg.solve(gram[np.ix_(have, have)] + ridge, np.column_stack([gram[have], moments[have]]))
    left = moments - gram[:, have] @ solved[:, -1]
    own = np.einsum("ij,ji->i", gram[:, have], solved[:, :-1])
    norm = np.diag(gram) - own
    usable = norm > 1e-6 * gram[0, 0] * 1e-2
    usable[have] = False
    gain = np.where(usable, left**2 / np.where(usable, norm, 1.0), -1.0)
    return [int(np.argmax(gain))]


def _best_pair(gram: FloatArray, moments: FloatArray) -> list[int]:
    """Return the two columns that together explain most, all pairs tried."""
    level = gram[0] / gram[0, 0]
    inner = gram[1:, 1:] - np.outer(gram[1:, 0], level[1:])
    m = moments[1:] - level[1:] * moments[0]
    own = np.diag(inner)
    determinant = np.outer(own, own) - inner**2
    usable = determinant > 1e-8 * max(float(determinant.max()), 1e-30)
    gain = np.outer(m**2, own) + np.outer(own, m**2) - 2 * np.outer(m, m) * inner
    gain = np.where(usable, gain / np.where(usable, determinant, 1.0), -1.0)
    i, j = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return [int(i) + 1, int(j) + 1]


def _explained(gram: FloatArray, moments: FloatArray, chosen: list[int]) -> float:
    have = [0, *chosen]
    ridge = 1e-9 * gram[0, 0] * np.eye(len(have))
    return float(moments[have] @ np.linalg.solve(gram[np.ix_(have, have)] + ridge, moments[have]))


def _exchanged(gram: FloatArray, moments: FloatArray, chosen: list[int]) -> list[int]:
    """Return the set after replacing one knot at a time by the best one until no exchange helps."""
    best = _explained(gram, moments, chosen)
    # Each sweep can only lower the sum of squares; three have always been enough to stand still.
    for _ in range(3):
        before = best
        for j in range(len(chosen)):
            rest = chosen[:j] + chosen[j + 1 :]
            trial = [*rest, *_best_added(gram, moments, rest)]
            score = _explained(gram, moments, trial)
            if score > best * (1 + 1e-12):
                chosen, best = trial, score
        if best <= before * (1 + 1e-9):
            break
    return chosen


def fit_hinges(
    times: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    knots: FloatArray,
    *,
    half_widths: tuple[float, float],
    free_start: bool = False,
    flat_end: bool = False,
    robust: bool = True,
) -> HingeFit:
    """Return the rounded piecewise-linear curve refined from given knots.

    Parameters
    ----------
    times : (N,) float64
        Increasing, scaled to about [0, 1].
    values : (N,) float64
    weights : (N,) float64
        Prior weights, 1 / variance up to a factor; 0 leaves a row out.
    knots : (K,) float64
        Where to start.
    half_widths : (float, float)
        Smallest and largest half width of the rounding.
    free_start, flat_end : bool
        Let the first segment slope; hold the last one level.
    robust : bool
        Let rows far from the curve lose weight; else `weights` are taken as they are.

    Returns
    -------
    HingeFit

    Notes
    -----
    Each step solves the linearised problem for all parameters, moves knots and half width, then solves level and
    slopes exactly; a step that does not lower the weighted sum of squares is halved. Robust weights follow Huber with
    a rejection beyond six standard deviations (scale from the median absolute residual).
    """
    shape = (free_start, flat_end)
    place, width, trust = np.sort(np.asarray(knots, float)), half_widths[0], np.ones_like(values)
    # Plain first: a steep stage of few rows looks like wrong rows until the curve has bent to it.
    state = _solved(times, values, weights, place, width, shape)
    for rounds in range(3 if robust else 1):
        if rounds:
            trust = robust_weights(state[2], weights, LEAST_SCALE * float(np.median(np.abs(values))))
            state = _solved(times, values, weights * trust, place, width, shape)
        for _ in range(MAX_STEPS):
            moved = _stepped(times, values, weights * trust, place, width, shape, state, half_widths)
            if moved is None:
                break
            place, width, state, gained = moved
            if gained < 1e-4:
                break
    linear, bends, residuals = state
    jacobian = _jacobian(times, place, width, shape, bends)
    slopes = np.concatenate([[linear[1] if free_start else 0.0], np.zeros(len(place))])
    slopes[1:] = slopes[0] + np.cumsum(bends)
    return HingeFit(
        float(linear[0]),
        place,
        slopes,
        float(width),
        half_widths,
        free_start,
        flat_end,
        values - residuals,
        residuals,
        weights * trust,
        jacobian,
    )


def robust_weights(residuals: FloatArray, prior: FloatArray, least_sd: float) -> FloatArray:
    """Return Huber weights in (0, 1], 0 beyond `REJECT_SD`, for (N,) residuals with prior weights."""
    scaled = np.abs(residuals) * np.sqrt(prior)
    used = scaled[prior > 0]
    # 1.4826: the median absolute deviation of a normal distribution to its standard deviation.
    sd = max(1.4826 * float(np.median(used)) if used.size else 0.0, least_sd)
    far = scaled / sd
    return np.where(far > REJECT_SD, 0.0, np.minimum(1.0, HUBER_SD / np.maximum(far, 1e-12)))


def _basis(times: FloatArray, knots: FloatArray, width: float, shape: tuple[bool, bool]) -> FloatArray:
    """Return the (N, P) columns of level, start slope and bends under the constraints of `shape`."""
    free_start, flat_end = shape
    hinges = hinge(times[:, None] - knots, width)
    parts = [np.ones((len(times), 1))]
    if free_start:
        parts.append((times - times[0])[:, None] - (hinges[:, -1:] if flat_end and len(knots) else 0.0))
    parts.append(hinges[:, :-1] - hinges[:, -1:] if flat_end and len(knots) else hinges)
    return np.hstack(parts)


def _solved(
    times: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    knots: FloatArray,
    width: float,
    shape: tuple[bool, bool],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (linear parameters, bend at every knot, residuals) at given knots and rounding."""
    basis = _basis(times, knots, width, shape)
    linear = _least_squares(basis, values, weights)
    free_start, flat_end = shape
    bends = linear[1 + free_start :]
    if flat_end and len(knots):
        bends = np.append(bends, -(linear[1] if free_start else 0.0) - bends.sum())
    return linear, bends, values - basis @ linear


def _least_squares(columns: FloatArray, values: FloatArray, weights: FloatArray) -> FloatArray:
    normal = (columns * weights[:, None]).T @ columns
    # A ridge far below any real curvature, only so that a knot without rows on one side does not stop the fit.
    normal.flat[:: len(normal) + 1] += 1e-10 * max(np.trace(normal), 1e-30)
    return np.asarray(np.linalg.solve(normal, columns.T @ (weights * values)))


def _jacobian(
    times: FloatArray, knots: FloatArray, width: float, shape: tuple[bool, bool], bends: FloatArray
) -> FloatArray:
    """Return the (N, P) derivatives after linear parameters, knots and half width."""
    basis = _basis(times, knots, width, shape)
    if not len(knots):
        return basis
    away = times[:, None] - knots
    by_knot = -bends * np.clip((away + width) / (2 * width), 0.0, 1.0)
    by_width = np.clip((width**2 - away**2) / (4 * width**2), 0.0, None) @ bends
    return np.hstack([basis, by_knot, by_width[:, None]])


def _stepped(
    times: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    knots: FloatArray,
    width: float,
    shape: tuple[bool, bool],
    state: tuple[FloatArray, FloatArray, FloatArray],
    half_widths: tuple[float, float],
) -> tuple[FloatArray, float, tuple[FloatArray, FloatArray, FloatArray], float] | None:
    """Return (knots, half width, solution, relative gain) after one damped step, or None if none helps."""
    k = len(knots)
    if not k:
        return None
    linear, bends, residuals = state
    cost = float(weights @ residuals**2)
    move = _least_squares(_jacobian(times, knots, width, shape, bends), residuals, weights)[len(linear) :]
    # Knots keep their order and stay in the movie: none moves by more than 40 % of the way to its neighbour.
    room = 0.4 * np.diff(np.concatenate([[2 * times[0] - times[-1]], knots, [2 * times[-1] - times[0]]]))
    for _ in range(5):
        place = np.clip(knots + np.clip(move[:k], -room[:-1], room[1:]), times[0], times[-1])
        # Corners do not run into each other: the rounding is at most half the shortest segment.
        widest = max(min(0.5 * float(np.diff(place).min(initial=1.0)), half_widths[1]), half_widths[0])
        wide = float(np.clip(width + move[k], half_widths[0], widest))
        trial = _solved(times, values, weights, place, wide, shape)
        lower = float(weights @ trial[2] ** 2)
        if lower < cost * (1 - 1e-12):
            return place, wide, trial, (cost - lower) / cost
        move = 0.5 * move
    return None
