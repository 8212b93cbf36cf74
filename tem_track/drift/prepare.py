"""From a recorded frame to what is registered: binned, band-passed, with a weight per pixel.

The band-pass (difference of two Gaussians) drops the slow illumination, the vignetting and most of the shot noise.
Burned-in pixels and borders are filled in smoothly first and weigh nothing afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.drift.border import Window, picture_window
from tem_track.movie import Frames, Image, Mask, binned, recorded_frame

# Band of the difference of Gaussians, px of the binned frame: best of the trials on all kinds of movies. Where shot
# noise makes up most of what passes it (a few electrons per px), a broader one keeps ten times less of it.
FINE_SIGMA_PX = 1.2
BROAD_SIGMA_PX = 4.5
NOISY_BAND_PX = (2.0, 8.0)
MOSTLY_NOISE = 0.7
# Frames from which the noise is judged.
FRAMES_JUDGED = 5
# Half the length of the Lanczos kernel that shifts a frame by a fraction of a pixel; the band-passed frame has
# nothing above a third of the sampling rate, where this kernel is exact to 1 % in amplitude and has no phase error.
LANCZOS_HALF = 4
# Memory that prepared frames may take between passes, bytes: 190 frames of 512 x 512 px.
KEPT_BYTES = 96 * 2**20
# Burned-in pixels take the mean of what lies within a few of this width, px; it is found on frames this much smaller.
FILL_SIGMA_PX, FILL_SHRINK = 13.5, 4
# Variance (px2) that halving a picture and doubling it again adds to a blur: a box of 2 px and a triangle of 4 px.
HALVING_VARIANCE = 0.25 + 2 / 3
# Narrowest blur that is worked out on a picture of half the size, px: what it lets through is sampled finely enough.
HALVED_FROM_PX = 3.0
# A pixel this many noise deviations off the median of its neighbours is a hot pixel or an X-ray, never shot noise.
SPIKE_DEVIATIONS = 12.0


@dataclass(frozen=True)
class Prepared:
    """A frame ready to be registered.

    Attributes
    ----------
    image : (y, x) float32
        Band-passed and divided by the frame's mean grey value.
    weight : (y, x) float32
        1 where the pixel shows the specimen, 0 in borders, burned-in text and the filter's margin.
    scale : float
        What the grey values were multiplied by.
    band : (float, float)
        The two sigmas of the band-pass, px.
    """

    image: Image
    weight: Image
    scale: float = 1.0
    band: tuple[float, float] = (FINE_SIGMA_PX, BROAD_SIGMA_PX)

    @property
    def noise_gain(self) -> float:
        """Share of the power of white noise that passed the band."""
        return noise_gain(*self.band)

    @property
    def pixels_a_patch(self) -> float:
        """How many pixels of band-passed white noise share one value."""
        return pixels_a_patch(*self.band)


def halved(prepared: Prepared) -> Prepared:
    """Return a prepared frame at half its size: the band leaves hardly anything that this cannot hold."""
    size = (max(1, prepared.image.shape[1] // 2), max(1, prepared.image.shape[0] // 2))
    image, weight = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (prepared.image, prepared.weight))
    fine, broad = prepared.band
    return Prepared(np.asarray(image), np.asarray(weight > 0.99, np.float32), prepared.scale, (fine / 2, broad / 2))


class PreparedFrames(Protocol):
    """Frames ready to be registered: ``prepared(k)`` gives frame k, safe to call from several threads."""

    shape: tuple[int, int]
    binning: int

    def __call__(self, k: int) -> Prepared:
        """Return frame k prepared."""


class Preparer:
    """Bins and band-passes the frames of one movie, all in the same way.

    The first frames are kept, as far as KEPT_BYTES go, so that later passes need not read them again.

    Parameters
    ----------
    frames : Frames
        As recorded, (Y, X) each.
    fixed : (Y, X) bool or None
        Pixels that belong to the camera.
    longest_px : int
        Frames are binned by a whole number until their longer side is not above this.
    """

    def __init__(self, frames: Frames, fixed: Mask | None, longest_px: int):
        self.frames = frames
        self.height, self.width = frames[0].shape
        self.binning = max(1, -(-max(self.height, self.width) // longest_px))
        self.shape = (max(1, self.height // self.binning), max(1, self.width // self.binning))
        self.fixed: _Fixed | None = None
        if fixed is not None and fixed.any():
            self.fixed = _Fixed(self.binned(fixed.astype(np.float32)) > 0)
        self._margin = _margin_weight(self.shape)
        self._usual = self._margin if self.fixed is None else self._margin * self.fixed.away
        self.band = self._band()
        self._most_kept = KEPT_BYTES // (2 * self.shape[0] * self.shape[1])
        self._kept: dict[int, tuple[NDArray[np.float16], float]] = {}

    def _band(self) -> tuple[float, float]:
        """Return the band (two sigmas, px) that the noise of the movie calls for."""
        numbers = np.unique(np.linspace(0, len(self.frames) - 1, FRAMES_JUDGED).round().astype(int))
        shares = [noise_share(self.frame(int(k))) for k in numbers]
        return NOISY_BAND_PX if float(np.median(shares)) > MOSTLY_NOISE else (FINE_SIGMA_PX, BROAD_SIGMA_PX)

    def binned(self, frame: NDArray[Any], zero: float = 0.0) -> Image:
        """Return the recorded frame averaged over binning x binning pixels less `zero`, (y, x) float32."""
        small = binned(frame, self.binning)
        return np.subtract(small, np.float32(zero), out=small) if zero else small

    def frame(self, k: int) -> Image:
        """Return frame k binned, (y, x) float32."""
        return self.binned(*recorded_frame(self.frames, k))

    def __call__(self, k: int) -> Prepared:
        """Return frame k prepared, with the precision of half a float: a two-thousandth of each value."""
        if k in self._kept:
            image, scale = self._kept[k]
            return Prepared(image.astype(np.float32), self._usual, scale, self.band)
        prepared = self.prepare(self.frame(k))
        if k >= self._most_kept:
            return prepared
        image = prepared.image.astype(np.float16)
        if prepared.weight is self._usual:
            self._kept[k] = image, prepared.scale
        return replace(prepared, image=image.astype(np.float32))

    def prepare(self, small: Image) -> Prepared:
        """Return a binned frame prepared."""
        window = picture_window(small)
        weight = self._usual
        if window != (0, self.shape[0], 0, self.shape[1]):
            weight = _inside(self.shape, window) * (1 if self.fixed is None else self.fixed.away)
            y0, y1, x0, x1 = window
            pads = (y0, self.shape[0] - y1, x0, self.shape[1] - x1)
            small = cv2.copyMakeBorder(small[y0:y1, x0:x1], *pads, cv2.BORDER_REPLICATE)
        if self.fixed is not None:
            small = self.fixed.filled(small)
        small = without_spikes(small)
        level = float(small.mean())
        scale = 1.0 / level if level > 0 and float(small.min()) > -level else 1.0
        # Values in the margin stay: a shift reaches into it, and a cut there would be an edge that never moves.
        return Prepared(band_pass(small, *self.band) * np.float32(scale), weight, scale, self.band)


class HalfSize:
    """The prepared frames of a `Preparer` at half their size."""

    def __init__(self, preparer: Preparer):
        self._preparer = preparer
        self.binning = 2 * preparer.binning
        self.shape = (max(1, preparer.shape[0] // 2), max(1, preparer.shape[1] // 2))

    def __call__(self, k: int) -> Prepared:
        """Return frame k prepared."""
        return halved(self._preparer(k))


def band_pass(image: Image, fine: float = FINE_SIGMA_PX, broad: float = BROAD_SIGMA_PX) -> Image:
    """Return the difference of two Gaussian blurs (sigma in px) of a (y, x) image, float32."""
    narrow = cv2.GaussianBlur(image, (0, 0), fine, borderType=cv2.BORDER_REFLECT)
    # The broad blur is the narrow one blurred further; sigmas add in squares.
    wide = _blurred(np.asarray(narrow), broad**2 - fine**2)
    return np.asarray(np.subtract(narrow, wide, out=wide), dtype=np.float32)


def _blurred(image: Image, variance: float) -> Image:
    """Return a (y, x) image after a Gaussian blur of a variance in px2; a broad one at half the size, far cheaper."""
    if variance < HALVED_FROM_PX**2 or min(image.shape) < 8 * np.sqrt(variance):
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(np.sqrt(variance)), borderType=cv2.BORDER_REFLECT))
    height, width = image.shape
    half = cv2.resize(image, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    sigma = float(np.sqrt(variance - HALVING_VARIANCE)) / 2
    half = cv2.GaussianBlur(half, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR))


def band_response(fine: float, broad: float) -> Image:
    """Return what the band-pass makes of a single bright pixel, (129, 129) float32."""
    spike = np.zeros((129, 129), np.float32)
    spike[64, 64] = 1.0
    return band_pass(spike, fine, broad)


@cache
def pixels_a_patch(fine: float, broad: float) -> float:
    """Return how many pixels of band-passed white noise share one value (sum of squared autocorrelation)."""
    power = np.abs(np.fft.fft2(band_response(fine, broad))) ** 2
    return float((power**2).mean() / power.mean() ** 2)


@cache
def noise_gain(fine: float, broad: float) -> float:
    """Return which share of the power of white noise passes a band."""
    response = band_response(fine, broad)
    return float(np.vdot(response, response))


def noise_power(small: Image) -> float:
    """Return the variance of the white noise of a frame from the kernel that cancels planes and edges.

    References
    ----------
    Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    bend = np.array([1, -2, 1], np.float32)
    detail = cv2.sepFilter2D(small, -1, bend, bend)[1:-1, 1:-1]
    if detail.size == 0:
        return 0.0
    return float(1.4826 * np.median(np.abs(detail[::2, ::3]))) ** 2 / 36.0


