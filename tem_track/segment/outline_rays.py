"""Rays from a particle's centre: which directions, what the picture shows along them, the background around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask

# Radius (px) to which a large particle's surroundings are binned down: 50 px keep an edge's position to 0.1 % of the
# radius, and every particle costs the same.
_WORKING_RADIUS_PX = 50.0
# Reach of the rays beyond the outline: a third of the radius for the background, and never fewer pixels than this.
_REACH, _REACH_PX = 0.4, 7.0
# A step of the background smaller than this share of the particle's own height moves no edge.
_STRAND = 0.03


@dataclass(frozen=True)
class Rays:
    """What a picture shows along N rays from a centre, at the same J multiples of each ray's own radius.

    Attributes
    ----------
    level : (N, J) float32
        Grey values.
    seen : (N, J) float32
        0 where a sample lies outside the field, in another particle or on an overlay; else the share of a pixel's
        information that the sample carries (its area in px^2, at most 1).
    rho : (J,) float64
        Distance from the centre in units of the ray's radius.
    radius : (N,) float64
        Radius of each ray, working px.
    """

    level: Image
    seen: Image
    rho: FloatArray
    radius: FloatArray

    @property
    def step(self) -> float:
        """Spacing of the samples in units of the radius."""
        return float(self.rho[1] - self.rho[0])


@dataclass(frozen=True)
class Surroundings:
    """A particle's neighbourhood cut from a frame, binned by `binning`, with the pixels that may not be used."""

    picture: Image
    barred: Image
    corner: tuple[int, int]
    binning: int

    def to_working(self, points: FloatArray) -> FloatArray:
        """Return frame coordinates (..., 2) yx as coordinates of this picture."""
        return np.asarray((points - self.corner + 0.5) / self.binning - 0.5)


def ray_count(radius: float) -> int:
    """Return how many rays a particle of a given working radius (px) gets: one per 2.5 px of its outline."""
    return int(np.clip(4 * round(2 * np.pi * radius / 2.5 / 4), 24, 128))


def ray_angles(count: int) -> FloatArray:
    """Return the (N,) directions of the rays, rad, from the x axis towards y."""
    return np.arange(count, dtype=np.float64) * (2 * np.pi / count)


def ray_points(centre: FloatArray, radius: FloatArray) -> FloatArray:
    """Return the (N, 2) yx end points of rays of the given (N,) radii."""
    angles = ray_angles(len(radius))
    return np.stack([centre[0] + radius * np.sin(angles), centre[1] + radius * np.cos(angles)], axis=1)


def binning_for(radius: float) -> int:
    """Return by how many pixels a particle of this radius (px) is binned."""
    return max(1, round(radius / _WORKING_RADIUS_PX))


def cut_surroundings(frame: Image, barred: Mask | None, centre: FloatArray, reach: float, binning: int) -> Surroundings:
    """Return the part of a (Y, X) frame within `reach` px of a centre, binned; `barred` marks unusable pixels."""
    height, width = frame.shape
    top, left = np.floor(centre - reach).astype(int).clip(0)
    bottom = int(min(height, np.ceil(centre[0] + reach) + 1))
    right = int(min(width, np.ceil(centre[1] + reach) + 1))
    bottom, right = max(bottom, top + 2 * binning), max(right, left + 2 * binning)
    part = frame[top:bottom, left:right]
    rows, columns = part.shape[0] // binning, part.shape[1] // binning
    part = part[: rows * binning, : columns * binning]
    bar = np.zeros(part.shape, np.float32)
    if barred is not None:
        bar[barred[top : top + part.shape[0], left : left + part.shape[1]]] = 1.0
    if binning > 1:
        part = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        bar = cv2.resize(bar, (columns, rows), interpolation=cv2.INTER_AREA)
    return Surroundings(np.ascontiguousarray(part, np.float32), bar, (int(top), int(left)), binning)


def sample_rays(around: Surroundings, barred: Image, centre: FloatArray, radius: FloatArray) -> Rays:
    """Return the picture along rays from `centre` (working px) with the given (N,) radii (working px)."""
    mean = float(radius.mean())
    reach = 1 + max(_REACH, _REACH_PX / mean)
    count = int(np.clip(np.ceil(reach * mean / 0.75), 32, 112))
    step = reach / count
    rho = (np.arange(count, dtype=np.float64) + 0.5) * step
    angles = ray_angles(len(radius))
    along = radius[:, None] * rho[None, :]
    y = (centre[0] + along * np.sin(angles)[:, None]).astype(np.float32)
    x = (centre[1] + along * np.cos(angles)[:, None]).astype(np.float32)
    level = _between_rays(around.picture, centre, along, angles)
    bar = cv2.remap(barred, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height, width = around.picture.shape
    inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1) & (bar < 0.25)
    # A bar hides what lies behind it: the far side of a neighbour is its surroundings, not this particle's.
    behind = np.maximum.accumulate((bar >= 0.25) & (rho > 0.6), axis=1)
    area = along * step * radius[:, None] * (2 * np.pi / len(radius))
    return Rays(level, np.where(inside & ~behind, np.minimum(area, 1.0), 0.0).astype(np.float32), rho, radius)


