"""Where the front stood when the movie ended.

What degrades in the last samples has hardly begun to fall: its own level says little, and the agreement with neighbours
rounds off what is left between two fronts. The front's own course says more. It comes on at the speed and in the
direction it had a few samples before, so that the time at which it reaches a place follows from the nearest place of
the same grain that it had passed by then. Both are estimates of the same moment, and they are weighed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.front.arrival.blind import last_shown
from tem_track.front.arrival.fall import share_fallen
from tem_track.front.arrival.founded import LAST_ARRIVALS, LAST_SAMPLES, fallen_at_end, usual_drop
from tem_track.front.frames.windows import Windows
from tem_track.front.smoothing import smoothed
from tem_track.front.speed import fit_slope
from tem_track.movie import Image, Labels, Mask

# Samples before the end by which a place has fallen nearly as far as it does at once: its moment is known by then.
KNOWN_BEFORE = 3.0
# Half the width of the windows in which the front's course is fitted, px, and their least share that it has passed.
COURSE_PX, PASSED_SHARE = 4, 0.3
# How far the front's course is trusted ahead: one and a half times what it was fitted over, px; and samples.
AHEAD_PX, AHEAD_SAMPLES = 6.0, 4.0
# Smoothing of how far places have fallen, px: less than the arrival map's own.
LEVEL_SIGMA_PX = 1.5
# Weight of the moment that the level gives against that of the front's course: the variance of the latter is three
# times as large, as both were compared on simulated lamellae.
LEVEL_WEIGHT = 3.0
# A place that was not found to have degraded did so if both together put that this many samples before the end.
LEAST_EARLIER = 0.5


@dataclass(frozen=True)
class _Course:
    """How the front comes on from the nearest place of each pixel whose moment is known, all (y, x).

    Attributes
    ----------
    distance : float32
        To that place, px.
    onward : float32
        Moment at which the front gets to the pixel if it came straight from there.
    plane : float32
        The same by the plane of arrival times there: as `onward` where it comes straight, earlier where it runs along.
    same : bool
        That place belongs to the same grain.
    """

    distance: Image
    onward: Image
    plane: Image
    same: Mask


def settled_at_end(
    index: Image,
    windows: Windows,
    drop: Image,
    territory: Labels | None,
    *,
    count: int,
    end: float,
    fall: float,
) -> Image:
    """Return the moments (y, x) with the last ones, and those of places out of sight by then, weighed anew.

    Parameters
    ----------
    index : (y, x) float32
        Moments in sample numbers, NaN = never.
    windows : Windows
    drop : (y, x) float32
        Fall of the level at the moment, NaN where not known.
    territory : (y, x) int32 or None
        Grain of every pixel; a front that was held at a boundary does not come on beyond it.
    count : int
        Samples of the movie.
    end : float
        Moment after which the movie shows nothing.
    fall : float
        Samples that the steep part of a fall takes.
    """
    measured = np.isfinite(index) & np.isfinite(drop)
    grains = np.ones(index.shape, np.int32) if territory is None else territory
    fallen, shown = fallen_at_end(windows, count)
    ahead = _course(index, grains, np.isfinite(index) & (index < end - KNOWN_BEFORE))
    behind = _course(index, grains, np.isfinite(index) & shown)
    if not measured.any() or ahead is None or behind is None:
        return index
    share = smoothed(np.where(shown, fallen, np.float32(np.nan)), LEVEL_SIGMA_PX) / usual_drop(drop, measured)
    earlier = end - ahead.onward + np.float32(LEVEL_WEIGHT) * _samples_since(share, fall)
    told = shown & ahead.same & (ahead.distance < AHEAD_PX) & np.isfinite(earlier)
    wrong = told & (index > count - LAST_ARRIVALS) & (earlier <= 0)
    # What was seen to change before it went out of sight did so, wherever the front stood later.
    wrong |= (last_shown(windows) < index) & ~shown & (behind.plane > end)
    near = np.abs(ahead.onward - np.float32(end)) < AHEAD_SAMPLES
    missed = told & np.isnan(index) & (grains > 0) & near & (earlier > LEAST_EARLIER)
    settled = np.where(missed, np.minimum(ahead.onward, np.float32(end)), index)
    return np.where(wrong, np.float32(np.nan), settled).astype(np.float32)


def _course(index: Image, grains: Labels, passed: Mask) -> _Course | None:
    """Return how the front comes on from what it has passed; None where that shows no course."""
    slope = fit_slope(index, grains, passed, COURSE_PX, PASSED_SHARE)
    known = passed & np.isfinite(slope.level) & np.isfinite(slope.dy)
    if not known.any():
        return None
    distance, number = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )

    def there(image: Image) -> Image:
        told = np.zeros(int(number.max()) + 1, np.float32)
        told[number[known]] = image[known]
        return np.asarray(told[number])

    y, x = (np.asarray(part, np.float32) for part in np.indices(index.shape))
    steep: Image = np.asarray(np.hypot(slope.dy, slope.dx), np.float32)
    onward = there(slope.level) + there(steep) * distance
    plane = there(slope.level) + there(slope.dy) * (y - there(y)) + there(slope.dx) * (x - there(x))
    same = np.asarray(there(grains.astype(np.float32)) == grains)
    return _Course(distance, np.asarray(onward, np.float32), np.asarray(plane, np.float32), same)


def _samples_since(share: Image, fall: float) -> Image:
    """Return how many samples ago, at the end of the movie, a place had half fallen, by the share fallen in the last.

    To first order, around what a place shows that comes half way just then.
    """
    half, later = (np.mean([share_fallen(past - k, fall) for k in range(LAST_SAMPLES)]) for past in (0.0, 0.5))
    return np.asarray((share - np.float32(half)) * np.float32(0.5 / (later - half)), np.float32)
