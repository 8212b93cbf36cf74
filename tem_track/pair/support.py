"""Registration on what lies between the particles: film, tubes and strands do not swell with them.

Strategy. Both pictures are reduced to a manageable size and band-passed without the particles. From a start that is off
by a few px, Gauss and Newton's method moves, turns and scales one over the other, from coarse to fine, with
outliers held down (something grown over, a moved strand). The spread
of the solution is the scale's uncertainty. Whether the two supports are the same is judged by how far the correlation
stands above that of the same pictures laid wrongly on purpose.

References
----------
S. Baker and I. Matthews, Int. J. Comput. Vis. 56 (2004) 221, doi:10.1023/B:VISI.0000011205.11775.fd
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.pair.similarity import Similarity
from tem_track.pair.sites import Picture

# Longest side of the pictures worked on, px: scale to 1e-4 needs no more.
LONGEST_PX = 1024
# Widths of the band-pass from coarse to fine, working px, and the ratio of its two Gaussians.
WIDTHS_PX, BAND = (8.0, 4.0, 2.0), 4.0
# Steps at each width, and the motion of the field's corners (working px) below which nothing changes.
STEPS, STILL_PX = 12, 0.01
# Residuals beyond this many of their spread count less (Huber, Robust Statistics: 95 % efficient on normal noise).
HUBER = 1.345
# Wrong places to compare with: directions, and distances in widths of the band's outer Gaussian.
WRONG_TURNS, WRONG_REACHES = 16, (1.5, 2.5, 3.5)
# The same support correlates so well in the band that shows it best, and lies above the mean of wrong places by so many
# of their spreads, summed over the bands. On simulated pairs: 0.94 to 1.0 and 7.8 to 26 where it is the same and shows;
# another one finds no solution at all, but for one in 150 (0.39 and 2.4).
SAME_CORRELATION, STANDS_OUT = 0.8, 6.0
# A finer band that stands out by less has lost the support in noise.
LEAST_AT_A_WIDTH = 3.0
# Within this many widths of the solution the slopes that both pictures share are used, further off each one's own.
NEAR = 0.1
# Least share of a picture's own slopes that the other one must share: for a step, and for a solution.
LEAST_SHARE_STEP, LEAST_SHARE = 0.25, 0.02
# Relative standard uncertainty of the gain between two pictures, from noise in them and another blur.
GAIN_SD = 0.02
# Parts of the field, along each axis, whose disagreement makes the uncertainty: so many at most, and none so narrow (in
# widths of the band) that it would only repeat its neighbour.
PARTS, PART_WIDTHS = 6, 8.0
# Less support in common than this many widths squared says nothing.
LEAST_AREA_WIDTHS = 200.0
# A fit that moved a corner by more than this share of the side is repeated from where it ended, so many times at most.
SETTLED_SHARE, PASSES = 0.002, 3
# A start that has to be moved further than this share of the field was none.
FURTHEST_SHARE = 0.1


@dataclass(frozen=True)
class SupportFit:
    """The similarity that lays support on support.

    Attributes
    ----------
    similarity : Similarity
        From the image to the reference, px of the files.
    log_scale_sd : float
        Standard uncertainty of ln(scale).
    correlation : float
        Of the two supports in the band where they agree best, -1 to 1.
    stands_out : float
        How many spreads of wrong places it lies above their mean, summed over the widths.
    same : bool
        Whether the two supports are the same beyond doubt.
    """

    similarity: Similarity
    log_scale_sd: float
    correlation: float
    stands_out: float
    same: bool


@dataclass(frozen=True)
class Reduced:
    """A picture at working size: what is bright where matter is, and 1 where the support is seen."""

    grey: Image
    seen: Image


def reduced(picture: Picture, factor: float) -> Reduced:
    """Return a picture with pixels `factor` times as large; pixel (0, 0) stays where it is."""
    grey = picture.frame * np.float32(picture.sign)
    seen = (~picture.hidden).astype(np.float32)
    if factor <= 1:
        return Reduced(grey, seen)
    size = tuple(int(np.ceil(side / factor)) for side in grey.shape[::-1])
    enlarge = np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])
    sigma = 0.5 * float(np.sqrt(factor**2 - 1))
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    parts = [
        cv2.warpAffine(cv2.GaussianBlur(part, (0, 0), sigma), enlarge, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        for part in (grey, seen)
    ]
    return Reduced(parts[0], parts[1])


def fit_support(reference: Picture, image: Picture, start: Similarity) -> SupportFit | None:
    """Return the similarity near `start` that lays the support of an image on that of the reference.

    Parameters
    ----------
    reference, image : Picture
    start : Similarity
        From the image to the reference, right to a few per cent of the field.

    Returns
    -------
    SupportFit or None
        None where the two have too little support in common, or nothing on it to hold on to.
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * image.frame.shape
    side = max(reference.frame.shape)
    found: SupportFit | None = None
    at = start
    for _ in range(PASSES):
        found = _one_pass(reference, image, at)
        if found is None:
            return None
        moved = float(np.abs(found.similarity.apply(corners) - at.apply(corners)).max()) / side
        at = found.similarity
        if moved < SETTLED_SHARE:
            break
    assert found is not None
    moved = float(np.abs(at.apply(corners) - start.apply(corners)).max()) / side
    return found if moved < FURTHEST_SHARE else replace(found, same=False)


