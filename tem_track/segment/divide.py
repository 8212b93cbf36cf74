"""Touching particles parted where their common outline has a neck.

Strategy. The distance to the outline has one peak in each of two touching particles and a saddle at the neck. Two
peaks are two particles where the saddle is clearly lower than the lower peak: two equal discs whose neck is as wide
as half their diameter have a saddle of half their radius. Facets, roughness and elongation leave the saddle nearly as
high as the peaks, so single particles stay whole. The pieces are divided again until nothing is left to divide.

References
----------
Beucher & Lantuejoul 1979, Use of watersheds in contour detection; Soille 2003, Morphological Image Analysis,
doi:10.1007/978-3-662-05088-0, section 6.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.segmentation import watershed

from tem_track.movie import Image, Labels, Mask

# Saddle over lower peak. Two equal discs overlapping by a fifth of their diameter: neck half width 0.6 R.
NECK = 0.75
# A piece is at least this share of the largest one in half width: smaller ones are corners and roughness.
LEAST_PIECE = 0.28
STEPS = 16
# Larger masks are divided on a smaller picture: a neck is as wide as half a particle.
LARGEST_PX = 256


def parted(mask: Mask, cut: tuple[bool, bool, bool, bool] = (False,) * 4, neck: float = NECK) -> Labels:
    """Return a (Y, X) label image of the particles in one connected mask, from 1.

    Parameters
    ----------
    mask : (Y, X) bool
        In its bounding box.
    cut : (bool, bool, bool, bool)
        Whether the top, bottom, left and right side of the box is the border of the frame: the particles go on there.
    neck : float
        Saddle over lower peak below which two peaks are two particles.

    Returns
    -------
    (Y, X) int32

    >>> y, x = np.indices((30, 50))
    >>> two = (np.hypot(y - 15, x - 14) < 12) | (np.hypot(y - 15, x - 35) < 12)
    >>> int(parted(two).max())
    2
    """
    shrink = -(-max(mask.shape) // LARGEST_PX)
    if shrink > 1:
        small = cv2.resize(mask.astype(np.uint8), None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_NEAREST)
        pieces = parted(small > 0, cut, neck).astype(np.float32)
        wide = cv2.resize(pieces, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_NEAREST).astype(np.int32)
        return np.where(mask, nearest_label(wide)[0], 0).astype(np.int32)
    depth = depth_of(mask, cut)
    seeds = seeds_of(depth, neck, LEAST_PIECE * float(depth.max()))
    if seeds.max() < 2:
        return mask.astype(np.int32)
    return watershed(-depth, seeds, mask=mask).astype(np.int32)  # type: ignore[no-any-return]


def depth_of(mask: Mask, cut: tuple[bool, bool, bool, bool] = (False,) * 4) -> Image:
    """Return how far inside a (Y, X) mask in its box each pixel lies, px; it goes on beyond sides that are cut."""
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    for side, (outer, inner) in zip(cut, ((0, 1), (-1, -2)), strict=False):
        if side:
            padded[outer] = padded[inner]
    for side, (outer, inner) in zip(cut[2:], ((0, 1), (-1, -2)), strict=True):
        if side:
            padded[:, outer] = padded[:, inner]
    return cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]  # type: ignore[no-any-return]


def seeds_of(depth: Image, neck: float, least_px: float) -> Labels:
    """Return one seed per particle: the parts of the mask above the level at which they come apart.

    Parameters
    ----------
    depth : (Y, X) float32
        As `depth_of` returns it.
    neck : float
        Saddle over lower peak below which two peaks are two particles.
    least_px : float
        Peaks lower than this are none.
    """
    seeds = np.zeros(depth.shape, np.int32)
    waiting = [(depth > 0, 0)]
    found = 0
    top = float(depth.max())
    while waiting:
        part, step = waiting.pop()
        pieces, step = _apart(np.where(part, depth, np.float32(0)), step, top, neck, least_px)
        if len(pieces) > 1:
            waiting += [(piece, step) for piece in reversed(pieces)]
        else:
            found += 1
            seeds[part] = found
    return seeds


def _apart(depth: Image, step: int, top: float, neck: float, least_px: float) -> tuple[list[Mask], int]:
    for k in range(step, STEPS):
        level = top * k / STEPS
        count, labels = cv2.connectedComponents((depth > level).astype(np.uint8), connectivity=8)
        if count < 3:
            continue
        pieces = [labels == n for n in range(1, count)]
        peaks = [float(depth[piece].max()) for piece in pieces]
        deep = [p for p, peak in zip(pieces, peaks, strict=True) if level <= neck * peak and peak >= least_px]
        if len(deep) > 1:
            return deep, k
    return [], STEPS


def nearest_label(labels: Labels) -> tuple[Labels, Image]:
    """Return for each pixel the label nearest to it and its distance in px."""
    distance, index = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.flatnonzero(labels)
    numbers = np.zeros(len(place) + 1, np.int32)
    numbers[index.ravel()[place]] = labels.ravel()[place]
    return numbers[index], distance
