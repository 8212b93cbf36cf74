"""Grey values relative to the movie's first frames: registered, freed from the illumination, kept small.

The movie is read twice. The first reading takes the sums over tiles that the illumination is fitted to, and coarse
samples of every pixel and frame: binned, and averaged over runs of frames, until the whole of them fits a fixed amount
of memory and work. They say roughly when each pixel changed. The second reading keeps, for every pixel of the finer
grid, only the frames around that moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.frames.illumination import (
    Tiles,
    choose_tiles,
    fit_illumination,
    surface,
    tile_scatter,
    tile_sums,
    tile_terms,
)
from tem_track.front.frames.registered import RegisteredFrames
from tem_track.front.frames.relit import light_left
from tem_track.front.smoothing import smoothed
from tem_track.movie import FloatArray, Image, Mask

# Pixels of the fine grid: a front is placed to a px or so there; more would cost time and memory only.
FINE_PIXELS = 1_300_000
# Pixels times runs of frames of the coarse samples: 40 MB at half precision, a second or two of work.
COARSE_SAMPLES = 20_000_000
# Runs of frames the movie is cut into, at most.
MOST_RUNS = 400
# Frames the reference is the mean of, at most, and as a share of the movie.
REFERENCE_FRAMES, REFERENCE_SHARE = 20, 0.2
# A pixel darker than this share of the median is no specimen that could darken further (a hole, vacuum).
DARKEST_SHARE = 0.2
FEWEST_FRAMES = 4
# Neighbourhood that shares one noise level, px.
NOISE_SIGMA_PX = 4.0
# Below a thousandth the rounding of half precision and the registration decide, not the noise.
LEAST_NOISE = 1e-3


@dataclass(frozen=True)
class Grid:
    """How finely the movie is sampled: binning of the fine and the coarse grid, frames a run."""

    fine: int
    coarse: int
    run: int

    @property
    def ratio(self) -> int:
        """Fine pixels along the edge of a coarse one."""
        return self.coarse // self.fine


@dataclass
class Reference:
    """Mean of the first frames on a grid.

    Attributes
    ----------
    image : (y, x) float32
    known : (y, x) bool
        Where it is known and bright enough to darken.
    noise : float
        Standard deviation of a pixel of one frame, as a share of its level: the median over the pixels.
    unevenness : (y, x) float32
        That of each place over the median: dark places are noisier.
    frames : int
        Of how many frames it is the mean.
    """

    image: Image
    known: Mask
    noise: float
    unevenness: Image
    frames: int


@dataclass
class CoarseLevels:
    """Relative levels of all usable frames on the coarse grid.

    Attributes
    ----------
    samples : (n, y, x) float16
        Grey value over that of the first frames less 1, mean of a run of frames; NaN where none shows the pixel.
    light : (m, 6) float64
        Coefficients of the illumination of every usable frame.
    numbers : (m,) int
        Frame numbers of the usable frames.
    tiles : (int, int)
        Tiles that the illumination was fitted to.
    scatter : float
        Standard deviation of a tile from frame to frame.
    """

    samples: NDArray[np.float16]
    light: FloatArray
    numbers: NDArray[np.intp]
    tiles: Tiles
    scatter: float


def choose_grid(shape: tuple[int, ...], count: int) -> Grid:
    """Return how finely a movie of `count` usable frames (Y, X) is sampled.

    >>> choose_grid((320, 320), 120)
    Grid(fine=1, coarse=1, run=1)
    >>> choose_grid((2048, 2048), 2000)
    Grid(fine=2, coarse=10, run=5)
    """
    fine = max(1, int(np.ceil(np.sqrt(shape[0] * shape[1] / FINE_PIXELS))))
    run = -(-count // MOST_RUNS)
    pixels = shape[0] * shape[1] / fine**2
    ratio = max(1, int(np.ceil(np.sqrt(pixels * (count / run) / COARSE_SAMPLES))))
    return Grid(fine, fine * ratio, run)


def runs_of(count: int, run: int) -> list[slice]:
    """Return the runs of `run` frames that `count` frames are cut into; the last may be shorter.

    >>> runs_of(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(i, min(i + run, count)) for i in range(0, count, run)]


