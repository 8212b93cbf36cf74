"""How many knots a volume curve has: no more than its noise allows, none that makes no stage.

Strategy: fit the richest curve first, robustly; it says which rows are wrong outlines and how noisy and how serially
correlated the others are. Poorer curves are then fitted on the same rows. A knot must lower the misfit, in units of
that noise, by more than `KNOT_PENALTY` log N. Then knots that bound no stage worth the name are taken out one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.expansion.hinges import ROUND_FRAMES, ROUND_SHARE, HingeFit, fit_hinges, grid_knots
from tem_track.expansion.laws import parabolic_fit
from tem_track.expansion.noise import LEAST_NOISE, serial_correlation
from tem_track.expansion.wrong_rows import right_rows
from tem_track.movie import FloatArray

# Two stages, a jump of the outline and a plateau need five knots.
MOST_KNOTS = 5
# Parameters per row up to which a richer curve is tried; above, it would follow the noise.
PARAMETERS_PER_ROW = 0.5
# Places a knot may start from: dense enough that Gauss-Newton reaches the best place, few enough to try all pairs.
GRID_PLACES = 40
# A knot costs its place, chosen among N, and a slope: 3 log N of chi-square, the leading term of the modified BIC of
# N. R. Zhang, D. O. Siegmund, Biometrics 63 (2007) 22, https://doi.org/10.1111/j.1541-0420.2006.00662.x
KNOT_PENALTY = 3.0
# Curves that bend smoothly (sigmoids, slow starts) are tried with one to three knots and free rounding, up to this
# share of the movie; the free rounding costs as much as a knot. With more than one knot they end level: a rounding that
# bridges two stages, its end pulled off by a last steep piece, is no sigmoid.
WIDE_SHARE = 0.3
# A stage changes the volume by at least this share of V0: smaller steps are of the size of an outline's slow bias.
SMALLEST_CHANGE = 0.06
# ... and by at least this share of the whole change, so that what is left of a rounded corner is no stage.
SMALLEST_SHARE = 0.1
# Rows a stage holds at least where there is more than one: with fewer its rate is a matter of one outline.
FEWEST_ROWS = 4
# Rows a plateau holds at least.
FEWEST_PLATEAU_ROWS = 3
# Rows before the onset that a level start holds at least.
FEWEST_LEVEL_ROWS = 2
# Two neighbouring stages differ in rate by this factor at least, or they are one stage that bends.
RATE_FACTOR = 1.5
# Rows a stage holds at least before its curvature is asked for.
LAW_ROWS = 2 * FEWEST_ROWS
# A segment slower than this share of the fastest stage is creep of the plateau or of the outline, and no stage.
CREEP_SHARE = 1 / 30
# Significance, in standard deviations, of a stage's rate and of the change of rate between stages.
SIGNIFICANT_SD = 3.0
# A segment slower than this share of both neighbours is a pause; one faster than 1/share of both, and short, a jump.
PAUSE_SHARE = 1 / 3


@dataclass(frozen=True)
class Noise:
    """Scatter of a curve's rows of weight 1: standard deviation and correlation of neighbours."""

    sd: float
    correlation: float


@dataclass(frozen=True)
class Segment:
    """A straight piece of a fitted curve: (scaled) start and end time, slope, its standard error, rows inside."""

    start: float
    end: float
    slope: float
    slope_sd: float
    rows: int

    @property
    def change(self) -> float:
        """Change of the value over the segment."""
        return self.slope * (self.end - self.start)