def _between_rays(picture: Image, centre: FloatArray, along: FloatArray, angles: FloatArray) -> Image:
    """Return the (N, J) mean of two lines a quarter of the spacing to either side of each ray.

    Rays 2.5 px apart would leave half of the electrons out.
    """
    level = np.zeros(along.shape, np.float32)
    for side in (-0.25, 0.25):
        direction = angles + side * (2 * np.pi / len(angles))
        y = (centre[0] + along * np.sin(direction)[:, None]).astype(np.float32)
        x = (centre[1] + along * np.cos(direction)[:, None]).astype(np.float32)
        level += cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return level / np.float32(2)


def near_surroundings(rays: Rays, gap: float, height: float) -> Image:
    """Return `rays.seen` (N, J) without what lies behind a step of the background beyond a particle's edge.

    A strand or film that ends just outside the particle would be taken for its edge. Each ray's samples from `gap`
    outwards are cut where two levels explain them better than one (4 sigma, and a share of the height): what is
    further out belongs to another background.
    """
    first = int(np.searchsorted(rays.rho, 1 + gap))
    outer = rays.level[:, first:].astype(np.float64)
    seen = (rays.seen[:, first:] > 0).astype(np.float64)
    if outer.shape[1] < 6:
        return rays.seen
    for shift in (-1, 1):
        outer = outer + 0.5 * np.roll(rays.level[:, first:], shift, axis=0)
    outer /= 2.0
    before, total = np.cumsum(seen, axis=1), seen.sum(axis=1, keepdims=True)
    sum_before, sum_all = np.cumsum(seen * outer, axis=1), (seen * outer).sum(axis=1, keepdims=True)
    after = total - before
    mean_before = sum_before / np.maximum(before, 1)
    mean_after = (sum_all - sum_before) / np.maximum(after, 1)
    gain = np.where((before >= 2) & (after >= 2), before * after / np.maximum(total, 1), 0.0)
    jump = mean_after - mean_before
    noise = np.diff(outer, axis=1)[(seen[:, 1:] > 0) & (seen[:, :-1] > 0)]
    variance = (1.4826 * float(np.median(np.abs(noise)))) ** 2 if noise.size else np.inf
    at = np.argmax(gain * jump**2, axis=1)
    index = np.arange(len(at))
    step = np.abs(jump[index, at])
    clear = (gain[index, at] * step**2 > 16 * variance) & (step > _STRAND * height)
    keep = rays.seen.copy()
    column = np.arange(keep.shape[1])
    keep[clear[:, None] & (column[None, :] > (first + at)[:, None])] = 0.0
    return keep


def local_background(rays: Rays, gap: float) -> FloatArray:
    """Return the (N,) grey level of the background next to each ray's edge.

    Median of the samples beyond `gap` (in units of the radius), then smoothed along the outline with weights, so that
    directions that see none (a neighbour, the border) take it from those beside them.
    """
    beyond = (rays.rho[None, :] > 1 + gap) & (rays.seen > 0)
    enough = beyond.sum(axis=1) >= 3
    levels = np.where(beyond, rays.level, np.nan).astype(np.float64)
    if not enough.any():
        return np.full(len(rays.level), float(np.median(rays.level[:, -3:])))
    value = np.full(len(levels), np.nan)
    value[enough] = np.nanmedian(levels[enough], axis=1)
    weight = np.where(enough, beyond.sum(axis=1), 0.0)
    return circular_mean(np.nan_to_num(value), weight, width=max(1.0, len(levels) / 36))


def circular_mean(values: FloatArray, weights: FloatArray, width: float) -> FloatArray:
    """Return the weighted Gaussian mean of (N,) values around a circle; `width` is its standard deviation in samples.

    Where all weights nearby vanish the overall weighted mean takes over.
    """
    count = len(values)
    offset = np.minimum(np.arange(count), count - np.arange(count))
    kernel = np.fft.rfft(np.exp(-0.5 * (offset / width) ** 2))
    overall = float(np.average(values, weights=weights)) if weights.sum() > 0 else float(values.mean())
    faint = 1e-3 * max(float(weights.max()), 1e-12)
    top = np.fft.irfft(np.fft.rfft(weights * values) * kernel, count) + faint * overall
    bottom = np.fft.irfft(np.fft.rfft(weights) * kernel, count) + faint
    return np.asarray(top / np.maximum(bottom, faint))


def resample_radius(radius: FloatArray, count: int) -> FloatArray:
    """Return (N,) radii interpolated to `count` rays."""
    angles = ray_angles(count)
    return np.asarray(np.interp(angles, ray_angles(len(radius)), radius, period=2 * np.pi))
