"""Rays from particles' centres: which directions, what the picture shows along them, the background around them.

Particles with the same number of rays and the same binning are sampled together: arrays (P, N, J) hold P particles, N
rays of each and J samples along every ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.outline.average import circular_mean, masked_median

# Radius (px) to which a large particle's surroundings are binned down: 50 px keep an edge's position to 0.1 % of the
# radius, and every particle costs the same.
_WORKING_RADIUS_PX = 50.0
# Reach of the rays beyond the outline: a third of the radius for the background, and never fewer pixels than this.
_REACH, _REACH_PX = 0.4, 7.0
# A step of the background smaller than this share of the particle's own height moves no edge.
_STRAND = 0.03
# Numbers of rays: one per 2.5 px of the outline, rounded up to one of these so that many particles have the same; and
# the samples along each of them, no further apart than about 0.75 px for the largest radius that has so few rays.
_RAYS_EVERY_PX = 2.5
_SAMPLES = {24: 32, 48: 40, 96: 72, 128: 104}


@dataclass(frozen=True)
class Rays:
    """What a picture shows along N rays from each of P centres, at the same J multiples of each ray's own radius.

    Attributes
    ----------
    level : (P, N, J) float32
        Grey values.
    seen : (P, N, J) float32
        0 where a sample lies outside the field, in another particle or on an overlay; else how many pixels the sample
        is worth (its area in px^2, at most 1).
    rho : (P, J) float64
        Distance from the centre in units of the ray's radius.
    radius : (P, N) float64
        Radius of each ray, working px.
    """

    level: Image
    seen: Image
    rho: FloatArray
    radius: FloatArray

    @property
    def step(self) -> FloatArray:
        """Spacing of the samples in units of the radius, (P,)."""
        return np.asarray(self.rho[:, 1] - self.rho[:, 0])


def ray_count(radius: float) -> int:
    """Return how many rays a particle of a given working radius (px) gets."""
    needed = 2 * np.pi * radius / _RAYS_EVERY_PX
    return next((count for count in _SAMPLES if count >= needed), max(_SAMPLES))


def sample_count(rays: int) -> int:
    """Return how many samples the rays of a particle with this many rays have."""
    return _SAMPLES[rays]


def longest_rays(radius: FloatArray) -> FloatArray:
    """Return how far (px) the longest rays of particles with the given (P, N) radii reach from their centres, (P,)."""
    return np.asarray(radius.max(axis=1) * (1 + np.maximum(_REACH, _REACH_PX / radius.mean(axis=1))))


def ray_angles(count: int) -> FloatArray:
    """Return the (N,) directions of the rays, rad, from the x axis towards y."""
    return np.arange(count, dtype=np.float64) * (2 * np.pi / count)


def ray_points(centre: FloatArray, radius: FloatArray) -> FloatArray:
    """Return the (..., N, 2) yx end points of rays of given (..., N) radii from (..., 2) centres."""
    angles = ray_angles(radius.shape[-1])
    y = centre[..., 0, None] + radius * np.sin(angles)
    return np.stack([y, centre[..., 1, None] + radius * np.cos(angles)], axis=-1)


def binning_for(radius: float) -> int:
    """Return by how many pixels a particle of this radius (px) is binned."""
    return max(1, round(radius / _WORKING_RADIUS_PX))


def to_working(points: FloatArray, binning: int) -> FloatArray:
    """Return frame coordinates (px) as coordinates of the frame binned by `binning`."""
    return np.asarray((points + 0.5) / binning - 0.5)


def to_frame(points: FloatArray, binning: int) -> FloatArray:
    """Return coordinates of the frame binned by `binning` as frame coordinates (px)."""
    return np.asarray((points + 0.5) * binning - 0.5)


def binned(frame: Image, binning: int) -> Image:
    """Return a (Y, X) frame binned; what is left over at its lower and right border is dropped."""
    if binning == 1:
        return np.ascontiguousarray(frame, np.float32)
    rows, columns = max(1, frame.shape[0] // binning), max(1, frame.shape[1] // binning)
    part = np.ascontiguousarray(frame[: rows * binning, : columns * binning], np.float32)
    return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def sample_rays(
    pictures: Sequence[Image],
    owners: Sequence[Image | None],
    frame: NDArray[np.intp],
    numbers: NDArray[np.int64],
    centre: FloatArray,
    radius: FloatArray,
) -> Rays:
    """Return what the pictures of some frames show along rays.

    Parameters
    ----------
    pictures : sequence of (Y, X) float32
        Working pictures of frames.
    owners : sequence of (Y, X) float32 or None
        Of each frame, the number of the particle a pixel belongs to, 0 = nobody, negative = unusable or contested;
        None where nothing bars any ray.
    frame : (P,) int
        Which of the frames each particle is in, rising.
    numbers : (P,) int64
        The particles' own numbers; 0 for one that nobody is near.
    centre, radius : (P, 2), (P, N) float64
        Working px.
    """
    mean = radius.mean(axis=1)
    bins = _SAMPLES[radius.shape[1]]
    step = (1 + np.maximum(_REACH, _REACH_PX / mean)) / bins
    rho = (np.arange(bins) + 0.5) * step[:, None]
    along = (radius[:, :, None] * rho[:, None, :]).astype(np.float32)
    parts = _frames_in(frame)
    # Rays 2.5 px apart would leave half of the electrons out: two lines a quarter of the spacing to either side.
    level = _look(pictures, parts, *_coordinates(centre, along, -0.25), cv2.INTER_LINEAR)
    level += _look(pictures, parts, *_coordinates(centre, along, 0.25), cv2.INTER_LINEAR)
    level *= np.float32(0.5)
    per_length = (step[:, None] * radius * (2 * np.pi / radius.shape[1])).astype(np.float32)
    seen = along * per_length[:, :, None]
    np.minimum(seen, np.float32(1), out=seen)
    longest = along[:, :, -1].max(axis=1)[:, None]
    field = np.array(pictures[0].shape) - 1.0
    hidden = (numbers > 0) | (centre - longest < 0).any(axis=1) | (centre + longest > field).any(axis=1)
    for k, rows in parts:
        those = rows.start + np.flatnonzero(hidden[rows])
        if len(those):
            seen[those] *= ~_barred(owners[k], field, numbers[those], centre[those], along[those], rho[those])
    return Rays(level, seen, rho, radius)


def _frames_in(frame: NDArray[np.intp]) -> list[tuple[int, slice]]:
    """Return the frames that particles are in and the particles of each."""
    bounds = [0, *(np.flatnonzero(np.diff(frame)) + 1).tolist(), len(frame)]
    return [(int(frame[a]), slice(a, b)) for a, b in pairwise(bounds) if b > a]


def _barred(
    owner: Image | None,
    field: FloatArray,
    numbers: NDArray[np.int64],
    centre: FloatArray,
    along: Image,
    rho: FloatArray,
) -> Mask:
    """Return which samples (P, N, J) in one frame lie outside the field (its last y and x) or behind others."""
    y, x = _coordinates(centre, along, 0.0)
    outside = (y < 0) | (y > field[0]) | (x < 0) | (x > field[1])
    if owner is None:
        return np.asarray(outside)
    belongs = _look([owner], [(0, slice(None))], y, x, cv2.INTER_NEAREST)
    taken = (belongs != 0) & (belongs != numbers[:, None, None].astype(np.float32))
    if taken.any():
        # What bars a ray hides what lies behind it: the far side of a neighbour is its surroundings, not this one's.
        outside |= taken | np.maximum.accumulate(taken & (rho > 0.6)[:, None, :], axis=2)
    return np.asarray(outside)


def _coordinates(centre: FloatArray, along: Image, side: float) -> tuple[Image, Image]:
    """Return y and x (P, N, J) of the samples of rays turned by a share `side` of their spacing."""
    count = along.shape[1]
    angles = ray_angles(count) + side * (2 * np.pi / count)
    sine, cosine = np.sin(angles).astype(np.float32)[:, None], np.cos(angles).astype(np.float32)[:, None]
    start = centre.astype(np.float32)[:, :, None, None]
    y, x = along * sine, along * cosine
    y += start[:, 0]
    x += start[:, 1]
    return y, x


def _look(pictures: Sequence[Image], parts: Sequence[tuple[int, slice]], y: Image, x: Image, how: int) -> Image:
    """Return the pictures at (P, N, J) places, the rows of each part in its own picture."""
    found = np.empty_like(y)
    for k, rows in parts:
        flat = (-1, y.shape[2])
        seen = cv2.remap(
            pictures[k], x[rows].reshape(flat), y[rows].reshape(flat), how, borderMode=cv2.BORDER_REPLICATE
        )
        found[rows] = seen.reshape(found[rows].shape)
    return found


def near_surroundings(rays: Rays, gap: FloatArray, height: FloatArray, information: float) -> Rays:
    """Return the rays without what lies behind a step of the background beyond a particle's edge.

    A strand or film that ends just outside the particle would be taken for its edge. Each ray's samples from `gap` (P,)
    outwards are cut where two levels explain them better than one (4 sigma, and a share of the height (P,)): what is
    further out belongs to another background.
    """
    first = int(np.argmax(rays.rho >= 1 + gap[:, None], axis=1).min())
    if rays.rho.shape[1] - first < 6:
        return rays
    level = rays.level[:, :, first:]
    seen = (rays.seen[:, :, first:] > 0) & (rays.rho[:, None, first:] >= 1 + gap[:, None, None])
    outer = 0.5 * level + 0.25 * (np.roll(level, 1, axis=1) + np.roll(level, -1, axis=1))
    level_here = np.where(seen, outer - outer.mean(axis=2, keepdims=True), np.float32(0))
    before = np.cumsum(seen, axis=2, dtype=np.float32)
    sum_before = np.cumsum(level_here, axis=2)
    total, sum_all = before[:, :, -1:], sum_before[:, :, -1:]
    after = total - before
    jump = (sum_all - sum_before) / np.maximum(after, 1) - sum_before / np.maximum(before, 1)
    gain = np.where((before >= 2) & (after >= 2), before * after / np.maximum(total, 1), np.float32(0))
    pairs = seen[:, :, 1:] & seen[:, :, :-1]
    noise = 1.4826 * masked_median(np.abs(np.diff(outer, axis=2)), pairs) * pairs.any(axis=(1, 2))
    variance = np.where(pairs.any(axis=(1, 2)), noise**2, np.inf) / information
    best = np.argmax(gain * jump**2, axis=2)[:, :, None]
    size = np.take_along_axis(np.abs(jump), best, axis=2)
    clear = np.take_along_axis(gain, best, axis=2) * size**2 > 16 * variance[:, None, None]
    clear &= size > _STRAND * height[:, None, None]
    cut = clear & (np.arange(rays.rho.shape[1]) > first + best)
    return replace(rays, seen=np.where(cut, np.float32(0), rays.seen))


def local_background(rays: Rays, gap: FloatArray) -> FloatArray:
    """Return the (P, N) grey level of the background next to each ray's edge.

    Median of the samples beyond `gap` (P, in units of the radius), then smoothed along the outline with weights, so
    that directions that see none (a neighbour, the border) take it from those beside them.
    """
    first = int(np.argmax(rays.rho > 1 + gap[:, None], axis=1).min())
    level = rays.level[:, :, first:]
    beyond = (rays.rho[:, None, first:] > 1 + gap[:, None, None]) & (rays.seen[:, :, first:] > 0)
    count = beyond.sum(axis=2)
    flat = level.reshape(-1, 1, level.shape[2])
    value = masked_median(flat, beyond.reshape(flat.shape)).reshape(count.shape)
    weight = np.where(count >= 3, count, 0).astype(np.float64)
    smooth = circular_mean(value, weight, max(1.0, count.shape[1] / 36))
    blind = ~(weight > 0).any(axis=1)
    if blind.any():
        smooth[blind] = np.median(rays.level[blind, :, -3:], axis=(1, 2))[:, None]
    return smooth


def resample_radius(radius: FloatArray, count: int) -> FloatArray:
    """Return (N,) radii interpolated to `count` rays."""
    if len(radius) == count:
        return radius
    return np.asarray(np.interp(ray_angles(count), ray_angles(len(radius)), radius, period=2 * np.pi))


def recentred(centre: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return centres (P, 2) moved to the centroid of the outlines' points and radii (P, N) of the same outlines."""
    count = radius.shape[1]
    points = ray_points(centre, radius)
    shift = points.mean(axis=1) - centre
    limit = 0.3 * radius.mean(axis=1) / np.maximum(np.hypot(shift[:, 0], shift[:, 1]), 1e-9)
    moved = centre + shift * np.minimum(1.0, limit)[:, None]
    offset = points - moved[:, None, :]
    distance = np.hypot(offset[:, :, 0], offset[:, :, 1])
    angle = np.arctan2(offset[:, :, 0], offset[:, :, 1]) % (2 * np.pi)
    order = np.argsort(angle, axis=1)
    angle, distance = np.take_along_axis(angle, order, axis=1), np.take_along_axis(distance, order, axis=1)
    # All circles one after the other on one line, each continued by a point at either end: one interpolation for all.
    angle = np.hstack([angle[:, -1:] - 2 * np.pi, angle, angle[:, :1] + 2 * np.pi])
    distance = np.hstack([distance[:, -1:], distance, distance[:, :1]])
    place = 8 * np.pi * np.arange(len(radius))[:, None]
    even = np.interp((ray_angles(count) + place).ravel(), (angle + place).ravel(), distance.ravel())
    return moved, even.reshape(radius.shape)
