"""One path through all frames from displacements between pairs of them, wrong ones outvoted.

Least absolute deviations come first, from a plain least-squares fit: they are convex, and a displacement that two
others contradict has no say in them. Cauchy weights then finish the path, so that a pair off by many of its own
deviations counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from tem_track.movie import FloatArray

# Paths of up to so many frames are solved with full matrices, which cost less than setting sparse ones up.
DENSE_UP_TO = 40
ABSOLUTE_TURNS = 15
CAUCHY_TURNS = 10
# Cauchy weights reach 95 % efficiency on normal errors at 2.385 deviations (Holland & Welsch 1977,
# doi:10.1080/03610927708827533).
CAUCHY = 2.385


Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class Pair:
    """Displacement of frame `second` relative to frame `first`, px, and its standard uncertainty."""

    first: int
    second: int
    displacement: FloatArray
    sd: float


def solve_path(pairs: Sequence[Pair], count: int) -> tuple[FloatArray, FloatArray]:
    """Return the path (count, 2) that fits the pairs, and its standard uncertainty (count,), px.

    The path is relative to the first frame of the largest set of frames that pairs connect; frames outside it are NaN.
    """
    path, sd = np.full((count, 2), np.nan), np.full(count, np.nan)
    if not pairs:
        return path, sd
    frames = _largest_set(pairs, count)
    number = np.full(count, -1)
    number[frames] = np.arange(len(frames))
    kept = [p for p in pairs if number[p.first] >= 0 and number[p.second] >= 0]
    first = number[[p.first for p in kept]]
    second = number[[p.second for p in kept]]
    measured = np.array([p.displacement for p in kept])
    own_sd = np.array([p.sd for p in kept])
    solved, deviation = _reweighted(first, second, measured, own_sd, len(frames))
    path[frames], sd[frames] = solved, deviation
    return path, sd


def _largest_set(pairs: Sequence[Pair], count: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    ends = [[p.first for p in pairs], [p.second for p in pairs]]
    links = csr_matrix((np.ones(len(pairs)), ends), shape=(count, count))
    _, member = connected_components(links, directed=False)
    return np.flatnonzero(member == np.argmax(np.bincount(member)))


def _reweighted(
    first: Numbers, second: Numbers, measured: FloatArray, own_sd: FloatArray, n: int
) -> tuple[FloatArray, FloatArray]:
    """Return the path (n, 2) of n connected frames, the first at 0, and its standard uncertainty (n,)."""
    if n == 1:
        return np.zeros((1, 2)), np.zeros(1)
    incidence = _incidence(first, second, n)
    weight = 1.0 / own_sd**2
    for turn in range(ABSOLUTE_TURNS + CAUCHY_TURNS):
        pull = np.asarray(incidence.T @ (measured * weight[:, None]))
        path = np.vstack([np.zeros((1, 2)), _solved(incidence, weight, pull)])
        off = measured - (path[second] - path[first])
        size = np.hypot(off[:, 0], off[:, 1]) / own_sd
        if turn < ABSOLUTE_TURNS:
            weight = 1.0 / own_sd**2 / np.maximum(size, 0.1)
            continue
        # Pairs err by more than they know (growth, contrast): the common factor is read off the residuals.
        factor = max(1.0, float(np.median(size)) / 1.18)
        weight = 1.0 / (own_sd * factor) ** 2 / (1 + (size / factor / CAUCHY) ** 2)
    return path, _path_sd(incidence, weight, n)


def _incidence(first: Numbers, second: Numbers, n: int) -> csc_matrix | FloatArray:
    """Return the (pairs, n - 1) matrix that takes a path, frame 0 left out, to the displacements of its pairs."""
    e = len(first)
    rows, ends = np.repeat(np.arange(e), 2), np.stack([second, first], 1).ravel()
    incidence = csc_matrix((np.tile([1.0, -1.0], e), (rows, ends)), shape=(e, n))[:, 1:]
    return np.asarray(incidence.toarray()) if n <= DENSE_UP_TO else incidence


def _solved(incidence: csc_matrix | FloatArray, weight: FloatArray, pull: FloatArray) -> FloatArray:
    """Return the path (n - 1, 2) that balances the weighted pull of the pairs."""
    if isinstance(incidence, np.ndarray):
        return np.asarray(np.linalg.solve((incidence.T * weight) @ incidence, pull))
    return np.asarray(splu(csc_matrix(incidence.T.multiply(weight) @ incidence)).solve(pull))


def _path_sd(incidence: csc_matrix | FloatArray, weight: FloatArray, n: int) -> FloatArray:
    """Return a standard uncertainty per frame: of the frame against those it is paired with."""
    squared = incidence**2 if isinstance(incidence, np.ndarray) else incidence.power(2)
    strength = np.asarray(squared.T @ weight).ravel()
    return np.concatenate([[1 / np.sqrt(max(strength[0], 1e-12))], 1 / np.sqrt(np.maximum(strength, 1e-12))])[:n]