def _one_pass(reference: Picture, image: Picture, start: Similarity) -> SupportFit | None:
    """Return the fit with what is hidden and how wide the bands are set by the start."""
    shrink_reference = max(1.0, max(reference.frame.shape) / LONGEST_PX)
    shrink_image = max(1.0, max(image.frame.shape) / LONGEST_PX, shrink_reference / start.scale)
    a, b = _working(start, shrink_reference, shrink_image)
    lower, upper = reduced(reference, shrink_reference), reduced(image, shrink_image)
    lower, upper = _seen_in_both(lower, upper, a, b, start.mirrored)
    levels = _levels(lower, upper, (a, b), max(1.0, abs(a)), start.mirrored)
    if not levels:
        return None
    best = min(levels, key=lambda level: level.log_scale_sd)
    fitted = _full(best.a, best.b, shrink_reference, shrink_image, start.mirrored)
    stands_out = sum(level.stands_out for level in levels)
    correlation = max(level.correlation for level in levels)
    same = stands_out > STANDS_OUT and correlation > SAME_CORRELATION
    return SupportFit(fitted, _log_scale_sd(levels, best), correlation, stands_out, bool(same))


def _log_scale_sd(levels: list[_Solution], best: _Solution) -> float:
    """Return the standard uncertainty of ln(scale): the best band's, and half of what the bands disagree by."""
    logs = [float(np.log(abs(level.a))) for level in levels]
    return float(np.hypot(best.log_scale_sd, 0.5 * (max(logs) - min(logs)) if len(logs) > 1 else 0.0))


def _seen_in_both(lower: Reduced, upper: Reduced, a: complex, b: complex, mirrored: bool) -> tuple[Reduced, Reduced]:
    """Return both pictures with what either hides hidden: a band-pass beside a gap depends on the gap."""
    there = _full(a, b, 1.0, 1.0, mirrored)
    parts = []
    for mine, other, matrix in ((lower, upper, there.matrix()), (upper, lower, there.inverse().matrix())):
        seen = cv2.warpAffine(other.seen, matrix, mine.seen.shape[::-1], flags=cv2.INTER_LINEAR)
        parts.append(Reduced(mine.grey, mine.seen * (seen > 0.99).astype(np.float32)))
    return parts[0], parts[1]


def _levels(
    lower: Reduced, upper: Reduced, start: tuple[complex, complex], coarser: float, mirrored: bool
) -> list[_Solution]:
    """Return the solutions from the widest band on, each from the one before, until one no longer stands out.

    The gain between the pictures comes from the widest band, where there is the least noise.
    """
    found: list[_Solution] = []
    a, b = start
    gain: float | None = None
    for width in WIDTHS_PX:
        solution = _Level(lower, upper, width * coarser, abs(a), mirrored).solve(a, b, gain)
        if solution is None:
            # A small picture has no room for the widest band.
            continue
        if found and solution.stands_out < LEAST_AT_A_WIDTH:
            break
        found.append(solution)
        a, b, gain = solution.a, solution.b, solution.gain
    return found


def _working(start: Similarity, shrink_reference: float, shrink_image: float) -> tuple[complex, complex]:
    """Return p = a q + b of complex working px."""
    a = start.scale * np.exp(1j * start.rotation_rad) * shrink_image / shrink_reference
    return complex(a), complex(start.shift_px[1], start.shift_px[0]) / shrink_reference


def _full(a: complex, b: complex, shrink_reference: float, shrink_image: float, mirrored: bool) -> Similarity:
    a, b = a * shrink_reference / shrink_image, b * shrink_reference
    return Similarity(float(abs(a)), float(np.angle(a)), (b.imag, b.real), mirrored)


@dataclass(frozen=True)
class _Solution:
    a: complex
    b: complex
    log_scale_sd: float
    correlation: float
    stands_out: float
    gain: float


