"""One frame linked: its regions explained by the expected particles and numbered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.movie import Labels
from tem_track.track.changes import Split
from tem_track.track.match import INSIDE, Candidates, Explanation, explain_frame
from tem_track.track.regions import IntArray, Regions, measure_overlaps, measure_regions, renumbered
from tem_track.track.roster import Roster
from tem_track.track.shapes import split_region

# A piece smaller than this share of the particle is a ragged edge, not a piece.
SMALLEST_PIECE = 0.05


class LinkedFrame:
    """The regions of one frame and the particles they are.

    Parameters
    ----------
    labels : (Y, X) int32
        What detection found, numbered arbitrarily.
    expected : (Y, X) int32
        The followed particles, where the drift puts them.
    usable : bool
        False: only certain links are made, nothing starts or ends.

    Attributes
    ----------
    splits : list of Split
        Particles that fell into pieces in this frame.
    """

    def __init__(self, labels: Labels, expected: Labels, usable: bool):
        self.labels, self.expected, self.usable = labels, expected, usable
        self.regions = measure_regions(labels)
        self.particles = measure_regions(expected)
        self.shared = shared = measure_overlaps(expected, labels)
        self.found: Explanation = explain_frame(
            _candidates(self.particles),
            _candidates(self.regions),
            np.searchsorted(self.particles.number, shared.first),
            np.searchsorted(self.regions.number, shared.second),
            shared.count,
        )
        self.splits: list[Split] = []
        self._region_of: dict[int, set[int]] = {}

    def numbered(self, k: int, roster: Roster, open_splits: Sequence[tuple[Split, list[int]]] = ()) -> Labels:
        """Return the label image of frame k in working numbers; new particles and pieces get new ones.

        A new region in the place of a particle that is just breaking (`open_splits`: the split and its living pieces)
        is one more of its pieces.
        """
        found = self.found
        to = np.zeros(len(self.regions), np.int64)
        linked = found.particle_of >= 0
        to[linked] = self.particles.number[found.particle_of[linked]]
        if self.usable:
            self._number_pieces(k, to, roster)
            to[~linked] = roster.add(int(np.count_nonzero(~linked)))
            for split, pieces in open_splits:
                split.children += [int(to[r]) for r in np.flatnonzero(~linked) if self._lies_in(int(r), pieces)]
            single = np.ones(len(to), np.bool_)
            single[list(found.joined)] = False
            roster.alone[np.unique(to[single])] += 1
        else:
            to[~found.certain] = 0
        image = renumbered(self.labels, self.regions.number, to)
        for r in found.joined:
            if to[r]:
                self._split_joined(image, r)
        self._remember(to)
        return image

    def regions_of(self, numbers: list[int]) -> set[int]:
        """Return the regions in which particles were found."""
        return set().union(*(self._region_of.get(number, set()) for number in numbers))

    def joined_members(self) -> list[list[int]]:
        """Return the particles of every region that holds several."""
        return [self.particles.number[members].tolist() for members in self.found.joined.values()]

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

    def _lies_in(self, r: int, particles: list[int]) -> bool:
        """Return whether most of a region lies where these particles are expected."""
        shared = self.shared.count[
            (self.shared.second == self.regions.number[r]) & np.isin(self.shared.first, particles)
        ]
        return bool(shared.sum() > INSIDE * self.regions.area[r])

    def _split_joined(self, image: Labels, r: int) -> None:
        """Divide a region among the particles it holds, in place."""
        y0, x0, y1, x1 = self.regions.box[r].tolist()
        region = self.labels[y0:y1, x0:x1] == self.regions.number[r]
        expected = self.expected[y0:y1, x0:x1]
        members = self.particles.number[self.found.joined[r]]
        divided = split_region(region, np.where(np.isin(expected, members), expected, 0).astype(np.int32))
        image[y0:y1, x0:x1][region] = divided[region]

    def _remember(self, to: IntArray) -> None:
        for r, number in enumerate(to.tolist()):
            if number and r not in self.found.joined:
                self._region_of.setdefault(number, set()).add(r)
        for r, members in self.found.joined.items():
            for number in self.particles.number[members].tolist():
                self._region_of.setdefault(number, set()).add(r)


def _candidates(regions: Regions) -> Candidates:
    return Candidates(regions.area, regions.y, regions.x)
