"""Two pictures of one place for the tests of registration: discs on a support of waves and strands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tem_track.movie import FloatArray
from tem_track.pair import Picture, Similarity, Sites

SIDE = 320


def support(seed: int, side: int = 3 * SIDE) -> FloatArray:
    """Return a (side, side) support, 0 to about 20: strands across the field over a smooth relief."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((side, side), np.float32)
    for _ in range(26):
        (x0, y0), (x1, y1) = rng.integers(0, side, (2, 2))
        cv2.line(canvas, (int(x0), int(y0)), (int(x1), int(y1)), 12.0, 11, cv2.LINE_8)
    relief = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 14)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 3) + 4 * relief / relief.std(), np.float64)


def scattered(seed: int, count: int, room: float = 46.0) -> Sites:
    """Return discs of 22 to 36 px apart from each other, on a canvas as large as the support's middle."""
    rng = np.random.default_rng(seed)
    places: list[FloatArray] = []
    while len(places) < count:
        place = rng.uniform(30, SIDE - 30, 2)
        if all(np.hypot(*(place - other)) > room for other in places):
            places.append(place)
    return Sites(np.array(places), rng.uniform(22, 36, count), np.ones(count, bool))


def moved(sites: Sites, similarity: Similarity, growth: float = 1.0) -> Sites:
    """Return the sites as an image shows that `similarity` takes to where they are now."""
    return Sites(similarity.inverse().apply(sites.yx_px), growth * sites.diameter_px / similarity.scale, sites.whole)


def picture(
    sites: Sites,
    ground: FloatArray,
    similarity: Similarity,
    *,
    noise: float = 2.0,
    seed: int = 0,
    dark: bool = True,
    pixel_size_nm: float | None = None,
) -> Picture:
    """Return a (SIDE, SIDE) picture: support and discs as an image shows them that `similarity` takes to the canvas.

    Parameters
    ----------
    sites : Sites
        In px of this picture.
    ground : (3 SIDE, 3 SIDE) float64
        Support; its middle third is the canvas.
    similarity : Similarity
        From px of this picture to px of the canvas.
    """
    matrix = similarity.matrix()
    matrix[:, 2] += SIDE
    shown = cv2.warpAffine(
        ground.astype(np.float32), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    yy, xx = np.indices((SIDE, SIDE))
    inside = np.zeros((SIDE, SIDE), bool)
    for (y, x), diameter in zip(sites.yx_px, sites.diameter_px, strict=True):
        inside |= np.hypot(yy - y, xx - x) < diameter / 2
    value = shown + 90.0 * inside
    value += noise * np.random.default_rng(seed).normal(size=value.shape)
    hidden = cv2.dilate(inside.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    sign = -1 if dark else 1
    frame = np.asarray(200 + sign * value, np.float32)
    return Picture(frame, np.asarray(hidden), sign, sites, pixel_size_nm)


def about_middle(scale: float, rotation_rad: float, off: tuple[float, float] = (0.0, 0.0)) -> Similarity:
    """Return the similarity about the middle of a picture, then moved by `off` px."""
    middle = np.array([[SIDE / 2, SIDE / 2]])
    dy, dx = middle[0] - Similarity(scale, rotation_rad, (0.0, 0.0)).apply(middle)[0] + off
    return Similarity(scale, rotation_rad, (float(dy), float(dx)))


AS_IT_IS = Similarity(1.0, 0.0, (0.0, 0.0))


def pair_of(
    seed: int, similarity: Similarity, count: int = 9, growth: float = 1.15, **image: object
) -> tuple[Picture, Picture]:
    """Return a reference and an image that `similarity` takes to it, its particles grown."""
    sites, ground = scattered(seed, count), support(seed)
    seen = moved(sites, similarity, growth)
    inside = ((seen.yx_px > 20) & (seen.yx_px < SIDE - 20)).all(axis=1)
    here = seen.take(np.flatnonzero(inside))
    return (
        picture(sites, ground, AS_IT_IS, seed=2 * seed),
        picture(here, ground, similarity, seed=2 * seed + 1, **image),  # type: ignore[arg-type]
    )


def corners_apart(one: Similarity, other: Similarity, corners: Sequence[Sequence[float]] | None = None) -> float:
    """Return how far two similarities lay the corners of a picture apart, px."""
    places = np.array(corners or [[0, 0], [0, SIDE], [SIDE, 0], [SIDE, SIDE]], float)
    return float(np.abs(one.apply(places) - other.apply(places)).max())