def select_fit(times: FloatArray, values: FloatArray, weights: FloatArray) -> tuple[HingeFit, Noise, list[HingeFit]]:
    """Return the curve with as many knots as it earns, the noise about it, and its rivals.

    Parameters
    ----------
    times : (N,) float64
        Increasing, scaled to [0, 1]; N >= 6.
    values : (N,) float64
        Of order one (V over a rough V0).
    weights : (N,) float64
        Prior weights with mean 1.

    Returns
    -------
    (HingeFit, Noise, list of HingeFit)
        The first segment is level unless the curve already changes in its first row (`free_start`); the last is held
        level where it is a plateau (`flat_end`).
    """
    gap = float(np.median(np.diff(times)))
    weights = weights * right_rows(values)
    fits = _candidates(times, values, weights, gap)
    noise = noise_about(fits[-1])
    weights = fits[-1].weights
    wide = [_refit(f, times, values, weights, widest=WIDE_SHARE, flat_end=f.knot_count > 1) for f in fits[1:4]]
    # A bend that begins before the level rows is no level start: straight pieces tell better when it began.
    wide = [f for f in wide if f.leaving >= times[0] + (FEWEST_LEVEL_ROWS - 0.5) * gap]
    fit = min(fits + wide, key=lambda f: cost(f, noise))
    while (doubtful := _doubtful_knots(fit, noise, times)) and fit.knot_count:
        fewer = [_refit(fit, times, values, weights, knots=np.delete(fit.knots, j)) for j in doubtful]
        fewer += [f for f in fits + wide if f.knot_count == fit.knot_count - 1]
        if fit.knot_count - 1 in doubtful and _may_end_level(fit, noise, times):
            fewer.append(_refit(fit, times, values, weights, flat_end=True))
        fit = min(fewer, key=lambda f: cost(f, noise))
    # Taking out one knot after the other can leave out what needs none taken out.
    sure = [f for f in fits + wide if not _doubtful_knots(f, noise, times)]
    fit = min([fit, *sure], key=lambda f: cost(f, noise))
    fit = _with_ends(fit, noise, times, values, weights, gap)
    if _slows_down(fit, times):
        # One knot fewer than two straight stages: as for every other knot, the second one has to earn its price.
        bent = parabolic_fit(times, values, fit)
        if not fit.free_start or bent.knots[0] >= times[0] + (FEWEST_LEVEL_ROWS - 0.5) * gap:
            fit = min(fit, bent, key=lambda f: cost(f, noise))
    return fit, noise_about(fit), fits + wide


def rival_weights(rivals: list[HingeFit], fit: HingeFit, noise: Noise) -> FloatArray:
    """Return how likely each rival is to be nearest the truth, summing to 1 with the chosen fit's own share.

    Notes
    -----
    Akaike weights, exp(-AIC / 2) normalised; K. P. Burnham, D. R. Anderson, Sociol. Methods Res. 33 (2004) 261,
    https://doi.org/10.1177/0049124104268644
    """
    scores = np.array([misfit(f, noise) + 2 * f.jacobian.shape[1] for f in [fit, *rivals]])
    likely = np.exp(-(scores - scores.min()) / 2)
    return np.asarray(likely[1:] / likely.sum())


def segments(fit: HingeFit, noise: Noise, times: FloatArray) -> list[Segment]:
    """Return the straight pieces of a fit, from the first row to the last."""
    bounds = np.concatenate([[times[0]], fit.knots, [times[-1]]])
    slope_sds = np.sqrt(np.clip(np.diag(slope_covariance(fit, noise)), 0.0, None))
    used = times[fit.weights > 0]
    found = []
    for a, b, slope, sd in zip(bounds[:-1], bounds[1:], fit.slopes, slope_sds, strict=True):
        found.append(Segment(float(a), float(b), float(slope), float(sd), int(((used >= a) & (used <= b)).sum())))
    return found


def noise_about(fit: HingeFit) -> Noise:
    """Return standard deviation and serial correlation of the rows about a fit."""
    used = fit.weights > 0
    parameters = fit.jacobian.shape[1]
    freedom = max(int(used.sum()) - parameters, 1)
    sd = float(np.sqrt((fit.weights * fit.residuals**2).sum() / freedom))
    correlation = serial_correlation(fit.residuals, fit.weights, parameters)
    return Noise(max(sd, LEAST_NOISE), correlation if sd > LEAST_NOISE else 0.0)


