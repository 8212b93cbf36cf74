"""Necks: what tells a region that is one particle from one that is two which only touch.

Two particles that touch keep a concave neck between them; one that has coalesced, or never was two, is about as wide
at the dividing line as its parts are, and convex. Two figures of the label image tell them apart:

- **neck ratio**: extent of the line between the parts over the equivalent diameter of the smaller part. Touching discs
  have 0; discs that grew to twice their volume without moving apart reach 0.8 in projection; the two halves of a disc
  have 1.41, three sectors 1.7.
- **notch**: share of the convex hull that is not covered. Touching equal discs 0.12, grown as above 0.055; a disc 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import Labels, Mask

# Between 0.8 (discs that touched and then doubled in volume) and 1.41 (halves of one disc).
FILLED_NECK_RATIO = 0.9
# Below the 0.055 of grown touching discs; a rough outline of a convex particle has 0.01 to 0.03.
FILLED_NOTCH = 0.045
# Pieces of a broken disc have 1.4 and more; 0.75 lies half way to the 0 of touching discs.
OPEN_NECK_RATIO = 0.75


@dataclass(frozen=True)
class Neck:
    """How two or more adjoining parts hang together: see the module."""

    ratio: float
    notch: float

    @property
    def filled(self) -> bool:
        """The parts have become (or always were) one compact body."""
        return self.ratio >= FILLED_NECK_RATIO and self.notch <= FILLED_NOTCH

    @property
    def open(self) -> bool:
        """The parts only touch."""
        return self.ratio < OPEN_NECK_RATIO


def measure_neck(parts: Labels) -> Neck:
    """Return the neck of a (h, w) label image that holds the parts of one region and nothing else.

    The ratio is the smallest over the parts, each taken against all others together; NaN where only one part is there.
    """
    numbers = np.unique(parts[parts > 0])
    ratios = [_neck_ratio(parts, int(number)) for number in numbers]
    return Neck(min(ratios) if len(ratios) > 1 else np.nan, notch(parts > 0))


def notch(region: Mask) -> float:
    """Return the share of a region's convex hull (of pixel corners) that it does not cover, holes filled."""
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.nan
    return 1.0 - sum(cv2.contourArea(c) for c in contours) / max(hull_area(region), 1e-9)


def hull_area(region: Mask) -> float:
    """Return the area in px of the convex hull of the pixel centres of a region."""
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return float(cv2.contourArea(cv2.convexHull(np.vstack(contours)))) if contours else 0.0


def _neck_ratio(parts: Labels, number: int) -> float:
    own = parts == number
    others = ((parts > 0) & ~own).astype(np.uint8)
    y, x = np.nonzero(own & (cv2.dilate(others, np.ones((3, 3), np.uint8)) > 0))
    if not len(y):
        return 0.0
    line = np.hypot(np.ptp(y), np.ptp(x)) + 1.0
    smaller = min(np.count_nonzero(own), np.count_nonzero(others))
    return float(line / (2 * np.sqrt(smaller / np.pi)))
