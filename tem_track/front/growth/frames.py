"""Registered frames freed from flicker and uneven illumination, and what every pixel looked like before it changed.

The illumination of a frame is the exponential of a quadratic surface, fitted to the ratio of its tiles to those of the
first frames; tiles in which something grew are outliers of the fit. It is found once, on binned frames, and then holds
for any part of the field.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tem_track.front.frames.illumination import choose_tiles, tile_sums, tile_terms
from tem_track.front.frames.registered import RegisteredFrames, sampled_at
from tem_track.movie import FloatArray, Frames, Image, Mask, finite

# Longer side of the binned frames, px: what grows is found on these, and the illumination.
_COARSE_PX = 1024
# Rounds of reweighting of the fit, and where Cauchy's weight has fallen to a half, in scatters (as `illumination`).
_ROUNDS, _CAUCHY = 6, 2.385
# A quadratic surface has six terms; fewer seen tiles than twice that give a common gain only.
_ENOUGH_TILES = 12
# A tile counts where at least this share of it is seen.
_ENOUGH_OF_A_TILE = 0.3
# The cubic interpolation reads two px on either side; a sample counts as seen if nearly all it reads is in the picture.
_READS_PX, _SEEN_SHARE = 3, 0.999


class Light:
    """The illumination of every frame relative to the first ones.

    Parameters
    ----------
    shape : (Y, X)
        Of the binned frames it is fitted on.
    """

    def __init__(self, shape: tuple[int, int]):
        self._tiles = choose_tiles(shape)
        self._terms = tile_terms(self._tiles)
        self._areas = tile_sums(np.ones(shape, np.float32), self._tiles)
        self._found: dict[int, FloatArray] = {}

    def fit(self, k: int, image: Image, seen: Mask, before: Image) -> None:
        """Fit the illumination of frame k, given binned (Y, X), to the image before (NaN where it is not known)."""
        self._found[k] = self._coefficients(image, before, seen & np.isfinite(before))

    def known(self, k: int) -> bool:
        """Return whether frame k has been fitted."""
        return k in self._found

    def over(self, k: int, y: FloatArray, x: FloatArray) -> Image:
        """Return what frame k is to be divided by at rows y and columns x, which run from -1 to 1 over the field."""
        c = self._found.get(k, np.zeros(6))
        log = (c[0] + c[1] * y + c[3] * y * y)[:, None] + (c[2] * x + c[5] * x * x)[None, :]
        return np.asarray(np.exp((log + c[4] * y[:, None] * x[None, :]).astype(np.float32)), np.float32)

    def _coefficients(self, image: Image, before: Image, counted: Mask) -> FloatArray:
        share = tile_sums(counted.astype(np.float32), self._tiles) / np.maximum(self._areas, 1)
        here, there = (tile_sums(np.where(counted, one, np.float32(0)), self._tiles) for one in (image, before))
        good = (share >= _ENOUGH_OF_A_TILE) & (here > 0) & (there > 0)
        found = np.zeros(6)
        if not good.any():
            return found
        ratio = np.log(here[good] / there[good])
        wanted = 6 if good.sum() >= _ENOUGH_TILES else 1
        basis = self._terms[good][:, :wanted]
        # Bright tiles know the ratio better.
        trust = there[good] / there[good].max()
        found[0], weight = float(np.median(ratio)), trust
        for _ in range(_ROUNDS):
            left = basis.T * weight
            found[:wanted] = np.linalg.lstsq(left @ basis, left @ ratio, rcond=None)[0]
            off = ratio - basis @ found[:wanted]
            scatter = 1.4826 * float(np.median(np.abs(off))) + 1e-12
            weight = trust / (1 + (off / (_CAUCHY * scatter)) ** 2)
        return found


class CoarseFrames:
    """Whole registered frames, binned: ``frames(k)`` gives image and seen mask; the light is fitted on the way.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded.
    drift_px : (T, 2) float64
    fixed : (Y, X) bool or None
    first : sequence of int
        Frames that the image before is the mean of.
    bright : bool
        False turns the frames round (grey values negative), so that what darkens brightens.
    """

    def __init__(self, frames: Frames, drift_px: FloatArray, fixed: Mask | None, first: Sequence[int], bright: bool):
        self.binning = -(-max(frames[0].shape) // _COARSE_PX)
        self._registered = RegisteredFrames(frames, drift_px, fixed, self.binning)
        self.shape = self._registered.shape
        self.light = Light(self.shape)
        self._sign = np.float32(1 if bright else -1)
        self._before, _ = mean_of(self._registered, first, self.shape)
        self._y, self._x = (field_axis(n, slice(0, n)) for n in self.shape)

    def __call__(self, k: int) -> tuple[Image, Mask]:
        """Return frame k as it would be in the light of the first frames, and where it shows the specimen."""
        image, seen = self._registered(k)
        if not self.light.known(k):
            self.light.fit(k, image, seen, self._before)
        return image / self.light.over(k, self._y, self._x) * self._sign, seen


class EvenFrames:
    """A window of the registered frames at full resolution, in the light of the first ones.

    Parameters
    ----------
    frames, drift_px, fixed
        As for `CoarseFrames`.
    light : Light
    window : (slice, slice)
        Rows and columns of the specimen frame.
    bright : bool
    """

    def __init__(
        self,
        frames: Frames,
        drift_px: FloatArray,
        fixed: Mask | None,
        light: Light,
        window: tuple[slice, slice],
        bright: bool,
    ):
        self._frames, self._drift_px, self._light, self._window = frames, drift_px, light, window
        self._field = frames[0].shape
        self._shown = np.ones(self._field, np.float32) if fixed is None else (~fixed).astype(np.float32)
        self._sign = np.float32(1 if bright else -1)
        self.shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
        self._y, self._x = (field_axis(n, part) for n, part in zip(self._field, window, strict=True))

    def __call__(self, k: int) -> tuple[Image, Mask]:
        """Return the window of frame k, and where the frame shows the specimen."""
        rows, columns = (
            _source(part, shift, n) for part, shift, n in zip(self._window, self._drift_px[k], self._field, strict=True)
        )
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return np.zeros(self.shape, np.float32), np.zeros(self.shape, bool)
        origin = (rows.start, columns.start)
        dy, dx = (float(self._drift_px[k][i]) + self._window[i].start - origin[i] for i in (0, 1))
        image = sampled_at(finite(self._frames[k][rows, columns]), dy, dx, self.shape)
        seen = self._seen(self._shown[rows, columns], dy, dx)
        return image / self._light.over(k, self._y, self._x) * self._sign, np.asarray(seen > _SEEN_SHARE)

    def _seen(self, part: Image, dy: float, dx: float) -> Image:
        # OpenCV speaks (x, y); with the inverse map a sample at (y, x) is read at (y + dy, x + dx).
        matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(part, matrix, self.shape[::-1], flags=flags), np.float32)


def field_axis(length: int, part: slice) -> FloatArray:
    """Return where the pixels of a part of an axis lie, from -1 to 1 over the whole of it."""
    return np.asarray((np.arange(part.start, part.stop) + 0.5) / length * 2 - 1)


class MeanBefore:
    """Mean and standard deviation of every pixel over the frames before it changed; give it the frames one by one.

    Parameters
    ----------
    shape : (Y, X)
    until : (Y, X) float32, optional
        Only frames before this one count, pixel by pixel.
    """

    def __init__(self, shape: tuple[int, int], until: Image | None = None):
        self._until, self._offset = until, np.zeros(shape, np.float32)
        self._total, self._squares, self._count = (np.zeros(shape, np.float32) for _ in range(3))
        self._empty = True

    def add(self, k: int, image: Image, seen: Mask) -> None:
        """Add frame k (Y, X)."""
        # Sums of squares about the first frame keep their digits in float32.
        if self._empty:
            self._offset, self._empty = image, False
        counted = (seen if self._until is None else seen & (k < self._until)).astype(np.float32)
        off = (image - self._offset) * counted
        self._total += off
        self._squares += off * off
        self._count += counted

    def result(self) -> tuple[Image, Image]:
        """Return mean and deviation (Y, X); NaN where fewer than one (two) frames show the pixel before it changed."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._total / self._count
            variance = (self._squares / self._count - mean**2) * (self._count / (self._count - 1))
        return (self._offset + mean).astype(np.float32), np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def mean_of(
    frames: RegisteredFrames | CoarseFrames | EvenFrames, members: Sequence[int], shape: tuple[int, int]
) -> tuple[Image, Image]:
    """Return mean and standard deviation (Y, X) of every pixel over some frames, as `MeanBefore`."""
    mean = MeanBefore(shape)
    for k in members:
        mean.add(k, *frames(k))
    return mean.result()


def _source(part: slice, shift: float, length: int) -> slice:
    """Return which rows (or columns) of the recorded frame a part of the specimen frame is read from."""
    start = part.start + int(np.floor(shift)) - _READS_PX
    stop = part.stop + int(np.ceil(shift)) + _READS_PX
    return slice(max(start, 0), min(stop, length))
