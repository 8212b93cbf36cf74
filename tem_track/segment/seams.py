"""Touching particles parted along the seams between them: lines that are darker than the particles on both sides.

Strategy. Where particles lie close together their patch has hardly any necks, but along nearly every contact there is
less material than on either side of it, so that a valley of grey values runs from rim to rim. Valleys and gaps are
taken out of the patch and what is left is parted at its necks, which divides too much where a particle is rough. So
every dividing line must show that it is one: most of it runs through a valley, or it is short against the particles
that it parts. The weakest lines are taken away until all that are left do.

References
----------
Meyer & Beucher 1990, Morphological segmentation, doi:10.1016/1047-3203(90)90014-M (black top-hat, watershed and the
merging of its basins).
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.segmentation import watershed

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.divide import LEAST_PIECE, NECK, depth_of, seeds_of

# Width of the opening that a valley is narrower than, working px: a contact is a blur (0.8 to 1.2 px) wide on both
# sides, and the rounding of the particles beside it as much again.
WIDEST_PX = 7
# Depth of a valley against the contrast of the patch, and against the noise of the picture.
LEAST_DEPTH, LEAST_DEPTH_OF_NOISE = 0.10, 4.0
# Depth against that which three quarters of the patch stay below: the particles' own roughness.
LEAST_DEPTH_OF_TEXTURE = 4.0
# Share of a dividing line that runs through a valley: noise, and rims that light up, hide the rest.
MOSTLY_VALLEY = 0.6
# Valleys smaller than this, working px, are pits on one particle.
LEAST_VALLEY_PX = 4


def parted_at_seams(
    picture: Image, mask: Mask, gaps: Mask, contrast: float, noise: float, cut: tuple[bool, bool, bool, bool]
) -> Labels:
    """Return a (Y, X) label image of the particles in one patch, 1..N, gaps between them left out.

    Parameters
    ----------
    picture : (Y, X) float32
        In the patch's bounding box, particles bright.
    mask : (Y, X) bool
        The patch, holes filled.
    gaps : (Y, X) bool
        What in it is as dark as its surroundings.
    contrast : float
        Of the patch, grey value.
    noise : float
        Of the picture, grey value.
    cut : (bool, bool, bool, bool)
        Whether the top, bottom, left and right side of the box is the border of the frame.
    """
    solid = mask & ~gaps
    below = valley_depth(picture)
    if not solid.any():
        return mask.astype(np.int32)
    # Seams take up less than a quarter of a patch; the rest tells how rough the particles are.
    texture = float(np.quantile(below[solid], 0.75))
    least = max(LEAST_DEPTH * contrast, LEAST_DEPTH_OF_NOISE * noise, LEAST_DEPTH_OF_TEXTURE * texture)
    valley = without_pits(below >= least, mask)
    free = solid & ~valley
    depth = depth_of(free, cut)
    if not depth.any():
        return mask.astype(np.int32)
    seeds = seeds_of(depth, NECK, LEAST_PIECE * float(depth.max()))
    if seeds.max() < 2:
        return mask.astype(np.int32)
    pieces = watershed(-depth, seeds, mask=solid).astype(np.int32)
    return merged(pieces, valley, depth_of(solid, cut))


def valley_depth(picture: Image) -> Image:
    """Return how much lower each pixel of a (Y, X) picture lies than what is on both sides of it, grey value."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDEST_PX, WIDEST_PX))
    return cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, disc)  # type: ignore[no-any-return]


def without_pits(valley: Mask, mask: Mask) -> Mask:
    """Return the valleys inside a (Y, X) mask without those of a few pixels only."""
    inside = (valley & mask).view(np.uint8)
    _, labels, about, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    large = about[:, cv2.CC_STAT_AREA] >= LEAST_VALLEY_PX
    large[0] = False
    kept: Mask = large[labels]
    return kept


def merged(pieces: Labels, valley: Mask, depth: Image) -> Labels:
    """Return pieces with those put together again whose common line is neither a valley nor short.

    Parameters
    ----------
    pieces : (Y, X) int32
        1..N.
    valley : (Y, X) bool
    depth : (Y, X) float32
        How far inside the patch each pixel lies, px.
    """
    count = int(pieces.max())
    wide = cv2.dilate(valley.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    length, through = lines_between(pieces, wide, count)
    half_width = np.zeros(count + 1)
    np.maximum.at(half_width, pieces.ravel(), depth.ravel())
    number = np.arange(count + 1)
    while True:
        shown = line_strength(length, through, half_width)
        weakest = int(np.argmin(shown))
        one, other = divmod(weakest, count + 1)
        if shown[one, other] >= 1:
            break
        for table in (length, through):
            table[one] += table[other]
            table[:, one] += table[:, other]
            table[other] = table[:, other] = table[one, one] = 0
        half_width[one] = max(half_width[one], half_width[other])
        number[number == other] = one
    _, number = np.unique(number, return_inverse=True)
    return number.astype(np.int32)[pieces]


def lines_between(pieces: Labels, valley: Mask, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the length (px) of the line between each two of N pieces and of its part in a valley, (N + 1, N + 1)."""
    length, through = np.zeros((2, (count + 1) ** 2))
    for near, far in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        one, other = pieces[near], pieces[far]
        line = (one != other) & (one > 0) & (other > 0)
        pair = one[line].astype(np.intp) * (count + 1) + other[line]
        length += np.bincount(pair, minlength=len(length))
        through += np.bincount(pair, (valley[near] | valley[far])[line], minlength=len(length))
    # Steps along both axes: a line at 45 degrees has sqrt(2) of them per px, one along an axis 1; 1.27 on average.
    length, through = (table.reshape(count + 1, count + 1) / 1.27 for table in (length, through))
    return length + length.T, through + through.T


def line_strength(length: FloatArray, through: FloatArray, half_width: FloatArray) -> FloatArray:
    """Return how clearly each line parts two pieces, (N, N): 1 and more where it does, infinite where there is none.

    Parameters
    ----------
    length, through : (N, N) float64
        Of the line and of its part in a valley, px.
    half_width : (N,) float64
        Of the pieces, px.
    """
    narrower = np.minimum(half_width[:, None], half_width[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        valley = through / length / MOSTLY_VALLEY
        neck = NECK * 2 * narrower / length
    return np.where(length > 0, np.maximum(valley, neck), np.inf)
