"""What the illumination does to a frame, told apart from what happens to the specimen.

Flicker, steps of the beam current and a vignetting that is fixed to the camera while the specimen drifts all change the
grey values smoothly over the whole field. They are fitted per frame as the exponential of a quadratic surface, on the
ratio of the frame to the movie's first frames, tile by tile. Tiles that have darkened are outliers of that fit. Where
hardly a tile is left that has not darkened, the fit rests on what is known of the beam: its gain stays where it was but
for flicker of the usual size, and for steps, which all tiles take at once.
"""

from __future__ import annotations

import itertools
from typing import TypeAlias

import numpy as np

from tem_track.movie import FloatArray, Image, Mask

Tiles: TypeAlias = tuple[int, int]

MOST_TILES, LEAST_TILES, LEAST_SIDE_PX = 16, 3, 4.0
# Noise of a tile that is aimed at: the step of a front must stand out of it by far.
TILE_NOISE = 0.01
# Rounds of reweighting, each with the width of the weights as a multiple of the last: a vignetting that moved by a jump
# of the stage is still found, and tiles that a front is passing are outliers in the end.
WIDTHS = (8.0, 4.0, 2.0, 1.0, 1.0, 1.0)
# Welsch weights reach 95 % efficiency on normal errors at 2.985 deviations (Holland & Welsch 1977,
# doi:10.1080/03610927708827533).
WELSCH = 2.985
# Smallest scatter a tile is credited with: texture that moves by a few hundredths of a px against the registration.
LEAST_SCATTER = 0.002
# What the shape of the frame before weighs, in tiles, and how much more so the fewer tiles are intact; it changes by
# this much from frame to frame (vignetting of 10 % under a drift of some px).
SHAPE_INERTIA, STIFFENING, SHAPE_CHANGE = 12.0, 2.0, 0.004
# A tile counts as darkened when it has been this far below the fit, in deviations and as a share of its level, in most
# of as many frames before: the step of a front is 5 to 50 %, a flicker lasts a frame.
DARKENED_DEVIATIONS, DARKENED_SHARE, LATCH_FRAMES = 5.0, 0.015, 5
# Smallest flicker that is allowed for, and the change that is a step if the tiles agree on it.
LEAST_FLICKER, LEAST_STEP = 0.001, 0.02
# Mixed term below which its exponential is a quadratic.
SMALL_TWIST = 0.02
# The gain leaves the usual one by more than a few flickers only where so large a share of the tiles agrees on it: a
# beam darkens all of them alike, a specimen each by its own amount.
AGREED_SHARE, FLICKERS, FIXED = 0.6, 3.0, 1e9
# Frames over which the usual gain is averaged: a beam drifts over minutes.
GAIN_FRAMES = 30


def choose_tiles(shape: tuple[int, int], noise: float = 0.0) -> Tiles:
    """Return into how many tiles a field (y, x) is cut, down and across; `noise` is that of a pixel, relative.

    >>> choose_tiles((512, 512), 0.1)
    (16, 16)
    """
    side = max(LEAST_SIDE_PX, noise / TILE_NOISE)
    down, across = (int(np.clip(n / side, LEAST_TILES, MOST_TILES)) for n in shape)
    return down, across


def tile_sums(image: Image, tiles: Tiles) -> FloatArray:
    """Return the sum over every tile of a (y, x) image, (n,) float64."""
    rows, columns = (np.arange(count + 1) * n // count for n, count in zip(image.shape, tiles, strict=True))
    strips = np.stack([image[a:b].sum(axis=0) for a, b in itertools.pairwise(rows)]).astype(np.float64)
    return np.stack([strips[:, a:b].sum(axis=1) for a, b in itertools.pairwise(columns)], axis=1).ravel()


def surface_terms(y: FloatArray, x: FloatArray) -> FloatArray:
    """Return 1, y, x, y^2, y x, x^2 stacked along a new last axis; y and x run from -1 to 1 over the field."""
    return np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], axis=-1)


def tile_terms(tiles: Tiles) -> FloatArray:
    """Return the terms (n, 6) of the quadratic surface at the centre of every tile."""
    y, x = np.meshgrid(*((np.arange(count) + 0.5) / count * 2 - 1 for count in tiles), indexing="ij")
    return surface_terms(y.ravel(), x.ravel())


def surface(coefficients: FloatArray, shape: tuple[int, int]) -> Image:
    """Return exp of the quadratic surface over a field, (y, x) float32: what the frame is to be divided by."""
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in shape)
    c = coefficients
    rows = np.exp(c[0] + c[1] * y + c[3] * y * y).astype(np.float32)
    columns = np.exp(c[2] * x + c[5] * x * x).astype(np.float32)
    field = np.asarray(np.outer(rows, columns), dtype=np.float32)
    if c[4]:
        # exp of the mixed term by its series, exact to 1e-6 for a twist of less than 2 %: exp itself costs most.
        twist = np.outer((c[4] * y).astype(np.float32), x.astype(np.float32))
        field *= 1 + twist * (1 + 0.5 * twist) if abs(c[4]) < SMALL_TWIST else np.exp(twist)
    return field


