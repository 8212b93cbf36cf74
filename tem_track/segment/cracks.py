"""Particles that are in pieces although the working picture shows one patch: thin cracks, seen in a finer picture.

Strategy. The working picture is as coarse as finding allows; a fresh crack is a pixel or two of the frame. So each
patch is looked at again, twice as fine, in its box only: the lowest of its grey values are taken away, a few per cent
to a quarter; where what is left comes apart into a few compact pieces, they are separate. Taking away a quarter shows
at once that nearly every particle is whole.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from tem_track.movie import Image, Labels
from tem_track.segment.contour import Contour, Shape
from tem_track.segment.finer import FINER, FinerPicture
from tem_track.segment.levels import PIECE, PIECE_SOLIDITY

# Shares of the patch taken away, the largest first: a crack is some 5 to 15 % of a particle, and the rest of what is
# taken is where the crack is shallow.
TAKEN = (0.26, 0.18, 0.11, 0.06)
# The pieces hold this share of what is left: the rest are crumbs of noise and diffraction contrast.
MOST = 0.88
# Patches smaller than this across, working px, are looked at in the working picture alone.
LEAST_ACROSS_PX = 7.0


def parted_at_cracks(tight: Labels, finer: FinerPicture, level: NDArray[np.float64]) -> Labels:
    """Return a label image of tight patches with those in pieces divided, new pieces numbered after all others.

    Parameters
    ----------
    tight : (Y / bin, X / bin) int32
        Patches, 1..N.
    finer : FinerPicture
    level : (N + 1,) float64
        Contrast of each patch, grey value.
    """
    if finer.bin_px == 1:
        return tight
    parted = tight.copy()
    count = int(tight.max())
    boxes = find_objects(tight)
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        smoothing = finer.smoothing_px(level[number])
        mask = (tight[box] == number).view(np.uint8)
        if smoothing is None or np.count_nonzero(mask) < np.pi / 4 * LEAST_ACROSS_PX**2:
            continue
        pieces = _pieces(mask, finer.in_box(box, smoothing))
        for piece in pieces:
            count += 1
            drawn = cv2.drawContours(np.zeros(mask.shape, np.uint8), [_coarse(piece)], -1, 1, cv2.FILLED)
            parted[box][(drawn > 0) & (mask > 0)] = count
        if pieces:
            rest = parted[box]
            rest[rest == number] = 0
    return tight if count == len(boxes) and None not in boxes else _numbered(parted)


def _pieces(mask: NDArray[np.uint8], fine: Image) -> list[Contour]:
    """Return the outlines of the pieces of a patch in fine px; none where it is whole."""
    inside = cv2.resize(mask, (fine.shape[1], fine.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    values = np.sort(fine[inside])
    area = len(values)
    for level in (values[int(share * area)] for share in TAKEN):
        above = ((fine > level) & inside).view(np.uint8)
        contours, _ = cv2.findContours(above, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        large = [contour for contour in contours if cv2.contourArea(contour) + 0.5 * len(contour) >= PIECE * area]
        if len(large) < 2:
            return []
        shapes = [Shape.of(contour) for contour in large]
        compact = min(shape.solidity for shape in shapes) >= PIECE_SOLIDITY
        if compact and sum(shape.area_px for shape in shapes) >= MOST * np.count_nonzero(above):
            return large
    return []


def _coarse(contour: Contour) -> Contour:
    """Return a contour in fine px of a box as one in its working px."""
    return np.rint((contour + 0.5) / FINER - 0.5).astype(np.int32)


def _numbered(labels: Labels) -> Labels:
    """Return a label image numbered from 1 without gaps, in the order of its numbers."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    number = np.cumsum(present).astype(np.int32)
    number[~present] = 0
    return number[labels]