def misfit(fit: HingeFit, noise: Noise) -> float:
    """Return chi-square of a fit's residuals under serially correlated noise (whitened by its first-order filter)."""
    scaled = (fit.residuals * np.sqrt(fit.weights))[fit.weights > 0] / noise.sd
    rho = noise.correlation
    fresh = scaled[1:] - rho * scaled[:-1]
    return float(scaled[0] ** 2 + (fresh @ fresh) / (1 - rho**2))


def cost(fit: HingeFit, noise: Noise) -> float:
    """Return chi-square plus the price of every knot, and of a rounding wider than usual."""
    paid = fit.knot_count + (fit.half_widths[1] >= WIDE_SHARE)
    return misfit(fit, noise) + KNOT_PENALTY * float(np.log(len(fit.fitted))) * paid


def covariance(fit: HingeFit, noise: Noise) -> FloatArray:
    """Return the (P, P) covariance of a fit's parameters (order of `HingeFit.jacobian`) under correlated noise.

    Notes
    -----
    The sandwich (J'WJ)^-1 J'W S W J (J'WJ)^-1 with S_ij = sd^2 rho^|i-j| / sqrt(w_i w_j).
    """
    used = fit.weights > 0
    rooted = fit.jacobian[used] * np.sqrt(fit.weights[used])[:, None]
    bread = rooted.T @ rooted
    bread.flat[:: len(bread) + 1] += 1e-9 * np.trace(bread)
    solved: FloatArray = np.asarray(np.linalg.solve(bread, rooted.T), float)
    return np.asarray(noise.sd**2 * _correlated_product(solved, noise.correlation))


def slope_covariance(fit: HingeFit, noise: Noise) -> FloatArray:
    """Return the (K + 1, K + 1) covariance of the slopes of a fit's segments."""
    to_slope = slope_map(fit)
    return np.asarray(to_slope @ covariance(fit, noise) @ to_slope.T)


def slope_map(fit: HingeFit) -> FloatArray:
    """Return the (K + 1, P) matrix from parameter errors to slope errors."""
    k, start = fit.knot_count, int(fit.free_start)
    to_slope = np.zeros((k + 1, fit.jacobian.shape[1]))
    if start:
        to_slope[:, 1] = 1.0
    for j in range(k - int(fit.flat_end)):
        to_slope[j + 1 :, 1 + start + j] = 1.0
    if fit.flat_end and k:
        to_slope[-1] = 0.0
    return to_slope


def _correlated_product(rows: FloatArray, rho: float) -> FloatArray:
    """Return A S A' for S_ij = rho^|i-j| without building S."""
    if rho <= 0:
        return np.asarray(rows @ rows.T)
    from scipy.linalg import solve_banded

    # Sums over the past with weights rho^lag solve (1 - rho shift) x = a; the same backwards for the future.
    bands = np.array([np.ones(rows.shape[1]), np.full(rows.shape[1], -rho)])
    past = solve_banded((1, 0), bands, rows.T).T
    future = solve_banded((1, 0), bands, rows[:, ::-1].T).T[:, ::-1]
    return np.asarray((past + future - rows) @ rows.T)


