"""Small particles beside large ones, which the tree of patches loses: fragments that lie against their neighbours.

Strategy. A fragment that touches a thicker particle is a patch of its own at no level where it is more than a tip: low
down it is one with its neighbour, higher up it is gone. But the cluster that both form has a sharp outline, and parts
at cracks, gaps and necks. So for every chosen patch the cluster around it is looked up (the level at which the common
outline is sharpest) and parted; what holds nothing that was found yet is a particle where it looks like one by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import Image, Labels, Mask
from tem_track.segment.candidates import LEAST_EDGE_OF_NOISE, particles
from tem_track.segment.finer import FinerPicture
from tem_track.segment.levels import NEARLY_CONVEX, Region, judged
from tem_track.segment.pieces import PatchBox, seamed

# Share of a cluster that the particles found in it fill: less, and it is film or a web of strands that holds them.
MOSTLY_PARTICLES = 0.5
# Share of a piece that may lie on particles already found: their tight patches end before their outlines do.
MOST_TAKEN = 0.05
# A piece is at least this convex: a quarter of a disc has 0.9, and noise of the outline takes 0.05 to 0.1 off.
LEAST_SOLIDITY = 0.8


@dataclass(frozen=True)
class Asked:
    """What is asked of a particle in a frame.

    Attributes
    ----------
    usual : (float, float, float)
        Contrast, edge and diameter (px) common in the population.
    edge_noise : float
        Gradient of the noise, grey value per px.
    least_area_px : float
    closed : (Y, X) bool or None
        Working pixels that show nothing of the specimen.
    """

    usual: tuple[float, float, float]
    edge_noise: float
    least_area_px: float
    closed: Mask | None


def with_companions(
    tight: Labels, picture: Image, tree: list[Region], chosen: list[Region], finer: FinerPicture, asked: Asked
) -> Labels:
    """Return tight patches with those added that lie in the same clusters and were not found by themselves.

    Parameters
    ----------
    tight : (Y, X) int32
        Patches found, 1..N.
    picture : (Y, X) float32
        Working picture, particles bright.
    tree, chosen : list of Region
        All patches of the picture and those that were chosen.
    finer : FinerPicture
    asked : Asked

    Returns
    -------
    (Y, X) int32
        New patches numbered after all others.
    """
    found = tight.copy()
    count = int(tight.max())
    for number in sorted({sharpest(tree, region).number for region in chosen}):
        cluster = tree[number]
        if cluster.solidity >= NEARLY_CONVEX:
            continue
        box = PatchBox.of(picture, cluster)
        (x, y), (height, width) = box.corner, box.patch.shape
        view = found[y : y + height, x : x + width]
        half_width = float(np.sqrt(asked.least_area_px / np.pi))
        if not _room(box.patch, view > 0, half_width, asked.least_area_px):
            continue
        pieces = seamed(cluster, box, finer, half_width)
        for piece in (pieces == n for n in range(1, int(pieces.max()) + 1)):
            if np.count_nonzero(view[piece]) <= MOST_TAKEN * np.count_nonzero(piece) and _particle(
                piece, box.corner, cluster.level, picture, asked
            ):
                count += 1
                view[piece] = count
    return found


def sharpest(tree: list[Region], region: Region) -> Region:
    """Return the patch around a region (itself included) whose outline is the sharpest."""
    best = region
    while region.parent >= 0:
        region = tree[region.parent]
        if region.contrast > 0 and region.edge > best.edge:
            best = region
    return best


def _room(cluster: Mask, taken: Mask, half_width_px: float, least_area_px: float) -> bool:
    """Return whether a cluster is mostly particles that were found and has room for one more, so many px wide."""
    if np.count_nonzero(cluster & taken) < MOSTLY_PARTICLES * np.count_nonzero(cluster):
        return False
    side = 2 * int(half_width_px) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    left = cv2.morphologyEx((cluster & ~taken).view(np.uint8), cv2.MORPH_OPEN, disc)
    return bool(np.count_nonzero(left) >= least_area_px)


def _particle(piece: Mask, corner: tuple[int, int], level: float, picture: Image, asked: Asked) -> bool:
    """Return whether a piece of a cluster, given in a box with a corner (x, y), looks like a particle by itself."""
    contours, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return False
    contour = max(contours, key=len) + np.array(corner, np.int32)
    least_edge = LEAST_EDGE_OF_NOISE * asked.edge_noise
    regions = judged([contour], [level], picture, asked.least_area_px, asked.closed, least_edge)
    return any(r.solidity >= LEAST_SOLIDITY for r in particles(regions, asked.usual, asked.edge_noise))
