"""Where and when a simulated lamella degrades: starting points, unlocking of boundaries, the front's arrival.

Strategy: on a ramp that is the same everywhere, time runs as `Clock` reads it and the front obeys a static eikonal
equation, with boundaries that open at a reading of their own (`eikonal`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Labels, Mask
from tem_track.simulate.canvas import Canvas
from tem_track.simulate.chance import chance
from tem_track.simulate.eikonal import Medium, arrival
from tem_track.simulate.heating_grains import Lamella, boundary_mask
from tem_track.simulate.heating_ramp import Clock, when_c
from tem_track.simulate.heating_scene import HeatingScene

# Half of the aged damage sits where several grains meet (heating paper, Fig. 3c).
AT_JUNCTIONS = 0.4
# The front leaves a point as a disc known exactly this far out: the grid is too coarse for its curvature nearer by.
EXACT_PX = 4.0


@dataclass(frozen=True)
class StartingPoint:
    """A place from which a front may start: where (canvas px), in which grain, when (s; infinite = never), how large.

    `before` says that the place was degraded before the movie; `site` is ``junction``, ``boundary`` or ``interior``.
    """

    y: float
    x: float
    grain: int
    awake_s: float
    radius_px: float
    site: str
    before: bool


@dataclass(frozen=True)
class Degradation:
    """When every place of the canvas degrades.

    Attributes
    ----------
    arrival_s : (Y, X) float64
        NaN = never or outside, 0 = before the movie.
    readings : (Y, X) float64
        When the front passed, on the clock; at places degraded before the movie too, where they let it through.
    points : tuple of StartingPoint
        Those from which a front did start, before another one came, in order of time.
    medium : Medium
        In readings of the clock.
    clock : Clock
    """

    arrival_s: FloatArray
    readings: FloatArray
    points: tuple[StartingPoint, ...]
    medium: Medium
    clock: Clock


def degradation_of(scene: HeatingScene, canvas: Canvas, lamella: Lamella, end_s: float) -> Degradation:
    """Return when the places of a lamella degrade; `end_s` is the end of the movie."""
    clock = Clock(scene, end_s)
    medium = _medium(scene, lamella, clock)
    points = _points(scene, lamella)
    starts = np.full(canvas.shape, np.inf)
    before = np.zeros(canvas.shape, bool)
    for point in points:
        _start(scene, lamella, clock, point, starts, before)
    readings = arrival(medium, starts)
    front_s = clock.time_s(readings)
    front_s[~np.isfinite(readings)] = np.inf
    arrival_s = np.where(front_s <= end_s, front_s, np.nan)
    arrival_s[before] = 0.0
    arrival_s[lamella.labels == 0] = np.nan
    return Degradation(arrival_s, readings, _first(points, front_s, end_s), medium, clock)


def in_zone(scene: HeatingScene, lamella: Lamella) -> Mask:
    """Return the pixels (Y, X) within the boundary zone of the lamella."""
    return np.asarray((lamella.boundary_nm <= scene.boundary_zone_nm) & (lamella.labels > 0))


def _medium(scene: HeatingScene, lamella: Lamella, clock: Clock) -> Medium:
    pixel_s = scene.pixel_size_nm / scene.speed_nm_per_s
    slowness = np.where(in_zone(scene, lamella), pixel_s / scene.boundary_factor, pixel_s)
    slowness[lamella.labels == 0] = np.inf
    right, down = _opening(scene, lamella.labels, clock)
    return Medium(slowness, right, down, scene.crossing_delay_s if scene.crossing_c > 0 else 0.0)


def _opening(scene: HeatingScene, labels: Labels, clock: Clock) -> tuple[FloatArray, FloatArray]:
    """Return the readings at which the sides to the right of and below each pixel open; -inf where always open."""
    sides = []
    for axis in (1, 0):
        other = np.roll(labels, -1, axis)
        opens = np.full(labels.shape, -np.inf)
        if scene.crossing_c > 0:
            between = (labels != other) & (labels > 0) & (other > 0)
            pair = np.sort(np.stack([labels[between], other[between]]), axis=0).astype(np.int64)
            key = pair[0] * (int(labels.max()) + 1) + pair[1]
            opens[between] = clock.reading(when_c(scene, _crossing_c(scene, key)))
        sides.append(opens)
    return sides[0], sides[1]


def _crossing_c(scene: HeatingScene, keys: NDArray[np.int64]) -> FloatArray:
    """Return the temperature at which each boundary (by the key of its pair of grains) unlocks."""
    known, place = np.unique(keys, return_inverse=True)
    late = np.array([chance(scene.seed, "unlocking", int(key)).exponential() for key in known])
    return np.asarray(scene.crossing_c + scene.crossing_spread_c * late[place]) if known.size else np.zeros(0)


def _points(scene: HeatingScene, lamella: Lamella) -> list[StartingPoint]:
    if scene.variant == "stable":
        return []
    return (
        _damage(scene, lamella)
        if scene.variant == "aged"
        else _boundary_points(scene, lamella) + _voids(scene, lamella)
    )


def _damage(scene: HeatingScene, lamella: Lamella) -> list[StartingPoint]:
    """Damage sites of an aged lamella: on one side of boundaries and at junctions, each inside one grain."""
    rng = chance(scene.seed, "damage")
    ring = boundary_mask(lamella.labels, lamella.labels > 0)
    corner = _junctions(lamella.labels)
    found = []
    for grain, (ys, xs) in _pixels_by_grain(lamella.labels, ring):
        corners = np.flatnonzero(corner[ys, xs])
        for _ in range(rng.poisson(scene.damage_sites)):
            at_corner = corners.size > 0 and rng.uniform() < AT_JUNCTIONS
            at = int(rng.choice(corners) if at_corner else rng.integers(len(ys)))
            radius = scene.damage_nm / scene.pixel_size_nm * float(np.exp(0.3 * rng.standard_normal()))
            awake = _awake_s(scene, rng, scene.onset_c, scene.onset_spread_c)
            active = rng.uniform() < scene.active_sites
            found.append(
                StartingPoint(
                    float(ys[at]),
                    float(xs[at]),
                    grain,
                    awake if active else np.inf,
                    max(radius, 1.0),
                    "junction" if at_corner or bool(corner[ys[at], xs[at]]) else "boundary",
                    True,
                )
            )
    return found


def _boundary_points(scene: HeatingScene, lamella: Lamella) -> list[StartingPoint]:
    rng = chance(scene.seed, "boundary points")
    ys, xs = np.nonzero(boundary_mask(lamella.labels, lamella.labels > 0))
    # Two pixels, one on each side, for about every pixel of length.
    length_um = len(ys) / 2 * scene.pixel_size_nm / 1000
    corner = _junctions(lamella.labels)
    found = []
    for _ in range(rng.poisson(scene.boundary_sites_per_um * length_um) if len(ys) else 0):
        at = int(rng.integers(len(ys)))
        y, x = int(ys[at]), int(xs[at])
        awake = _awake_s(scene, rng, scene.onset_c, scene.onset_spread_c)
        site = "junction" if corner[y, x] else "boundary"
        found.append(StartingPoint(y, x, int(lamella.labels[y, x]), awake, 0.5, site, False))
    return found


def _voids(scene: HeatingScene, lamella: Lamella) -> list[StartingPoint]:
    """Nanovoids that open inside the grains of a pristine lamella."""
    rng = chance(scene.seed, "nanovoids")
    ys, xs = np.nonzero((lamella.labels > 0) & ~in_zone(scene, lamella))
    area_um2 = len(ys) * (scene.pixel_size_nm / 1000) ** 2
    found = []
    for _ in range(rng.poisson(scene.nanovoids_per_um2 * area_um2) if len(ys) else 0):
        at = int(rng.integers(len(ys)))
        y, x = int(ys[at]), int(xs[at])
        awake = _awake_s(scene, rng, scene.nanovoid_onset_c, scene.nanovoid_spread_c)
        found.append(StartingPoint(y, x, int(lamella.labels[y, x]), awake, 0.5, "interior", False))
    return found


def _awake_s(scene: HeatingScene, rng: np.random.Generator, from_c: float, spread_c: float) -> float:
    return float(when_c(scene, np.array([from_c + spread_c * rng.exponential()]))[0])


def _junctions(labels: Labels) -> Mask:
    """Return the pixels (Y, X) within two pixels of where three grains or more meet."""
    import cv2

    corner = np.zeros(labels.shape, bool)
    quad = np.sort(np.stack([labels[:-1, :-1], labels[1:, :-1], labels[:-1, 1:], labels[1:, 1:]]), axis=0)
    kinds = 1 + (np.diff(quad, axis=0) > 0).sum(axis=0)
    corner[:-1, :-1] = (kinds >= 3) & (quad[0] > 0)
    return np.asarray(cv2.dilate(corner.astype(np.uint8), np.ones((5, 5), np.uint8)), bool)


def _pixels_by_grain(labels: Labels, ring: Mask) -> list[tuple[int, tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """Return (grain, its pixels at a boundary), in order of the grains' numbers."""
    ys, xs = np.nonzero(ring)
    of = labels[ys, xs]
    order = np.argsort(of, kind="stable")
    cuts = np.flatnonzero(np.diff(of[order])) + 1
    parts = np.split(order, cuts) if len(order) else []
    return [(int(of[part[0]]), (ys[part], xs[part])) for part in parts]


