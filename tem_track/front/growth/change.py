"""Where something has grown at all: pixels that stand out against the image before, for long and in one piece.

Strategy: means over blocks of frames minus the image before, smoothed. A pixel stands out where that exceeds five
robust deviations of the field plus what the slope of the image before makes of a displacement: edges of voids do not
count when the registration is a little off. What stands out must do so in two blocks on end, and in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.growth.frames import CoarseFrames
from tem_track.movie import FloatArray, Image, Labels, Mask

# Blocks a movie is cut into: short against the growth, long enough to bring the noise down.
_BLOCKS, _SHORTEST_BLOCK = 16, 2
# Width of the smoothing, px: about that of the sharpest edge a microscope draws.
_SMOOTHING_PX = 1.5
# Robust deviations above which chance leaves nothing in a million independent pixels.
_DEVIATIONS = 5.0
# Error of the registration that the slope of the image before is multiplied with, px.
_REGISTRATION_PX = 0.7
# A piece smaller than a disc of three smoothing widths across is not told from noise.
_SMALLEST_PX = 0.25 * np.pi * (3 * _SMOOTHING_PX) ** 2


@dataclass
class Changed:
    """What has grown, roughly.

    Attributes
    ----------
    pieces : (Y, X) int32
        Connected pieces of everything that ever stood out, from 1.
    top : (Y, X) float32
        The brightest that each pixel of a piece has been, over blocks of frames; NaN elsewhere.
    first : (n + 1,) float64
        Frame in which each piece stood out first; entry 0 is not used.
    """

    pieces: Labels
    top: Image
    first: FloatArray

    def windowed(self, window: tuple[slice, slice], binning: int) -> Changed:
        """Return the same for a window of the field at full resolution, `binning` times finer."""
        pieces, top = (_finer(image, window, binning) for image in (self.pieces, self.top))
        return Changed(pieces, top, self.first)


def find_changed(frames: CoarseFrames, members: list[int], before: Image) -> Changed:
    """Return the pieces of the field that have become brighter than they were.

    Parameters
    ----------
    frames : CoarseFrames
    members : list of int
        Frame numbers, increasing.
    before : (Y, X) float32
        Image before the change; NaN where it is not known.
    """
    known = np.isfinite(before)
    filled = np.where(known, before, np.float32(np.nanmedian(before) if known.any() else 0))
    allowance = _REGISTRATION_PX * _slope(_smooth(filled))
    stood, ever = np.zeros(frames.shape, bool), np.zeros(frames.shape, bool)
    first = np.full(frames.shape, np.inf, np.float32)
    top = np.full(frames.shape, -np.inf, np.float32)
    for numbers in _blocks(members):
        mean, seen = _block_mean(frames, numbers, known)
        rise = _smooth(np.where(seen, mean - filled, 0))
        stands = seen & (rise > _DEVIATIONS * _deviation(rise[seen]) + allowance)
        lasting = _touching(stands, stood)
        ever |= lasting
        first[lasting & ~np.isfinite(first)] = numbers[0]
        top = np.where(lasting, np.maximum(top, _smooth(np.where(seen, mean, filled))), top)
        stood = stands
    return _in_pieces(ever, first, top)


def _finer(image: NDArray[Any], window: tuple[slice, slice], binning: int) -> NDArray[Any]:
    """Return a window of the field from a binned image; what the bins left out at the far edges repeats the last."""
    rows, columns = (
        np.minimum(np.arange(part.start, part.stop) // binning, n - 1)
        for part, n in zip(window, image.shape, strict=True)
    )
    return np.asarray(image[rows[:, None], columns[None, :]])


def _in_pieces(ever: Mask, first: Image, top: Image) -> Changed:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ever.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    keep = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= _SMALLEST_PX]
    pieces, began = np.zeros(ever.shape, np.int32), np.full(len(keep) + 1, np.nan)
    for number, i in enumerate(keep, start=1):
        inside = labels == i
        pieces[inside] = number
        began[number] = float(first[inside].min())
    return Changed(pieces, np.where(pieces > 0, top, np.float32(np.nan)), began)


def _blocks(members: list[int]) -> Iterator[list[int]]:
    count = max(1, min(_BLOCKS, len(members) // _SHORTEST_BLOCK))
    for part in np.array_split(np.array(members), count):
        yield [int(k) for k in part]


def _block_mean(frames: CoarseFrames, numbers: list[int], known: Mask) -> tuple[Image, Mask]:
    total, count = np.zeros(frames.shape, np.float32), np.zeros(frames.shape, np.float32)
    for k in numbers:
        image, seen = frames(k)
        total += np.where(seen, image, np.float32(0))
        count += seen
    return np.asarray(total / np.maximum(count, 1), np.float32), known & (count > 0)


def _touching(stands: Mask, stood: Mask) -> Mask:
    """Return the pieces of what stands out now that overlap with what stood out in the block before."""
    count, labels = cv2.connectedComponents(stands.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    touched = np.bincount(labels[stood], minlength=count) > 0
    touched[0] = False
    return np.asarray(touched[labels])


def _smooth(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _SMOOTHING_PX, borderType=cv2.BORDER_REFLECT), np.float32)


def _slope(image: Image) -> Image:
    dy, dx = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=0.125), cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=0.125)
    return np.asarray(np.hypot(dy, dx), np.float32)


def _deviation(values: Image) -> float:
    """Return the robust deviation of a sample of the values about their median."""
    sample = values[:: max(1, values.size // 200_000)]
    return 1.4826 * float(np.median(np.abs(sample - np.median(sample)))) if sample.size else np.inf
