"""One image found in another by its particles: their places and sizes form a constellation.

Strategy. Two neighbouring particles of the image laid on two of the reference make a similarity. All such guesses whose
sizes and scale make sense are gathered; those that many agree on are tried first: how many other particles fall on one
of fitting size? Each good guess is refitted to all its pairs. Whether so many could have fallen together by chance is
asked last: the expected number of guesses that would do as well on particles scattered at random must be small.

References
----------
L. Moisan and B. Stival, Int. J. Comput. Vis. 57 (2004) 201, doi:10.1023/B:VISI.0000013094.38752.54 (the number of false
alarms of a rigid match).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.stats import binom

from tem_track.movie import FloatArray, Mask
from tem_track.pair.similarity import Similarity, complex_points, fit_similarity, from_complex
from tem_track.pair.sites import Sites

# How much a particle's diameter may differ between states: V/V0 from 0.34 (shrinking while charged) to 4.9; no oxide
# that becomes metal and Li2O more than doubles its volume, silicon nearly quadruples it.
DIAMETER_RATIO = (0.7, 1.7)
# Neighbours of a particle that it is paired with: a few may be missing in the other image.
NEIGHBOURS = 6
# Guesses tried, those with the most agreement first, and those refined.
TRIED, REFINED = 20_000, 60
# Bins of agreement: 8 % in scale, 4 degrees.
LOG_SCALE_BIN, TURN_BIN = 0.08, np.radians(4.0)
# A first guess from two neighbours may lay the others so far off, in diameters; a refitted one so far.
FIRST_REACH, LAST_REACH = 0.5, 0.35
# Reaches, in diameters, at which chance is asked.
REACHES = (0.04, 0.08, 0.16, LAST_REACH)
# Guesses that differ by less are one: this share of the common diameter at the middle of the particles.
SAME_GUESS = 1.0


@dataclass(frozen=True)
class Constellation:
    """A similarity and the particles that it lays on each other.

    Attributes
    ----------
    similarity : Similarity
        From the image to the reference.
    reference, image : (M,) intp
        Rows of the matched particles.
    log10_chance : float
        Logarithm of the expected number of guesses that would match as well by chance.
    """

    similarity: Similarity
    reference: NDArray[np.intp]
    image: NDArray[np.intp]
    log10_chance: float


@dataclass(frozen=True)
class _Guesses:
    """Similarities p = a q + b as arrays (H,), all mirrored or none."""

    a: NDArray[np.complex128]
    b: NDArray[np.complex128]
    mirrored: bool


def constellations(
    reference: Sites, image: Sites, log_scale: tuple[float, float] | None = None, most: int = 4
) -> list[Constellation]:
    """Return the best ways to lay an image's particles on the reference's, the least likely by chance first.

    Parameters
    ----------
    reference, image : Sites
    log_scale : (float, float), optional
        Natural logarithm of the scale (reference px per image px) that the calibrations say, and how far from it is
        still believed; None tries every scale that the particles' sizes allow.
    most : int
        How many to return.
    """
    if min(len(reference), len(image)) < 2:
        return []
    guesses = [_guesses(reference, image, log_scale, mirrored) for mirrored in (False, True)]
    asked = sum(len(g.a) for g in guesses)
    found = [
        laid
        for g in guesses
        for similarity in _most_promising(g, reference, image)
        if (laid := _refined(similarity, reference, image, asked)) is not None
    ]
    found.sort(key=lambda c: (c.log10_chance, -len(c.image)))
    return _different(found, image, float(np.median(reference.diameter_px)))[:most]


def lay_on(
    similarity: Similarity, reference: Sites, image: Sites, reach: float = LAST_REACH
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows (M,) of reference and image whose particles a similarity lays on each other, one to one.

    Parameters
    ----------
    similarity : Similarity
    reference, image : Sites
    reach : float
        Largest distance, in mean diameters of the two.
    """
    places = similarity.apply(image.yx_px)
    across = similarity.scale * image.diameter_px
    away = np.hypot(*(reference.yx_px[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    relative = away / (0.5 * (reference.diameter_px[:, None] + across[None, :]))
    allowed = (relative <= reach) & _fitting(similarity.scale, reference, image)
    rows, columns = linear_sum_assignment(np.where(allowed, relative - 10.0, 0.0))
    kept = allowed[rows, columns]
    return rows[kept].astype(np.intp), columns[kept].astype(np.intp)


def _fitting(scale: float, reference: Sites, image: Sites) -> Mask:
    """Return which particles (N, M) could be one by their sizes; one that the border cuts could be any."""
    grown = scale * image.diameter_px[None, :] / reference.diameter_px[:, None]
    cut = ~(reference.whole[:, None] & image.whole[None, :])
    return np.asarray(cut | ((grown >= DIAMETER_RATIO[0]) & (grown <= DIAMETER_RATIO[1])))


def _guesses(reference: Sites, image: Sites, log_scale: tuple[float, float] | None, mirrored: bool) -> _Guesses:
    """Return every similarity that lays two neighbours on two of fitting sizes."""
    p, q = complex_points(reference.yx_px), complex_points(image.yx_px, mirrored)
    i, j = _neighbours(reference.yx_px)
    a_parts, b_parts = [], []
    for k, m in zip(*_neighbours(image.yx_px), strict=True):
        a = (p[j] - p[i]) / (q[m] - q[k])
        scale = np.abs(a)
        fits = _sizes_fit(scale, reference, image, i, k) & _sizes_fit(scale, reference, image, j, m)
        if log_scale is not None:
            fits &= np.abs(np.log(scale) - log_scale[0]) <= log_scale[1]
        a_parts.append(a[fits])
        b_parts.append(p[i[fits]] - a[fits] * q[k])
    return _Guesses(np.concatenate(a_parts), np.concatenate(b_parts), mirrored)


def _neighbours(yx: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of every particle and each of its nearest neighbours, in different places."""
    count = min(NEIGHBOURS + 1, len(yx))
    away, near = cKDTree(yx).query(yx, k=count)
    first = np.repeat(np.arange(len(yx)), count - 1)
    second, apart = near[:, 1:].ravel(), away[:, 1:].ravel()
    good = (apart > 0) & (first != second)
    return first[good].astype(np.intp), second[good].astype(np.intp)


def _sizes_fit(scale: FloatArray, reference: Sites, image: Sites, i: NDArray[np.intp], k: int) -> NDArray[np.bool_]:
    grown = scale * image.diameter_px[k] / reference.diameter_px[i]
    whole = reference.whole[i] & image.whole[k]
    return np.asarray(~whole | (grown >= DIAMETER_RATIO[0]) & (grown <= DIAMETER_RATIO[1]))


def _most_promising(guesses: _Guesses, reference: Sites, image: Sites) -> Iterator[Similarity]:
    """Yield the guesses that lay the most particles on one of fitting size."""
    if not len(guesses.a):
        return
    scale_bin = np.floor(np.log(np.abs(guesses.a)) / LOG_SCALE_BIN).astype(np.int64)
    turn_bin = np.floor(np.angle(guesses.a) / TURN_BIN).astype(np.int64)
    _, place, count = np.unique(np.stack([scale_bin, turn_bin]), axis=1, return_inverse=True, return_counts=True)
    tried = np.argsort(-count[place.ravel()], kind="stable")[:TRIED]
    a, b = guesses.a[tried], guesses.b[tried]
    points = a[:, None] * complex_points(image.yx_px, guesses.mirrored)[None, :] + b[:, None]
    flat = np.stack([points.imag.ravel(), points.real.ravel()], axis=1)
    away, row = cKDTree(reference.yx_px).query(flat)
    across = reference.diameter_px[row]
    grown = (np.abs(a)[:, None] * image.diameter_px[None, :]).ravel() / across
    hit = (away <= FIRST_REACH * across) & (grown >= DIAMETER_RATIO[0]) & (grown <= DIAMETER_RATIO[1])
    hits = hit.reshape(points.shape).sum(axis=1)
    for h in np.argsort(-hits, kind="stable")[:REFINED]:
        yield from_complex(complex(a[h]), complex(b[h]), guesses.mirrored)


def _refined(similarity: Similarity, reference: Sites, image: Sites, asked: int) -> Constellation | None:
    """Return a guess fitted to all the particles it lays on each other, None where that falls apart."""
    rows = columns = np.empty(0, np.intp)
    for reach in (FIRST_REACH, LAST_REACH, LAST_REACH):
        rows, columns = lay_on(similarity, reference, image, reach)
        if len(rows) < 2:
            return None
        # A particle that the border cuts has its centroid elsewhere.
        weight = np.where(reference.whole[rows] & image.whole[columns], 1.0, 0.05)
        similarity = fit_similarity(image.yx_px[columns], reference.yx_px[rows], weight, similarity.mirrored)
    rows, columns = lay_on(similarity, reference, image)
    if len(rows) < 2:
        return None
    return Constellation(similarity, rows, columns, _log10_chance(similarity, reference, image, rows, columns, asked))


def _log10_chance(
    similarity: Similarity,
    reference: Sites,
    image: Sites,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    asked: int,
) -> float:
    """Return the logarithm of how many guesses would do as well on particles scattered at random.

    Notes
    -----
    Two pairs make the guess and say nothing. Of the other n - 2 particles that lie inside the reference's field, m - 2
    fall within a reach of one of fitting size, each with the chance p: the share of the field that the reach around all
    particles takes, times the share of pairs whose sizes fit. The binomial tail of that, times the guesses made, times
    the reaches tried.
    """
    low, high = reference.yx_px.min(axis=0), reference.yx_px.max(axis=0)
    margin = float(np.median(reference.diameter_px))
    area = float(np.prod(high - low + 2 * margin))
    places = similarity.apply(image.yx_px)
    inside = int(((places >= low - margin) & (places <= high + margin)).all(axis=1).sum())
    away = np.hypot(*(reference.yx_px[rows] - places[columns]).T)
    across = 0.5 * (reference.diameter_px[rows] + similarity.scale * image.diameter_px[columns])
    fitting = float(_fitting(similarity.scale, reference, image).mean())
    best = 0.0
    for reach in REACHES:
        matched = int((away <= reach * across).sum())
        chance = min(1.0, fitting * np.pi * reach**2 * float((reference.diameter_px**2).sum()) / area)
        tail = float(binom.logsf(matched - 3, max(inside, matched) - 2, chance)) if matched > 2 else 0.0
        best = min(best, tail)
    return best / float(np.log(10.0)) + float(np.log10(max(asked, 1) * len(REACHES)))


def _different(found: list[Constellation], image: Sites, across: float) -> list[Constellation]:
    """Return the constellations without those that repeat a better one."""
    kept: list[Constellation] = []
    for one in found:
        places = one.similarity.apply(image.yx_px)
        if all(np.abs(other.similarity.apply(image.yx_px) - places).max() > SAME_GUESS * across for other in kept):
            kept.append(one)
    return kept
