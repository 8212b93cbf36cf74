"""Registration on what lies between the particles: film, tubes and strands do not swell with them.

Strategy. Both pictures are reduced to a manageable size and band-passed without the particles. From a start that is off
by some px, one is moved, turned and scaled over the other, from wide bands to narrow ones (`alignment`), with outliers
held down (something grown over, a moved strand). How much the parts of the field disagree is the scale's uncertainty.
Whether the two supports are the same is judged by how well they correlate, and how far that stands above the same
pictures laid wrongly on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.pair.alignment import Level, Solution
from tem_track.pair.bands import LONGEST_PX, Reduced, reduced
from tem_track.pair.similarity import Similarity, from_complex
from tem_track.pair.sites import Picture

# Widths of the bands from coarse to fine, working px.
WIDTHS_PX = (8.0, 4.0, 2.0)
# The same support correlates so well in the band that shows it best, and lies above the mean of wrong places by so many
# of their spreads, summed over the bands. On simulated pairs: 0.94 to 1.0 where it is the same and shows, 0.55 at most
# (150 tries) where it is another one.
SAME_CORRELATION, STANDS_OUT = 0.8, 6.0
# A finer band that stands out by less has lost the support in noise.
LEAST_AT_A_WIDTH = 3.0
# A fit that moved a corner by more than this share of the side is repeated from where it ended, so many times at most.
SETTLED_SHARE, PASSES = 0.002, 3
# A start that has to be moved further than this share of the field was none.
FURTHEST_SHARE = 0.1


@dataclass(frozen=True)
class SupportFit:
    """The similarity that lays support on support.

    Attributes
    ----------
    similarity : Similarity
        From the image to the reference, px of the files.
    log_scale_sd : float
        Standard uncertainty of ln(scale).
    correlation : float
        Of the two supports in the band where they agree best, -1 to 1.
    stands_out : float
        How many spreads of wrong places it lies above their mean, summed over the widths.
    same : bool
        Whether the two supports are the same beyond doubt.
    """

    similarity: Similarity
    log_scale_sd: float
    correlation: float
    stands_out: float
    same: bool


def fit_support(reference: Picture, image: Picture, start: Similarity) -> SupportFit | None:
    """Return the similarity near `start` that lays the support of an image on that of the reference.

    Parameters
    ----------
    reference, image : Picture
    start : Similarity
        From the image to the reference, right to a few per cent of the field.

    Returns
    -------
    SupportFit or None
        None where the two have too little support in common, or nothing on it to hold on to.
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * image.shape_px
    side = max(reference.shape_px)
    found: SupportFit | None = None
    at = start
    for _ in range(PASSES):
        found = _one_pass(reference, image, at)
        if found is None:
            return None
        moved = float(np.abs(found.similarity.apply(corners) - at.apply(corners)).max()) / side
        at = found.similarity
        if moved < SETTLED_SHARE:
            break
    assert found is not None
    moved = float(np.abs(at.apply(corners) - start.apply(corners)).max()) / side
    return found if moved < FURTHEST_SHARE else replace(found, same=False)


def _one_pass(reference: Picture, image: Picture, start: Similarity) -> SupportFit | None:
    """Return the fit with what is hidden and how wide the bands are set by the start."""
    shrink_reference = max(reference.shrink, max(reference.shape_px) / LONGEST_PX)
    shrink_image = max(image.shrink, max(image.shape_px) / LONGEST_PX, shrink_reference / start.scale)
    a, b = _working(start, shrink_reference, shrink_image)
    lower, upper = reduced(reference, shrink_reference), reduced(image, shrink_image)
    lower, upper = _seen_in_both(lower, upper, a, b, start.mirrored)
    levels = _levels(lower, upper, (a, b), max(1.0, abs(a)), start.mirrored)
    if not levels:
        return None
    best = min(levels, key=lambda level: level.log_scale_sd)
    fitted = _full(best.a, best.b, shrink_reference, shrink_image, start.mirrored)
    stands_out = sum(level.stands_out for level in levels)
    correlation = max(level.correlation for level in levels)
    same = stands_out > STANDS_OUT and correlation > SAME_CORRELATION
    return SupportFit(fitted, _log_scale_sd(levels, best), correlation, stands_out, bool(same))


def _log_scale_sd(levels: list[Solution], best: Solution) -> float:
    """Return the standard uncertainty of ln(scale): the best band's, and half of what the bands disagree by."""
    logs = [float(np.log(abs(level.a))) for level in levels]
    return float(np.hypot(best.log_scale_sd, 0.5 * (max(logs) - min(logs)) if len(logs) > 1 else 0.0))


def _seen_in_both(lower: Reduced, upper: Reduced, a: complex, b: complex, mirrored: bool) -> tuple[Reduced, Reduced]:
    """Return both pictures with what either hides hidden: a band-pass beside a gap depends on the gap."""
    there = from_complex(a, b, mirrored)
    parts = []
    for mine, other, matrix in ((lower, upper, there.matrix()), (upper, lower, there.inverse().matrix())):
        seen = cv2.warpAffine(other.seen, matrix, mine.seen.shape[::-1], flags=cv2.INTER_LINEAR)
        parts.append(Reduced(mine.grey, mine.seen * (seen > 0.99).astype(np.float32)))
    return parts[0], parts[1]


def _levels(
    lower: Reduced, upper: Reduced, start: tuple[complex, complex], coarser: float, mirrored: bool
) -> list[Solution]:
    """Return the solutions from the widest band on, each from the one before, until one no longer stands out.

    The gain between the pictures comes from the widest band, where there is the least noise.
    """
    found: list[Solution] = []
    a, b = start
    gain: float | None = None
    for width in WIDTHS_PX:
        solution = Level(lower, upper, width * coarser, abs(a), mirrored).solve(a, b, gain)
        if solution is None:
            # A small picture has no room for the widest band.
            continue
        if found and solution.stands_out < LEAST_AT_A_WIDTH:
            break
        found.append(solution)
        a, b, gain = solution.a, solution.b, solution.gain
    return found


def _working(start: Similarity, shrink_reference: float, shrink_image: float) -> tuple[complex, complex]:
    """Return p = a q + b of complex working px."""
    a = start.scale * np.exp(1j * start.rotation_rad) * shrink_image / shrink_reference
    return complex(a), complex(start.shift_px[1], start.shift_px[0]) / shrink_reference


def _full(a: complex, b: complex, shrink_reference: float, shrink_image: float, mirrored: bool) -> Similarity:
    """Return the similarity in px of the files."""
    return from_complex(a * shrink_reference / shrink_image, b * shrink_reference, mirrored)
