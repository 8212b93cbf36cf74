"""From the patches that are particles to single particles: clusters of touching ones divided.

Strategy. A patch that is not convex may be several particles. They come apart as the grey level rises (`levels`), along
the seams between them (`seams`), at the gaps that they enclose, or at their necks (`divide`), in this order: what is
seen between particles says more than the shape of their common outline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.movie import Image, Labels, Mask
from tem_track.segment.contour import LEAST_SOLIDITY, Shape
from tem_track.segment.divide import parted
from tem_track.segment.finer import FINER, FinerPicture, finer_mask
from tem_track.segment.levels import NEARLY_CONVEX, Region, pieces_of
from tem_track.segment.seams import parted_at_seams

# Enclosed gaps smaller than this share of a patch do not part it.
LEAST_GAP = 0.01
# A piece of a cluster is a particle where it is this convex; a division is right where most of the patch goes into
# such pieces.
COMPACT, MOSTLY = 0.85, 0.6


def tight_labels(picture: Image, tree: list[Region], regions: list[Region], finer: FinerPicture) -> Labels:
    """Return the label image of patches of a (Y, X) picture, touching particles parted, 1..N."""
    labels = np.zeros(picture.shape, np.int32)
    count = 0
    for piece in [piece for region in regions for piece in pieces_of(tree, region)]:
        (x, y), pieces = _pieces_in_box(picture, piece, finer)
        view = labels[y : y + pieces.shape[0], x : x + pieces.shape[1]]
        free = (pieces > 0) & (view == 0)
        view[free] = pieces[free] + count
        count += int(pieces.max())
    return labels


def single_particles(
    picture: Image, tree: list[Region], regions: list[Region], finer: FinerPicture, closed: Mask | None = None
) -> list[Region]:
    """Return patches of a (Y, X) picture with those of touching particles replaced by a patch for each of them.

    Edge and contrast of the new ones are those of the patch they come from.
    """
    single = []
    for patch in [piece for region in regions for piece in pieces_of(tree, region)]:
        if patch.solidity >= NEARLY_CONVEX:
            single.append(patch)
            continue
        corner, pieces = _pieces_in_box(picture, patch, finer)
        for number in range(1, int(pieces.max()) + 1):
            single.append(_piece(patch, pieces == number, corner, picture.shape, closed))
    return single


def _piece(patch: Region, mask: Mask, corner: tuple[int, int], shape: tuple[int, ...], closed: Mask | None) -> Region:
    """Return one piece of a patch, given as a mask in a box with a corner (x, y)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=len) + np.array(corner, np.int32)
    piece = Shape.of(contour)
    x, y = contour[:, 0, 0], contour[:, 0, 1]
    cut = (x < 1) | (y < 1) | (x >= shape[1] - 1) | (y >= shape[0] - 1)
    if closed is not None:
        cut |= closed[y, x]
    return replace(
        patch,
        shape=piece,
        area_px=piece.area_px,
        border_share=float(np.count_nonzero(cut)) / piece.around_px,
        solidity_of_pieces=None,
    )


@dataclass(frozen=True)
class PatchBox:
    """The bounding box of a patch.

    Attributes
    ----------
    corner : (int, int)
        x and y of its first pixel.
    picture : (Y, X) float32
        What the box shows.
    patch : (Y, X) bool
        Holes filled.
    cut : (bool, bool, bool, bool)
        Whether its top, bottom, left and right side is the border of the frame.
    """

    corner: tuple[int, int]
    picture: Image
    patch: Mask
    cut: tuple[bool, bool, bool, bool]

    @classmethod
    def of(cls, picture: Image, patch: Region) -> PatchBox:
        """Return the box of a patch of a (Y, X) picture."""
        x, y, width, height = cv2.boundingRect(patch.contour)
        filled = np.zeros((height, width), np.uint8)
        cv2.drawContours(filled, [patch.contour - np.array((x, y), np.int32)], -1, 1, cv2.FILLED)
        cut = (y == 0, y + height == picture.shape[0], x == 0, x + width == picture.shape[1])
        return cls((x, y), picture[y : y + height, x : x + width], filled > 0, cut)


def _pieces_in_box(picture: Image, patch: Region, finer: FinerPicture) -> tuple[tuple[int, int], Labels]:
    """Return the corner (x, y) of a patch's box and the particles in the box, 1..N."""
    box = PatchBox.of(picture, patch)
    if patch.solidity >= NEARLY_CONVEX:
        return box.corner, box.patch.astype(np.int32)
    pieces = _compact(seamed(patch, box, finer)) if finer.seams else None
    return box.corner, pieces if pieces is not None else _parted(patch, box)


def seamed(patch: Region, box: PatchBox, finer: FinerPicture, least_px: float | None = None) -> Labels:
    """Return the particles of one patch in its box as the seams between them part it, 1..N.

    Parameters
    ----------
    patch : Region
    box : PatchBox
        Of the patch.
    finer : FinerPicture
        The seams are looked for in it where the patch's contrast allows.
    least_px : float or None
        Half width that a particle has at least, working px; None = the usual share of the largest one's.
    """
    gaps = box.patch & (box.picture <= patch.level)
    smoothing_px = finer.smoothing_px(patch.contrast)
    if smoothing_px is None:
        return parted_at_seams(box.picture, box.patch, gaps, patch.contrast, finer.noise, box.cut, least_px)
    (left, top), (height, width) = box.corner, box.picture.shape
    fine = finer.in_box((slice(top, top + height), slice(left, left + width)), smoothing_px)
    noise = finer.fine_noise(smoothing_px)
    least_px = None if least_px is None else FINER * least_px
    pieces = parted_at_seams(fine, finer_mask(box.patch), finer_mask(gaps), patch.contrast, noise, box.cut, least_px)
    return pieces[::FINER, ::FINER]


def _parted(patch: Region, box: PatchBox) -> Labels:
    """Return the particles of one patch in its box as gaps and necks part it, 1..N."""
    # The gaps enclosed by a ring of touching particles are background; the hollow of one particle is part of it. The
    # gaps are tried first, and count where they part the ring into compact pieces.
    gaps = box.patch & (box.picture <= patch.level)
    if np.count_nonzero(gaps) > LEAST_GAP * patch.area_px:
        pieces = _compact(parted(box.patch & ~gaps, box.cut))
        if pieces is not None:
            return pieces
    pieces = parted(box.patch, box.cut)
    cluster = patch.solidity < LEAST_SOLIDITY
    good = [n for n in range(1, int(pieces.max()) + 1) if not cluster or solidity(pieces == n) >= COMPACT]
    return renumbered(pieces, good)


def _compact(pieces: Labels) -> Labels | None:
    """Return the pieces that are compact, or None where they are not at least two and most of the patch."""
    count = int(pieces.max())
    if count < 2:
        return None
    good = [n for n in range(1, count + 1) if solidity(pieces == n) >= COMPACT]
    if len(good) < 2 or np.isin(pieces, good).sum() <= MOSTLY * np.count_nonzero(pieces):
        return None
    return renumbered(pieces, good)


def solidity(mask: Mask) -> float:
    """Return the share of its convex hull that the largest part of a mask fills, holes filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return Shape.of(max(contours, key=len)).solidity if contours else 0.0


def renumbered(labels: Labels, kept: list[int]) -> Labels:
    """Return a label image with only the kept labels, numbered from 1 in their order."""
    number = np.zeros(int(labels.max()) + 1, np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return number[labels]
