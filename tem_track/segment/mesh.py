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

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Support:
    """Strands of one level with holes between them.

    Attributes
    ----------
    below : (Y, X) bool
        What shows through the holes.
    clear : float
        Grey level above which something stands clear of the strands.
    """

    below: Mask
    clear: float


def drop_meshes(regions: list[Region], picture: Image, advantage: float, known: bool = False) -> Support | None:
    """Set the score of supports with holes, and of what holds them, to 0 and return the largest of them.

    Parameters
    ----------
    regions : list of Region
        As `region_tree` returns them for the picture: parents first.
    picture : (Y, X) float32
        Particles bright.
    advantage : float
        Factor by which the score of a compact patch inside exceeds that of the support.
    known : bool
        Whether the movie is known to have such a support: what stands on it need not show it then.
    """
    best = _best_inside(regions)
    support = np.zeros(len(regions), np.bool_)
    levels: tuple[float, float] | None = None
    for number in range(len(regions) - 1, -1, -1):
        region = regions[number]
        asked = region.score > 0 and not support[number] and _large(region, picture)
        if asked and (known or advantage * region.score < best[number]):
            seen = _carries(region, _better(regions, region, advantage), picture, known)
            support[number] = seen is not None
            levels = seen or levels
        if support[number]:
            region.score = 0.0
            if region.parent >= 0:
                support[region.parent] = True
    return None if levels is None else Support(picture <= levels[0], levels[1])


def off_strands(patches: list[Region], picture: Image, support: Support) -> list[Region]:
    """Return patches of a (Y, X) picture without those that the border closes and that are no higher than the strands.

    What the border cuts off a support has an outline like a particle's, but the level of the support.
    """
    return [p for p in patches if p.border_share == 0 or np.median(_within(p, picture)) > support.clear]


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


def _carries(region: Region, better: list[Region], picture: Image, known: bool) -> tuple[float, float] | None:
    """Return the levels between strands and holes and clear of the strands if any of the better patches is the latter.

    None where that is neither so nor known, or where the patch is not strands of one level around holes.
    """
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
    clear = float(middle + max(CLEAR_OF_SPREAD * spread, LEAST_HEIGHT * height))
    stands = known or any(patch.area_px >= least_px and np.median(_within(patch, picture)) > clear for patch in better)
    return (float(middle - height / 2), clear) if stands else None


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
