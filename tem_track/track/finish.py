"""From linked label images to tracks: specks dropped, gaps bridged, tracks numbered, events named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from tem_track.labels import LabelStack, Runs
from tem_track.movie import FloatArray, Mask, Progress
from tem_track.tables import EVENTS, Table, blank_table, table_from_rows
from tem_track.track.changes import Coalescence
from tem_track.track.hindsight import Fracture
from tem_track.track.regions import IntArray, Regions, measure_regions, renumbered_runs
from tem_track.track.shapes import Offset, Shape, cut_shape, paint
from tem_track.track.tracks import ROWS, Tracks

# A track seen in fewer than this share of the frames between its first and last is detection noise recurring in place.
SEEN_SHARE = 0.4
# Below this share of the typical particle's area (1/7 of its diameter) that is the likelier explanation ...
TINY = 0.02
# ... unless it is seen in so many of its frames.
SEEN_SHARE_TINY = 0.8


@dataclass
class Linked:
    """What linking and hindsight found, still in working numbers."""

    stack: LabelStack
    rows: list[Regions | None]
    offsets: list[Offset | None]
    drift_px: FloatArray
    usable: Mask
    times_s: FloatArray
    fractures: list[Fracture]
    coalescences: list[Coalescence]
    lasting: int
    max_gap_frames: int

    @cached_property
    def judged(self) -> tuple[int, int]:
        """First and last frame that could be judged."""
        usable = np.flatnonzero(self.usable)
        return int(usable[0]), int(usable[-1])

    @cached_property
    def usable_before(self) -> IntArray:
        """(T + 1,) how many of the frames before each could be judged."""
        return np.concatenate(([0], np.cumsum(self.usable)))

    @cached_property
    def ends(self) -> dict[int, int]:
        """Frame from which on a working number is broken or merged."""
        broken = {f.parent: f.frame for f in self.fractures}
        return broken | {parent: c.frame for c in self.coalescences for parent in c.parents}


@dataclass
class _Life:
    """One particle's measured frames, and where it was."""

    number: int
    frames: IntArray
    y: FloatArray
    x: FloatArray
    at_border: Mask
    area: FloatArray
    track_id: int = 0
    bridged: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        return int(self.frames[0])

    @property
    def last(self) -> int:
        return int(self.frames[-1])


def finish_tracks(linked: Linked, progress: Progress) -> Tracks:
    """Return the tracks of a linked movie: specks dropped, gaps bridged, numbered by first frame and position."""
    lives = _kept(linked, _lives(linked))
    for life in lives.values():
        life.bridged = _gaps(linked, life)
    labels, inferred, rows = _final_frames(linked, lives, progress)
    older = _older(linked, lives)
    lineage = _lineages(linked, lives, older)
    events, fate = _events(linked, lives)
    origin = {life.track_id: "whole" for life in lives.values()}
    pieces = {n for f in linked.fractures for n in f.pieces if n in lives and n not in older}
    origin |= {lives[n].track_id: "fractured" for n in pieces}
    origin |= {lives[c.product].track_id: "merged" for c in linked.coalescences if c.product in lives}
    joined = {lives[n].track_id: (f.frame, lineage[lives[f.parent].track_id]) for n, f in older.items()}
    table = _row_table(linked, rows, lineage, origin, inferred, joined)
    first, last = _ends(table)
    since = {track: frame for track, (frame, _) in joined.items()}
    return Tracks(labels, inferred, events, lineage, fate, origin, table, first, last, since)


def _older(linked: Linked, lives: dict[int, _Life]) -> dict[int, Fracture]:
    """Return the particles that were there long before a fracture names them as its pieces, with that fracture.

    A piece that stays in touch with a neighbour goes under the neighbour's number from then on.
    """
    found: dict[int, Fracture] = {}
    for fracture in linked.fractures:
        for n in fracture.pieces:
            if n in lives and int(np.count_nonzero(lives[n].frames < fracture.frame)) >= linked.lasting:
                found.setdefault(n, fracture)
    return found


def _lives(linked: Linked) -> dict[int, _Life]:
    present = [(k, rows) for k, rows in enumerate(linked.rows) if rows is not None and len(rows)]
    if not present:
        return {}
    number = np.concatenate([rows.number for _, rows in present])
    frame = np.concatenate([np.full(len(rows), k) for k, rows in present])
    order = np.lexsort((frame, number))
    y, x, at_border, area = (
        np.concatenate([getattr(rows, name) for _, rows in present])[order] for name in ("y", "x", "at_border", "area")
    )
    number, frame = number[order], frame[order]
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    parts = ((int(number[a]), slice(a, b)) for a, b in pairwise(cuts))
    return {n: _Life(n, frame[rows], y[rows], x[rows], at_border[rows], area[rows]) for n, rows in parts}


