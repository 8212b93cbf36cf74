"""Local front speed: a plane through the arrival times around every pixel, never across a boundary.

The front's speed is v = 1/|grad a|. Noise in the arrival times adds to |grad a| whatever its direction, so that plain
speeds come out slow, and the fast ones most; the expected contribution of the noise, known from the scatter about the
plane, is taken off |grad a|^2 before it is inverted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import find_objects

from tem_track.movie import FloatArray, Image, Labels, Mask

# Least share of a window that must have an arrival time: a little less than beside a straight boundary.
FILLED = 0.4
# Least extent of the pixels in a window, as a share of a full window's (determinant of the second moments): a row of
# pixels has no plane.
LEAST_EXTENT = 0.1
# A window is wide enough when noise makes up this share of the usual slope; then the speeds' median is good to 1 %.
NOISE_SHARE = 0.12
# Windows tried, px to either side: 2 is the least with more pixels than the front has shapes, 9 the widest that does
# not flatten the front's own curvature in grains of a hundred px.
RADII = (2, 3, 4, 5, 6, 7, 8, 9)
# Arrival times are smoothed on the way: their errors are alike over some pixels, and a window holds fewer independent
# ones. More than this many pixels alike is not error but the front's own shape.
MOST_ALIKE_PX = 12.0
# Longer side of the map that planes are fitted on, px; larger maps keep every n-th pixel.
WORKING_PX = 1024
# Pixels nearer to a boundary than this carry the boundary's own line and its blur.
BOUNDARY_BLUR_PX = 2.0


@dataclass(frozen=True)
class Slope:
    """Planes fitted to the arrival times around every pixel; NaN where there are too few.

    Attributes
    ----------
    radius : int
        Windows are (2 radius + 1)^2 px, in steps of `step`.
    dy, dx : (Y, X) float32
        Gradient of the arrival time, unit of the arrival map per px.
    level : (Y, X) float32
        The plane's arrival time at the pixel itself.
    noise : (Y, X) float32
        Expected |gradient|^2 from noise alone, from the scatter about the plane.
    scatter : (Y, X) float32
        Standard deviation of the arrival times about the plane.
    step : int
        The planes stand at every n-th pixel and are carried on between.
    """

    radius: int
    dy: Image
    dx: Image
    level: Image
    noise: Image
    scatter: Image
    step: int = 1


def fit_slope(arrival: Image, parts: Labels, usable: Mask, radius: int, filled: float = FILLED) -> Slope:
    """Return the plane through the arrival times of the same part within a square window around every pixel.

    Parameters
    ----------
    arrival : (Y, X) float32
        Arrival time in any unit; NaN = never.
    parts : (Y, X) int32
        A window takes only pixels with its own pixel's number (a grain, or a grain's zone); 0 = none.
    usable : (Y, X) bool
        Pixels whose arrival time counts.
    radius : int
        Half the width of a window, px.
    filled : float
        Least share of a window that must have an arrival time.

    Returns
    -------
    Slope
    """
    maps = [np.full(arrival.shape, np.nan, np.float32) for _ in range(5)]
    for k, box in enumerate(find_objects(parts)):
        if box is None:
            continue
        inside = (parts[box] == k + 1) & usable[box] & np.isfinite(arrival[box])
        if inside.any():
            for whole, plane in zip(maps, _planes(arrival[box], inside, radius, filled), strict=True):
                whole[box][inside] = plane[inside]
    dy, dx, level, noise, scatter = maps
    return Slope(radius, dy, dx, level, noise, scatter)


def _planes(arrival: Image, inside: Mask, radius: int, filled: float) -> tuple[FloatArray, ...]:
    """Return (dy, dx, level, noise, scatter) of the planes through one part's arrival times."""
    size = (2 * radius + 1, 2 * radius + 1)
    weight = inside.astype(np.float64)
    middle = float(arrival[inside].mean())
    value = np.where(inside, arrival - middle, 0.0)
    y, x = np.indices(arrival.shape, dtype=np.float64)

    def total(term: FloatArray) -> FloatArray:
        return np.asarray(cv2.boxFilter(term, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT))

    n = np.maximum(total(weight), 1e-9)
    my, mx, mv = total(weight * y) / n, total(weight * x) / n, total(value) / n
    yy, xx, xy = (total(weight * p) / n - q for p, q in ((y * y, my * my), (x * x, mx * mx), (x * y, mx * my)))
    yv, xv, vv = (total(value * p) / n - q * mv for p, q in ((y, my), (x, mx), (value, mv)))
    extent = yy * xx - xy**2
    missing = (n < filled * size[0] ** 2) | (extent < LEAST_EXTENT * (radius * (radius + 1) / 3) ** 2)
    extent = np.where(missing, 1.0, extent)
    dy, dx = (xx * yv - xy * xv) / extent, (yy * xv - xy * yv) / extent
    variance = np.maximum(vv - dy * yv - dx * xv, 0.0) * n / np.maximum(n - 3, 1)
    level = middle + mv + dy * (y - my) + dx * (x - mx)
    noise = variance / n * (yy + xx) / extent
    return tuple(np.where(missing, np.nan, p) for p in (dy, dx, level, noise, np.sqrt(variance)))


