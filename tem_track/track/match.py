"""Explain the regions of one frame by the particles expected in it: linked, joined, in pieces, new, missing.

Strategy. (1) A particle and a region that share more than half of their union belong together: no other pair can.
(2) What is left is read by area conservation: a region that holds several particles whole, and is as large as they are
together, is them joined; a particle whose place is taken by several regions, together as large, is in pieces. (3) The
rest is assigned one to one at least total cost: small overlap, distance and change of size cost. The problem falls
apart into groups of particles and regions within reach of each other, each solved exactly [1]_.

References
----------
.. [1] K. Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature Methods 5 (2008)
   695-702. https://doi.org/10.1038/nmeth.1237
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tem_track.movie import FloatArray, Mask
from tem_track.track.regions import IntArray

# Two regions of one label image cannot both share more than half of the union with one particle.
CERTAIN_IOU = 0.5
# A region lies inside a particle's place with more than half of its pixels.
INSIDE = 0.5
# A particle is held by a region with fewer: two balls of equal volume that fuse into one keep 0.57 of their pixels.
HELD = 0.35
# Areas that should be equal may differ by this factor: outlines of joined or split regions are rough.
CONSERVED = 1.45
# A piece smaller than this share of the particle is a ragged edge or a speck, not a piece.
SMALLEST_PIECE = 0.05
# Several regions in a particle's place are its pieces if they make up this share of it.
SEEN_OF_PIECES = 0.4
# A region that overlaps may differ in area by this factor (a half-detected particle), one apart only by the next.
SIZE_RATIO_OVERLAPPING = 3.0
SIZE_RATIO_APART = 1.7
# Farthest link, in equivalent diameters: beyond, another particle is as likely as the same one.
REACH_DIAMETERS = 2.0
# What does not move is found within half its diameter.
STILL_DIAMETERS = 0.5
# 4 medians hold all but one in 60,000 of the displacements of a diffusing particle (Rayleigh distributed).
MOTION_SPREAD = 4.0


@dataclass(frozen=True)
class Candidates:
    """Particles or regions to match: visible area, centroid (one frame for both), reach (px), known for long or not."""

    area: FloatArray
    y: FloatArray
    x: FloatArray
    reach: FloatArray
    settled: Mask

    def __len__(self) -> int:
        return len(self.area)


@dataclass
class Explanation:
    """What became of each particle and where each region comes from; all are indices into the candidates.

    Attributes
    ----------
    region_of : (B,) int64
        The region linked to each particle, -1 = none.
    particle_of : (R,) int64
        The particle linked to each region, -1 = none.
    certain : (R,) bool
        The link shares more than half of the union.
    joined : dict of region to particles
        Regions that hold two or more particles.
    pieces : dict of particle to regions
        Particles found as two or more regions.
    """

    region_of: IntArray
    particle_of: IntArray
    certain: Mask
    joined: dict[int, list[int]] = field(default_factory=dict)
    pieces: dict[int, list[int]] = field(default_factory=dict)

    def link(self, particle: int, region: int) -> None:
        """Link one particle and one region."""
        self.region_of[particle] = region
        self.particle_of[region] = particle


@dataclass(frozen=True)
class _Pairs:
    particle: IntArray
    region: IntArray
    count: FloatArray


def reach_px(area: FloatArray, missed: IntArray, settled: Mask, motion_px: float) -> FloatArray:
    """Return how far from where it is expected a particle is looked for.

    Parameters
    ----------
    area : (N,) float64
        Area of each particle, px.
    missed : (N,) int64
        Frames since it was last seen.
    settled : (N,) bool
        Known for long and seen just now: it may have been knocked off; the others are held to what particles of this
        movie do from frame to frame, or chance detections would form chains.
    motion_px : float
        Median displacement from frame to frame in this movie, infinite while not known.
    """
    diameter = 2 * np.sqrt(area / np.pi)
    usual = np.maximum(STILL_DIAMETERS * diameter, MOTION_SPREAD * motion_px * np.sqrt(1.0 + missed))
    return np.minimum(REACH_DIAMETERS * diameter, np.where(settled, np.inf, usual))


def explain_frame(
    particles: Candidates, regions: Candidates, particle: IntArray, region: IntArray, count: FloatArray
) -> Explanation:
    """Return how the regions of a frame are explained by the expected particles.

    Parameters
    ----------
    particles, regions : Candidates
        B expected particles (their visible part) and R regions found.
    particle, region, count : (M,) int64, int64, float64
        Pairs of indices that share pixels, and how many.
    """
    pairs = _Pairs(particle, region, count)
    found = Explanation(
        np.full(len(particles), -1, np.int64), np.full(len(regions), -1, np.int64), np.zeros(len(regions), np.bool_)
    )
    union = particles.area[particle] + regions.area[region] - count
    sure = count > CERTAIN_IOU * union
    found.region_of[particle[sure]], found.particle_of[region[sure]] = region[sure], particle[sure]
    found.certain[region[sure]] = True
    if (found.region_of < 0).any() or (found.particle_of < 0).any():
        _read_joined(found, particles, regions, pairs)
        _read_pieces(found, particles, regions, pairs)
        _assign_rest(found, particles, regions, pairs)
    return found


def _read_joined(found: Explanation, particles: Candidates, regions: Candidates, pairs: _Pairs) -> None:
    """Find regions that hold several particles whole and are as large as those together."""
    loose = (found.region_of[pairs.particle] < 0) & (pairs.count > HELD * particles.area[pairs.particle])
    for r in np.unique(pairs.region[loose]).tolist():
        # Specks that were seen for a few frames where the region now lies are no part of it.
        held = pairs.particle[loose & (pairs.region == r)].tolist()
        owner = int(found.particle_of[r])
        # An owner stays; of the others the largest joins first, as long as the areas still fit.
        held.sort(key=lambda b: (-particles.area[b], b))
        members, total = ([owner], float(particles.area[owner])) if owner >= 0 else ([], 0.0)
        for b in held:
            if not particles.settled[b] and particles.area[b] < SMALLEST_PIECE * regions.area[r]:
                continue
            if total + particles.area[b] <= CONSERVED * regions.area[r]:
                members.append(b)
                total += float(particles.area[b])
        if len(members) > 1 and total * CONSERVED >= regions.area[r]:
            found.joined[r] = members
            for b in members:
                found.region_of[b] = r
            found.particle_of[r] = members[0]


def _read_pieces(found: Explanation, particles: Candidates, regions: Candidates, pairs: _Pairs) -> None:
    """Find particles whose place is taken by several regions that are together as large."""
    loose = (found.particle_of[pairs.region] < 0) & (pairs.count > INSIDE * regions.area[pairs.region])
    for b in np.unique(pairs.particle[loose]).tolist():
        inside = pairs.region[loose & (pairs.particle == b)].tolist()
        owned = int(found.region_of[b])
        if owned in found.joined:
            continue
        members = ([owned] if owned >= 0 else []) + sorted(inside, key=lambda r: (-regions.area[r], r))
        total = float(regions.area[members].sum())
        # Some of the pieces may have escaped detection: less than the whole will do, more will not.
        if len(members) > 1 and SEEN_OF_PIECES * particles.area[b] <= total <= CONSERVED * particles.area[b]:
            found.pieces[b] = members
            for r in members:
                found.particle_of[r] = b
            found.region_of[b] = members[0]


def _assign_rest(found: Explanation, particles: Candidates, regions: Candidates, pairs: _Pairs) -> None:
    """Link what is left one to one at least total cost."""
    b_left, r_left = np.flatnonzero(found.region_of < 0), np.flatnonzero(found.particle_of < 0)
    if not len(b_left) or not len(r_left):
        return
    b, r = _within_reach(particles, regions, b_left, r_left, pairs)
    shared = _shared(b, r, pairs, len(regions))
    iou = shared / (particles.area[b] + regions.area[r] - shared)
    size = np.abs(np.log(regions.area[r] / particles.area[b]))
    allowed = size <= np.where(shared > 0, np.log(SIZE_RATIO_OVERLAPPING), np.log(SIZE_RATIO_APART))
    distance = np.hypot(regions.y[r] - particles.y[b], regions.x[r] - particles.x[b])
    diameter = 2 * np.sqrt(particles.area[b] / np.pi)
    # Each term is 1 at its limit: no overlap, the reach, the size ratio. Unlinked costs more than any allowed link.
    cost = (1 - iou) + distance / (REACH_DIAMETERS * diameter) + size / np.log(SIZE_RATIO_OVERLAPPING)
    for i in assigned(b[allowed], r[allowed], cost[allowed], 4.0):
        found.link(int(b[allowed][i]), int(r[allowed][i]))


def _within_reach(
    particles: Candidates, regions: Candidates, b_left: IntArray, r_left: IntArray, pairs: _Pairs
) -> tuple[IntArray, IntArray]:
    """Return the pairs of left-over particles and regions that overlap or lie within reach of each other."""
    at = np.column_stack((particles.y, particles.x))
    reach = particles.reach[b_left]
    if len(particles) > 1:
        # Half way to the next particle the identity is open: never link beyond.
        nearest = cKDTree(at).query(at[b_left], k=2)[0][:, 1]
        reach = np.minimum(reach, 0.5 * nearest)
    tree = cKDTree(np.column_stack((regions.y, regions.x))[r_left])
    near = tree.query_ball_point(at[b_left], reach, return_sorted=True)
    b = np.repeat(b_left, [len(one) for one in near])
    r = r_left[np.concatenate([np.asarray(one, np.int64) for one in near])] if len(b) else b
    loose = _chosen(len(particles), b_left)[pairs.particle] & _chosen(len(regions), r_left)[pairs.region]
    key = np.unique(np.concatenate((b * len(regions) + r, pairs.particle[loose] * len(regions) + pairs.region[loose])))
    return key // len(regions), key % len(regions)


def _chosen(total: int, left: IntArray) -> Mask:
    """Return (total,) True at the indices `left`."""
    chosen = np.zeros(total, np.bool_)
    chosen[left] = True
    return chosen


def _shared(b: IntArray, r: IntArray, pairs: _Pairs, width: int) -> FloatArray:
    """Return the pixels each pair shares, 0 where it shares none."""
    known = pairs.particle * width + pairs.region
    order = np.argsort(known)
    wanted = b * width + r
    if not len(known):
        return np.zeros(len(wanted))
    place = np.clip(np.searchsorted(known[order], wanted), 0, len(known) - 1)
    hit = known[order][place] == wanted
    return np.where(hit, pairs.count[order][place], 0.0)


def assigned(rows: IntArray, columns: IntArray, cost: FloatArray, unlinked: float) -> list[int]:
    """Return the candidate links of the cheapest one-to-one assignment.

    Parameters
    ----------
    rows, columns : (M,) int64
        The two ends of each candidate link.
    cost : (M,) float64
        Its cost, at least 0.
    unlinked : float
        Cost of leaving a row without a link; a dearer link is never chosen.

    Returns
    -------
    list of int
        Indices of the chosen candidates, ascending.

    Notes
    -----
    Candidates fall into connected groups; each is a small dense problem for the Hungarian method.
    """
    if not len(rows):
        return []
    row_number, i = np.unique(rows, return_inverse=True)
    column_number, j = np.unique(columns, return_inverse=True)
    n = len(row_number) + len(column_number)
    graph = coo_array((np.ones(len(i)), (i, j + len(row_number))), (n, n))
    group = connected_components(graph, directed=False)[1][i]
    chosen: list[int] = []
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        chosen += _assigned_in_group(i[members], j[members], cost[members], unlinked, members)
    return sorted(chosen)


def _assigned_in_group(i: IntArray, j: IntArray, cost: FloatArray, unlinked: float, candidate: IntArray) -> list[int]:
    row, i = np.unique(i, return_inverse=True)
    column, j = np.unique(j, return_inverse=True)
    table = np.full((len(row), len(column)), unlinked)
    table[i, j] = np.minimum(cost, unlinked)
    which = np.full(table.shape, -1, np.int64)
    which[i, j] = np.where(cost < unlinked, candidate, -1)
    links = which[linear_sum_assignment(table)]
    return [int(c) for c in links if c >= 0]