def _kept(linked: Linked, lives: dict[int, _Life]) -> dict[int, _Life]:
    """Drop the specks and number the others by first frame and position in the specimen."""
    named = {n for f in linked.fractures for n in (f.parent, *f.pieces)}
    named |= {n for c in linked.coalescences for n in (c.product, *c.parents)}
    # The particles as the pixels see them: half of all labelled pixels lie in regions at least as large as this.
    typical = _typical_area(lives)
    kept = {n: life for n, life in lives.items() if n in named or _lasts(linked, life, typical)}
    drift = np.nan_to_num(linked.drift_px)
    by_place = sorted(
        kept.values(), key=lambda one: (one.first, one.y[0] - drift[one.first, 0], one.x[0] - drift[one.first, 1])
    )
    for track_id, life in enumerate(by_place, 1):
        life.track_id = track_id
    return {life.number: life for life in by_place}


def _typical_area(lives: dict[int, _Life]) -> float:
    """Return the area weighted by itself: a median over pixels, not over labels, so that specks do not count."""
    if not lives:
        return 0.0
    area = np.sort(np.concatenate([life.area for life in lives.values()]))
    return float(area[np.searchsorted(np.cumsum(area), 0.5 * area.sum())])


def _lasts(linked: Linked, life: _Life, typical_area: float) -> bool:
    seen = int(np.count_nonzero(linked.usable[life.frames]))
    # What is far smaller than the particles is noise unless it is there nearly always.
    tiny = _median(life.area) < TINY * typical_area
    enough = seen >= (2 if tiny else 1) * linked.lasting
    # Cut short by the border: what enters just before the end or leaves just after the start is not a speck.
    leaves = bool(life.at_border[-1]) and life.first <= linked.judged[0]
    enters = bool(life.at_border[0]) and life.last >= linked.judged[1]
    enough |= seen >= 2 and (leaves or enters) and not tiny
    share = SEEN_SHARE_TINY if tiny else SEEN_SHARE
    span = int(linked.usable_before[life.last + 1] - linked.usable_before[life.first])
    if enough and seen < share * span:
        span = _watched(linked, life, life.first, life.last)
    return enough and seen >= share * span


def _median(values: FloatArray) -> float:
    """Return the median of a few values; numpy's own spends far longer on checks than on the values."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle]))


def _watched(linked: Linked, life: _Life, first: int, last: int) -> int:
    """Count the usable frames from first to last in which the particle's place lies in the field."""
    return sum(_in_field(linked, life, k) for k in range(first, last + 1) if linked.usable[k])


def _in_field(linked: Linked, life: _Life, k: int) -> bool:
    """Return whether the particle's centre, where it was last seen before frame k (or first after), is in the field."""
    offset = linked.offsets[k]
    if offset is None:
        return False
    at = max(int(np.searchsorted(life.frames, k, side="right")) - 1, 0)
    before = linked.offsets[int(life.frames[at])] or (0, 0)
    y, x = life.y[at] - before[0] + offset[0], life.x[at] - before[1] + offset[1]
    height, width = linked.stack.shape
    return bool(0 <= y <= height - 1 and 0 <= x <= width - 1)


def _gaps(linked: Linked, life: _Life) -> list[int]:
    """Return the frames in which a particle was not measured and is bridged."""
    missing: list[int] = []
    if len(life.frames) <= life.last - life.first:
        missing = np.setdiff1d(np.arange(life.first, life.last + 1), life.frames, assume_unique=True).tolist()
    missing += _unjudged_end(linked, life)
    first = life.first - 1
    while first >= 0 and not linked.usable[first] and not linked.usable[:first].any():
        missing.append(first)
        first -= 1
    return sorted(k for k in missing if _in_field(linked, life, k))


def _unjudged_end(linked: Linked, life: _Life) -> list[int]:
    """Return the frames after its last that a particle lived through: to its breaking or merging, or not judged."""
    end = linked.ends.get(life.number, len(linked.usable))
    if life.last + 1 >= end:
        return []
    missed = int(linked.usable_before[end] - linked.usable_before[life.last + 1])
    return list(range(life.last + 1, end)) if missed <= linked.max_gap_frames * (life.number in linked.ends) else []


