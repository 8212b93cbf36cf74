"""The displacement between two frames: a search over the whole field, then a sub-pixel Newton step.

The search correlates the zero-padded frames and divides by what the overlap of each displacement can hold, so that a
jump of half the field competes on equal terms with no motion. The Newton steps then climb the correlation of the
overlap. Its curvature is taken from the product of both frames' gradients, whose noise is independent: at a few
electrons per pixel the gradient of one frame alone is mostly noise and would make every step far too short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import cv2
import numpy as np
import scipy.fft

from tem_track.drift.prepare import Prepared, halved, moved, shifted
from tem_track.movie import FloatArray, Image

# Share of the field two frames must have in common: a jump of half the field along both axes leaves a quarter.
SMALLEST_OVERLAP = 0.15
# Peak over the scatter of the correlation surface. The highest of 2.6e5 independent normal values is 5.
SIGNIFICANT_PEAK = 7.0
# Standard errors come from the scatter between tiles (a sandwich estimate); 6 x 6 gives it 36 votes.
TILES = 6
NEWTON_STEPS = 6
# Rounds in which tiles that disagree lose weight, and the deviations at which one has lost half (Holland & Welsch 1977,
# doi:10.1080/03610927708827533).
VOTES = 5
CAUCHY = 2.385
# Newton steps shrink quadratically: after one of this size, px, what is left is a hundredth of a px.
STEP_SMALL_PX = 0.08


Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


@dataclass
class Searchable:
    """A prepared frame with what the search needs, computed once."""

    prepared: Prepared
    coarse: Prepared
    spectrum: np.ndarray[tuple[int, int], np.dtype[np.complex64]]
    energy: FloatArray
    gradient: tuple[Image, Image]


@dataclass(frozen=True)
class Match:
    """Displacement of frame b relative to frame a, px of the prepared frames."""

    displacement: FloatArray
    sd: float
    correlation: float
    significance: float


def searchable(prepared: Prepared) -> Searchable:
    """Return the prepared frame with its half-size copy, padded spectrum, running energy and gradient."""
    coarse = halved(replace(prepared, image=prepared.image * prepared.weight))
    padded = [scipy.fft.next_fast_len(2 * n, real=True) for n in coarse.image.shape]
    spectrum = scipy.fft.rfft2(coarse.image, s=padded, workers=1)
    energy = cv2.integral(coarse.image * coarse.image, sdepth=cv2.CV_64F)
    return Searchable(prepared, coarse, spectrum, energy, gradient(prepared.image))


def gradient(image: Image) -> tuple[Image, Image]:
    """Return the central differences (along y, along x) of an image."""
    kernel = np.array([-0.5, 0.0, 0.5], np.float32)
    one = np.ones(1, np.float32)
    return cv2.sepFilter2D(image, -1, one, kernel), cv2.sepFilter2D(image, -1, kernel, one)


def search(a: Searchable, b: Searchable) -> tuple[FloatArray, float]:
    """Return the likeliest displacement of b relative to a (px of the prepared frame) and its significance.

    The surface is C(d) / sqrt(E_a E_b) * sqrt(overlap), whose scatter for unrelated frames is the same at every d.
    Significance is the peak over the surface's robust deviation.
    """
    height, width = a.coarse.image.shape
    padded_y = scipy.fft.next_fast_len(2 * height, real=True)
    padded_x = scipy.fft.next_fast_len(2 * width, real=True)
    surface = scipy.fft.irfft2(np.conj(a.spectrum) * b.spectrum, s=(padded_y, padded_x), workers=1)
    reach_y, reach_x = int(0.75 * height), int(0.75 * width)
    dy, dx = np.arange(-reach_y, reach_y + 1), np.arange(-reach_x, reach_x + 1)
    surface = surface[np.ix_(dy, dx)]
    overlap: FloatArray = np.outer(1 - np.abs(dy) / height, 1 - np.abs(dx) / width)
    energy = np.sqrt(
        np.maximum(_overlap_energy(a.energy, -dy, -dx), 0) * np.maximum(_overlap_energy(b.energy, dy, dx), 0)
    )
    floor = 1e-3 * float(energy.max()) + 1e-30
    score = np.where(overlap >= SMALLEST_OVERLAP, surface * np.sqrt(overlap) / np.maximum(energy, floor), 0.0)
    deviation = 1.4826 * float(np.median(np.abs(score[::3, ::3]))) + 1e-30
    iy, ix = np.unravel_index(int(np.argmax(score)), score.shape)
    peak = np.array([dy[iy] + _vertex(score[:, ix], int(iy)), dx[ix] + _vertex(score[iy], int(ix))])
    return 2 * peak, float(score[iy, ix]) / deviation


def climb(a: Searchable, b: Searchable, start: FloatArray) -> Match:
    """Return the displacement of b relative to a that maximises their correlation near `start`.

    Raises
    ------
    np.linalg.LinAlgError
        The two frames share no structure near `start` (the correlation has no maximum there).
    """
    displacement = start.astype(float).copy()
    for _ in range(NEWTON_STEPS):
        score, curvature, misfit, correlation = _newton_terms(a, b, displacement)
        step, weight, total = agreed_step(score, curvature, misfit)
        displacement += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < STEP_SMALL_PX:
            break
    if np.abs(displacement - start).max() > 8.0:
        raise np.linalg.LinAlgError("the correlation has no maximum near the start")
    inverse = np.linalg.inv(total)
    loose = weight[:, None] * (score - np.einsum("nij,j->ni", curvature, step))
    covariance = inverse @ (loose.T @ loose) @ inverse
    return Match(displacement, float(np.sqrt(np.trace(covariance) / 2)), correlation, 0.0)


def agreed_step(
    score: FloatArray, curvature: FloatArray, misfit: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the Newton step most tiles agree on, the weights (n,) of the tiles and the weighted curvature.

    A tile counts by its misfit (a changing specimen misfits more than noise does) and by how far its own vote lies
    from the common one, in Cauchy weights on the scatter of all votes: a growing crystal of high contrast is outvoted.
    """
    worth = (curvature[:, 0, 0] + curvature[:, 1, 1]) / 2
    base = np.where(misfit > 0, 1 / np.maximum(misfit, 1e-6 * float(misfit.max()) + 1e-30), 0.0)
    counted = base > 0
    scale = base / np.maximum(worth, 1e-3 * float(np.abs(worth).max()) + 1e-30)
    terms = np.column_stack([curvature[:, 0, 0], curvature[:, 0, 1], curvature[:, 1, 1], score])
    weight = base
    for _ in range(VOTES):
        yy, yx, xx, push_y, push_x = (weight @ terms).tolist()
        determinant = yy * xx - yx * yx
        if not (determinant > 0 and yy > 0):
            raise np.linalg.LinAlgError("no maximum of the correlation here")
        step = np.array([xx * push_y - yx * push_x, yy * push_x - yx * push_y]) / determinant
        off = ((score - curvature @ step) ** 2).sum(axis=1) * scale
        usual = _median(off[counted])
        weight = base / (1 + off / (CAUCHY**2 * usual + 1e-30))
    return step, weight, np.array([[yy, yx], [yx, xx]])


