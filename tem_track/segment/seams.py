"""Touching particles parted along the seams between them: lines that are darker than the particles on both sides.

Strategy. Where particles lie close together their patch has hardly any necks, but along nearly every contact there is
less material than on either side of it, so that a valley of grey values runs from rim to rim. Valleys and gaps are
taken out of the patch and what is left is parted at its necks, which divides too much where a particle is rough. So
every dividing line must show that it is one: at half of its pixels and more the valley is deeper than noise and
roughness of the patch explain, or the line is short against the particles that it parts. The weakest lines are taken
away until all that are left do.

References
----------
Meyer & Beucher 1990, Morphological segmentation, doi:10.1016/1047-3203(90)90014-M (black top-hat, watershed and the
merging of its basins).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.divide import LEAST_PIECE, NECK, depth_of, seeds_of

# Width of the opening that a valley is narrower than, working px: a contact is a blur (0.8 to 1.2 px) wide on both
# sides, and the rounding of the particles beside it as much again.
WIDEST_PX = 7
# Depth of a valley against the contrast of the patch: less is no contact between particles of its thickness.
LEAST_DEPTH = 0.10
# Depth of the valleys that are taken out at first, against the noise of the picture and against what three quarters of
# the patch stay below, its roughness. Too many are no harm: lines are judged afterwards.
DEPTH_OF_NOISE, DEPTH_OF_TEXTURE = 3.0, 3.0
# Standard errors by which the depth along a line stands out of that of the whole patch. A line is placed where it is
# lowest among some hundred places: one in a million.
CLEAR = 5.0
# Pixels along a line that share their noise: the picture is smoothed by 0.8 to 1.8 px, and depths are the largest
# within one px.
SHARED_PX = 4.0
# Valleys smaller than this, working px, are pits on one particle.
LEAST_VALLEY_PX = 4


def parted_at_seams(
    picture: Image,
    mask: Mask,
    gaps: Mask,
    contrast: float,
    noise: float,
    cut: tuple[bool, bool, bool, bool],
    least_px: float | None = None,
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
    least_px : float or None
        Half width that a particle has at least; None = the usual share of the largest one's.
    """
    solid = mask & ~gaps
    if not solid.any():
        return mask.astype(np.int32)
    below = valley_depth(picture)
    usual = below[solid]
    place = 3 * len(usual) // 4
    texture = float(np.partition(usual, place)[place])
    least = max(LEAST_DEPTH * contrast, DEPTH_OF_NOISE * noise, DEPTH_OF_TEXTURE * texture)
    valley = without_pits(below >= least, mask)
    # Without a valley all is left to necks, which the patch's outline in the working picture shows as well.
    if not valley.any():
        return mask.astype(np.int32)
    depth = depth_of(solid & ~valley, cut)
    if not depth.any():
        return mask.astype(np.int32)
    seeds = seeds_of(depth, NECK, LEAST_PIECE * float(depth.max()) if least_px is None else least_px)
    if seeds.max() < 2:
        return mask.astype(np.int32)
    pieces = watershed(-depth, seeds, mask=solid).astype(np.int32)
    lines = Lines.of(pieces, below, LEAST_DEPTH * contrast, noise)
    return merged(pieces, lines, depth_of(solid, cut))


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


@dataclass
class Lines:
    """The pixels along which pieces meet, and what depth (grey value) makes a line of them a seam.

    Attributes
    ----------
    one, other : (L,) int32
        Pieces on both sides of each pixel of a line, the lower number first.
    depth : (L,) float32
        Of the valley there, the usual depth of the patch taken off.
    scatter : float
        Of the depth over the patch.
    least : float
        Depth that a seam has at least.
    """

    one: NDArray[np.int32]
    other: NDArray[np.int32]
    depth: NDArray[np.float32]
    scatter: float
    least: float

    @classmethod
    def of(cls, pieces: Labels, below: Image, least: float, noise: float) -> Lines:
        """Return the lines between pieces (Y, X), given how far each pixel lies below its sides."""
        # A line may pass beside the lowest pixel by one.
        nearby = cv2.dilate(below, np.ones((3, 3), np.uint8))
        usual = nearby[pieces > 0]
        middle = float(np.median(usual))
        scatter = 1.4826 * float(np.median(np.abs(usual - middle)))
        parts = []
        for near, far in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            one, other = pieces[near], pieces[far]
            line = (one != other) & (one > 0) & (other > 0)
            value = np.maximum(nearby[near], nearby[far])[line] - np.float32(middle)
            parts.append((np.minimum(one, other)[line], np.maximum(one, other)[line], value))
        one, other, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return cls(one, other, value, max(scatter, 0.5 * noise), least)

    def merge(self, one: int, other: int) -> None:
        """Count the second piece as part of the first, whose number is lower."""
        first = np.where(self.one == other, one, self.one)
        second = np.where(self.other == other, one, self.other)
        kept = first != second
        self.one, self.other = np.minimum(first, second)[kept], np.maximum(first, second)[kept]
        self.depth = self.depth[kept]

    def judged(self, half_width: FloatArray) -> list[tuple[float, int, int]]:
        """Return how clearly each line parts two pieces (1 and more where it does) and the pieces, weakest first.

        Parameters
        ----------
        half_width : (N + 1,) float64
            Of the pieces, px.
        """
        if not len(self.one):
            return []
        order = np.lexsort((self.depth, self.other, self.one))
        one, other, depth = self.one[order], self.other[order], self.depth[order]
        starts = np.flatnonzero(np.r_[True, (one[1:] != one[:-1]) | (other[1:] != other[:-1])])
        found = []
        for start, stop in zip(starts, np.r_[starts[1:], len(one)], strict=True):
            # Steps along both axes: 1 for each px of a line along an axis, sqrt(2) at 45 degrees, 1.27 on average.
            length = (stop - start) / 1.27
            # 1.25: standard error of a median against that of a mean.
            error = 1.25 * self.scatter / np.sqrt(max(1.0, length / SHARED_PX))
            seam = float(depth[(start + stop) // 2]) / max(self.least, CLEAR * error)
            a, b = int(one[start]), int(other[start])
            found.append((max(seam, NECK * 2 * min(half_width[a], half_width[b]) / length), a, b))
        return sorted(found)


def merged(pieces: Labels, lines: Lines, depth: Image) -> Labels:
    """Return pieces with those put together again whose common line is neither a seam nor short.

    Parameters
    ----------
    pieces : (Y, X) int32
        1..N.
    lines : Lines
        Between them; used up.
    depth : (Y, X) float32
        How far inside the patch each pixel lies, px.
    """
    half_width = np.zeros(int(pieces.max()) + 1)
    np.maximum.at(half_width, pieces.ravel(), depth.ravel())
    number = np.arange(len(half_width))
    while judged := lines.judged(half_width):
        strength, one, other = judged[0]
        if strength >= 1:
            break
        lines.merge(one, other)
        half_width[one] = max(half_width[one], half_width[other])
        number[number == other] = one
    _, number = np.unique(number, return_inverse=True)
    return number.astype(np.int32)[pieces]