def _final_frames(
    linked: Linked, lives: dict[int, _Life], progress: Progress
) -> tuple[LabelStack, frozenset[tuple[int, int]], list[Regions | None]]:
    """Write the final label images: track numbers, and the bridged particles painted where nothing else is."""
    number = np.array(sorted(lives), np.int64)
    track_id = np.array([lives[n].track_id for n in number.tolist()], np.int64)
    bridged: dict[int, list[_Life]] = {}
    sources: dict[int, list[_Life]] = {}
    for life in lives.values():
        for k in life.bridged:
            bridged.setdefault(k, []).append(life)
        for source in {_source(life, k) for k in life.bridged}:
            sources.setdefault(source, []).append(life)
    early = {k for k, there in bridged.items() if any(k < life.first for life in there)}
    shapes: dict[int, Shape] = {}
    for source in sorted({life.first for k in early for life in bridged[k] if k < life.first}):
        _cut(linked, linked.stack[source], source, sources[source], shapes)
    labels, inferred = LabelStack(linked.stack.shape), set()
    rows: list[Regions | None] = []
    for k in range(len(linked.rows)):
        before = linked.stack.runs(k)
        if k in sources:
            _cut(linked, before.image(), k, sources[k], shapes)
        after = renumbered_runs(before, number, track_id)
        if k in bridged:
            after = _with_bridged(after, linked.offsets[k], bridged[k], shapes)
        measured = None if k in bridged else _renumbered_rows(linked.rows[k], number, track_id)
        if measured is None:
            measured = measure_regions(after)
        rows.append(measured)
        there = set(measured.number.tolist())
        inferred |= {(one.track_id, k) for one in bridged.get(k, []) if one.track_id in there}
        labels.append_runs(after)
        progress(len(linked.rows) + k + 1, 2 * len(linked.rows))
    return labels, frozenset(inferred), rows


def _with_bridged(found: Runs, offset: Offset | None, bridged: list[_Life], shapes: dict[int, Shape]) -> Runs:
    """Return the runs of a frame with the particles that are carried across it painted where nothing else is."""
    image = found.image()
    for life in sorted(bridged, key=lambda one: one.track_id):
        if offset is not None and life.number in shapes:
            paint(image, life.track_id, shapes[life.number], offset)
    return Runs.of(image)


def _renumbered_rows(rows: Regions | None, numbers: IntArray, to: IntArray) -> Regions | None:
    """Return the regions of a frame under their final numbers, as those of its final label image are."""
    if rows is None or not len(numbers):
        return None
    place = np.minimum(np.searchsorted(numbers, rows.number), len(numbers) - 1)
    return rows.renumbered(np.where(numbers[place] == rows.number, to[place], 0))


def _source(life: _Life, k: int) -> int:
    """Return the measured frame whose shape stands for frame k: the last before it, or the first of all."""
    return int(life.frames[max(int(np.searchsorted(life.frames, k)) - 1, 0)])


def _cut(linked: Linked, labels: Any, k: int, lives: Sequence[_Life], shapes: dict[int, Shape]) -> None:
    rows, offset = linked.rows[k], linked.offsets[k]
    if rows is None or offset is None:
        return
    for life in lives:
        at = int(np.searchsorted(rows.number, life.number))
        shapes[life.number] = cut_shape(labels, life.number, rows.box[at].tolist(), offset)


def _lineages(linked: Linked, lives: dict[int, _Life], older: dict[int, Fracture]) -> dict[int, int]:
    """Return the lineage of each track: that of the particle it broke from, its own number otherwise."""
    parent = {piece: f.parent for f in linked.fractures for piece in f.pieces if piece not in older}
    lineage = {}
    for number, life in lives.items():
        root = number
        while root in parent:
            root = parent[root]
        lineage[life.track_id] = lives[root].track_id if root in lives else life.track_id
    return dict(sorted(lineage.items()))


def _events(linked: Linked, lives: dict[int, _Life]) -> tuple[Table, dict[int, str]]:
    """Return the events in order of time and the fate of each track."""
    found: list[tuple[int, str, int, str]] = []
    fate = {life.track_id: "whole" for life in lives.values()}
    for f in linked.fractures:
        found.append((f.frame, "fracture", lives[f.parent].track_id, _joined_ids(lives, f.pieces)))
        fate[lives[f.parent].track_id] = "fractured"
    for c in linked.coalescences:
        found.append((c.frame, "coalescence", lives[c.product].track_id, _joined_ids(lives, c.parents)))
        fate |= {lives[p].track_id: "merged" for p in c.parents if p in lives}
    born = {n for f in linked.fractures for n in f.pieces} | {c.product for c in linked.coalescences}
    for number, life in lives.items():
        found += [(k, event, life.track_id, "") for k, event in _comings(linked, life, number in born)]
        if fate[life.track_id] == "whole":
            fate[life.track_id], ended = _ending(linked, life)
            found += [(k, event, life.track_id, "") for k, event in ended]
    rows = [
        {"frame": k, "time_s": linked.times_s[k], "event": event, "track_id": n, "other_track_ids": others}
        for k, event, n, others in sorted(found)
    ]
    return table_from_rows(EVENTS, rows), dict(sorted(fate.items()))