def _median(values: FloatArray) -> float:
    """Return the median of a few values; numpy's own spends far longer on checks than on the values."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle]))


def tile_sums(images: Image, tiles: int) -> FloatArray:
    """Return the sums of (..., y, x) images over tiles x tiles rectangles that cover them, (..., tiles**2) float64."""
    rows, columns = (np.arange(tiles + 1) * n // tiles for n in images.shape[-2:])
    # Strip by strip: numpy adds whole rows at full speed, its reduceat is thirty times slower.
    strips = [images[..., rows[i] : rows[i + 1], :].sum(axis=-2) for i in range(tiles)]
    stacked = np.stack(strips, axis=-2).astype(np.float64)
    sums = np.add.reduceat(stacked, columns[:-1], axis=-1) * (columns[1:] > columns[:-1])
    return np.asarray(sums.reshape(*images.shape[:-2], tiles**2))


def _newton_terms(
    a: Searchable, b: Searchable, displacement: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return score (n, 2), curvature (n, 2, 2) and mean square misfit (n,) of every tile, and the correlation."""
    dy, dx = float(displacement[0]), float(displacement[1])
    image_b = shifted(b.prepared.image, dy, dx)
    weight = a.prepared.weight * moved(b.prepared.weight, round(dy), round(dx))
    score, curvature, misfit = pair_terms(a.prepared.image, a.gradient, image_b, gradient(image_b), weight)
    weighted = a.prepared.image * weight
    energy = float(np.vdot(weighted, a.prepared.image)) * float(np.vdot(image_b * weight, image_b))
    return score, curvature, misfit, float(np.vdot(weighted, image_b)) / float(np.sqrt(energy) + 1e-30)


def pair_terms(
    a: Image, slope_a: tuple[Image, Image], b: Image, slope_b: tuple[Image, Image], weight: Image, tiles: int = TILES
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return score (n, 2), curvature (n, 2, 2) and mean square misfit (n,) of every tile of two weighted pictures."""
    products = np.empty((7, *a.shape), np.float32)
    part, cross = np.empty_like(a), np.empty_like(a)
    weighted_y, weighted_x = (np.multiply(slope, weight) for slope in slope_a)
    np.subtract(a, b, out=part)
    np.multiply(part, weight, out=cross)
    np.multiply(part, cross, out=products[0])
    for axis in (0, 1):
        np.add(slope_a[axis], slope_b[axis], out=products[1 + axis])
        products[1 + axis] *= cross
    np.multiply(weighted_y, slope_b[0], out=products[3])
    np.multiply(weighted_x, slope_b[1], out=products[4])
    np.multiply(weighted_y, slope_b[1], out=products[5])
    products[5] += np.multiply(weighted_x, slope_b[0], out=part)
    products[6] = weight
    misfit, push_y, push_x, yy, xx, yx, area = tile_sums(products, tiles)
    score = np.stack([push_y, push_x], axis=1) / 2
    curvature = np.stack([np.stack([yy, yx / 2], 1), np.stack([yx / 2, xx], 1)], axis=1)
    return score, curvature, np.where(area > 1, misfit / np.maximum(area, 1.0), 0.0)


def _overlap_energy(integral: FloatArray, dy: Numbers, dx: Numbers) -> FloatArray:
    """Return the sum over the part of a frame that overlaps another one displaced by (-dy, -dx), per (dy, dx)."""
    height, width = integral.shape[0] - 1, integral.shape[1] - 1
    y0, y1 = np.maximum(0, dy), np.minimum(height, height + dy)
    x0, x1 = np.maximum(0, dx), np.minimum(width, width + dx)
    lower, upper = integral[y1] - integral[y0], (x1, x0)
    return np.asarray(lower[:, upper[0]] - lower[:, upper[1]])


def _vertex(line: FloatArray, i: int) -> float:
    """Return where the parabola through three points around index i has its top, relative to i."""
    if not 0 < i < len(line) - 1:
        return 0.0
    before, top, after = float(line[i - 1]), float(line[i]), float(line[i + 1])
    bend = before - 2 * top + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
