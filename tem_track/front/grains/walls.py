"""How much every pixel of an image looks like a grain boundary: a dark line, or a step between two grey levels."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from tem_track.movie import Image, Mask

# Width of the filters across a boundary, px: the narrowest that a point spread of one pixel leaves unblurred.
ACROSS_PX = 1.3
# Length along a boundary over width across it: longer averages more noise, but no longer follows a curved wall.
ELONGATION = 3.0
# 180 deg / 12 = 15 deg, half of which is the angle at which a filter three times as long as wide still answers in full.
ORIENTATIONS = 12
# Octaves: the same filters on the image, on its half and on its quarter find boundaries from 2 to some 20 px wide.
OCTAVES = 3
# A picture this many filter lengths across still has an inside.
LEAST_LENGTHS = 8
# Boundaries are a few per cent of a picture's pixels: how far the strongest 5 % stand out tells which size suits them.
STANDING_OUT = 0.95
# Every how many pixels the scatter of an answer is taken; the filters are longer than this.
SCATTER_STEP = 3
# How far the film's rim is blurred with what is beyond it, px.
RIM_PX = 3
# Scatter of a levelled picture (usual level 1) that float32 rounding makes.
LEAST_SCATTER = 1e-6
# Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SD = 1.4826
# Second differences along both axes: blind to shading, steps and thickness; white noise of sd 1 scatters by 6 in them.
# J. Immerkaer, Computer Vision and Image Understanding 64 (1996) 300, doi:10.1006/cviu.1996.0060.
NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
NOISE_MASK_SD = 6.0
# Mean of the root of |x| for a normal distribution of sd 1; a root, so that the few pixels of a line count little.
MEAN_ROOT = 0.8222
# Width over which noise is taken as the same, px: that of a strip at the rim which few frames saw.
NOISE_PX = 15
# Noise above this multiple of the usual is more than lines and thickness make of it.
MORE_NOISE = 1.5
# What the pyramid smooths with, along each axis, before it keeps every second pixel.
PYRAMID = np.array([1, 4, 6, 4, 1], np.float32) / 16


def wall_evidence(image: Image, usable: Mask | None = None) -> Image:
    """Return how strongly every pixel looks like part of a grain boundary, in units of the usual scatter.

    Elongated filters in twelve directions ask for a dark line (second derivative across it) and for a step (first
    derivative). Each filter's answer is divided by its own scatter over the picture, so that noise, thickness and the
    stripes of ion milling ("curtains", which scatter most in their own direction) count alike, and a threshold on the
    evidence carries from movie to movie. Where the picture is noisier than usual, as in a rim that the drift left
    in few frames only, that noise is part of the scatter. Line and step together (the local energy) peak on the
    boundary's middle, where either alone peaks beside it; a bright line counts against. Of all directions the strongest
    counts, and of three sizes the mean of two neighbouring ones: those two in which boundaries stand out more.

    Parameters
    ----------
    image : (Y, X) float32
    usable : (Y, X) bool, optional
        False where the picture is not specimen; the evidence is 0 there.

    Returns
    -------
    (Y, X) float32
        1 to 2 in the middle of a grain, 4 and more on a boundary.

    References
    ----------
    M. C. Morrone, R. A. Owens, "Feature detection from local energy", Pattern Recognition Letters 6 (1987) 303,
    DOI 10.1016/0167-8655(87)90013-4.
    """
    usable = np.ones(image.shape, bool) if usable is None else usable
    flat = _levelled(image, usable)
    excess = _excess_noise(flat, usable)
    octaves: list[Image] = []
    while len(octaves) < OCTAVES and min(flat.shape) >= LEAST_LENGTHS * ACROSS_PX * ELONGATION:
        strongest = _strongest_answer(flat, usable, excess, len(octaves))
        octaves.append(cv2.resize(strongest, image.shape[::-1], interpolation=cv2.INTER_LINEAR))
        flat = cv2.pyrDown(flat)
        excess = cv2.resize(excess, flat.shape[::-1], interpolation=cv2.INTER_AREA)
        usable = cv2.resize(usable.astype(np.uint8), flat.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    if not octaves:
        return np.zeros(image.shape, np.float32)
    pairs = [cv2.addWeighted(a, 0.5, b, 0.5, 0.0) for a, b in pairwise(octaves)] or octaves
    return max(pairs, key=lambda pair: float(np.quantile(pair[::SCATTER_STEP, ::SCATTER_STEP], STANDING_OUT)))


def _levelled(image: Image, usable: Mask) -> Image:
    """Return the image over its own broad shading, carried on beyond the usable pixels so that their rim is no step."""
    weight = usable.astype(np.float32)
    broad = max(image.shape) / 6
    shading = cv2.GaussianBlur(np.where(usable, image, 0).astype(np.float32), (0, 0), broad)
    shading /= np.maximum(cv2.GaussianBlur(weight, (0, 0), broad), np.float32(1e-6))
    flat = np.where(usable & (np.abs(shading) > 0), image / np.where(shading == 0, 1, shading), 1).astype(np.float32)
    if usable.all():
        return flat
    # The rim itself is blurred with what is beyond it.
    blurred = np.ones((2 * RIM_PX + 1,) * 2, np.uint8)
    clear = cv2.erode(usable.astype(np.uint8), blurred, borderValue=1)
    if not clear.any():
        return flat
    near = cv2.distanceTransformWithLabels(1 - clear, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    value = np.zeros(int(near.max()) + 1, np.float32)
    value[near[clear > 0]] = flat[clear > 0]
    return np.asarray(value[near], np.float32)


def _excess_noise(flat: Image, usable: Mask) -> Image:
    """Return the variance (Y, X) that white noise has beyond the picture's usual one; 0 where it is about usual."""
    rough = np.sqrt(np.abs(cv2.filter2D(flat, -1, NOISE_MASK, borderType=cv2.BORDER_REFLECT)))
    size = (NOISE_PX, NOISE_PX)
    share = cv2.blur(usable.astype(np.float32), size)
    root = cv2.blur(np.where(usable, rough, 0).astype(np.float32), size) / np.maximum(share, np.float32(1e-3))
    sd = (root / np.float32(MEAN_ROOT)) ** 2 / np.float32(NOISE_MASK_SD)
    usual = np.float32(np.median(sd[usable])) if usable.any() else np.float32(0)
    return np.asarray(np.where(usable & (sd > MORE_NOISE * usual), sd**2 - usual**2, 0), np.float32)


