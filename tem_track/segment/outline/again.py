"""Outlines fitted again from another start: without bites, or from the frames before or after; the picture decides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline.choice import bites, difference, hull_of, second_is_better
from tem_track.segment.outline.members import Members, Memory, Row, chain, rows_in_order
from tem_track.segment.outline.rays import resample_radius
from tem_track.segment.outline.scene import Scene, refine_all

# An outline this far from its convex hull may have a bite in it.
_NOT_CONVEX = 0.01
# An outline that differs from that of the frame before or after by more than this (rms over the radius) is fitted again
# from there: one with a bite, where a pale grain lies at the rim, differs by 0.03 and more, a growing one by less.
_ANOTHER = 0.02
# Two outlines nearer than this are the same one (rms over the radius): a tenth of a pixel of most.
_SAME = 0.003
# A particle that moved by more than this by itself (radii) is not where its outline of another frame is.
_MOVED = 0.5
# An outline that is larger or smaller than its label by more than this share and px is none.
_LARGER, _LARGER_PX = 0.2, 2.5
# Frames beyond which an outline is no start for another.
_TOO_LONG = 5


def without_bites(scene: Scene, members: Sequence[Members]) -> None:
    """Fit outlines that are not convex again from their hulls, and keep those that are better."""
    trial, started = [m.copy() for m in members], []
    for j, (m, new) in enumerate(zip(members, trial, strict=True)):
        outlines = m.outlines()
        # One that started from another frame's has been through this there.
        for i in np.flatnonzero(~m.group.near & bites(outlines, _NOT_CONVEX) & _whole(m)).tolist():
            hull = hull_of(outlines[i])
            if difference(outlines[i], hull) > _NOT_CONVEX:
                new.place(i, hull)
                started.append((int(m.group.frame[i]), j, i))
    _keep_better(scene, members, trial, started)


def like_neighbours(
    scene: Scene,
    members: Sequence[Members],
    memories: Mapping[int, Memory],
    drift_px: FloatArray,
    backward: bool = False,
) -> set[Row]:
    """Fit outlines that differ from those of the frame before (or after) again from there, and keep the better ones.

    Parameters
    ----------
    scene : Scene
    members : sequence of Members
    memories : mapping of track to Memory
        What the tracks know from before (after) the scene.
    drift_px : (T, 2) float64
    backward : bool
        From the frames after.

    Returns
    -------
    set of Row
        Those that have a new outline.
    """
    rows = rows_in_order(members, backward)
    changed: set[Row] = set()
    fresh: set[tuple[int, int]] | None = None
    # One better outline may make another of the next frame: as often as there are frames.
    for _ in scene.numbers:
        known = chain(members, rows, scene.numbers, memories)[0]
        tries = [
            (row, memory)
            for row, memory in differing(scene, members, rows, known, drift_px)
            if fresh is None or (_track(members, row), memory.frame) in fresh
        ]
        trial = [m.copy() for m in members]
        for (k, j, i), memory in tries:
            trial[j].start_from(i, memory, drift_px[scene.numbers[k]] - drift_px[memory.frame])
        better = _keep_better(scene, members, trial, [row for row, _ in tries])
        if not better:
            break
        changed |= better
        fresh = {(_track(members, row), scene.numbers[row[0]]) for row in better}
    return changed


def _track(members: Sequence[Members], row: Row) -> int:
    return members[row[1]].starts[row[2]].contour.track_id


def _whole(m: Members) -> Mask:
    return np.array([not start.contour.cut for start in m.starts], np.bool_)


def differing(
    scene: Scene,
    members: Sequence[Members],
    rows: Sequence[Row],
    known: Sequence[Memory | None],
    drift_px: FloatArray,
) -> list[tuple[Row, Memory]]:
    """Return the rows that no border cuts and whose outline is another than the one their track knew, with that."""
    circles, whole = [m.circles() for m in members], [_whole(m) for m in members]
    found = []
    for row, memory in zip(rows, known, strict=True):
        k, j, i = row
        if memory is not None and whole[j][i]:
            centre, radius = circles[j]
            label_px = members[j].starts[i].size
            if another(scene.numbers[k], centre[i], radius[i], label_px, memory, drift_px):
                found.append((row, memory))
    return found


def another(
    k: int, centre: FloatArray, radius: FloatArray, label_px: float, memory: Memory, drift_px: FloatArray
) -> bool:
    """Return whether an outline of frame k is another than that of a memory.

    Parameters
    ----------
    k : int
    centre : (2,) float64, radius : (N,) float64
        Mean of the outline's points and radii about it, px.
    label_px : float
        Mean radius of the label: growth that the labels show too makes no other outline.
    memory : Memory
    drift_px : (T, 2) float64

    Notes
    -----
    To first order the offset d of the centres changes the logarithm of a radius r by d cos / r.
    """
    if abs(k - memory.frame) > _TOO_LONG:
        return False
    apart = centre - memory.centre - (drift_px[k] - drift_px[memory.frame])
    # Plain numbers where there is one: this is asked of every outline several times.
    away, size = float(apart @ apart), float(radius.sum()) / len(radius)
    if away > (_MOVED * size) ** 2:
        return False
    before = resample_radius(memory.radius, len(radius))
    growth = math.log(label_px * memory.larger / memory.size)
    off = np.log(np.maximum(radius, 1e-6) / np.maximum(before, 1e-6))
    count, mean = len(off), float(off.sum()) / len(off)
    explained = min(max(mean, min(growth, 0.0)), max(growth, 0.0))
    square = float(off @ off) / count + explained * (explained - 2 * mean) + 0.5 * away / size**2
    return square > _ANOTHER**2


def _keep_better(
    scene: Scene, members: Sequence[Members], trial: Sequence[Members], started: Sequence[Row]
) -> set[Row]:
    """Fit outlines that have another start in `trial`; return those that became better, which the members then have."""
    if not started:
        return set()
    refine_all(scene, trial)
    better = set()
    first, second = [m.outlines() for m in members], [m.outlines() for m in trial]
    for k, j, i in started:
        barred = partial(scene.barred, k, members[j].starts[i].contour.track_id)
        before, after = first[j][i], second[j][i]
        if _same(before, after) or not _sane(trial[j], i):
            continue
        if second_is_better(scene.frames[k], barred, before, after):
            members[j].group.put(np.array([i]), trial[j].group.take(np.array([i])))
            better.add((k, j, i))
    return better


def _sane(m: Members, i: int) -> bool:
    """Return whether an outline is about as large as its label."""
    larger = float(m.group.radius[i].mean()) * m.binning / m.starts[i].size
    return abs(float(np.log(larger))) < _LARGER + _LARGER_PX / m.starts[i].size


def _same(first: FloatArray, second: FloatArray) -> bool:
    size = 0.5 * float(np.ptp(first, axis=0).mean())
    return float(np.abs(first - second).max()) < _SAME * size
