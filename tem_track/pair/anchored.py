"""One image found in another from a single particle: it fixes the place, the support around it the rotation.

Strategy. Each particle of the image is laid on each of the reference at every rotation, either way round, and at the
scales that the calibrations or the sizes allow; how well the support then correlates, at a coarse size, ranks the
guesses. Worth its time only where there are few particles.
"""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.pair.bands import band_passed, reduced
from tem_track.pair.constellation import DIAMETER_RATIO
from tem_track.pair.similarity import Similarity
from tem_track.pair.sites import Picture

# Longest side of the pictures compared, and the band's width: features of a particle's size are what they show.
COARSE_PX, WIDTH_PX = 192, 2.0
# A guess this far off is still drawn in by the fit on the support: a band's width at half the side.
TURN_STEP, LOG_SCALE_STEP = np.radians(5.0), 0.06
# Errors of stated pixel sizes to be tried (see `scale`).
STATED_LOG_SCALES = (-0.06, 0.0, 0.06)
# Guesses tried at most, those on the largest particles first; some 0.2 ms each.
MOST_GUESSES = 6_000
# More particles than this, in either image, are left to their constellation.
MOST_PARTICLES = 12
# The support in common must cover this share of what the image shows of it.
LEAST_COMMON = 0.3


def similarities_from_anchors(
    reference: Picture, image: Picture, log_scale: float | None, most: int = 4
) -> list[Similarity]:
    """Return the guesses whose supports correlate best, the best first.

    Parameters
    ----------
    reference, image : Picture
    log_scale : float or None
        Stated ln(reference px per image px).
    most : int
        How many to return.
    """
    if not 0 < max(len(reference.sites), len(image.sites)) <= MOST_PARTICLES:
        return []
    shrink_reference = max(reference.shrink, max(reference.shape_px) / COARSE_PX)
    shrink_image = max(image.shrink, max(image.shape_px) / COARSE_PX)
    lower, seen = band_passed(reduced(reference, shrink_reference), WIDTH_PX)
    upper, upper_seen = band_passed(reduced(image, shrink_image), WIDTH_PX)
    seen_lower, seen_upper = seen.astype(np.float32), upper_seen.astype(np.float32)
    found = []
    for guess in _guesses(reference, image, log_scale):
        matrix = guess.matrix()
        matrix[:, :2] *= shrink_image
        matrix /= shrink_reference
        value = _correlation((lower, seen_lower), (upper, seen_upper), matrix)
        if value is not None:
            found.append((value, guess))
    found.sort(key=lambda pair: -pair[0])
    return _different([guess for _, guess in found], image)[:most]


def _guesses(reference: Picture, image: Picture, log_scale: float | None) -> list[Similarity]:
    below, above = reference.sites, image.sites
    size = below.diameter_px[:, None] * np.where(below.whole, 1.0, 0.5)[:, None] * above.diameter_px[None, :]
    guesses: list[Similarity] = []
    for pair in np.argsort(-size, axis=None, kind="stable").tolist():
        i, k = divmod(pair, len(above))
        for scale in _scales(float(below.diameter_px[i] / above.diameter_px[k]), log_scale):
            for turn in np.arange(-np.pi, np.pi, TURN_STEP).tolist():
                for mirrored in (False, True):
                    about = Similarity(scale, turn, (0.0, 0.0), mirrored)
                    dy, dx = below.yx_px[i] - about.apply(above.yx_px[[k]])[0]
                    guesses.append(Similarity(scale, turn, (float(dy), float(dx)), mirrored))
        if len(guesses) > MOST_GUESSES:
            break
    return guesses


def _scales(sizes: float, log_scale: float | None) -> FloatArray:
    """Return the scales to try: around the stated one, else all that two diameters allow."""
    if log_scale is not None:
        return np.exp(log_scale + np.array(STATED_LOG_SCALES))
    low, high = np.log(sizes * DIAMETER_RATIO[0]), np.log(sizes * DIAMETER_RATIO[1])
    return np.exp(np.arange(low, high + LOG_SCALE_STEP, LOG_SCALE_STEP))


def _correlation(lower: tuple[Image, Image], upper: tuple[Image, Image], matrix: FloatArray) -> float | None:
    """Return the correlation of two supports laid on each other, None where little is in common."""
    size = lower[0].shape[::-1]
    over, seen = (cv2.warpAffine(part, matrix, size, flags=cv2.INTER_LINEAR) for part in upper)
    common = (seen > 0.9) & (lower[1] > 0)
    area = abs(float(np.linalg.det(matrix[:, :2]))) * float(upper[1].sum())
    if common.sum() < LEAST_COMMON * min(area, float(lower[1].sum())):
        return None
    one, other = lower[0][common], over[common]
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1e-30))


def _different(guesses: list[Similarity], image: Picture) -> list[Similarity]:
    """Return the guesses without those that only repeat a better one, a few steps further."""
    height, width = image.shape_px
    corners = np.array([[0.0, 0.0], [0.0, width], [height, 0.0], [height, width]])
    kept: list[Similarity] = []
    for guess in guesses:
        # Steps of 5 degrees and 6 % move a corner by some eighth of the side.
        far = 0.25 * guess.scale * max(height, width)
        places = guess.apply(corners)
        if all(float(np.abs(one.apply(corners) - places).max()) > far for one in kept):
            kept.append(guess)
        if len(kept) > 8:
            break
    return kept
