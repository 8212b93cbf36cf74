"""Closed regions of a picture: every connected patch above every grey level, and the best that do not overlap.

Strategy. No single threshold parts particles from film, strands and shading, but nearly every particle is, at *some*
grey level, a compact patch with an edge all the way round. So all patches of a ladder of grey levels are listed, they
form a tree (a patch at a higher level lies inside one at a lower level), each is judged by itself, and the tree is
climbed from the leaves: a patch replaces those inside it unless they are clearly better.

References
----------
Arteta et al., Learning to detect cells using non-overlapping extremal regions, MICCAI 2012,
doi:10.1007/978-3-642-33415-3_43 (there the judgement is learnt; here it is edge and shape).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.contour import LEAST_SOLIDITY, Along, Contour, Shape

# Of the contour of a particle this share must show an edge: the score is the edge strength that the remaining
# share falls below. A quarter leaves room for a strand or a neighbour in contact.
WEAK_SHARE = 0.25
# A patch that fills little of its convex hull may be a cluster of touching particles: it keeps a small score and is
# divided later.
CLUSTER_SCORE = 0.3
# Patches more convex than this are one piece.
NEARLY_CONVEX = 0.95
# What lies inside a patch replaces it at once where it fills this share of it (a cracked particle, a touching pair).
SAME_EXTENT = 0.6
# A patch that follows the border of the picture over more than this share of its outline is background cut by it: a
# disc cut in half does so over 0.39, a quarter disc in a corner over 0.56, a corner piece up to 0.65.
MOST_BORDER = 0.65
# Longer than this against its width and open at the border: a strand. No particle of the papers exceeds 3.
MOST_ELONGATED = 4.0
# Pieces (touching particles, fragments on both sides of a crack) part within a patch as soon as the level rises: when
# they do they still fill this share of it, each at least the second share of the largest, and are about convex.
# Diffraction speckle and cores part far inside the particle and fill less.
ALL_PIECES, PIECE, PIECE_SOLIDITY = 0.7, 0.08, 0.8


@dataclass(slots=True)
class Region:
    """One connected patch above a grey level, holes filled, in pixels of the picture it was found in."""

    level: float
    number: int
    shape: Shape
    edge: float
    contrast: float
    border_share: float
    score: float
    area_px: float
    # Typical solidity of the pieces that it comes apart into, where they count instead of its own.
    solidity_of_pieces: float | None = None
    parent: int = -1
    children: list[int] = field(default_factory=list)

    @property
    def contour(self) -> Contour:
        """Return the outline, (N, 1, 2) points (x, y)."""
        return self.shape.contour

    @property
    def solidity(self) -> float:
        """Return the share of its convex hull that the patch fills."""
        return self.shape.solidity

    @property
    def elongation(self) -> float:
        """Return the long over the short side of the smallest rectangle around the patch."""
        return self.shape.elongation

    @property
    def compactness(self) -> float:
        """Return how compact the patch is, 0 to 1 for a convex one that is not longer than twice its width."""
        if self.solidity_of_pieces is not None:
            return self.solidity_of_pieces**2
        return self.solidity**2 * min(1.0, 2.0 / self.elongation)


def ladder(picture: Image, noise: float, steps: int) -> FloatArray:
    """Return rising grey levels: half of them evenly spaced in grey value, half in rank, none closer than the noise."""
    sample = picture[:: max(1, picture.shape[0] // 128), :: max(1, picture.shape[1] // 128)]
    # One sort: the picture's values in order are what `np.percentile` works out anew for each of its ranks.
    ordered = np.sort(sample, axis=None).astype(np.float64)
    low, high = _at_ranks(ordered, np.array([0.5, 99.8]))
    even = np.linspace(low, high, steps * 2 // 3 + 2)[1:-1]
    rank = _at_ranks(ordered, np.linspace(2, 99.5, steps - len(even) + 2)[1:-1])
    levels = np.sort(np.concatenate([even, rank]))
    keep = [0]
    for k in range(1, len(levels)):
        if levels[k] - levels[keep[-1]] > max(noise, 1e-3 * (high - low)):
            keep.append(k)
    return levels[keep]


def _at_ranks(ordered: FloatArray, percent: FloatArray) -> FloatArray:
    """Return the values at given percentages of (N,) values in order, between two of them in proportion."""
    place = percent / 100 * (len(ordered) - 1)
    below = place.astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    return np.asarray(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def edge_strength(picture: Image) -> Image:
    """Return the gradient magnitude of a (Y, X) picture in grey value per px."""
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32)
    right = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32)
    return cv2.magnitude(down, right)  # type: ignore[no-any-return]


def region_tree(
    picture: Image,
    levels: FloatArray,
    least_area_px: float,
    closed: Mask | None = None,
    least_edge: float = 0.0,
) -> list[Region]:
    """Return all candidate patches of a (Y, X) picture, a patch after the patch at a lower level that holds it.

    Parameters
    ----------
    picture : (Y, X) float32
        Particles bright.
    levels : (L,) float64
        Rising grey levels.
    least_area_px : float
        Smaller patches are left out.
    closed : (Y, X) bool or None
        Pixels that show nothing of the specimen (black borders, burned-in bars); the frame ends there.
    least_edge : float
        Patches with a weaker edge (grey value per px) are noise: they keep their place in the tree with score and
        contrast 0, unmeasured.
    """
    contours: list[Contour] = []
    heights: list[float] = []
    for level in levels:
        above = (picture > level).view(np.uint8)
        found, _ = cv2.findContours(above, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        # A disc of the least area has an outline of 2 sqrt(pi area) px.
        large = [contour for contour in found if len(contour) ** 2 >= 4 * least_area_px]
        contours += large
        heights += [float(level)] * len(large)
    regions = judged(contours, heights, picture, least_area_px, closed, least_edge)
    owner = np.full(picture.shape, -1, np.int32)
    for number, region in enumerate(regions):
        region.number = number
        region.parent = int(owner[region.contour[0, 0, 1], region.contour[0, 0, 0]])
        if region.parent >= 0:
            regions[region.parent].children.append(number)
        cv2.drawContours(owner, [region.contour], -1, number, cv2.FILLED)
    return regions


def judged(
    contours: list[Contour],
    heights: list[float],
    picture: Image,
    least_area_px: float,
    closed: Mask | None,
    least_edge: float,
) -> list[Region]:
    """Return the patches inside contours with shape and edge, those left out that are no candidates at all.

    Parameters
    ----------
    contours : list of (N, 1, 2) int32
        Points (x, y).
    heights : list of float
        Grey level of each.
    picture, least_area_px, closed, least_edge
        As `region_tree`.
    """
    found = zip((Shape.of(contour) for contour in contours), heights, strict=True)
    kept = [(shape, height) for shape, height in found if shape.area_px >= least_area_px]
    if not kept:
        return []
    along = Along.of([shape.contour for shape, _ in kept])
    edge, at_border = along.edges(edge_strength(picture), closed, WEAK_SHARE)
    border_share = np.zeros(len(kept))
    for k in np.flatnonzero(at_border):
        border_share[k] = at_border[k] / kept[k][0].around_px
    seen = (border_share <= MOST_BORDER) & np.isfinite(edge)
    clear = seen & (edge >= least_edge)
    ragged = np.array([sharp and shape.solidity < NEARLY_CONVEX for (shape, _), sharp in zip(kept, clear, strict=True)])
    contrast = along.contrast(picture, closed, clear, ragged)
    columns = zip(kept, *(column.tolist() for column in (seen, edge, contrast, border_share)), strict=True)
    regions = []
    for (shape, height), known, sharp, above, cut in columns:
        if known:
            score = sharp * shape_factor(shape.solidity) if above > 0 else 0.0
            regions.append(Region(height, 0, shape, sharp, above, cut, score, shape.area_px))
    return regions


def best_regions(regions: list[Region], advantage: float) -> list[Region]:
    """Return patches that do not overlap: each patch, or the better ones inside it.

    Parameters
    ----------
    regions : list of Region
        As `region_tree` returns them, parents first.
    advantage : float
        Patches that fill only a part of the one they lie in win only where their score exceeds its own by this factor.
    """
    chosen: list[list[int]] = [[] for _ in regions]
    value = np.zeros(len(regions))
    for number in range(len(regions) - 1, -1, -1):
        region = regions[number]
        inside = [c for c in region.children if value[c] > 0]
        kept = [n for c in inside for n in chosen[c]]
        covered = sum(regions[n].area_px for n in kept)
        within = sum(value[n] * regions[n].area_px for n in kept) / max(1.0, covered)
        factor = 1.0 if covered > SAME_EXTENT * region.area_px else advantage
        if region.score > 0 and region.score * factor >= within:
            chosen[number], value[number] = [number], region.score
        else:
            chosen[number], value[number] = kept, within
    roots = [n for n, r in enumerate(regions) if r.parent < 0]
    return [regions[n] for root in roots for n in chosen[root]]


def pieces_of(regions: list[Region], region: Region) -> list[Region]:
    """Return the pieces that a patch comes apart into as the level rises, or the patch itself where it stays whole."""
    node = region
    while True:
        largest = max((regions[c].area_px for c in node.children), default=0.0)
        inside = [regions[c] for c in node.children if regions[c].area_px >= PIECE * largest]
        covered = sum(piece.area_px for piece in inside)
        if covered < ALL_PIECES * region.area_px:
            return [region]
        if len(inside) > 1:
            break
        node = inside[0]
    pieces = [smaller for piece in inside for smaller in pieces_of(regions, piece)]
    return pieces if min(piece.solidity for piece in pieces) >= PIECE_SOLIDITY else [region]


def count_as_clusters(regions: list[Region]) -> None:
    """Raise the score of patches that come apart into compact pieces to what such a piece would have."""
    for region in regions:
        pieces = [region]
        if region.score > 0 and region.solidity < NEARLY_CONVEX:
            pieces = pieces_of(regions, region)
        if len(pieces) > 1:
            area = sum(piece.area_px for piece in pieces)
            typical = sum(piece.solidity * piece.area_px for piece in pieces) / area
            region.score = region.edge * shape_factor(typical)
            region.solidity_of_pieces = typical
        elif region.score > 0 and is_strand(region):
            region.score = 0.0


def is_strand(region: Region) -> bool:
    """Return whether a patch is too long for a particle: out of the frame, or by far."""
    at_border = region.border_share > 0
    return region.shape.longer_than(MOST_ELONGATED if at_border else 2 * MOST_ELONGATED)


def shape_factor(solidity: float) -> float:
    """Return by how much the shape of a patch lowers its score: 1 for a convex one."""
    if solidity < LEAST_SOLIDITY:
        return CLUSTER_SCORE * solidity / LEAST_SOLIDITY
    return float(max(CLUSTER_SCORE, ((solidity - LEAST_SOLIDITY) / (1 - LEAST_SOLIDITY)) ** 0.5))
