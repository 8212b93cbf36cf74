"""Means of registered frames: the specimen before anything happened to it, and at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.front.frames.registered import PictureWindow, RegisteredFrames
from tem_track.movie import FloatArray, Frames, Image, Mask

# Frames a mean is taken over: enough to bring shot noise down by four, few enough that a front has not come far.
MEAN_FRAMES = 16
# And never more than this share of the movie.
MEAN_SHARE = 0.15


def early_mean(
    frames: Frames,
    drift_px: FloatArray,
    usable: Mask,
    *,
    fixed: Mask | None = None,
    arrival_frame: Image | None = None,
    count: int | None = None,
    window: PictureWindow | None = None,
) -> Image:
    """Return the mean of the first registered frames, in specimen coordinates.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X).
    drift_px : (T, 2) float64
    usable : (T,) bool
    fixed : (Y, X) bool, optional
        Pixels of the camera.
    arrival_frame : (Y, X) float32, optional
        Arrival in frames. With it every pixel is averaged over frames before its own arrival only.
    count : int, optional
        How many frames; 0.15 of the movie, at most 16, where not given.
    window : callable, optional
        As `RegisteredFrames` takes it.

    Returns
    -------
    (Y, X) float32
        Pixels that none of these frames shows take the nearest frame's value, repeated from its border.
    """
    numbers = _members(drift_px, usable)
    wanted = numbers[: count or _usual_count(len(numbers))]
    return _mean(RegisteredFrames(frames, drift_px, fixed, window=window), wanted, arrival_frame, late=False)


def late_mean(
    frames: Frames,
    drift_px: FloatArray,
    usable: Mask,
    *,
    fixed: Mask | None = None,
    count: int | None = None,
    window: PictureWindow | None = None,
) -> Image:
    """Return the mean (Y, X) float32 of the last registered frames; parameters as `early_mean`."""
    numbers = _members(drift_px, usable)
    wanted = numbers[-(count or _usual_count(len(numbers))) :][::-1]
    return _mean(RegisteredFrames(frames, drift_px, fixed, window=window), wanted, None, late=True)


def _members(drift_px: FloatArray, usable: Mask) -> list[int]:
    numbers = np.flatnonzero(usable & np.isfinite(drift_px).all(axis=1))
    if len(numbers) == 0:
        raise ValueError("no usable registered frame to average")
    return [int(k) for k in numbers]


def _usual_count(available: int) -> int:
    return max(1, min(MEAN_FRAMES, int(MEAN_SHARE * available)))


def _mean(registered: RegisteredFrames, numbers: Sequence[int], arrival_frame: Image | None, late: bool) -> Image:
    """Return the mean over frames at the brightness of the first of them; it also fills what none shows.

    Frames differ in brightness: a mean of their plain counts has a step wherever another number of them shows the
    specimen. Counts over the brightness they were recorded at have none, and weigh shot noise as it should be weighed.
    """
    total = np.zeros(registered.shape, np.float32)
    weight = np.zeros(registered.shape, np.float32)
    fill: Image | None = None
    for k in numbers:
        image, seen = registered(k)
        fill = image if fill is None else fill
        # Half of the darkening happens at the arrival; it begins a frame or two before.
        intact = seen if arrival_frame is None or late else seen & ~(arrival_frame < k + 2)
        total_before, weight_before = total[intact], weight[intact]
        brightness = _brightness(image[intact], total_before, weight_before)
        total[intact] = total_before + image[intact]
        weight[intact] = weight_before + np.float32(brightness)
    assert fill is not None
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), fill)


def _brightness(values: Image, total: Image, weight: Image) -> float:
    """Return how bright a frame is beside those summed so far: its mean over theirs where both show the specimen."""
    both = weight > 0
    if not both.any():
        return 1.0
    here, there = float(values[both].mean(dtype=np.float64)), float((total[both] / weight[both]).mean(dtype=np.float64))
    ratio = here / there if there > 0 else 1.0
    return ratio if np.isfinite(ratio) and ratio > 0 else 1.0
