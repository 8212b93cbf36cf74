"""Forward linking: one frame after the other, every particle keeps its working number through what detection does.

The state is one label image (the particles as last seen, in the image frame they were seen in) and the shapes of those
it does not hold: the missing ones, the ones cut by the border and the ones outside the field. Each frame it is moved by
the drift and compared with what detection found. Regions that hold several particles are split by the carried shapes;
particles in pieces go on as pieces on probation (`changes`). What lasts is judged afterwards (`hindsight`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tem_track.labels import LabelStack, Runs
from tem_track.movie import FloatArray, Labels
from tem_track.track.changes import Coalescence, Joining, Split
from tem_track.track.frame import LinkedFrame
from tem_track.track.match import reach_px
from tem_track.track.necks import Neck, measure_neck
from tem_track.track.regions import Regions, measure_regions, shifted
from tem_track.track.roster import Roster
from tem_track.track.shapes import Offset, Shape, cut_shape, paint, with_hidden_part

# Particles that were apart in so few frames and then joined for long were one all along.
FLICKER_FRAMES = 2
# A particle is still breaking for so many times `lasting`: regions that appear in its place are its pieces.
SETTLING = 2


@dataclass(frozen=True)
class FrameDrift:
    """Drift of one frame in px, and rounded to whole pixels for moving label images."""

    dy: float
    dx: float

    @property
    def offset(self) -> Offset:
        """Whole-pixel offset from the specimen frame to this image frame."""
        return round(self.dy), round(self.dx)


class Linker:
    """Links frames in order; afterwards `stack` holds working numbers, `rows` what was measured in each frame."""

    def __init__(self, size: tuple[int, int], max_gap_frames: int, lasting: int):
        self.size, self.max_gap_frames, self.lasting = size, max_gap_frames, lasting
        self.stack = LabelStack(size)
        self.rows: list[Regions | None] = []
        self.roster = Roster()
        self.splits: dict[int, Split] = {}
        self.joinings: dict[tuple[int, int], Joining] = {}
        self.coalescences: list[Coalescence] = []
        self.same_as: dict[int, int] = {}
        self._carried: Labels = np.zeros(size, np.int32)
        self._offset: Offset = (0, 0)
        self._shapes: dict[int, Shape] = {}
        self._motion = np.inf

    def skip(self) -> None:
        """Pass over a frame in which nothing can be linked."""
        self.stack.append(np.zeros(self.size, np.int32))
        self.rows.append(None)

    def add(self, labels: Runs, drift: FrameDrift, usable: bool) -> None:
        """Link the regions of the next frame; one that is not usable starts and ends nothing."""
        k = len(self.rows)
        offset = drift.offset
        expected = self._expected(offset)
        found = LinkedFrame(labels, expected, usable, self._reach(), self.roster.alone >= self.lasting)
        breaking = [s for s in self.splits.values() if k - s.frame <= SETTLING * self.lasting]
        linked = found.numbered(k, self.roster, [(s, self._leaves(s.parent)) for s in breaking])
        rows = self._take_out_partial(found, linked, usable)
        if usable:
            for split in found.splits:
                self.splits[split.parent] = split
                self._drop(split.parent)
            self._miss(found, rows, expected, offset)
            self._motion = self.roster.update(rows, (drift.dy, drift.dx), offset, self._motion)
            self._keep_shapes(linked, rows, offset)
            self._carried, self._offset = linked.copy(), offset
            self._judge_splits(k, found, linked)
            self._judge_joinings(k, found, linked)
        if found.numbered_runs is None:
            self.stack.append(linked)
        else:
            self.stack.append_runs(found.numbered_runs)
        self.rows.append(rows)

    def _reach(self) -> FloatArray:
        roster = self.roster
        just_seen = (roster.alone >= self.lasting) & (roster.missed <= 1)
        return reach_px(roster.area, roster.missed, just_seen, self._motion)

    def _take_out_partial(self, found: LinkedFrame, linked: Labels, usable: bool) -> Regions:
        """Take the particles that are only half detected as missing, in place, unless they stay that way.

        Returns the regions that are left. Pieces on probation are what they are: their borders are not settled.
        """
        pending = [leaf for s in self.splits.values() if not s.confirmed for leaf in self._leaves(s.parent)]
        rows = measure_regions(linked) if found.numbered_regions is None else found.numbered_regions
        partial = np.setdiff1d(found.partial(linked, rows), pending)
        partly = self.roster.partly
        if usable:
            count = partly[partial] + 1
            partly[:] = 0
            partly[partial] = count
        taken = partial[partly[partial] <= self.lasting] if usable else partial
        if len(taken):
            linked[np.isin(linked, taken)] = 0
            found.numbered_runs = None
            rows = measure_regions(linked)
        return rows

    def _expected(self, offset: Offset) -> Labels:
        """Return the label image of all followed particles where the drift puts them in a frame."""
        alive = np.flatnonzero(self.roster.alive)
        leaving = alive[self.roster.outside(alive, offset, self.size)]
        dy, dx = self._offset
        for number in leaving.tolist():
            if number not in self._shapes:
                box = self.roster.box[number] + np.array([dy, dx, dy, dx])
                self._shapes[number] = cut_shape(self._carried, number, box, self._offset)
        expected = shifted(self._carried, offset[0] - dy, offset[1] - dx)
        for number, shape in self._shapes.items():
            paint(expected, number, shape, offset)
        return expected

    def _miss(self, found: LinkedFrame, rows: Regions, expected: Labels, offset: Offset) -> None:
        """Count the particles that should be here and are not; give up those missing for too long."""
        alive = self.roster.alive.copy()
        alive[rows.number] = False
        missing = np.flatnonzero(alive)
        inside = self.roster.centre_inside(missing, offset, self.size)
        self.roster.missed[missing[inside]] += 1
        for number in missing.tolist():
            if self.roster.missed[number] > self.max_gap_frames:
                self._drop(number)
            elif number not in self._shapes:
                box = self.roster.box[number] + np.array([*offset, *offset])
                self._shapes[number] = cut_shape(expected, number, box + np.array([-1, -1, 1, 1]), offset)

    def _drop(self, number: int) -> None:
        self.roster.alive[number] = False
        self._shapes.pop(number, None)

    def _keep_shapes(self, linked: Labels, rows: Regions, offset: Offset) -> None:
        """Keep the shapes of the particles cut by the border, with the part that lies outside the field."""
        for index in np.flatnonzero(rows.at_border).tolist():
            number = int(rows.number[index])
            seen = cut_shape(linked, number, rows.box[index].tolist(), offset)
            before = self._shapes.get(number)
            self._shapes[number] = seen if before is None else with_hidden_part(seen, before, offset, self.size)
        for number in set(rows.number[~rows.at_border].tolist()) & self._shapes.keys():
            del self._shapes[number]

    # Probation of splits and joinings

    def _judge_splits(self, k: int, found: LinkedFrame, linked: Labels) -> None:
        for split in [s for s in self.splits.values() if s.frame < k]:
            if split.parent not in self.splits:
                continue
            groups = [found.regions_of(self._leaves(child)) for child in split.children]
            seen = [group for group in groups if group]
            if len(seen) < 2:
                if not split.confirmed and sum(bool(self._leaves(child)) for child in split.children) < 2:
                    self.collapse(split)
                continue
            if any(not (a & b) for a in seen for b in seen):
                split.see_apart(self.lasting)
                continue
            split.see_joined(self._neck([self._leaves(child) for child in split.children], linked))
            if split.over:
                self.collapse(split)

    def _leaves(self, number: int) -> list[int]:
        """Return the living particles that a number stands for now: itself or its pieces."""
        if self.roster.alive[number] or number not in self.splits:
            return [number] if self.roster.alive[number] else []
        return [leaf for child in self.splits[number].children for leaf in self._leaves(child)]

    def _neck(self, groups: list[list[int]], linked: Labels) -> Neck:
        """Return the neck between groups of particles in the present frame."""
        members = [number for group in groups for number in group]
        box = self.roster.box[members] + np.array([*self._offset, *self._offset])
        y0, x0 = np.maximum(box[:, :2].min(0) - 1, 0)
        y1, x1 = box[:, 2:].max(0) + 1
        view = linked[y0:y1, x0:x1]
        parts = np.zeros(view.shape, np.int32)
        for index, group in enumerate(groups):
            parts[np.isin(view, group)] = index + 1
        return measure_neck(parts)

    def collapse(self, split: Split) -> None:
        """Take the pieces of a split that did not last as the whole particle that they are."""
        leaves = [leaf for child in split.children for leaf in self._leaves(child)]
        for ended in self._inside(split):
            del self.splits[ended.parent]
            for child in ended.children:
                self.same_as[child] = ended.parent
        if leaves:
            self._unite(leaves, split.parent)

    def _inside(self, split: Split) -> list[Split]:
        """Return a split and all splits of its pieces."""
        inner = [self.splits[child] for child in split.children if child in self.splits]
        return [split] + [deeper for s in inner for deeper in self._inside(s)]

    def _unite(self, parts: list[int], whole: int) -> None:
        alone = self.roster.alone[whole]
        self.roster.unite(parts, whole)
        self.roster.alone[whole] = max(alone, self.roster.alone[parts].max())
        for part in parts:
            shape = self._shapes.pop(part, None)
            if shape is not None and part == parts[0]:
                self._shapes[whole] = shape
        box = self.roster.box[whole] + np.array([*self._offset, *self._offset])
        y0, x0, y1, x1 = np.maximum(box, 0)
        view = self._carried[y0:y1, x0:x1]
        view[np.isin(view, parts)] = whole

    def _judge_joinings(self, k: int, found: LinkedFrame, linked: Labels) -> None:
        pending = {child for s in self.splits.values() if not s.confirmed for child in s.children}
        seen = set()
        for members in found.joined_members():
            for i, j in combinations(sorted(m for m in members if self.roster.alive[m] and m not in pending), 2):
                neck = self._neck([[i], [j]], linked)
                if neck.ratio > 0:
                    seen.add((i, j))
                    self.joinings.setdefault((i, j), Joining()).see_joined(k, neck, self.lasting)
        for pair in list(self.joinings):
            if not (self.roster.alive[pair[0]] and self.roster.alive[pair[1]]):
                del self.joinings[pair]
            elif pair in seen:
                self._judge_joining(pair, self.joinings[pair])
            elif found.regions_of([pair[0]]) and found.regions_of([pair[1]]):
                self.joinings[pair].see_apart()

    def _judge_joining(self, pair: tuple[int, int], joining: Joining) -> None:
        i, j = pair
        if not (self.roster.alive[i] and self.roster.alive[j]):
            return
        alone = int(min(self.roster.alone[i], self.roster.alone[j]))
        if joining.score >= self.lasting and alone >= self.lasting:
            self.coalesce(pair, joining.frame)
        elif (joining.score >= self.lasting) or (
            alone <= FLICKER_FRAMES and joining.joined >= 3 * self.lasting * max(alone, 1)
        ):
            self.same_as[j] = i
            self._unite([i, j], i)

    def coalesce(self, pair: tuple[int, int], frame: int) -> None:
        """Let two particles go on as one new particle from a frame on."""
        product = int(self.roster.add(1)[0])
        self._unite(list(pair), product)
        self.roster.alone[product] = self.lasting
        self.coalescences.append(Coalescence(frame, product, pair))
