"""Lacey carbon whose holes show what lies behind it: support, and not what is sought, whichever way it is looked at.

Strategy. In bright field the strands of the carbon are darker than the vacuum in its holes, and a particle, on a
strand or in a hole, is darker than the strands: in projection what lies on top of one another adds up. Taken for dark,
the strands are one patch that fills the field and holds the particles; taken for bright, each hole is a compact patch
with a sharp edge all round. Packed particles on a bare background look alike, but that picture has two levels, not
three. So a patch that crosses the border of the picture and is open in good part is a support where its strands are of
one level and compact patches inside it, clearly better ones, stand as clearly above that level. What lies below the
strands is then no particle either.
"""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.levels import Region

# Share of the picture that a support fills, its holes included, and share of it that is holes: strands of lacey carbon
# enclose a seventh to a half of it, densely packed discs 9 %.
LEAST_SHARE, LEAST_OPEN = 0.1, 0.12
# What shows that a patch is a support is about as compact as two touching discs.
COMPACT = 0.7
# Spread of the strands (standard deviation) against their height above the holes: a tenth to a fifth on uneven carbon
# with noise, half and more where particles of all heights make up the mesh.
LARGEST_SPREAD = 0.33
# Height of a particle above the strands: standard deviations of theirs, and share of their own height above the holes.
CLEAR_OF_SPREAD, LEAST_HEIGHT = 3.0, 0.3
# Its width against that of the strands: the bright fringe between two dark particles in contact has 0.45 of what lies
# between particles, a particle on lacey carbon 0.7 and more.
LEAST_WIDTH = 0.57


def drop_meshes(regions: list[Region], picture: Image, advantage: float) -> Mask | None:
    """Set the score of supports with holes, and of what holds them, to 0 and return what lies below their strands.

    Parameters
    ----------
    regions : list of Region
        As `region_tree` returns them for the picture: parents first.
    picture : (Y, X) float32
        Particles bright.
    advantage : float
        Factor by which the score of a compact patch inside exceeds that of the support.

    Returns
    -------
    (Y, X) bool or None
        None where there is no such support.
    """
    best = _best_inside(regions)
    support = np.zeros(len(regions), np.bool_)
    level = -np.inf
    for number in range(len(regions) - 1, -1, -1):
        region = regions[number]
        if not support[number] and 0 < advantage * region.score < best[number] and _large(region, picture):
            between = _carries(region, _better(regions, region, advantage), picture)
            support[number] = between is not None
            level = level if between is None else max(level, between)
        if support[number]:
            region.score = 0.0
            if region.parent >= 0:
                support[region.parent] = True
    return picture <= level if np.isfinite(level) else None


def _best_inside(regions: list[Region]) -> list[float]:
    """Return for each patch the best score of the compact ones inside it."""
    best = [0.0] * len(regions)
    for number in range(len(regions) - 1, -1, -1):
        region = regions[number]
        if region.parent >= 0:
            own = region.score if region.compactness >= COMPACT else 0.0
            best[region.parent] = max(best[region.parent], best[number], own)
    return best


def _large(region: Region, picture: Image) -> bool:
    """Return whether a patch fills enough of a picture, and goes on beyond it, to be its support."""
    return region.border_share > 0 and region.area_px >= LEAST_SHARE * picture.size


def _better(regions: list[Region], region: Region, advantage: float) -> list[Region]:
    """Return the outermost compact patches inside a patch whose score exceeds its own by a factor."""
    better, waiting = [], list(region.children)
    while waiting:
        inner = regions[waiting.pop()]
        if inner.compactness >= COMPACT and inner.score > advantage * region.score:
            better.append(inner)
        else:
            waiting += inner.children
    return better


def _carries(region: Region, better: list[Region], picture: Image) -> float | None:
    """Return the level between strands and holes where a patch is both and better patches stand above the strands."""
    filled, covered = _drawn([region], picture), _drawn(better, picture, 2)
    strands = filled & ~covered & (picture > region.level)
    holes = filled & ~covered & (picture <= region.level)
    if not strands.any() or np.count_nonzero(holes) < LEAST_OPEN * region.area_px:
        return None
    low, middle, high = np.percentile(picture[strands], (16, 50, 84))
    height, spread = middle - float(np.median(picture[holes])), (high - low) / 2
    if spread > LARGEST_SPREAD * height:
        return None
    least_px = np.pi * (LEAST_WIDTH * _half_width(strands)) ** 2
    least = middle + max(CLEAR_OF_SPREAD * spread, LEAST_HEIGHT * height)
    clear = any(patch.area_px >= least_px and np.median(_within(patch, picture)) > least for patch in better)
    return float(middle - height / 2) if clear else None


def _half_width(strands: Mask) -> float:
    """Return the half width of (Y, X) strands, px: twice the mean distance to their rim."""
    depth = cv2.distanceTransform(strands.view(np.uint8), cv2.DIST_L2, 5)
    return 2 * float(depth[strands].mean())


def _drawn(regions: list[Region], picture: Image, wider_px: int = 0) -> Mask:
    filled = np.zeros(picture.shape, np.uint8)
    cv2.drawContours(filled, [region.contour for region in regions], -1, 1, cv2.FILLED)
    side = 2 * wider_px + 1
    return (cv2.dilate(filled, np.ones((side, side), np.uint8)) if wider_px else filled) != 0  # type: ignore[no-any-return]


def _within(region: Region, picture: Image | Mask) -> FloatArray:
    """Return the values of a picture in a patch."""
    left, top, width, height = cv2.boundingRect(region.contour)
    filled = np.zeros((height, width), np.uint8)
    cv2.drawContours(filled, [region.contour], -1, 1, cv2.FILLED, offset=(-left, -top))
    values: FloatArray = picture[top : top + height, left : left + width][filled != 0].astype(np.float64)
    return values


def covered_share(region: Region, mask: Mask) -> float:
    """Return the share of a patch that lies in a (Y, X) mask."""
    return float(_within(region, mask).mean())