def fit_illumination(log_ratio: FloatArray, weight: FloatArray, terms: FloatArray) -> FloatArray:
    """Return the coefficients (T, 6) of the illumination of every frame.

    Parameters
    ----------
    log_ratio : (T, n) float64
        Logarithm of the frame's sum over the reference's sum in every tile; anything where weight is 0.
    weight : (T, n) float64
        Share of the tile that the frame shows, 0 to 1.
    terms : (n, 6) float64
        Of `tile_terms`.
    """
    scatter = tile_scatter(log_ratio, weight)
    flicker = _flicker(log_ratio, weight)
    found, off = np.zeros((len(log_ratio), 6)), np.full(log_ratio.shape, np.nan)
    gain, gain_weight, before, share = 0.0, 0.0, -1, 1.0
    for k, (ratio, shown) in enumerate(zip(log_ratio, weight, strict=True)):
        if not (shown > 0).any():
            found[k] = found[max(before, 0)]
            continue
        step = _step(ratio - log_ratio[before], np.minimum(shown, weight[before]), flicker) if before >= 0 else 0.0
        gain += step
        darkened = _darkened(off[max(0, k - LATCH_FRAMES) : k], scatter)
        intact = np.where(darkened, 0, shown)
        stiffness = max(SHAPE_INERTIA, (scatter / SHAPE_CHANGE) ** 2) / max(share, 0.01) ** STIFFENING
        inertia = np.diag([(scatter / flicker) ** 2, *[stiffness] * 5])
        expected = np.array([gain, *found[max(before, 0)][1:]])
        found[k] = robust_fit(ratio, intact, terms, expected, inertia, scatter)
        share = _agreed(ratio - terms @ found[k], intact, scatter) / float(shown.sum())
        if share < AGREED_SHARE and abs(found[k][0] - gain) > FLICKERS * flicker:
            inertia[0, 0] = FIXED
            found[k] = robust_fit(ratio, intact, terms, expected, inertia, scatter)
            share = _agreed(ratio - terms @ found[k], intact, scatter) / float(shown.sum())
        off[k] = np.where(shown > 0, ratio - terms @ found[k], np.nan)
        # Frames with few intact tiles say little of the beam: the usual gain stays where more of them saw it.
        gain_weight = gain_weight * (1 - 1 / GAIN_FRAMES) + share**2
        gain += (found[k][0] - gain) * share**2 / max(gain_weight, 1e-9)
        before = k
    return found


def _agreed(off: FloatArray, intact: FloatArray, scatter: float) -> float:
    """Return how many intact tiles lie on the fit but for noise."""
    return float((intact * (np.abs(off) < WELSCH * scatter)).sum())


def _flicker(log_ratio: FloatArray, weight: FloatArray) -> float:
    """Return the usual change of the gain from frame to frame."""
    changes = [
        float(np.median((b - a)[both]))
        for a, b, both in zip(log_ratio, log_ratio[1:], (weight[1:] > 0.5) & (weight[:-1] > 0.5), strict=False)
        if both.any()
    ]
    return max(LEAST_FLICKER, 1.4826 * float(np.median(np.abs(changes)))) if changes else LEAST_FLICKER


def _step(change: FloatArray, shown: FloatArray, flicker: float) -> float:
    """Return the step of the gain from the frame before: a large change that nearly all tiles take alike, else 0."""
    both = shown > 0.5
    if not both.any():
        return 0.0
    low, middle, high = np.percentile(change[both], (10, 50, 90))
    is_step = abs(middle) > max(LEAST_STEP, 5 * flicker) and high - low < 0.5 * abs(middle)
    return float(middle) if is_step else 0.0


def _darkened(off: FloatArray, scatter: float) -> Mask:
    """Return which tiles (n,) have been below the fit for most of the frames before, by `off` (frames, n)."""
    seen = np.isfinite(off)
    low = np.where(seen, off < -max(DARKENED_DEVIATIONS * scatter, DARKENED_SHARE), False)
    return np.asarray((low.sum(axis=0) > 0.5 * seen.sum(axis=0)) & seen.any(axis=0))


def tile_scatter(log_ratio: FloatArray, weight: FloatArray) -> float:
    """Return the typical deviation of a tile from one frame to the next, common changes taken out."""
    both = (weight[1:] > 0.5) & (weight[:-1] > 0.5)
    change = np.where(both, np.diff(log_ratio, axis=0), np.nan)
    rows = both.any(axis=1)
    if not rows.any():
        return LEAST_SCATTER
    change = change[rows] - np.nanmedian(change[rows], axis=1, keepdims=True)
    return max(LEAST_SCATTER, 1.4826 * float(np.nanmedian(np.abs(change))) / float(np.sqrt(2)))


def robust_fit(
    ratio: FloatArray, shown: FloatArray, terms: FloatArray, expected: FloatArray, inertia: FloatArray, scatter: float
) -> FloatArray:
    """Return the coefficients (6,) of a surface through the logarithms (n,) of the tiles, darkened ones left out.

    Parameters
    ----------
    ratio, shown : (n,) float64
        Logarithm of each tile, and its weight.
    terms : (n, 6) float64
    expected : (6,) float64
        Coefficients beforehand, in force by `inertia` (6, 6), in tiles.
    inertia : (6, 6) float64
    scatter : float
        Standard deviation of a tile.
    """
    found = expected
    for width in WIDTHS:
        off = (ratio - terms @ found) / (width * WELSCH * scatter)
        weight = shown * np.exp(-np.minimum(off * off, 50))
        normal = (terms * weight[:, None]).T @ terms + inertia
        found = np.asarray(np.linalg.solve(normal, terms.T @ (weight * ratio) + inertia @ expected), dtype=np.float64)
    return found
