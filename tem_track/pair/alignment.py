"""One picture laid on another in one band: Gauss and Newton's method, with an honest uncertainty of the scale.

References
----------
S. Baker and I. Matthews, Int. J. Comput. Vis. 56 (2004) 221, doi:10.1023/B:VISI.0000011205.11775.fd
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.pair.bands import BAND, Reduced, band_passed
from tem_track.pair.similarity import from_complex

# Steps at each width, and the motion of the field's corners (working px) below which nothing changes.
STEPS, STILL_PX = 12, 0.01
# Residuals beyond this many of their spread count less (Huber, Robust Statistics: 95 % efficient on normal noise).
HUBER = 1.345
# Wrong places to compare with: directions, and distances in widths of the band's outer Gaussian.
WRONG_TURNS, WRONG_REACHES = 16, (1.5, 2.5, 3.5)
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


@dataclass(frozen=True)
class Solution:
    """The similarity p = a q + b of complex working px that one band gives, and what speaks for it.

    Attributes
    ----------
    a, b : complex
    log_scale_sd : float
        Standard uncertainty of ln(scale).
    correlation : float
        Of the two bands, -1 to 1.
    stands_out : float
        How many spreads of wrong places that lies above their mean.
    gain : float
        Contrast of the reference over that of the image.
    """

    a: complex
    b: complex
    log_scale_sd: float
    correlation: float
    stands_out: float
    gain: float


class Level:
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

    def solve(self, a: complex, b: complex, gain: float | None) -> Solution | None:
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
        return Solution(a, b, step.log_scale_sd, right, out, step.gain)

    def _laid(self, a: complex, b: complex) -> tuple[Image, Mask]:
        """Return the image's band laid on the reference, and where both are seen."""
        matrix = from_complex(a, b, self._mirrored).matrix()
        size = self._lower.shape[::-1]
        over = cv2.warpAffine(self._upper, matrix, size, flags=cv2.INTER_LINEAR)
        seen = cv2.warpAffine(self._upper_seen, matrix, size, flags=cv2.INTER_LINEAR)
        return over, np.asarray(self._seen & (seen > 0.99))

    def _step(self, over: Image, common: Mask, gain: float | None) -> _Step | None:
        """Return the small similarity that lowers the residual most, None where the two have nothing in common.

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
        columns = _moving(*_slopes(over, common), y, x) * np.float32(-gain)
        other = -_moving(self._slope_y[common], self._slope_x[common], y, x)
        residual = target - np.float32(gain) * value
        weighted = columns * _huber(residual)[:, None]
        plain = (weighted.T @ columns).astype(np.float64)
        inverses = _inverses(plain, (weighted.T @ other).astype(np.float64))
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
    """p -> centre + (1 + turn) (p - centre) + shift, in complex working px."""

    turn: complex
    shift: complex
    centre: complex
    log_scale_sd: float
    gain: float


def _huber(residual: Image) -> Image:
    """Return weights (N,) that hold outliers down."""
    spread = 1.4826 * float(np.median(np.abs(residual))) + 1e-30
    return np.minimum(1.0, HUBER * spread / np.maximum(np.abs(residual), 1e-30)).astype(np.float32)


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