def _joined_ids(lives: dict[int, _Life], numbers: Sequence[int]) -> str:
    return "+".join(str(i) for i in sorted(lives[n].track_id for n in numbers if n in lives))


def _comings(linked: Linked, life: _Life, born: bool) -> list[tuple[int, str]]:
    """Return when a particle entered, and when it left the field for long and came back."""
    start = int(np.argmax(linked.usable))
    found = [(life.first, "enters")] if life.first > start and not born else []
    if life.last - life.first < len(life.frames):
        return found
    long = np.flatnonzero(np.diff(life.frames) > linked.max_gap_frames + 1)
    for a, b in zip(life.frames[long].tolist(), life.frames[long + 1].tolist(), strict=True):
        away = [k for k in range(a + 1, b) if linked.usable[k] and not _in_field(linked, life, k)]
        if len(away) > linked.max_gap_frames:
            found += [(away[0], "leaves"), (b, "enters")]
    return found


def _ending(linked: Linked, life: _Life) -> tuple[str, list[tuple[int, str]]]:
    """Return the fate of a track that nothing became of, and the event that ended it before the movie did."""
    after = [k for k in range(life.last + 1, len(linked.usable)) if linked.usable[k] and linked.offsets[k] is not None]
    if not after:
        return "whole", []
    if not _in_field(linked, life, after[-1]):
        return "left", [(after[0], "leaves")]
    if _watched(linked, life, life.last + 1, len(linked.usable) - 1) <= linked.max_gap_frames:
        return "whole", []
    return ("left", [(after[0], "leaves")]) if life.at_border[-1] else ("lost", [(after[0], "lost")])


def _row_table(
    linked: Linked,
    rows: list[Regions | None],
    lineage: dict[int, int],
    origin: dict[int, str],
    inferred: frozenset[tuple[int, int]],
    joined: dict[int, tuple[int, int]],
) -> Table:
    """Return one row per track and frame; from a frame on, a track may belong to another lineage (`joined`)."""
    there = [(k, regions) for k, regions in enumerate(rows) if regions is not None and len(regions)]
    table = blank_table(ROWS, sum(len(regions) for _, regions in there))
    if not there:
        return table
    table["frame"] = np.concatenate([np.full(len(regions), k) for k, regions in there])
    table["track_id"] = np.concatenate([regions.number for _, regions in there])
    for name, of in (("y_px", "y"), ("x_px", "x"), ("area_px", "area"), ("touches_border", "at_border")):
        values = np.concatenate([getattr(regions, of) for _, regions in there])
        table[name] = values.astype(table[name].dtype)
    drift = linked.drift_px[table["frame"]]
    table["y_specimen_px"], table["x_specimen_px"] = table["y_px"] - drift[:, 0], table["x_px"] - drift[:, 1]
    table["time_s"] = linked.times_s[table["frame"]]
    ids = table["track_id"].tolist()
    table["lineage_id"] = np.array([lineage[i] for i in ids], np.int64)
    pairs = zip(ids, table["frame"].tolist(), strict=True)
    table["state"] = np.array(["inferred" if p in inferred else origin[p[0]] for p in pairs], object)
    for track_id, (frame, other) in joined.items():
        since = (table["track_id"] == track_id) & (table["frame"] >= frame)
        table["lineage_id"][since] = other
        table["state"][since & (table["state"] != "inferred")] = "fractured"
    return table


def _ends(table: Table) -> tuple[dict[int, int], dict[int, int]]:
    ids, first = np.unique(table["track_id"], return_index=True)
    last = len(table["track_id"]) - 1 - np.unique(table["track_id"][::-1], return_index=True)[1]
    frames = table["frame"]
    return (
        dict(zip(ids.tolist(), frames[first].tolist(), strict=True)),
        dict(zip(ids.tolist(), frames[last].tolist(), strict=True)),
    )
