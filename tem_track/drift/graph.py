"""One path through all frames from displacements between pairs of them, wrong ones outvoted.

A first path follows the most significant pairs (a maximum spanning tree: one bad pair is simply not used when two
good ones lead around it). It is then fitted to all pairs by least squares, reweighted with Cauchy weights, so that a
pair off by many of its own deviations counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.sparse.linalg import splu

from tem_track.movie import FloatArray

REWEIGHTINGS = 12
# Cauchy weights reach 95 % efficiency on normal errors at 2.385 deviations (Holland & Welsch 1977,
# doi:10.1080/03610927708827533).
CAUCHY = 2.385


@dataclass(frozen=True)
class Pair:
    """Displacement of frame `second` relative to frame `first`, px, its uncertainty and its trust (0 to 1)."""

    first: int
    second: int
    displacement: FloatArray
    sd: float
    trust: float


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
    start = _tree_path(first, second, measured, np.array([p.trust for p in kept]), len(frames))
    solved, deviation = _reweighted(first, second, measured, own_sd, start)
    path[frames], sd[frames] = solved, deviation
    return path, sd


def _largest_set(pairs: Sequence[Pair], count: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    ends = [[p.first for p in pairs], [p.second for p in pairs]]
    links = csr_matrix((np.ones(len(pairs)), ends), shape=(count, count))
    _, member = connected_components(links, directed=False)
    return np.flatnonzero(member == np.argmax(np.bincount(member)))


def _tree_path(first: FloatArray, second: FloatArray, measured: FloatArray, trust: FloatArray, n: int) -> FloatArray:
    """Return the (n, 2) path along the most trusted pairs, frame 0 of the set at 0."""
    # scipy keeps one of several edges between two frames only if they are not summed: take the most trusted.
    best: dict[tuple[int, int], int] = {}
    for e in np.argsort(trust):
        best[int(first[e]), int(second[e])] = int(e)
    edges = np.array(list(best.values()))
    # A spanning tree minimises; costs stay above 0, which scipy takes for "no edge".
    cost = csr_matrix((1.001 - trust[edges], (first[edges], second[edges])), shape=(n, n))
    tree = minimum_spanning_tree(cost)
    order, parent = breadth_first_order(tree, 0, directed=False)
    path = np.zeros((n, 2))
    for node in order[1:]:
        up = int(parent[node])
        edge = best.get((up, int(node)))
        path[node] = path[up] + (measured[edge] if edge is not None else -measured[best[int(node), up]])
    return path


def _reweighted(
    first: FloatArray, second: FloatArray, measured: FloatArray, own_sd: FloatArray, path: FloatArray
) -> tuple[FloatArray, FloatArray]:
    n, e = len(path), len(measured)
    if n == 1:
        return np.zeros((1, 2)), np.zeros(1)
    rows = np.repeat(np.arange(e), 2)
    signs = np.tile([1.0, -1.0], e)
    incidence = csc_matrix((signs, (rows, np.stack([second, first], 1).ravel())), shape=(e, n))[:, 1:]
    for _ in range(REWEIGHTINGS):
        off = measured - (path[second] - path[first])
        # Pairs err by more than they know (growth, contrast): the common factor is read off the residuals.
        size = np.hypot(off[:, 0], off[:, 1]) / own_sd
        factor = max(1.0, float(np.median(size)) / 1.18)
        weight = 1.0 / (own_sd * factor) ** 2 / (1 + (size / factor / CAUCHY) ** 2)
        normal = splu(csc_matrix(incidence.T.multiply(weight) @ incidence))
        path = np.vstack([np.zeros((1, 2)), normal.solve(np.asarray(incidence.T @ (measured * weight[:, None])))])
    return path, _path_sd(incidence, weight, n)


def _path_sd(incidence: csc_matrix, weight: FloatArray, n: int) -> FloatArray:
    """Return a standard uncertainty per frame: of the frame against those it is paired with."""
    strength = np.asarray(incidence.power(2).T @ weight).ravel()
    return np.concatenate([[1 / np.sqrt(max(strength[0], 1e-12))], 1 / np.sqrt(np.maximum(strength, 1e-12))])[:n]