def noise_share(small: Image) -> float:
    """Return which share of what the usual band lets through of a (y, x) frame is shot noise, 0 to 1."""
    power = float(band_pass(small).var())
    return min(1.0, noise_power(small) * noise_gain(FINE_SIGMA_PX, BROAD_SIGMA_PX) / power) if power > 0 else 0.0


def without_spikes(image: Image) -> Image:
    """Return the (y, x) image with isolated spikes (X-rays, hot pixels) set to the median of their neighbours."""
    neighbours = cv2.medianBlur(image, 3)
    off = cv2.absdiff(image, neighbours)
    noise = 1.4826 * float(np.median(off[::7, ::5]))
    highest = max(SPIKE_DEVIATIONS * noise, 1e-6 * float(cv2.norm(image, cv2.NORM_INF)))
    if noise == 0 or float(off.max(initial=0.0)) <= highest:
        return image
    spikes = off > highest
    # Sharp detail of a noise-free picture deviates in lines and edges; spikes are rare.
    return np.asarray(np.where(spikes, neighbours, image)) if spikes.mean() < 1e-3 else image


def shifted(image: Image, dy: float, dx: float) -> Image:
    """Return the image sampled at (y + dy, x + dx), 0 outside; windowed-sinc interpolation, (y, x) float32.

    >>> ramp = np.add.outer(np.arange(32.0), np.zeros(32)).astype(np.float32)
    >>> round(float(shifted(ramp, 2.25, 0.0)[12, 12]), 3)
    14.25
    """
    whole_y, whole_x = int(np.floor(dy)), int(np.floor(dx))
    part_y, part_x = dy - whole_y, dx - whole_x
    if part_y or part_x:
        image = cv2.sepFilter2D(image, -1, _lanczos(part_x), _lanczos(part_y), borderType=cv2.BORDER_REPLICATE)
    return moved(image, whole_y, whole_x)