class _Level:
    """One width of the band-pass: the reference filtered, the image filtered in its own pixels."""

    def __init__(self, lower: Reduced, upper: Reduced, width: float, scale: float, mirrored: bool):
        self._width, self._mirrored = width, mirrored
        self._lower, self._seen = band_passed(lower, width)
        upper_band, upper_seen = band_passed(upper, width / scale)
        self._upper, self._upper_seen = upper_band, upper_seen.astype(np.float32)
        places = np.indices(self._lower.shape, dtype=np.float32)
        self._y: Image = places[0]
        self._x: Image = places[1]
        self._slope_y, self._slope_x = _slopes(self._lower)

    def solve(self, a: complex, b: complex, gain: float | None) -> _Solution | None:
        """Return the best similarity near p = a q + b, None where too little is seen in common."""
        step = None
        for _ in range(STEPS):
            over, common = self._laid(a, b)
            if common.sum() < LEAST_AREA_WIDTHS * self._width**2:
                return None
            step = self._step(over, common, gain)
            if step is None:
                return None
            turn, centre, shift = 1 + step.turn, step.centre, step.shift
            a, b = a * turn, centre + turn * (b - centre) + shift
            corner = 0.5 * float(np.hypot(*self._lower.shape))
            if abs(step.turn) * corner + abs(shift) < STILL_PX:
                break
        over, common = self._laid(a, b)
        if step is None or not np.isfinite(step.log_scale_sd):
            return None
        right, wrong = self._correlations(over, common)
        if not len(wrong):
            return None
        out = (right - float(wrong.mean())) / max(float(wrong.std()), 1e-6)
        return _Solution(a, b, step.log_scale_sd, right, out, step.gain)

    def _laid(self, a: complex, b: complex) -> tuple[Image, Mask]:
        """Return the image's band laid on the reference, and where both are seen."""
        matrix = _full(a, b, 1.0, 1.0, self._mirrored).matrix()
        size = self._lower.shape[::-1]
        over = cv2.warpAffine(self._upper, matrix, size, flags=cv2.INTER_LINEAR)
        seen = cv2.warpAffine(self._upper_seen, matrix, size, flags=cv2.INTER_LINEAR)
        return over, np.asarray(self._seen & (seen > 0.99))

    def _step(self, over: Image, common: Mask, gain: float | None) -> _Step | None:
        """Return the small similarity that lowers the residual most.

        The gain is not fitted along with it: noise in the picture that is moved lowers a fitted gain, what is then left
        of the signal shrinks or grows with the picture, and the scale comes out wrong by per cents.
        """
        y, x = self._y[common], self._x[common]
        centre = complex(float(x.mean()), float(y.mean()))
        y, x = y - np.float32(centre.imag), x - np.float32(centre.real)
        target: Image = self._lower[common]
        value: Image = over[common]
        if float(target @ value) <= 0:
            return None
        if gain is None:
            # Both have noise: neither may be taken as exact.
            gain = float(np.sqrt((target @ target) / max(float(value @ value), 1e-30)))
        residual = target - np.float32(gain) * value
        spread = 1.4826 * float(np.median(np.abs(residual))) + 1e-30
        weight = np.minimum(1.0, HUBER * spread / np.maximum(np.abs(residual), 1e-30)).astype(np.float32)
        columns = _moving(*_slopes(over, common), y, x) * np.float32(-gain)
        weighted = columns * weight[:, None]
        other = _moving(self._slope_y[common], self._slope_x[common], y, x)
        plain, crossed = (weighted.T @ columns).astype(np.float64), -(weighted.T @ other).astype(np.float64)
        inverses = _inverses(plain, crossed)
        if inverses is None:
            return None
        forward = (weighted.T @ residual).astype(np.float64)
        grow, turn, dy, dx = np.linalg.solve(plain, forward)
        if np.hypot(dy, dx) < NEAR * self._width:
            grow, turn, dy, dx = inverses[0] @ forward
        sd = float("nan")
        if inverses[1] is not None:
            own = self._sandwich(weighted * residual[:, None], common, inverses[1])[0, 0]
            from_gain = GAIN_SD * gain * float((inverses[1] @ (weighted.T @ value).astype(np.float64))[0])
            sd = float(np.hypot(np.sqrt(own), from_gain))
        return _Step(complex(grow, turn), complex(dx, dy), centre, sd, gain)

    def _sandwich(self, score: Image, common: Mask, inverse: FloatArray) -> FloatArray:
        """Return the covariance (4, 4) of a step from how much the parts of the field disagree.

        Residuals are no independent noise: a strand that moved, or a tube laid on its neighbour, pulls a whole part of
        the field one way. So what counts is the sum of the scores of each part (cluster-robust, Liang and Zeger 1986,
        doi:10.1093/biomet/73.1.13).
        """
        height, width = common.shape
        across = int(np.clip(min(height, width) / (PART_WIDTHS * self._width), 2, PARTS))
        part = (self._y * (across / height)).astype(np.intp) * across + (self._x * (across / width)).astype(np.intp)
        part = part[common]
        sums = np.stack([np.bincount(part, score[:, i], across**2) for i in range(score.shape[1])], axis=1)
        used = int((np.bincount(part, minlength=across**2) > 0).sum())
        # With few parts the sums are drawn towards zero by the fit itself.
        few = used / max(used - score.shape[1], 1)
        return np.asarray(inverse @ (few * sums.T @ sums) @ inverse)

    def _correlations(self, over: Image, common: Mask) -> tuple[float, FloatArray]:
        """Return the correlation in the right place and those in wrong ones."""
        wrong = []
        for reach in WRONG_REACHES:
            for turn in np.arange(WRONG_TURNS) * (2 * np.pi / WRONG_TURNS):
                away = reach * BAND * self._width * np.array([np.sin(turn), np.cos(turn)])
                value = self._shifted(over, common, round(float(away[0])), round(float(away[1])))
                if value is not None:
                    wrong.append(value)
        return self._shifted(over, common, 0, 0) or 0.0, np.array(wrong)

    def _shifted(self, over: Image, common: Mask, dy: int, dx: int) -> float | None:
        """Return the correlation with the image laid (dy, dx) px off, None where little is in common then."""
        here, there = _overlap(common.shape, dy, dx)
        both = self._seen[here] & common[there]
        if both.sum() < 0.25 * common.sum():
            return None
        one, other = self._lower[here][both], over[there][both]
        one, other = one - one.mean(), other - other.mean()
        return float(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1e-30))


