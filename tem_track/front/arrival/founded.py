"""Which arrivals have a fall of the level to show for themselves, and which have not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.arrival.fall import share_fallen
from tem_track.front.frames.windows import Windows
from tem_track.movie import Image, Mask

# Samples before and behind the change that a fall is measured from, at least.
FEWEST_BEFORE, FEWEST_BEHIND = 2.0, 4.0
# Share of a region's pixels whose fall could be measured, at least.
MEASURED_SHARE = 0.2
# A rise by more, over what is usual around, is something else than degradation; illumination and noise leave less. A
# coarse texture of voids is brighter than before in places, but not over so wide a neighbourhood.
LEAST_RISE, USUAL_SIGMA_PX = 0.02, 10.0
# All that was measured counts as much as this share of what is around a place.
LEAST_AROUND = 0.02
# Jumps that a region must be worth for every pixel side of its outline: two for every path through it would be half a
# jump a side (2 / pi of its perimeter, sides being 4 / pi longer). As evidence is capped, half of that is asked.
OUTLINE_SHARE = 0.25
# A region smaller than 3 x 3 px is a speck of noise: boundaries, where jumps cost little, would let it pass.
LEAST_REGION_PX = 9
# A fall takes some four samples; one that begins with fewer left is not over when the movie ends. What it must have
# come to by then, in the mean of the last samples, is a share of what is usual around.
LAST_ARRIVALS, LAST_SAMPLES, NEAR_SIGMA_PX = 6, 2, 3.0


def fall_of(windows: Windows, index: Image) -> Image:
    """Return by how much the level of each pixel fell from before its moment to the frames behind it, (y, x).

    NaN where too few frames show it before or after.
    """
    length = len(windows.samples)
    fall = np.zeros(index.shape, np.float32)
    count = np.zeros(index.shape, np.float32)
    total = windows.before_total.copy()
    before = windows.before_count.copy()
    with np.errstate(invalid="ignore"):
        own = index - windows.start
    for s in range(length):
        level = windows.samples[s].astype(np.float32)
        shown = np.isfinite(level)
        # The fall itself takes some three frames.
        early, late = shown & (s < own - 1.5), shown & (s > own + 1.5) & (s < own + 12)
        total[early] += level[early]
        before += early
        fall[late] += level[late]
        count += late
    drop = total / np.maximum(before, 1) - fall / np.maximum(count, 1)
    return np.where((before >= FEWEST_BEFORE) & (count >= FEWEST_BEHIND), drop, np.nan).astype(np.float32)


def rises(drop: Image, index: Image) -> Mask:
    """Return where the level rose with what arrived around: nothing that degrades does."""
    arrived = np.isfinite(index) & np.isfinite(drop)
    return np.asarray(_mean_over(drop, arrived, USUAL_SIGMA_PX) < -LEAST_RISE)


def unfounded(drop: Image, index: Image) -> Mask:
    """Return the regions that arrived and of which hardly a pixel was seen to fall: slivers at the rim of the field."""
    count, number = cv2.connectedComponents(np.isfinite(index).astype(np.uint8), connectivity=8)
    size = np.bincount(number.ravel(), minlength=count)
    measured = np.bincount(number.ravel(), np.isfinite(drop).ravel(), count)
    return np.asarray((measured < MEASURED_SHARE * size)[number])


def unpaid(costs: Image, start: NDArray[np.int32], index: Image, jump: float | Image) -> Mask:
    """Return the regions that arrived and whose own evidence is worth less than their outline costs, and all specks.

    Paths through neighbours find the best map nearly, not quite: a speck can be held together by the streaks between
    its pixels. A path through a region pays a jump where it comes in and one where it goes out, and a region has pi
    times its area over its perimeter for its mean chord.

    Parameters
    ----------
    costs : (y, K + 1, x) float32
        Cost of every candidate and of never, last.
    start : (y, x) int32
        Sample of the first candidate.
    index : (y, x) float32
        Moments in sample numbers, NaN = never.
    jump : float or (y, x) float32
        Cost of a jump to a neighbour.
    """
    arrived = np.isfinite(index)
    number = np.clip(np.rint(np.where(arrived, index, 0) - start), 0, costs.shape[1] - 2).astype(np.intp)
    gain = costs[:, -1] - np.take_along_axis(costs, number[:, None], axis=1)[:, 0]
    outline = np.zeros(index.shape, np.float32)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        outline[a] += arrived[a] & ~arrived[b]
        outline[b] += arrived[b] & ~arrived[a]
    count, region = cv2.connectedComponents(arrived.astype(np.uint8), connectivity=8)
    worth = np.bincount(region.ravel(), gain.ravel(), count)
    price = OUTLINE_SHARE * np.bincount(region.ravel(), (outline * jump).ravel(), count)
    poor = (worth < price) | (np.bincount(region.ravel(), minlength=count) < LEAST_REGION_PX)
    poor[0] = False
    return np.asarray(poor[region])


def unfinished(windows: Windows, index: Image, drop: Image, count: int, fall: float) -> Mask:
    """Return which places had begun to fall but not come half way when the movie ended.

    A place that comes half way with the last sample shows a share of its fall in the mean of the last samples that
    follows from how long falls take; what shows less, over a neighbourhood, has not come half way.

    Parameters
    ----------
    windows : Windows
    index : (y, x) float32
        Arrival in samples, NaN = never.
    drop : (y, x) float32
        Fall of the level at the arrival, see `fall_of`.
    count : int
        Samples of the movie.
    fall : float
        Samples that the steep part of a fall takes.
    """
    late = np.isfinite(index) & (index > count - LAST_ARRIVALS)
    measured = np.isfinite(index) & np.isfinite(drop)
    if not late.any() or not measured.any():
        return np.zeros(index.shape, bool)
    fallen, shown = fallen_at_end(windows, count)
    shown &= late
    usual = usual_drop(drop, measured)
    least = np.mean([share_fallen(-k, fall) for k in range(LAST_SAMPLES)])
    return np.asarray(shown & (_mean_over(fallen, shown, NEAR_SIGMA_PX) < np.float32(least) * usual))


def fallen_at_end(windows: Windows, count: int) -> tuple[Image, Mask]:
    """Return by how much each place (y, x) lies below its level before in the last samples, and which they show."""
    total, shown = np.zeros(windows.start.shape, np.float32), np.zeros(windows.start.shape, np.float32)
    for s, level in enumerate(windows.samples):
        last = (windows.start + s >= count - LAST_SAMPLES) & np.isfinite(level)
        total[last] += level[last]
        shown += last
    before = windows.before_total / np.maximum(windows.before_count, 1)
    return np.asarray(before - total / np.maximum(shown, 1), np.float32), np.asarray(shown > 0)


def usual_drop(drop: Image, measured: Mask) -> Image:
    """Return how much places around each one fell (y, x); where none around was measured, how much all others did."""
    overall = np.float32(drop[measured].mean())
    total = cv2.GaussianBlur(np.where(measured, drop, 0).astype(np.float32), (0, 0), USUAL_SIGMA_PX)
    share = cv2.GaussianBlur(measured.astype(np.float32), (0, 0), USUAL_SIGMA_PX)
    return np.asarray((total + LEAST_AROUND * overall) / (share + np.float32(LEAST_AROUND)), np.float32)


def _mean_over(image: Image, where: Mask, sigma_px: float) -> Image:
    """Return the mean of an image over what of a mask lies around each pixel."""
    total = cv2.GaussianBlur(np.where(where, image, 0).astype(np.float32), (0, 0), sigma_px)
    share = cv2.GaussianBlur(where.astype(np.float32), (0, 0), sigma_px)
    return np.asarray(total / np.maximum(share, 1e-3), np.float32)
