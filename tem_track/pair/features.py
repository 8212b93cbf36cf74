"""One image found in another by marks in the picture itself, for when the particles alone do not tell.

References
----------
D. G. Lowe, Int. J. Comput. Vis. 60 (2004) 91, doi:10.1023/B:VISI.0000029664.99615.94 (SIFT)
M. A. Fischler and R. C. Bolles, Commun. ACM 24 (1981) 381, doi:10.1145/358669.358692 (RANSAC)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.pair.bands import LONGEST_PX, reduced
from tem_track.pair.similarity import Similarity, from_complex
from tem_track.pair.sites import Picture

# Marks kept of a picture, strongest first.
MARKS = 2000
# A mark is told from the next best one by this ratio of distances (Lowe 2004, Fig. 11).
TELLING = 0.8
# Marks that must agree: four free numbers are two marks, the same again and half as many confirm them.
FEWEST_MARKS = 5
# Magnifications further apart than this share hardly anything.
LEAST_SCALE = 0.05
# How far agreeing marks may lie apart, working px.
REACH_PX = 3.0


def similarities_from_features(reference: Picture, image: Picture) -> list[Similarity]:
    """Return the similarities that marks in two pictures agree on, at most one plain and one mirrored, the best first.

    Both pictures are made bright where matter is, so that bright field can be laid on dark field.
    """
    lower, shrink_lower = _eight_bits(reference)
    upper, shrink_upper = _eight_bits(image)
    found = []
    for mirrored in (False, True):
        agreed = _agreed(lower, upper[:, ::-1] if mirrored else upper)
        if agreed is None:
            continue
        matrix, count = agreed
        a = complex(matrix[0, 0], matrix[1, 0]) * shrink_lower / shrink_upper
        b = complex(matrix[0, 2], matrix[1, 2]) * shrink_lower
        if mirrored:
            # The flipped picture's x is W - 1 - x; the similarity turns x round about 0.
            b += a * (upper.shape[1] - 1) * shrink_upper
        found.append((count, from_complex(a, b, mirrored)))
    return [similarity for _, similarity in sorted(found, key=lambda pair: -pair[0])]


def _eight_bits(picture: Picture) -> tuple[NDArray[np.uint8], float]:
    """Return a picture at working size in 8 bits, smoothed a little, and by how much it was reduced."""
    shrink = max(picture.shrink, max(picture.shape_px) / LONGEST_PX)
    grey = cv2.GaussianBlur(reduced(picture, shrink).grey, (0, 0), 1.5)
    low, high = np.percentile(grey[::2, ::2], (0.5, 99.5))
    scaled = (grey - np.float32(low)) * np.float32(255 / max(float(high - low), 1e-12))
    return np.clip(scaled, 0, 255).astype(np.uint8), shrink


def _agreed(lower: NDArray[np.uint8], upper: NDArray[np.uint8]) -> tuple[NDArray[np.float64], int] | None:
    """Return the (2, 3) matrix from upper to lower that most marks agree on and how many do, None where few do."""
    sift = cv2.SIFT.create(nfeatures=MARKS)
    marks_lower, words_lower = sift.detectAndCompute(lower, None)
    marks_upper, words_upper = sift.detectAndCompute(np.ascontiguousarray(upper), None)
    if min(len(marks_lower), len(marks_upper)) < FEWEST_MARKS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_upper, words_lower, k=2)
    told = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < TELLING * pair[1].distance]
    if len(told) < FEWEST_MARKS:
        return None
    source = np.array([marks_upper[m.queryIdx].pt for m in told])
    target = np.array([marks_lower[m.trainIdx].pt for m in told])
    matrix, agree = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX, maxIters=10_000, confidence=0.999
    )
    # A degenerate set of marks shrinks everything into a point.
    if matrix is None or not LEAST_SCALE < float(np.hypot(matrix[0, 0], matrix[1, 0])) < 1 / LEAST_SCALE:
        return None
    # Several marks in one place are one witness.
    places = {tuple(np.round(p / (2 * REACH_PX)).astype(int)) for p in source[agree.ravel() > 0]}
    return (np.asarray(matrix, np.float64), len(places)) if len(places) >= FEWEST_MARKS else None