@dataclass(frozen=True)
class _Step:
    turn: complex
    shift: complex
    centre: complex
    log_scale_sd: float
    gain: float


def _inverses(plain: FloatArray, crossed: FloatArray) -> tuple[FloatArray, FloatArray | None] | None:
    """Return the inverse normal matrices (4, 4) for the next step and, where it can be told, for the uncertainty.

    Noise steepens both pictures, but not alike: slopes of one times slopes of the other are those of the support, while
    a picture's own overstate what it holds, and steps by them are too short. Crossed ones may say too little, and a
    step by them go too far: they count for a quarter of the plain ones at least.
    """
    try:
        root = np.linalg.cholesky(plain)
    except np.linalg.LinAlgError:
        return None
    back = np.linalg.inv(root)
    values, axes = np.linalg.eigh(back @ (crossed + crossed.T) @ back.T / 2)
    turned = back.T @ axes
    step = turned @ np.diag(1 / np.clip(values, LEAST_SHARE_STEP, None)) @ turned.T
    if values[0] < LEAST_SHARE:
        return step, None
    return step, turned @ np.diag(1 / values) @ turned.T


def _slopes(picture: Image, where: Mask | None = None) -> tuple[Image, Image]:
    """Return the slopes of a picture along y and x, everywhere or at some pixels."""
    along_y = cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    along_x = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    return (along_y, along_x) if where is None else (along_y[where], along_x[where])


def _moving(slope_y: Image, slope_x: Image, y: Image, x: Image) -> Image:
    """Return how a picture changes (N, 4) as it grows about (0, 0), turns about it, and moves along y and x."""
    columns = [slope_x * x + slope_y * y, slope_y * x - slope_x * y, slope_y, slope_x]
    return np.stack(columns, axis=1)


def _overlap(shape: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    here = tuple(slice(max(0, d), n + min(0, d)) for n, d in zip(shape, (dy, dx), strict=True))
    there = tuple(slice(max(0, -d), n - max(0, d)) for n, d in zip(shape, (dy, dx), strict=True))
    return here, there


def band_passed(picture: Reduced, width: float) -> tuple[Image, Mask]:
    """Return a picture between two Gaussian widths, unseen pixels left out of both, and where it can be trusted.

    Noise that differs from place to place (dose) is not evened out: strong features of the support should count most.
    """
    smooth = []
    for sigma in (width, BAND * width):
        # Beyond four sigma a Gaussian is nothing; wide ones are worked out on a coarser grid by OpenCV's own limit.
        weight = cv2.GaussianBlur(picture.seen, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        total = cv2.GaussianBlur(picture.grey * picture.seen, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        smooth.append(total / np.maximum(weight, np.float32(1e-3)))
        if sigma == width:
            near = weight
    edge = cv2.GaussianBlur(np.ones_like(picture.seen), (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    trusted = (near > 0.9 * edge) & (picture.seen > 0.99)
    return np.asarray(smooth[0] - smooth[1], dtype=np.float32), np.asarray(trusted)