def moved(image: Image, dy: int, dx: int) -> Image:
    """Return the image sampled at (y + dy, x + dx) for whole numbers, 0 outside, (y, x) float32."""
    height, width = image.shape
    if dy == dx == 0:
        return image
    out = np.zeros_like(image)
    if abs(dy) < height and abs(dx) < width:
        y0, y1, x0, x1 = max(0, -dy), min(height, height - dy), max(0, -dx), min(width, width - dx)
        out[y0:y1, x0:x1] = image[y0 + dy : y1 + dy, x0 + dx : x1 + dx]
    return out


def _lanczos(part: float) -> Image:
    """Return the kernel that samples between pixels, `part` of the way to the next (0 <= part < 1).

    An odd length keeps OpenCV's anchor on the pixel itself.
    """
    offsets = np.arange(-LANCZOS_HALF, LANCZOS_HALF + 1) - part
    kernel = np.sinc(offsets) * np.sinc(offsets / LANCZOS_HALF) * (np.abs(offsets) < LANCZOS_HALF)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def uncut(weight: Image) -> Image:
    """Return the weight (y, x) less the rim that a shift by part of a pixel spoils."""
    reach = 2 * LANCZOS_HALF + 1
    return np.asarray(cv2.erode(weight, np.ones((reach, reach), np.uint8)) > 0, dtype=np.float32)


def _margin_weight(shape: tuple[int, int]) -> Image:
    return _inside(shape, (0, shape[0], 0, shape[1]))


def _inside(shape: tuple[int, int], window: Window) -> Image:
    """Return 1 inside the window less the margin that a shift by part of a pixel spoils, 0 outside."""
    margin = min(LANCZOS_HALF, max(0, (min(shape) - 8) // 2))
    y0, y1, x0, x1 = window
    weight = np.zeros(shape, np.float32)
    weight[y0 + margin : y1 - margin, x0 + margin : x1 - margin] = 1.0
    return weight


class _Fixed:
    """The camera's pixels of the binned frames: how they are filled in, and the weight beside them."""

    def __init__(self, mask: Mask):
        self.mask = mask
        reach = 2 * round(2 * FINE_SIGMA_PX) + 1
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8))
        self.away = np.asarray(1 - grown, dtype=np.float32)
        self._free = (~mask).astype(np.float32)
        self._near = self._spread(self._free)

    def filled(self, image: Image) -> Image:
        """Return the (y, x) image with the fixed pixels replaced by the mean of the free pixels around them."""
        free = image * self._free
        mean = float(free.sum()) / max(float(self._free.sum()), 1.0)
        fill = np.where(self._near > 1e-3, self._spread(free) / np.maximum(self._near, 1e-3), mean)
        return np.asarray(np.where(self.mask, fill, image), dtype=np.float32)

    @staticmethod
    def _spread(image: Image) -> Image:
        height, width = image.shape
        small = (max(1, width // FILL_SHRINK), max(1, height // FILL_SHRINK))
        shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        wide = cv2.GaussianBlur(shrunk, (0, 0), FILL_SIGMA_PX / FILL_SHRINK)
        return np.asarray(cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR))