def usable_numbers(drift_px: FloatArray, usable: Mask) -> NDArray[np.intp]:
    """Return the numbers of the frames that can be used.

    Raises
    ------
    ValueError
        There are too few of them.
    """
    numbers = np.flatnonzero(usable & np.isfinite(drift_px).all(axis=1))
    if len(numbers) < FEWEST_FRAMES:
        raise ValueError(f"{len(numbers)} usable frames are too few to see a change in")
    return numbers


def find_reference(registered: RegisteredFrames, numbers: NDArray[np.intp]) -> Reference:
    """Return the mean of the first frames; pixels that none of them shows take the first frames that do."""
    wanted = max(2, min(REFERENCE_FRAMES, int(REFERENCE_SHARE * len(numbers))))
    total, count = np.zeros(registered.shape, np.float32), np.zeros(registered.shape, np.float32)
    before: Image | None = None
    noises = []
    square, pairs = np.zeros(registered.shape, np.float32), np.zeros(registered.shape, np.float32)
    # What has not come into the field after four times as many is left unknown.
    for i, k in enumerate(numbers[: 4 * wanted]):
        if i >= wanted and not (count < 2).any():
            break
        image, seen = registered(int(k))
        take = seen if i < wanted else seen & (count < 2)
        total += np.where(take, image, np.float32(0))
        count += take
        if before is not None and i < wanted:
            noises.append(_noise_between(image, before))
            change = np.where(seen, image - before * np.float32(image.mean() / max(float(before.mean()), 1e-6)), 0)
            square += change * change
            pairs += seen
        before = image
    mean = total / np.maximum(count, 1)
    known = count > 0
    known &= mean > DARKEST_SHARE * float(np.median(mean[known])) if known.any() else known
    noise = max(LEAST_NOISE, float(np.median(noises))) if noises else LEAST_NOISE
    level = np.asarray(np.where(known, mean, 1), dtype=np.float32)
    return Reference(level, known, noise, _unevenness(square, pairs, level, known), wanted)


def _unevenness(square: Image, pairs: Image, mean: Image, known: Mask) -> Image:
    """Return the relative noise of every place over its median, from squared changes between frames summed over pairs.

    Averaged over a neighbourhood in which the brightness of a specimen changes little.
    """
    power = cv2.GaussianBlur(square, (0, 0), NOISE_SIGMA_PX) / np.maximum(
        cv2.GaussianBlur(pairs, (0, 0), NOISE_SIGMA_PX), 1e-3
    )
    relative = np.sqrt(np.maximum(power, 0)) / np.maximum(cv2.GaussianBlur(mean, (0, 0), NOISE_SIGMA_PX), 1e-6)
    usual = float(np.median(relative[known])) if known.any() else 0.0
    if usual <= 0:
        return np.ones(mean.shape, np.float32)
    return np.asarray(np.clip(relative / usual, 0.5, 20.0), dtype=np.float32)


def _noise_between(image: Image, before: Image) -> float:
    """Return the relative standard deviation of a pixel from two frames in a row, their gains and levels apart."""
    a, b = image[::2, ::3], before[::2, ::3]
    ratio = a / np.where(b > 0, b, np.float32(1)) - 1
    # The middle half of the ratio is linear in the noise even where single pixels are noisy.
    low, high = np.percentile(ratio[b > 0], (25, 75)) if (b > 0).any() else (0.0, 0.0)
    return float(high - low) / 1.349 / float(np.sqrt(2))


