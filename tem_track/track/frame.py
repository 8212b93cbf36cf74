"""One frame linked: its regions explained by the expected particles and numbered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from tem_track.labels import Runs
from tem_track.movie import FloatArray, Labels, Mask
from tem_track.track.changes import Split
from tem_track.track.match import CONSERVED, INSIDE, SMALLEST_PIECE, Candidates, Explanation, explain_frame
from tem_track.track.regions import IntArray, Regions, measure_overlaps, measure_regions, renumbered_runs
from tem_track.track.roster import Roster
from tem_track.track.shapes import split_region

# A label in a particle's place that covers less than this share of it is a particle only half detected.
PARTIAL = 0.6
# A region that covers so much of the place of another particle, itself found elsewhere in its place, holds part of it.
BITE = 0.15


class LinkedFrame:
    """The regions of one frame and the particles they are.

    Parameters
    ----------
    labels : Runs
        Of the label image of what detection found, numbered arbitrarily.
    expected : (Y, X) int32
        The followed particles, where the drift puts them.
    usable : bool
        False: only certain links are made, nothing starts or ends.
    reach : (N,) float64
        How far each working number may have moved, px (`match.reach_px`).
    settled : (N,) bool
        Working numbers seen on their own for so long that they are no specks.

    Attributes
    ----------
    splits : list of Split
        Particles that fell into pieces in this frame.
    numbered_regions : Regions or None
        The regions in working numbers, once they have them; None where some were divided or put together.
    numbered_runs : Runs or None
        The runs of the label image in working numbers, likewise.
    """

    def __init__(self, labels: Runs, expected: Labels, usable: bool, reach: FloatArray, settled: Mask):
        self.labels, self.expected, self.usable = labels, expected, usable
        self._places = Runs.of(expected)
        self.regions = measure_regions(labels)
        self.particles = measure_regions(self._places)
        self.shared = shared = measure_overlaps(self._places, labels)
        self.found: Explanation = explain_frame(
            _candidates(self.particles, reach[self.particles.number], settled[self.particles.number]),
            _candidates(self.regions, np.zeros(len(self.regions)), np.ones(len(self.regions), np.bool_)),
            np.searchsorted(self.particles.number, shared.first),
            np.searchsorted(self.regions.number, shared.second),
            shared.count,
        )
        self.splits: list[Split] = []
        self.numbered_regions: Regions | None = None
        self.numbered_runs: Runs | None = None
        self._to: IntArray = np.zeros(0, np.int64)
        self._held: dict[int, set[int]] = {}

    def numbered(self, k: int, roster: Roster, breaking: Sequence[tuple[Split, list[int]]] = ()) -> Labels:
        """Return the label image of frame k in working numbers; new particles and pieces get new ones.

        A new region in the place of a particle that is just breaking (the split and its living pieces) is one more of
        its pieces.
        """
        found = self.found
        to = np.zeros(len(self.regions), np.int64)
        adopted = {r: split for split, pieces in breaking for r in self._new_in(pieces)} if self.usable else {}
        self._absorb(set(adopted))
        self._share_bites()
        linked = found.particle_of >= 0
        to[linked] = self.particles.number[found.particle_of[linked]]
        if self.usable:
            self._number_pieces(k, to, roster)
            to[~linked] = roster.add(int(np.count_nonzero(~linked)))
            for r, split in adopted.items():
                split.children.append(int(to[r]))
            single = np.ones(len(to), np.bool_)
            single[list(found.joined)] = False
            roster.alone[np.unique(to[single])] += 1
        else:
            to[~found.certain] = 0
        renumbered = renumbered_runs(self.labels, self.regions.number, to)
        image = renumbered.image()
        if not any(to[r] for r in found.joined):
            self.numbered_runs = renumbered
        if not found.joined:
            self.numbered_regions = self.regions.renumbered(to)
        for r in found.joined:
            if to[r]:
                self._split_joined(image, r)
                self._number_bitten_pieces(image, r, roster)
        self._remember(to)
        return image

    def regions_of(self, numbers: list[int]) -> set[int]:
        """Return the regions in which particles were found."""
        alone = {int(r) for number in numbers for r in np.flatnonzero(self._to == number)}
        return alone.union(*(self._held.get(number, set()) for number in numbers))

    def joined_members(self) -> list[list[int]]:
        """Return the particles of every region that holds several."""
        return [self.particles.number[members].tolist() for members in self.found.joined.values()]

    def partial(self, linked: Labels, rows: Regions) -> IntArray:
        """Return the particles of which only part was detected where they are expected, away from the border.

        `rows` are the regions of the linked label image.
        """
        at = np.searchsorted(self.particles.number, rows.number)
        at[at == len(self.particles)] = 0
        if not len(self.particles):
            return np.zeros(0, np.int64)
        known = (self.particles.number[at] == rows.number) & ~rows.at_border
        small = known & (rows.area < PARTIAL * self.particles.area[at])
        if not small.any():
            return np.zeros(0, np.int64)
        shared = measure_overlaps(self._places, linked)
        own = shared.first == shared.second
        overlap = np.zeros(len(rows))
        overlap[np.searchsorted(rows.number, shared.second[own])] = shared.count[own]
        partial: IntArray = rows.number[small & (overlap > INSIDE * rows.area)]
        return partial

    def _new_in(self, particles: list[int]) -> list[int]:
        """Return the unexplained regions that lie mostly where these particles are expected."""
        there = np.isin(self.shared.first, particles)
        at = np.searchsorted(self.regions.number, self.shared.second[there])
        covered = np.bincount(at, self.shared.count[there], len(self.regions))
        loose = (self.found.particle_of < 0) & (covered > INSIDE * self.regions.area)
        return [int(r) for r in np.flatnonzero(loose)]

    def _absorb(self, adopted: set[int]) -> None:
        """Give regions that nothing explains, but that lie where particles are expected, to those particles."""
        found, shared = self.found, self.shared
        loose = np.flatnonzero(found.particle_of < 0)
        for r in set(loose.tolist()) - adopted:
            here = shared.second == self.regions.number[r]
            there = np.searchsorted(self.particles.number, shared.first[here])
            # A speck in the place of a particle that is missing is not the particle.
            fits = (found.region_of[there] >= 0) | (self.regions.area[r] > SMALLEST_PIECE * self.particles.area[there])
            if shared.count[here][fits].sum() > INSIDE * self.regions.area[r]:
                found.joined[r] = there[fits].tolist()
                found.particle_of[r] = found.joined[r][0]

    def _share_bites(self) -> None:
        """Let a region that covers part of a neighbour's place, which the neighbour lacks, be shared with it."""
        found = self.found
        b = np.searchsorted(self.particles.number, self.shared.first)
        r = np.searchsorted(self.regions.number, self.shared.second)
        own = found.region_of[b]
        bite = found.certain[r] & (found.particle_of[r] != b) & (own >= 0) & (own != r)
        bite &= self.shared.count > BITE * self.particles.area[b]
        for i in np.flatnonzero(bite).tolist():
            particle, region = int(b[i]), int(r[i])
            parts = found.pieces.get(particle, [int(own[i])])
            in_place = found.certain[parts].all() or particle in found.pieces
            total = self.regions.area[parts].sum() + self.shared.count[i]
            if in_place and region not in parts and total <= CONSERVED * self.particles.area[particle]:
                owner = int(found.particle_of[region])
                if owner not in found.pieces:
                    members = found.joined.setdefault(region, [owner])
                    members += [particle] if particle not in members else []

    def _number_bitten_pieces(self, image: Labels, r: int, roster: Roster) -> None:
        """Make the part of a broken particle that a neighbour's region held one more piece, in place."""
        y0, x0, y1, x1 = self.regions.box[r].tolist()
        view = image[y0:y1, x0:x1]
        for split in self.splits:
            part = view == split.parent
            if part.any():
                split.children.append(int(roster.add(1)[0]))
                view[part] = split.children[-1]
                self._held.setdefault(split.children[-1], set()).add(r)

    def _number_pieces(self, k: int, to: IntArray, roster: Roster) -> None:
        for b, regions in self.found.pieces.items():
            parent = int(self.particles.number[b])
            large = [r for r in regions if self.regions.area[r] >= SMALLEST_PIECE * self.particles.area[b]]
            if len(large) < 2:
                continue
            children = roster.add(len(large))
            to[regions] = children[0]
            to[large] = children
            self.splits.append(Split(parent, children.tolist(), k))

    def _split_joined(self, image: Labels, r: int) -> None:
        """Divide a region among the particles it holds, in place."""
        y0, x0, y1, x1 = self.regions.box[r].tolist()
        region = self._image[y0:y1, x0:x1] == self.regions.number[r]
        expected = self.expected[y0:y1, x0:x1]
        members = self.particles.number[self.found.joined[r]]
        divided = split_region(region, np.where(np.isin(expected, members), expected, 0).astype(np.int32))
        image[y0:y1, x0:x1][region] = divided[region]

    @cached_property
    def _image(self) -> Labels:
        """Return the label image of what detection found, (Y, X)."""
        return self.labels.image()

    def _remember(self, to: IntArray) -> None:
        self._to = to.copy()
        self._to[list(self.found.joined)] = 0
        for r, members in self.found.joined.items():
            for number in self.particles.number[members].tolist():
                self._held.setdefault(number, set()).add(r)


def _candidates(regions: Regions, reach: FloatArray, settled: Mask) -> Candidates:
    return Candidates(regions.area, regions.y, regions.x, reach, settled)
