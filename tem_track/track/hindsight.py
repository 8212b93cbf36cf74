"""With the whole movie known: which splits and joinings were real, and since when.

Three steps. `settle` takes back what did not last. `resolve` rewrites the label images so that one particle has one
number wherever it is one. `look_back` goes through the movie from its end: where a particle broke into pieces, its
earlier frames tell whether it was two particles that only touched (a neck between the parts: then they are split from
the start) or one that fractured, and the frame in which it did.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tem_track.labels import LabelStack
from tem_track.movie import FloatArray, Labels
from tem_track.track.changes import Coalescence, Split
from tem_track.track.forward import Linker
from tem_track.track.necks import OPEN_NECK_RATIO, hull_area, measure_neck
from tem_track.track.regions import IntArray, Regions, measure_regions, renumbered
from tem_track.track.shapes import Offset, Shape, close_seam, cut_shape, parts_image, split_region

# A change in the last frames of a movie cannot last; it counts if nothing speaks against it for so many frames.
LEAST_FRAMES_AT_END = 3
# Below this hull area in px, pieces are a few pixels wide and their outlines say nothing about a neck between them.
SMALLEST_BREAKING = 100.0
# How far back, in units of `lasting`, a crack may have been open before detection saw the pieces apart.
LOOK_BACK = 2
# The hull of a particle that cracks grows by more than this over the trend before; outlines are less rough.
HULL_STEP = 0.02
# And by more than this many standard errors of the trend.
STEP_ERRORS = 4.0
# A crack opens from one frame to the next: the hull then grows by this many times what it does in the two frames before
# and after. A stage of expansion that sets in exceeds the trend as well, but goes on.
SUDDEN, BESIDE = 2.0, 2
# Frames of the whole particle that give the trend, in units of `lasting`.
TREND = 3


@dataclass(frozen=True)
class Fracture:
    """A particle that broke: the first frame in which its pieces are apart."""

    frame: int
    parent: int
    pieces: tuple[int, ...]


def settle(linker: Linker) -> None:
    """Take back the splits that were flicker, and accept what nothing speaks against at the end of the movie."""
    if not linker.splits and not linker.joinings:
        return
    usable = [k for k, rows in enumerate(linker.rows) if rows is not None]
    seen: Counter[int] = Counter()
    for rows in linker.rows:
        seen.update(_numbers(rows))
    left = {k: len(usable) - i for i, k in enumerate(usable)}
    for split in sorted(linker.splits.values(), key=lambda s: -s.frame):
        if split.parent not in linker.splits:
            continue
        at_end = split.joined == 0 and split.apart >= max(LEAST_FRAMES_AT_END, left[split.frame] - 1)
        _drop_short_pieces(linker, split, seen)
        if not (split.confirmed or at_end) or split.joined > split.apart or len(split.children) < 2:
            linker.collapse(split)
    for pair, joining in list(linker.joinings.items()):
        alive = linker.roster.alive[list(pair)].all() and linker.roster.alone[list(pair)].min() >= linker.lasting
        if alive and joining.score >= max(LEAST_FRAMES_AT_END, left.get(joining.frame, 0) - 1):
            linker.coalesce(pair, joining.frame)


def _numbers(rows: Regions | None) -> list[int]:
    return [] if rows is None else rows.number.tolist()


def _drop_short_pieces(linker: Linker, split: Split, seen: Counter[int]) -> None:
    """Take the pieces that did not last as parts of the largest that did."""
    enough = min(linker.lasting, split.apart)
    lasting = [c for c in split.children if c in linker.splits or seen[c] >= enough]
    if lasting and len(lasting) < len(split.children):
        largest = max(lasting, key=lambda c: linker.roster.area[c])
        linker.same_as |= {c: largest for c in split.children if c not in lasting}
        split.children = lasting


def resolve(linker: Linker) -> None:
    """Rewrite stack and rows so that every particle carries one number from its first frame to its last."""
    for k, rows in enumerate(linker.rows):
        if rows is None or not len(rows):
            continue
        to = resolved(linker, rows.number, k)
        if (to != rows.number).any():
            labels = renumbered(linker.stack[k], rows.number, to)
            whole, parts = np.unique(to, return_counts=True)
            for number in whole[parts > 1].tolist():
                box = rows.box[to == number]
                close_seam(labels, number, (*box[:, :2].min(0), *box[:, 2:].max(0)))
            linker.stack[k] = labels
            linker.rows[k] = measure_regions(labels)


def resolved(linker: Linker, numbers: IntArray, k: int) -> IntArray:
    """Return the numbers under which particles go in frame k."""
    becomes = {parent: c for c in linker.coalescences for parent in c.parents}
    to = numbers.copy()
    changing = np.flatnonzero(np.isin(numbers, [*linker.same_as, *becomes]))
    for index, start in zip(changing.tolist(), numbers[changing].tolist(), strict=True):
        number = start
        while True:
            if number in linker.same_as:
                number = linker.same_as[number]
            elif number in becomes and k >= becomes[number].frame:
                number = becomes[number].product
            else:
                break
        to[index] = number
    return to


_Edit = tuple[int, int, int, Labels]
"""Frame, first row, first column and the numbers to write where the particle is."""


def coalesced(linker: Linker) -> list[Coalescence]:
    """Return the coalescences in resolved numbers, several into one in the same frame as one; needs `resolve` first."""
    present = {int(n) for rows in linker.rows if rows is not None for n in rows.number}
    merged: dict[int, Coalescence] = {}
    for c in linker.coalescences:
        product = int(resolved(linker, np.array([c.product]), len(linker.rows))[0])
        parents = [int(n) for n in resolved(linker, np.array(c.parents), c.frame - 1) if n in present]
        if product in present and product not in parents:
            before = merged.get(product)
            frame = min(c.frame, before.frame) if before else c.frame
            merged[product] = Coalescence(
                frame, product, tuple(sorted({*parents, *(before.parents if before else ())}))
            )
    return [c for c in merged.values() if len(c.parents) > 1]


@dataclass
class _Break:
    """A lasting split, followed back in time."""

    split: Split
    shapes: dict[int, Shape]
    necks: list[float] = field(default_factory=list)
    hulls: list[tuple[int, float]] = field(default_factory=list)
    edits: list[_Edit] = field(default_factory=list)
    decided: bool = False


class LookBack:
    """Goes through the movie from its end and finds since when the pieces of each lasting split were apart."""

    def __init__(self, linker: Linker, offsets: list[Offset | None], lasting: int):
        self.stack: LabelStack = linker.stack
        self.rows: list[Regions | None] = linker.rows
        self.offsets, self.lasting = offsets, lasting
        self.fractures: list[Fracture] = []
        self._first: dict[int, int] = {}
        for k in range(len(self.rows) - 1, -1, -1):
            rows = self.rows[k]
            self._first |= dict.fromkeys(_numbers(rows), k)
        self._splits = [self._resolved(linker, split) for split in linker.splits.values()]
        self._active: list[_Break] = []
        self._present = -1
        self._labels: Labels = np.zeros((1, 1), np.int32)
        self._edited = False

    def run(self) -> None:
        """Edit stack and rows in place; afterwards `fractures` holds what broke."""
        if not self._splits:
            return
        for k in range(max(s.frame for s in self._splits), -1, -1):
            starting = [s for s in self._splits if s.frame == k]
            if self.rows[k] is not None and (starting or self._active):
                self._visit(k, starting)
        self._present = -1
        for brk in list(self._active):
            self._decide(brk)
        self.fractures.sort(key=lambda f: (f.frame, f.parent))

    def _resolved(self, linker: Linker, split: Split) -> Split:
        parent = int(resolved(linker, np.array([split.parent]), split.frame - 1)[0])
        children = np.unique(resolved(linker, np.array(split.children), split.frame)).tolist()
        return Split(parent, children, split.frame)

    def _visit(self, k: int, starting: list[Split]) -> None:
        rows, offset = self.rows[k], self.offsets[k]
        if rows is None or offset is None:
            return
        self._present, self._labels, self._edited = k, self.stack[k], False
        for brk in list(self._active):
            at = np.flatnonzero(rows.number == brk.split.parent)
            if len(at):
                self._divide(brk, k, rows.box[at[0]], offset)
            if k <= self._first.get(brk.split.parent, k):
                self._decide(brk)
        labels = self._labels
        if self._edited:
            self.stack[k] = labels
            self.rows[k] = rows = measure_regions(labels)
        for split in starting:
            shapes = {}
            for child in split.children:
                at = np.flatnonzero(rows.number == child)
                if len(at):
                    shapes[child] = cut_shape(labels, child, rows.box[at[0]].tolist(), offset)
            if len(shapes) > 1:
                self._active.append(_Break(split, shapes))

    def _divide(self, brk: _Break, k: int, box: IntArray, offset: Offset) -> None:
        """Divide the particle in frame k by the shapes of its pieces; write it where it is known to be two."""
        y0, x0, y1, x1 = box.tolist()
        region = self._labels[y0:y1, x0:x1] == brk.split.parent
        parts = parts_image(brk.shapes, (y0 - offset[0], x0 - offset[1]), region.shape)
        divided = split_region(region, parts)
        if brk.decided:
            self._write(brk, [(k, y0, x0, divided)])
            self._carry(brk, divided, (y0, x0), offset)
            return
        brk.necks.append(measure_neck(divided).ratio)
        brk.hulls.append((k, hull_area(region)))
        brk.edits.append((k, y0, x0, divided))
        self._carry(brk, divided, (y0, x0), offset)
        if len(brk.edits) >= (LOOK_BACK + TREND) * self.lasting:
            self._decide(brk)

    def _carry(self, brk: _Break, divided: Labels, corner: tuple[int, int], offset: Offset) -> None:
        for child in brk.shapes:
            mask = divided == child
            if mask.any():
                brk.shapes[child] = Shape(corner[0] - offset[0], corner[1] - offset[1], mask)

    def _decide(self, brk: _Break) -> None:
        """Two that touched, or one that fractured."""
        if brk.decided:
            return
        brk.decided = True
        necks = [ratio for ratio in brk.necks[: self.lasting] if np.isfinite(ratio)]
        short = len(brk.edits) < self.lasting
        # A neck in a particle of a few pixels cannot be told from its pixels.
        short |= max((hull for _, hull in brk.hulls), default=0.0) < SMALLEST_BREAKING
        if short or (necks and float(np.median(necks)) < OPEN_NECK_RATIO):
            self._write(brk, brk.edits)
            self._inherit(brk.split)
            return
        since = crack_opened(np.array(brk.hulls), LOOK_BACK * self.lasting)
        if since > brk.hulls[0][0]:
            since = brk.split.frame
        late = [edit for edit in brk.edits if edit[0] >= since]
        self._write(brk, late)
        self._active.remove(brk)
        self.fractures.append(Fracture(since, brk.split.parent, tuple(brk.split.children)))

    def _write(self, brk: _Break, edits: list[_Edit]) -> None:
        for k, y0, x0, divided in edits:
            if not divided.any():
                continue
            labels = self._labels if k == self._present else self.stack[k]
            view = labels[y0 : y0 + divided.shape[0], x0 : x0 + divided.shape[1]]
            region = view == brk.split.parent
            view[region] = divided[region]
            if k == self._present:
                self._edited = True
            else:
                self.stack[k] = labels
                self.rows[k] = measure_regions(labels)

    def _inherit(self, split: Split) -> None:
        """Put the parts in the place of a particle that never was one."""
        for other in self._splits:
            if split.parent in other.children:
                other.children = sorted({*other.children, *split.children} - {split.parent})


def crack_opened(hulls: FloatArray, window: int) -> int:
    """Return the frame in which a particle cracked, from the area of its hull before its pieces were seen apart.

    Parameters
    ----------
    hulls : (N, 2)
        Frame and hull area in px, last frame first.
    window : int
        Frames in which the crack may have been open unseen; the earlier ones give the trend of the whole particle.

    Returns
    -------
    int
        The first frame of an unbroken run, up to the last frame, in which the hull exceeds the trend; one more than
        the last frame where there is no such run.
    """
    last = int(hulls[0, 0])
    frame, area = hulls[:, 0], hulls[:, 1]
    before = slice(window, None)
    n = len(frame) - window
    if n < 4:
        return last + 1
    slope, level = np.polyfit(frame[before], area[before], 1)
    trend = level + slope * frame
    # Standard error of the trend where it is continued beyond the frames that gave it.
    noise = np.sqrt(np.sum((area - trend)[before] ** 2) / (n - 2))
    spread = np.sum((frame[before] - frame[before].mean()) ** 2)
    error = noise * np.sqrt(1 + 1 / n + (frame - frame[before].mean()) ** 2 / spread)
    # A particle that shrinks on its trend must not make a step out of standing still.
    typical = float(np.median(area[before]))
    excess = area - np.maximum(trend, typical)
    open_ = excess[:window] > np.maximum(STEP_ERRORS * error[:window], HULL_STEP * typical)
    run = len(open_) if open_.all() else int(np.argmin(open_))
    steps = [i for i in range(run) if _sudden(area, i, HULL_STEP * typical)]
    return int(frame[steps[-1]]) if steps else last + 1


def _sudden(area: FloatArray, index: int, least: float) -> bool:
    """Return whether the hull of (N,) areas, last frame first, grew at an index much more than beside it."""
    growth = area[:-1] - area[1:]
    beside = np.abs(np.concatenate([growth[max(0, index - BESIDE) : index], growth[index + 1 : index + 1 + BESIDE]]))
    return bool(growth[index] >= max(SUDDEN * beside.max(initial=0.0), least))