def coarse_levels(
    registered: RegisteredFrames, numbers: NDArray[np.intp], reference: Reference, run: int, sigma: float
) -> CoarseLevels:
    """Return the relative levels of runs of frames and the illumination of every frame.

    Parameters
    ----------
    registered : RegisteredFrames
        On the coarse grid.
    numbers : (m,) int
    reference : Reference
        On the coarse grid.
    run : int
        Frames that are averaged.
    sigma : float
        Smoothing of the samples, px of the coarse grid.
    """
    relative = RelativeLevels(reference, sigma)
    tiles = choose_tiles(registered.shape, reference.noise)
    area = tile_sums(np.ones(registered.shape, np.float32), tiles)
    ratio, weight = np.zeros((len(numbers), len(area))), np.zeros((len(numbers), len(area)))
    samples = np.empty((-(-len(numbers) // run), *registered.shape), np.float16)
    for n, chosen in enumerate(runs_of(len(numbers), run)):
        total, count = np.zeros(registered.shape, np.float32), np.zeros(registered.shape, np.float32)
        for i in range(chosen.start, chosen.stop):
            image, seen = registered(int(numbers[i]))
            shown = (seen & reference.known).astype(np.float32)
            ratio[i], weight[i] = _tile_ratio(image * shown, reference.image * shown, shown, tiles, area)
            total += shown * relative(image, shown > 0)
            count += shown
        samples[n] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    light = fit_illumination(ratio, weight, tile_terms(tiles))
    for n, chosen in enumerate(runs_of(len(numbers), run)):
        mean_light = light[chosen].mean(axis=0)
        samples[n] = samples[n].astype(np.float32) / surface(mean_light, registered.shape) - 1
    return CoarseLevels(samples, light, numbers, tiles, tile_scatter(ratio, weight))


def relit(coarse: CoarseLevels, index: Image, run: int) -> CoarseLevels:
    """Return the levels with the illumination fitted once more to what is intact, by a first map of the changes.

    Parameters
    ----------
    coarse : CoarseLevels
    index : (y, x) float32
        Sample at which each place changed, NaN = never.
    run : int
        Frames a sample.
    """
    left = light_left(coarse.samples, index, coarse.tiles, coarse.scatter / np.sqrt(run))
    light = coarse.light + np.repeat(left, run, axis=0)[: len(coarse.light)]
    for n, own in enumerate(left):
        level = coarse.samples[n].astype(np.float32) + 1
        coarse.samples[n] = level / surface(own, level.shape) - 1
    return CoarseLevels(coarse.samples, light, coarse.numbers, coarse.tiles, coarse.scatter)


class RelativeLevels:
    """Grey values over those of the reference, both smoothed first: a ratio of single noisy pixels would be biased.

    Parameters
    ----------
    reference : Reference
    sigma : float
        Smoothing, px.
    """

    def __init__(self, reference: Reference, sigma: float):
        self._expected = reference.image
        self._sigma = sigma
        self._scale = np.where(reference.known, 1 / smoothed(reference.image, sigma), 0).astype(np.float32)

    def __call__(self, image: Image, shown: Mask) -> Image:
        """Return the (y, x) level of a registered frame, 1 = unchanged; what is not shown counts as unchanged."""
        filled = np.where(shown, image, self._expected)
        return smoothed(filled, self._sigma) * self._scale


def _tile_ratio(
    image: Image, expected: Image, shown: Image, tiles: Tiles, area: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of a frame's share of what is expected in every tile, and the share of the tile shown."""
    bright, usual = tile_sums(image, tiles), tile_sums(expected, tiles)
    weight = tile_sums(shown, tiles) / area
    good = (bright > 0) & (usual > 0) & (weight > 0.2)
    return np.log(np.where(good, bright, 1) / np.where(good, usual, 1)), np.where(good, weight, 0)


def coarser(reference: Reference, ratio: int, shape: tuple[int, int]) -> Reference:
    """Return the reference averaged over ratio x ratio pixels, known where all of them are."""
    if ratio == 1:
        return reference
    rows, columns = shape[0] * ratio, shape[1] * ratio
    size = shape[::-1]
    image = cv2.resize(reference.image[:rows, :columns], size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(reference.known[:rows, :columns].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    known = np.asarray(share > 0.999)
    uneven = cv2.resize(reference.unevenness[:rows, :columns], size, interpolation=cv2.INTER_AREA)
    noise = reference.noise / ratio
    return Reference(np.asarray(image, np.float32), known, noise, np.asarray(uneven, np.float32), reference.frames)


def noise_of(samples: NDArray[np.float16]) -> float:
    """Return the standard deviation of a sample from the differences of neighbouring ones in time."""
    pairs = np.unique(np.linspace(0, len(samples) - 2, min(len(samples) - 1, 9)).round().astype(int))
    change = np.concatenate(
        [(samples[i + 1, ::2, ::3].astype(np.float32) - samples[i, ::2, ::3]).ravel() for i in pairs]
    )
    change = change[np.isfinite(change)]
    return max(LEAST_NOISE, 1.4826 * float(np.median(np.abs(change))) / np.sqrt(2)) if change.size else LEAST_NOISE