def _start(
    scene: HeatingScene, lamella: Lamella, clock: Clock, point: StartingPoint, starts: FloatArray, before: Mask
) -> None:
    """Enter a starting point: degraded pixels and the exact arrival close around it, in its own grain only."""
    reach = int(np.ceil(point.radius_px + EXACT_PX))
    rows = slice(max(int(point.y) - reach, 0), int(point.y) + reach + 1)
    columns = slice(max(int(point.x) - reach, 0), int(point.x) + reach + 1)
    grain = lamella.labels[rows, columns] == point.grain
    y, x = np.ogrid[rows.start : rows.start + grain.shape[0], columns.start : columns.start + grain.shape[1]]
    beyond = np.hypot(y - point.y, x - point.x) - point.radius_px
    if point.before:
        before[rows, columns] |= grain & (beyond <= 0)
    if not np.isfinite(point.awake_s):
        return
    fast = lamella.boundary_nm[rows, columns] <= scene.boundary_zone_nm
    speed = scene.speed_nm_per_s / scene.pixel_size_nm * np.where(fast, scene.boundary_factor, 1.0)
    reading = clock.reading(np.array([point.awake_s]))[0] + np.maximum(beyond, 0) / speed
    near = grain & (beyond <= EXACT_PX)
    part = starts[rows, columns]
    part[near] = np.minimum(part[near], reading[near])


def _first(points: list[StartingPoint], front_s: FloatArray, end_s: float) -> tuple[StartingPoint, ...]:
    """Return the points that awoke in the movie before another front reached them, in order of time."""
    kept = [
        p
        for p in points
        if p.awake_s <= end_s and front_s[int(p.y), int(p.x)] >= p.awake_s - 1e-6 * max(p.awake_s, 1.0)
    ]
    return tuple(sorted(kept, key=lambda p: (p.awake_s, p.y, p.x)))