def _strongest_answer(flat: Image, usable: Mask, excess: Image, octave: int) -> Image:
    strongest = np.zeros(flat.shape, np.float32)
    for line_filter, step_filter in _filters():
        line = cv2.filter2D(flat, -1, line_filter, borderType=cv2.BORDER_REFLECT)
        step = cv2.filter2D(flat, -1, step_filter, borderType=cv2.BORDER_REFLECT)
        line /= _scatter_with(_scatter(line, usable), _noise_gain(line_filter, octave) * excess)
        step /= _scatter_with(_scatter(step, usable), _noise_gain(step_filter, octave) * excess)
        energy = cv2.magnitude(np.maximum(line, 0), step) + np.minimum(line, 0)
        np.maximum(strongest, energy, out=strongest)
    strongest[~usable] = 0
    return strongest


def _scatter(answer: Image, usable: Mask) -> np.float32:
    some = answer[::SCATTER_STEP, ::SCATTER_STEP][usable[::SCATTER_STEP, ::SCATTER_STEP]]
    scatter = MAD_TO_SD * float(np.median(np.abs(some))) if some.size else 0.0
    # A picture without any scatter (drawn, or constant) has no unit: nothing in it is evidence.
    return np.float32(scatter if scatter > LEAST_SCATTER else np.inf)


def _scatter_with(scatter: np.float32, excess: Image) -> Image:
    """Return a filter's scatter (Y, X) with the variance that noise beyond the usual adds to it."""
    return np.asarray(np.sqrt(scatter**2 + excess), np.float32)


def _noise_gain(kernel: Image, octave: int) -> np.float32:
    """Return the variance that white noise of variance 1 in the picture makes in a filter's answer in an octave.

    The sum of squares of the filter as it is in the picture itself: spread over every second pixel and smoothed as the
    pyramid does, once for every octave.
    """
    for _ in range(octave):
        rows, columns = kernel.shape
        spread = np.zeros((2 * rows + 3, 2 * columns + 3), np.float32)
        spread[2:-2:2, 2:-2:2] = kernel
        kernel = cv2.sepFilter2D(spread, -1, PYRAMID, PYRAMID, borderType=cv2.BORDER_CONSTANT)
    return np.float32((kernel**2).sum())


def _filters() -> list[tuple[Image, Image]]:
    """Return (line, step) kernels of every direction, each of zero sum and of absolute sum 1."""
    along = ACROSS_PX * ELONGATION
    radius = int(np.ceil(3 * along))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    pairs = []
    for angle in np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS:
        across = x * np.cos(angle) + y * np.sin(angle)
        window = np.exp(-0.5 * (across / ACROSS_PX) ** 2 - 0.5 * ((y * np.cos(angle) - x * np.sin(angle)) / along) ** 2)
        line = (across**2 / ACROSS_PX**2 - 1) * window
        line -= line.mean()
        step = across * window
        pairs.append(tuple((k / np.abs(k).sum()).astype(np.float32) for k in (line, step)))
    return [(line, step) for line, step in pairs]
