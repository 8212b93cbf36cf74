"""What belongs to the camera and not to the specimen: burned-in bars, text, info bars and constant borders.

In a movie, such a pixel keeps one value while noise, drift and flicker change every other one. A saturated patch of
specimen or empty vacuum does that too; it is told apart by its rim, which approaches the saturated value gradually,
where a drawn one steps. A single image has no time to tell by: `tem_track.drift.stills` looks for drawn shapes there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.drift.border import picture_mask
from tem_track.drift.stills import drawn_pixels, grown, is_drawn_place
from tem_track.movie import Frames, Image, Mask, finite

# Frames read, evenly over the movie; four full frames are held.
FRAMES_READ = 16
# A pixel whose range over the frames read is below this share of the usual range carries no noise of its own.
STILL_SHARE = 0.2
# With more still pixels than this, nothing changes in the movie and time tells nothing.
MOST_STILL = 0.9
# The step from a drawn pixel to those two px away, over the step to those six px away; a gradual rim has below half.
SHARP_STEP = 0.6
# Ink steps by at least this share of the contrast of the whole picture.
INK_STEP = 0.25
# Ink on its own ground differs by at least this share of the contrast of the picture.
INK_INSIDE = 0.8
# Frames read that must carry a border for its pixels to be fixed; others move with the frames (see `picture_mask`).
BORDER_SHARE = 0.99
# Only extremes are ink: a value that this share of a frame's pixels has is specimen.
COMMON_VALUE = 0.1
# A drawn shape smaller than this, px, is a dead or hot pixel.
SMALLEST_DRAWN_PX = 4


@dataclass
class _Extremes:
    """Running minimum, maximum and mean of the frames read, (Y, X) each."""

    low: Image
    high: Image
    mean: Image
    picture: Image


def find_fixed_pixels(frames: Frames) -> Mask:
    """Return which pixels belong to the camera and not to the specimen.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded; at most 16 of them are read, twice where anything is drawn into them.

    Returns
    -------
    (Y, X) bool
        True for burned-in scale bars, text (a clock that changes too), info bars and borders that stand in every
        frame. A border that moves from frame to frame is not in it; `picture_mask` finds it in each frame.
    """
    numbers = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_READ)).round().astype(int))
    seen = _extremes(frames, numbers)
    border = seen.picture <= 1 - BORDER_SHARE
    spread = seen.high - seen.low
    # Pixels outside the picture in some frames say nothing about the usual range.
    alive = spread[(spread > 0) & (seen.picture >= 1)]
    if len(numbers) < 3 or alive.size < (1 - MOST_STILL) * spread.size:
        return border | drawn_pixels(finite(frames[int(numbers[0])]))
    still = (spread <= STILL_SHARE * float(np.median(alive))) & ~border
    drawn = _drawn_shapes(still, seen)
    if drawn.any():
        drawn = _with_changing_text(drawn, still, frames, numbers, seen.mean)
    return border | drawn


def _extremes(frames: Frames, numbers: np.ndarray[tuple[int], np.dtype[np.intp]]) -> _Extremes:
    first = finite(frames[int(numbers[0])])
    seen = _Extremes(first.copy(), first.copy(), first.copy(), picture_mask(first).astype(np.float32))
    for k in numbers[1:]:
        frame = finite(frames[int(k)])
        np.minimum(seen.low, frame, out=seen.low)
        np.maximum(seen.high, frame, out=seen.high)
        seen.mean += frame
        seen.picture += picture_mask(frame)
    seen.mean /= len(numbers)
    seen.picture /= len(numbers)
    return seen


def _drawn_shapes(still: Mask, seen: _Extremes) -> Mask:
    """Return the still pixels that belong to drawn shapes: a sharp rim, away from the middle of the frame."""
    drawn = np.zeros_like(still)
    count, number, stats, _ = cv2.connectedComponentsWithStats(still.astype(np.uint8), connectivity=8)
    spread = seen.high - seen.low
    low, high = np.percentile(seen.mean[::4, ::4], [0.5, 99.5])
    for n in range(1, count):
        x, y, width, height, area = (int(v) for v in stats[n])
        if area < SMALLEST_DRAWN_PX or not is_drawn_place((y, y + height, x, x + width), still.shape):
            continue
        box = np.s_[max(0, y - 8) : y + height + 8, max(0, x - 8) : x + width + 8]
        shape = number[box] == n
        sharp = _has_sharp_rim(shape, still[box], seen.mean[box], spread[box], float(high - low))
        if sharp or _holds_ink(shape, seen.mean[box], float(high - low)):
            drawn[box] |= shape
    return drawn


def _holds_ink(shape: Mask, mean: Image, contrast: float) -> bool:
    """Return whether black and white stand side by side in a shape that never changes: a bar in its box.

    In dark field the box may be as dark as the specimen beside it, so that its rim says nothing.
    """
    values = mean[shape]
    middle = 0.5 * (float(values.min()) + float(values.max()))
    if float(np.ptp(values)) < INK_INSIDE * contrast:
        return False
    light, dark = shape & (mean > middle), shape & (mean <= middle)
    beside = grown(light, 1) & dark
    return bool(min(light.sum(), dark.sum()) >= 4 * SMALLEST_DRAWN_PX and beside.sum() >= SMALLEST_DRAWN_PX)


def _has_sharp_rim(shape: Mask, still: Mask, mean: Image, spread: Image, contrast: float) -> bool:
    near = grown(shape, 2) & ~grown(shape, 1) & ~still
    far = grown(shape, 6) & ~grown(shape, 4) & ~still
    if near.sum() < 4 or far.sum() < 4:
        # Nothing but other still pixels around (text inside an info bar): judged with what surrounds it.
        return bool(shape.sum() >= SMALLEST_DRAWN_PX)
    value = float(np.median(mean[shape]))
    step, beyond = abs(float(mean[near].mean()) - value), abs(float(mean[far].mean()) - value)
    needed = max(0.5 * float(np.median(spread[near])), INK_STEP * contrast)
    return step > SHARP_STEP * beyond and step > needed


def _with_changing_text(drawn: Mask, still: Mask, frames: Frames, numbers: Mask, mean: Image) -> Mask:
    """Return the drawn pixels with info bars made whole and the digits of a clock beside them.

    A digit that changes takes, in some of the frames, exactly the grey value the still text has.
    """
    height, width = drawn.shape
    whole = _whole_bars(drawn | still, drawn)
    values = np.unique(np.round(np.percentile(mean[drawn], [2, 98])))
    beside = grown(drawn, max(4, round(0.04 * max(height, width))), along_rows=True)
    tolerance = 0.02 * max(float(mean.max() - mean.min()), 1e-6)
    elsewhere = ~(whole | still)
    hit = np.zeros(drawn.shape, bool)
    for k in numbers:
        frame = finite(frames[int(k)])
        for value in values:
            inked = np.abs(frame - value) <= tolerance
            share = float(inked[elsewhere].mean()) if elsewhere.any() else 0.0
            if share < COMMON_VALUE:
                hit |= _strokes(inked, share)
    found = (whole | grown(drawn, 2) | (hit & beside)).astype(np.uint8)
    # Codecs ring around digits that come and go: holes as wide as a stroke are closed.
    gap = max(3, round(0.01 * max(height, width)))
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    return np.asarray(closed > 0)


def _strokes(hit: Mask, share: float) -> Mask:
    """Return the (Y, X) pixels of ink that hang together as strokes do.

    `share` is how many of the pixels that are not drawn have the ink's value.
    Noise has the value of the ink here and there too: in dark field at low dose many pixels are black. Around a pixel
    that does, as many of its eight neighbours do as chance makes it, so that groups of n pixels are rarer by
    (8 share)^n: those smaller than what a whole frame holds by chance are left out.
    """
    share = max(share, 1 / hit.size)
    least = max(SMALLEST_DRAWN_PX, int(np.ceil(np.log(hit.size) / np.log(1 / (8 * share)))))
    _, number, stats, _ = cv2.connectedComponentsWithStats(hit.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[number])


def _whole_bars(still: Mask, drawn: Mask) -> Mask:
    """Return the rows (columns) at the frame's edges that are mostly still, filled from side to side."""
    whole = np.zeros_like(drawn)
    for axis in (0, 1):
        mostly = still.mean(axis=1 - axis) > 0.5
        for run in (mostly, mostly[::-1]):
            depth = int(np.argmin(run)) if not run.all() else 0
            # Rows of an info bar are still but for its text; text may break the run for a few rows.
            if 3 <= depth <= 0.4 * len(run):
                edge = slice(0, depth) if run is mostly else slice(len(run) - depth, len(run))
                part = whole[edge] if axis == 0 else whole[:, edge]
                had = drawn[edge] if axis == 0 else drawn[:, edge]
                part |= bool(had.mean() > 0.2)
    return whole
