"""From a frame to the patches that are particles: working picture, patches, which of them belong to the population."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.background import filled_in
from tem_track.segment.levels import (
    Region,
    best_regions,
    count_as_clusters,
    ladder,
    region_tree,
)
from tem_track.segment.mesh import Support, drop_meshes, off_strands

# Levels per picture: a particle's contrast is crossed by at least a third of them even where the brightest particle
# is three times as strong.
STEPS = 24
# What lies inside a patch must beat the patch by this factor in edge strength: a core in its shell seldom does, two
# particles inside one patch of film do.
ADVANTAGE = 1.6
# Least contrast of a patch against the noise of the working picture: of one no larger than the smoothing, and of one
# so large that the noise averages out (what is left is structure of the support). Least edge against the gradient of
# that noise.
LEAST_CONTRAST_OF_NOISE, LEAST_CONTRAST_IF_LARGE = 4.0, 2.5
# A patch with more than this share of the area of the one that holds it is the same thing.
SAME_THING = 0.5
LEAST_EDGE_OF_NOISE = 0.5
# Against the population of the frame: a compact patch needs this share of the common contrast, an outstretched or
# ragged one more. Nanotubes and lacey carbon have a quarter to a third of a particle's contrast and are outstretched.
LEAST_CONTRAST_OF_COMMON, LEAST_CONTRAST_AT_BORDER = 0.18, 0.22
# A patch as convex and as little elongated as a disc is no strand whatever its contrast.
LEAST_CONTRAST_IF_CONVEX, CONVEX = 0.12, 0.85
RAGGED_CONTRAST_OF_COMMON = 0.40
LEAST_EDGE_OF_COMMON = 0.12
# Edge against the common one over contrast against the common one: 1 and more for particles cut by the border, above
# 0.7 for nearly all others, 0.3 to 0.9 for the ends of strands and films.
SHARP, SHARP_IF_DOUBTFUL = 0.45, 0.85
# Small patches fainter than this share of the common contrast need an edge out of the noise: 2.5 and more times its
# gradient for particles, 1.1 to 2.1 for strands.
FAINT, FAINT_EDGE_OF_NOISE = 0.7, 2.2
# Patches smaller than this share of the common diameter may be crossings of strands, at the border where one ends.
SMALL = 0.35
# Compactness: two touching discs have 0.7, strands and meshes of film stay below 0.5. A patch smaller than half the
# common diameter is one particle or a crossing of strands: the first is round, the second longer than twice its width.
TWO_DISCS, RAGGED = 0.7, 0.5
SMALL_PATCH, ROUND, OUTSTRETCHED = 0.5, 1.6, 2.0
# The longer the patch, the more contrast it needs, up to so many times the step.
MOST_OUTSTRETCHED = 2.0


@dataclass(frozen=True)
class Working:
    """How a frame is turned into the picture that particles are sought in."""

    sign: int
    bin_px: int
    smoothing_px: float


def working_picture(frame: Image, working: Working, fixed: Mask | None) -> Image:
    """Return the frame binned, smoothed, particles bright, fixed pixels filled in from around them.

    Parameters
    ----------
    frame : (Y, X) float32
    working : Working
    fixed : (Y, X) bool or None
        Burned-in pixels.

    Returns
    -------
    (ceil(Y / bin), ceil(X / bin)) float32
    """
    picture = binned(frame, working.bin_px)
    closed = closed_pixels(fixed, working.bin_px)
    if closed is not None:
        picture = filled_in(picture, closed)
    smooth = smoothed(picture, working.smoothing_px)
    return smooth if working.sign > 0 else -smooth


def smoothed(picture: Image, smoothing_px: float) -> Image:
    """Return a (Y, X) picture convolved with a Gaussian of given width, mirrored at the border."""
    if smoothing_px == 0:
        return picture
    smooth: Image = cv2.GaussianBlur(picture, (0, 0), smoothing_px, borderType=cv2.BORDER_REFLECT_101)
    return smooth


def binned(frame: Image, bin_px: int) -> Image:
    """Return block means of a (Y, X) picture; the last blocks are completed by repeating the border."""
    if bin_px == 1:
        return frame
    height, width = frame.shape
    rows, columns = height // bin_px, width // bin_px
    whole = frame[: rows * bin_px, : columns * bin_px]
    means = np.empty((rows, columns), np.float32)
    if whole.size:
        cv2.resize(whole, (columns, rows), dst=means, interpolation=cv2.INTER_AREA)
    if (rows * bin_px, columns * bin_px) == frame.shape:
        return means
    # The blocks that the last rows and columns begin, completed apart: cheaper than a wider copy of the frame.
    picture = np.empty((-(-height // bin_px), -(-width // bin_px)), np.float32)
    picture[:rows, :columns] = means
    if rows * bin_px < height:
        picture[rows:] = _last_row(frame[rows * bin_px :], bin_px)
    if columns * bin_px < width:
        picture[:, columns:] = _last_row(frame[:, columns * bin_px :].T, bin_px).T
    return picture


def _last_row(strip: Image, bin_px: int) -> Image:
    """Return the block means of a (less than bin, X) strip, completed by repeating its border."""
    height, width = strip.shape
    full = cv2.copyMakeBorder(strip, 0, bin_px - height, 0, -width % bin_px, cv2.BORDER_REPLICATE)
    blocks: Image = full.reshape(bin_px, -1, bin_px)
    return np.asarray(blocks.mean(axis=(0, 2), dtype=np.float32)[None], np.float32)


def noise_of(smooth: Image, smoothing_px: float) -> float:
    """Return the noise of a smoothed (Y, X) picture at the scale of its smoothing, grey value.

    Notes
    -----
    Measured on the picture as smoothed, not on single pixels: detectors, scalers and phase contrast correlate the
    noise, and smoothing then takes away less of it than of white noise. The difference from the picture smoothed
    twice as wide holds the share sqrt(1 + 1/4 - 4/5) = 0.67 of white noise; the median of the absolute value leaves
    edges out.
    """
    wider = cv2.GaussianBlur(smooth, (0, 0), np.sqrt(3) * smoothing_px, borderType=cv2.BORDER_REFLECT_101)
    step = max(1, min(smooth.shape) // 256)
    # 0.6745: median of the absolute value of a normal deviate.
    return float(np.median(np.abs(smooth - wider)[::step, ::step])) / 0.67 / 0.6745


@dataclass(frozen=True)
class Patches:
    """The tree of patches of a picture, those chosen from it, strongest first, and the support with holes, if any."""

    tree: list[Region]
    chosen: list[Region]
    support: Support | None = None


def closed_pixels(fixed: Mask | None, bin_px: int) -> Mask | None:
    """Return the working pixels where a (Y, X) mask of fixed pixels touches, one more all round; None for none."""
    if fixed is None or not fixed.any():
        return None
    touched = _any_in_block(fixed, bin_px)
    wide: Mask = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return wide


def _any_in_block(mask: Mask, bin_px: int) -> Mask:
    """Return the blocks of a (Y, X) mask in which anything is set."""
    wide = cv2.dilate(mask.view(np.uint8), np.ones((bin_px, bin_px), np.uint8), anchor=(0, 0), borderValue=0)
    return wide[::bin_px, ::bin_px] > 0  # type: ignore[no-any-return]


def patches(
    picture: Image,
    noise: float,
    smoothing_px: float,
    least_area_px: float,
    closed: Mask | None = None,
    support_known: bool = False,
) -> Patches:
    """Return the patches of a working picture that stand out of its noise.

    Parameters
    ----------
    picture : (Y, X) float32
        Particles bright, smoothed.
    noise : float
        Its noise, grey value.
    smoothing_px : float
        Width of the smoothing that was applied.
    least_area_px : float
        Smaller patches are not looked at.
    closed : (Y, X) bool or None
        Working pixels that show nothing of the specimen.
    support_known : bool
        Whether the movie is known to have a support with holes.
    """
    least = LEAST_EDGE_OF_NOISE * gradient_noise(noise, smoothing_px)
    regions = region_tree(picture, ladder(picture, noise, STEPS), least_area_px, closed, least)
    drop_noise(regions, noise, smoothing_px)
    count_as_clusters(regions)
    support = drop_meshes(regions, picture, ADVANTAGE, support_known)
    best = best_regions(regions, ADVANTAGE)
    if support is not None:
        best = off_strands(best, picture, support)
    return Patches(regions, sorted(best, key=lambda region: -region.score), support)


def drop_noise(regions: list[Region], noise: float, smoothing_px: float) -> None:
    """Set the score of patches to 0 that do not stand out of the noise; a patch comes after the one that holds it.

    A patch that fills most of one that stands out is the same thing at a higher level: what is just outside of it, and
    what its contrast is taken against, belongs to it too.
    """
    seen = np.zeros(len(regions), np.bool_)
    for number, region in enumerate(regions):
        same = region.parent >= 0 and seen[region.parent]
        same = same and region.area_px > SAME_THING * regions[region.parent].area_px
        seen[number] = same or region.contrast >= out_of_noise(region.area_px, smoothing_px) * noise
        if not seen[number]:
            region.score = 0.0


def out_of_noise(area_px: float, smoothing_px: float) -> float:
    """Return the contrast that a patch of given area must have, in units of the noise of the smoothed picture.

    Notes
    -----
    A Gaussian of width s averages over 4 pi s^2 px: a patch of n times that area has n values of its own, whose mean is
    uncertain by the noise over sqrt(n).
    """
    independent = max(1.0, area_px / (4 * np.pi * smoothing_px**2))
    return max(LEAST_CONTRAST_IF_LARGE, LEAST_CONTRAST_OF_NOISE / float(np.sqrt(independent)))


def common(regions: list[Region]) -> tuple[float, float, float]:
    """Return the contrast, edge and diameter (px) common among patches, long strong outlines weighing most."""
    if not regions:
        return 0.0, 0.0, 0.0
    weight = np.array([r.contrast * r.edge * r.area_px for r in regions]) + 1e-12
    columns = ([r.contrast for r in regions], [r.edge for r in regions], [diameter(r) for r in regions])
    contrast, edge, across = (weighted_quantile(np.array(column), weight, 0.5) for column in columns)
    return contrast, edge, across


def weighted_quantile(values: FloatArray, weight: FloatArray, share: float) -> float:
    """Return the value that a share of the total weight does not exceed."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def diameter(region: Region) -> float:
    """Return the equivalent diameter of a patch in px."""
    return 2 * float(np.sqrt(region.area_px / np.pi))