def _candidates(times: FloatArray, values: FloatArray, weights: FloatArray, gap: float) -> list[HingeFit]:
    """Return the best fit for each number of knots, all on the rows that the richest one trusts."""
    rows = int((weights > 0).sum())
    most = int(np.clip((PARAMETERS_PER_ROW * rows - 2) // 2, 1, MOST_KNOTS))
    starts = grid_knots(times, values, weights, most, _grid(times, values))
    rounding = (ROUND_FRAMES[0] * gap, max(ROUND_FRAMES[1] * gap, ROUND_SHARE))
    richest = fit_hinges(times, values, weights, starts[-1], half_widths=rounding)
    fits = [
        fit_hinges(times, values, richest.weights, knots, half_widths=rounding, robust=False) for knots in starts[:-1]
    ]
    return [*fits, richest]


def _grid(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return places for knots, dense where the curve is steep: evenly spaced along its (smoothed) arc."""
    padded = np.pad(values, 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    span = max(float(np.ptp(smooth)), SMALLEST_CHANGE)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(times), np.diff(smooth) / span))])
    places = np.interp(np.linspace(0, arc[-1], min(GRID_PLACES, 2 * len(times)) + 1), arc, times)[:-1]
    return np.unique(places)


def _refit(
    fit: HingeFit,
    times: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    *,
    knots: FloatArray | None = None,
    widest: float = 0.0,
    flat_end: bool | None = None,
) -> HingeFit:
    """Return the same kind of curve fitted from other knots, with another largest rounding or another end."""
    knots = fit.knots if knots is None else knots
    return fit_hinges(
        times,
        values,
        weights,
        knots,
        half_widths=(fit.half_widths[0], max(widest, fit.half_widths[1])),
        free_start=fit.free_start,
        flat_end=(fit.flat_end if flat_end is None else flat_end) and len(knots) > 0,
        robust=False,
    )


def smallest_change(fit: HingeFit) -> float:
    """Return the least change of value that counts as a stage."""
    return max(SMALLEST_CHANGE * abs(fit.level), SMALLEST_SHARE * float(np.ptp(fit.fitted)))


def is_jump(before: Segment, segment: Segment, after: Segment) -> bool:
    """Return whether a segment is a sudden step between two calmer ones rather than a stage."""
    calmer = max(abs(before.slope), abs(after.slope)) < PAUSE_SHARE * abs(segment.slope)
    return calmer and segment.rows < FEWEST_ROWS


def is_pause(before: Segment, segment: Segment, after: Segment) -> bool:
    """Return whether a segment is a rest between two stages."""
    slower = min(abs(before.slope), abs(after.slope)) * PAUSE_SHARE > abs(segment.slope)
    return slower and segment.rows >= FEWEST_ROWS


def _doubtful_knots(fit: HingeFit, noise: Noise, times: FloatArray) -> list[int]:
    """Return the knots of which one should go because a segment is no stage, or a change of rate is none."""
    pieces = segments(fit, noise, times)
    least, fastest, k = smallest_change(fit), _fastest(pieces, smallest_change(fit)), fit.knot_count
    if not k:
        return []
    if k == 1 and not is_stage(pieces[1], least, fastest):
        return [0]
    if k > 1 and not is_stage(pieces[-1], least, fastest) and pieces[-1].rows < FEWEST_PLATEAU_ROWS:
        return [k - 1]
    if k > 2 and pieces[-1].rows < FEWEST_ROWS and is_stage(pieces[-1], least, fastest):
        return [k - 1]
    for j in range(1, k):
        before, piece, after = pieces[j - 1 : j + 2]
        small = not is_stage(piece, least, fastest)
        short = piece.rows < FEWEST_ROWS and k > 2
        resting = is_pause(before, piece, after) and _differ(fit, noise, j - 1) and _differ(fit, noise, j)
        if (small and not resting) or (short and not is_jump(before, piece, after)):
            return [j - 1, j]
    for j in range(1, k):
        if not other_rate(pieces[j], pieces[j + 1]) or not _differ(fit, noise, j):
            return [j]
    return []


def _may_end_level(fit: HingeFit, noise: Noise, times: FloatArray) -> bool:
    """Return whether the last segment is no stage, but long enough to be a plateau.

    Over few rows its slope is hardly known, so that it differs from the stage before without certainty; held level it
    differs surely.
    """
    pieces, least = segments(fit, noise, times), smallest_change(fit)
    plateau = pieces[-1].rows >= FEWEST_PLATEAU_ROWS and not is_stage(pieces[-1], least, _fastest(pieces, least))
    return plateau and fit.knot_count > 1 and not fit.flat_end


def is_stage(piece: Segment, least: float, fastest: float) -> bool:
    """Return whether a segment changes the value enough, fast enough and surely enough to be a stage."""
    enough = abs(piece.change) >= least and abs(piece.slope) >= CREEP_SHARE * fastest
    return enough and abs(piece.slope) >= SIGNIFICANT_SD * piece.slope_sd


def _ends_level(fit: HingeFit, noise: Noise, times: FloatArray, values: FloatArray, weights: FloatArray) -> bool:
    """Return whether the last segment is a plateau: no stage, or one that a level end explains as well.

    A last stage that the movie cuts off must earn its knot against a plateau, as every other knot did.
    """
    pieces, least = segments(fit, noise, times), smallest_change(fit)
    if fit.flat_end or not is_stage(pieces[-1], least, _fastest(pieces, least)):
        return True
    if fit.knot_count < 2:
        return False
    level = _refit(fit, times, values, weights, flat_end=True)
    return misfit(level, noise) - misfit(fit, noise) < KNOT_PENALTY * float(np.log(len(times)))


def _slows_down(fit: HingeFit, times: FloatArray) -> bool:
    """Return whether a fit is one stage or several of one sign, each slower than the one before, over enough rows."""
    if not fit.knot_count:
        return False
    # A widely rounded corner may stand for the steep start of a parabola, and seem to begin before the first row.
    start = times[0] if fit.free_start else fit.knots[0]
    end = fit.knots[-1] if fit.flat_end else times[-1]
    if int(((times >= start) & (times <= end)).sum()) < LAW_ROWS:
        return False
    rates = fit.slopes[int(not fit.free_start) : len(fit.slopes) - int(fit.flat_end)]
    same_sign = len(rates) > 0 and bool(np.all(rates * rates[0] > 0))
    return same_sign and bool(np.all(np.diff(np.abs(rates)) < 0))


def _fastest(pieces: list[Segment], least: float) -> float:
    """Return the largest rate of the segments that change the value enough."""
    return max((abs(p.slope) for p in pieces if abs(p.change) >= least and p.rows >= 2), default=0.0)


def other_rate(one: Segment, two: Segment) -> bool:
    """Return whether two segments differ in rate enough to be two stages: by `RATE_FACTOR`, or in sign."""
    slow, fast = sorted((abs(one.slope), abs(two.slope)))
    return one.slope * two.slope <= 0 or fast >= RATE_FACTOR * slow


def _differ(fit: HingeFit, noise: Noise, j: int) -> bool:
    """Return whether the slopes on both sides of knot j (0-based) differ significantly."""
    spread = slope_covariance(fit, noise)
    variance = spread[j, j] + spread[j + 1, j + 1] - 2 * spread[j, j + 1]
    return bool(abs(fit.slopes[j + 1] - fit.slopes[j]) >= SIGNIFICANT_SD * np.sqrt(max(variance, 0.0)))


def _with_ends(
    fit: HingeFit, noise: Noise, times: FloatArray, values: FloatArray, weights: FloatArray, gap: float
) -> HingeFit:
    """Return the fit with a sloping first segment where no level start is seen, and a level last one if a plateau."""
    knots = fit.knots
    # A level start that only one row shows is none.
    free_start = fit.knot_count > 0 and fit.knots[0] < times[0] + FEWEST_LEVEL_ROWS * gap - 0.5 * gap
    if free_start:
        knots = knots[1:]
    flat_end = len(knots) > 0 and _ends_level(fit, noise, times, values, weights)
    if not (free_start or flat_end):
        return fit
    return fit_hinges(
        times,
        values,
        weights,
        knots,
        half_widths=fit.half_widths,
        free_start=free_start,
        flat_end=flat_end,
        robust=False,
    )
