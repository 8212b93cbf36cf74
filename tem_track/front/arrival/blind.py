"""Places that left the field before the movie ended: what became of them."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.front.frames.windows import Windows
from tem_track.movie import Image

# A place that the last samples but so many do not show is not known to have stayed as it was.
BLIND_SAMPLES = 4


def last_shown(windows: Windows) -> Image:
    """Return the number of the last sample kept that shows each place (y, x); -1 where none does."""
    last = np.full(windows.start.shape, -1, np.float32)
    for s, level in enumerate(windows.samples):
        shown = np.isfinite(level)
        last[shown] = (windows.start + s)[shown]
    return last


def continued(index: Image, windows: Windows) -> Image:
    """Return the moments (y, x); a place not shown after its moment changed only if the nearest place that is did.

    What is not shown at the end may have changed or not, and the agreement with neighbours alone draws streaks there.
    The nearest place that says something is the best guess; what was still seen as it was changed later than that.

    Parameters
    ----------
    index : (y, x) float32
        Moments in sample numbers, NaN = never.
    windows : Windows
    """
    last = last_shown(windows)
    end = float(last.max())
    blind = np.where(np.isfinite(index), last < index - 0.5, last < end - BLIND_SAMPLES)
    if not blind.any() or blind.all():
        return index
    _, number = cv2.distanceTransformWithLabels(
        blind.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    told = np.zeros(int(number.max()) + 1, np.float32)
    told[number[~blind]] = index[~blind]
    nearest = told[number]
    guess = np.where(np.isfinite(index), index, np.maximum(nearest, last + np.float32(0.5)))
    return np.where(blind, np.where(np.isfinite(nearest), guess, np.float32(np.nan)), index).astype(np.float32)