def steepness(slope: Slope, noise: float) -> Image:
    """Return |grad a| (Y, X) with the noise's own share taken off; 0 where noise is all there is, NaN where unknown.

    Parameters
    ----------
    slope : Slope
    noise : float
        Expected |gradient|^2 from noise.
    """
    square = np.maximum(slope.dy**2 + slope.dx**2 - np.float32(noise), 0)
    return np.asarray(np.where(np.isfinite(slope.noise), np.sqrt(square), np.float32(np.nan)), np.float32)


def well_fitted_slope(arrival: Image, parts: Labels, usable: Mask) -> tuple[Slope, float]:
    """Return the slope with the smallest window in which noise is a small share of the usual slope, and that noise.

    Large maps are fitted on every n-th pixel, which costs n^2 times less and is as fine as the arrival itself.

    Parameters
    ----------
    arrival, parts, usable
        As `fit_slope`.

    Returns
    -------
    slope : Slope
    noise : float
        Expected |gradient|^2 from noise, errors alike over some pixels taken into account; NaN without any plane.

    Notes
    -----
    What the scatter about the smallest planes says of the noise is carried over to larger windows, where the scatter
    would hold the front's own curvature too: the variance of a slope falls with the window's pixels times their
    variance of position.
    """
    step, some = _thinned(arrival, parts, usable)
    slope = fit_slope(*some, RADII[0])
    known = np.isfinite(slope.noise)
    noise = float("nan")
    if known.any():
        alike = _alike_px(some[0] - slope.level, some[1])
        smallest = float(np.median(slope.noise[known])) * alike
        usual = float(np.median((slope.dy**2 + slope.dx**2)[known])) - smallest
        radius = _radius(smallest * _stiffness(RADII[0]), usual)
        slope = slope if radius == RADII[0] else fit_slope(*some, radius)
        noise = smallest * _stiffness(RADII[0]) / _stiffness(radius)
    return _at_every_pixel(slope, step, arrival.shape), noise / step**2


def slope_in(arrival: Image, parts: Labels, usable: Mask, radius: int, filled: float) -> Slope:
    """Return the planes of windows of a given width, as `fit_slope`; large maps are fitted on every n-th pixel.

    The radius counts in the pixels fitted.
    """
    step, some = _thinned(arrival, parts, usable)
    return _at_every_pixel(fit_slope(*some, radius, filled), step, arrival.shape)


def _thinned(arrival: Image, parts: Labels, usable: Mask) -> tuple[int, tuple[Image, Labels, Mask]]:
    """Return every how many pixels large maps are fitted, and these pixels."""
    step = max(1, round(max(arrival.shape) / WORKING_PX))
    every = np.s_[step // 2 :: step, step // 2 :: step]
    return step, (arrival[every], parts[every], usable[every])


def _radius(noise: float, square: float) -> int:
    """Return the smallest window in which noise, given for a stiffness of 1, is a small share of a usual square."""
    enough = [r for r in RADII if noise / _stiffness(r) <= NOISE_SHARE**2 * square]
    return enough[0] if enough else RADII[-1]


def _at_every_pixel(slope: Slope, step: int, shape: tuple[int, ...]) -> Slope:
    """Return a slope fitted on every n-th pixel at every pixel, its planes carried on to the pixels between."""
    if step == 1:
        return slope
    rows, columns = (np.minimum(np.arange(n) // step, m - 1) for n, m in zip(shape, slope.dy.shape, strict=True))
    dy, dx, level, noise, scatter = (
        m[rows[:, None], columns[None, :]] for m in (slope.dy, slope.dx, slope.level, slope.noise, slope.scatter)
    )
    off_y, off_x = (
        ((np.arange(n) - k * step - step // 2) / step).astype(np.float32)
        for n, k in zip(shape, (rows, columns), strict=True)
    )
    level = level + dy * off_y[:, None] + dx * off_x[None, :]
    return Slope(slope.radius * step, dy / step, dx / step, level, noise / step**2, scatter, step)


def _stiffness(radius: int) -> float:
    """Return the pixels of a window times the variance of their position along one axis."""
    return float((2 * radius + 1) ** 2 * radius * (radius + 1) / 3)


def _alike_px(residual: Image, parts: Labels) -> float:
    """Return over how many pixels errors are alike, from the correlation of neighbours' residuals (first order)."""
    known = np.isfinite(residual)
    spread = 3 * float(np.median(np.abs(residual[known])))
    clipped = np.where(known, np.clip(residual, -spread, spread), 0.0)
    power = float((clipped[known] ** 2).mean())
    alike = 1.0
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        pairs = known[a] & known[b] & (parts[a] == parts[b])
        if power > 0 and pairs.any():
            share = float((clipped[a] * clipped[b])[pairs].mean()) / power
            alike *= max(1.0, (1 + share) / max(1 - share, 1e-3))
    return min(alike, MOST_ALIKE_PX)