def least_contrast(region: Region, across: float) -> float:
    """Return the share of the common contrast that a patch must have, given the common diameter (px).

    Small and thin particles beside large ones, and touching ones, have a quarter of the common contrast as strands and
    their crossings do; what tells them apart is shape.
    """
    ragged = min(1.0, (TWO_DISCS - region.compactness) / (TWO_DISCS - RAGGED))
    if diameter(region) < SMALL_PATCH * across:
        ragged = max(ragged, min(MOST_OUTSTRETCHED, (region.elongation - ROUND) / (OUTSTRETCHED - ROUND)))
    if region.border_share > 0 and diameter(region) < SMALL * across:
        ragged = 1.0
    least = LEAST_CONTRAST_OF_COMMON if region.border_share == 0 else LEAST_CONTRAST_AT_BORDER
    if region.border_share == 0 and region.compactness > CONVEX and region.elongation < ROUND:
        least = LEAST_CONTRAST_IF_CONVEX
    return least + (RAGGED_CONTRAST_OF_COMMON - least) * max(0.0, ragged)


def particles(regions: list[Region], usual: tuple[float, float, float], edge_noise: float = 0.0) -> list[Region]:
    """Return the patches of a frame that belong to a population.

    Parameters
    ----------
    regions : list of Region
    usual : (float, float, float)
        Contrast, edge and diameter (px) common in the population.
    edge_noise : float
        Gradient of the noise, grey value per px.
    """
    contrast, _, across = usual
    kept = []
    for region in regions:
        need = least_contrast(region, across)
        if region.contrast >= need * contrast and region.edge >= least_edge(region, usual, edge_noise):
            kept.append(region)
    return kept


def least_edge(region: Region, usual: tuple[float, float, float], edge_noise: float) -> float:
    """Return the edge (grey value per px) that a patch must have to be a particle of a population.

    A particle's edge is as steep against its contrast as that of the others, or steeper where it is small; the hazy end
    of a strand is not, and where the border closes an outline hardly anything else is left to tell.
    """
    contrast, edge, across = usual
    relative = region.contrast / max(contrast, 1e-12)
    doubtful = region.border_share > 0 or diameter(region) < SMALL * across
    sharp = (SHARP_IF_DOUBTFUL if doubtful else SHARP) * min(1.0, relative)
    clear = FAINT_EDGE_OF_NOISE * edge_noise if doubtful and relative < FAINT else 0.0
    return max(max(LEAST_EDGE_OF_COMMON, sharp) * edge, clear)


def gradient_noise(noise: float, smoothing_px: float) -> float:
    """Return the gradient that noise (grey value) leaves in a picture smoothed by so many px, grey value per px."""
    return float(noise / (np.sqrt(2) * smoothing_px))
