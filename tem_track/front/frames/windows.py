"""The frames around a given moment of every pixel: all that is kept of a movie that does not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.front.frames.illumination import surface
from tem_track.front.frames.levels import Reference, RelativeLevels, runs_of
from tem_track.front.frames.registered import RegisteredFrames
from tem_track.movie import FloatArray, Image, Progress


@dataclass
class Windows:
    """Relative levels around a moment of every pixel.

    Attributes
    ----------
    samples : (S, y, x) float16
        Level of sample ``start + s``, NaN where that frame does not show the pixel.
    start : (y, x) int32
        Number of the first sample kept.
    before_count, before_total : (y, x) float32
        Number and sum of the earlier samples.
    """

    samples: NDArray[np.float16]
    start: NDArray[np.int32]
    before_count: Image
    before_total: Image


def gather_windows(
    registered: RegisteredFrames,
    reference: Reference,
    light: FloatArray,
    numbers: NDArray[np.intp],
    run: int,
    start: NDArray[np.int32],
    length: int,
    sigma: float,
    progress: Progress,
) -> Windows:
    """Return `length` samples of every pixel from its own `start` (y, x) on, in one reading of the movie.

    A sample is the mean of `run` frames. Pixels are sorted by their start, so that those whose window is open at a
    sample are one run of that order.
    """
    first = start.ravel()
    order = np.argsort(first, kind="stable")
    starts = first[order]
    samples = np.full((length, start.size), np.nan, np.float16)
    count, total = np.zeros(start.size, np.float32), np.zeros(start.size, np.float32)
    before_count, before_total = np.zeros(start.size, np.float32), np.zeros(start.size, np.float32)
    relative = RelativeLevels(reference, sigma)
    for i, chosen in enumerate(runs_of(len(numbers), run)):
        level, shown = _mean_level(registered, relative, reference, light[chosen], numbers[chosen])
        opening = order[np.searchsorted(starts, i) : np.searchsorted(starts, i, side="right")]
        before_count[opening], before_total[opening] = count[opening], total[opening]
        count += shown
        np.add(total, level, out=total, where=shown)
        level[~shown] = np.nan
        open_now = order[np.searchsorted(starts, i - length, side="right") : np.searchsorted(starts, i, side="right")]
        samples[i - first[open_now], open_now] = level[open_now]
        progress(chosen.stop, len(numbers))
    shape = start.shape
    return Windows(samples.reshape(length, *shape), start, before_count.reshape(shape), before_total.reshape(shape))


def _mean_level(
    registered: RegisteredFrames,
    relative: RelativeLevels,
    reference: Reference,
    light: FloatArray,
    numbers: NDArray[np.intp],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean relative level of some frames and where any shows it, both flat."""
    total, count = np.zeros(registered.shape, np.float32), np.zeros(registered.shape, np.float32)
    for k, own in zip(numbers, light, strict=True):
        image, seen = registered(int(k))
        seen &= reference.known
        total += seen * (relative(image, seen) / surface(own, registered.shape) - np.float32(1))
        count += seen
    mean = np.asarray(total / np.maximum(count, 1), dtype=np.float32)
    return mean.ravel(), (count > 0).ravel()
