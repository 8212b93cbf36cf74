"""What in the field is not the film: a protective platinum strip, vacuum beyond the film's edge."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import Image, Mask

# Smoothing before levels are judged, px: boundary lines and damage sites must not count as gaps in the film.
SMOOTHING_PX = 3.0
# Grains differ by orientation by some 10 % (one standard deviation). A strip that is this much brighter than the film's
# usual level, or a gap that is this much darker, is none of them.
BRIGHTER, DARKER = 1.35, 0.55
# It must be at least this wide and fill this share of the field, and reach the field's edge.
LEAST_WIDTH_PX, LEAST_SHARE = 8, 0.005
# Its level must step at its rim: just inside over just outside. A film that grows thicker by degrees does not step.
RIM_STEP, RIM_PX = 1.3, 6
# Smoothing in which the rim itself is placed, px.
RIM_SMOOTHING_PX = 1.0


def outside_film(image: Image, usable: Mask) -> Mask:
    """Return where the field shows something else than the film.

    Parameters
    ----------
    image : (Y, X) float32
        Grey levels with zero where no electrons arrive.
    usable : (Y, X) bool
        False where the image says nothing.

    Returns
    -------
    (Y, X) bool
        Bright or dark areas at the edge of the field, with a sharp rim; False where not usable.
    """
    if not usable.any():
        return np.zeros(image.shape, bool)
    filled = np.where(usable, image, np.median(image[usable])).astype(np.float32)
    level = cv2.GaussianBlur(filled, (0, 0), SMOOTHING_PX)
    usual = float(np.median(level[usable]))
    found = np.zeros(image.shape, bool)
    # A picture without a positive level (counts with an unknown zero) has no ratios to judge by.
    if usual > 0:
        for candidate, sign in ((level > BRIGHTER * usual, 1), (level < DARKER * usual, -1)):
            found |= _areas_at_edge(candidate, level, sign)
    return _to_half_level(found, filled) & usable


def _areas_at_edge(candidate: Mask, level: Image, sign: int) -> Mask:
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LEAST_WIDTH_PX, LEAST_WIDTH_PX))
    framed = cv2.copyMakeBorder(candidate.astype(np.uint8), *(LEAST_WIDTH_PX,) * 4, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, wide)[(np.s_[LEAST_WIDTH_PX:-LEAST_WIDTH_PX],) * 2]
    number = cv2.connectedComponents(opened, connectivity=8)[1]
    border = np.unique(np.concatenate((number[0], number[-1], number[:, 0], number[:, -1])))
    out = np.zeros(candidate.shape, bool)
    for k in border[border > 0].tolist():
        area = number == k
        if area.mean() >= LEAST_SHARE and _steps(area, level, sign):
            out |= area
    return out


def _steps(area: Mask, level: Image, sign: int) -> bool:
    """Return whether the level steps from just outside an area to just inside it, up (sign 1) or down (-1)."""
    reach = np.ones((2 * RIM_PX + 1,) * 2, np.uint8)
    framed = area.astype(np.uint8)
    inner = area & (cv2.erode(framed, reach, borderValue=1) == 0)
    outer = ~area & (cv2.dilate(framed, reach, borderValue=0) > 0)
    if not outer.any() or not inner.any():
        return False
    high, low = (np.median(level[inner]), np.median(level[outer]))[::sign]
    return bool(high > RIM_STEP * max(float(low), 0.0))


def _to_half_level(area: Mask, image: Image) -> Mask:
    """Return areas whose rim is moved to where the level is half way between the two sides."""
    if not area.any() or area.all():
        return area
    reach = np.ones((2 * RIM_PX + 1,) * 2, np.uint8)
    framed = area.astype(np.uint8)
    inner, outer = cv2.erode(framed, reach, borderValue=1) > 0, cv2.dilate(framed, reach, borderValue=0) == 0
    inside, beyond = (_mean_of(image, part) for part in (inner, outer))
    calm = cv2.GaussianBlur(image, (0, 0), RIM_SMOOTHING_PX)
    near = ~inner & ~outer & np.isfinite(inside) & np.isfinite(beyond)
    closer = np.abs(calm - inside) < np.abs(calm - beyond)
    return np.where(near, closer, area)


def _mean_of(image: Image, part: Mask) -> Image:
    """Return the mean of the image over what of a part lies around each pixel; NaN far from it."""
    share = cv2.GaussianBlur(part.astype(np.float32), (0, 0), RIM_PX)
    total = cv2.GaussianBlur(np.where(part, image, 0).astype(np.float32), (0, 0), RIM_PX)
    return np.where(share > 1e-3, total / np.maximum(share, 1e-3), np.float32(np.nan))
