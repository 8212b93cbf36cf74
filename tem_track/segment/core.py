"""Inner boundaries of tracks: with their kinds known, core and void of every frame, and the edge once more.

Strategy. The kind comes from all frames (core_kind.py). Then each frame's profile is pooled with its neighbours in
time, every one in units of its own radius, and fitted by a body of that kind: this gives core and void. That body is
the template for the frame's own profile with only edge, thickness and background free, so that the outline of a solid
particle is not shaken by a core it does not have, and noise in core and void does not reach the curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from tem_track.movie import FloatArray
from tem_track.segment.core_kind import Kind, kinds_of_bodies
from tem_track.segment.outline_body import SMALL_BALL, BodyFits, fit_bodies
from tem_track.segment.outline_chord import BLUR, CORE_RADIUS, EDGE, VOID, VOID_RADIUS
from tem_track.segment.outline_evidence import MovieProfiles

# Frames on either side whose profiles are pooled.
_POOL = 2
# How much a core's radius may bend: 2 % of the outline's within a quarter of the movie (a stage's change of slope).
_BEND = 0.02
# Columns of an inverse held at a time.
_COLUMNS = 256
# Degrees of freedom of the errors' distribution, and rounds of reweighting.
_TAILS, _REWEIGHTINGS = 4.0, 12
# Frames to either side over which the scatter of the fitted radius is judged.
_NEAR = 5
# What is left on simulated bright-field movies once noise is averaged away: cores that are no balls, inelastic
# background (fraction of the outline's radius).
_CORE_MODEL_SD = 0.008


@dataclass(frozen=True)
class InnerBoundaries:
    """Kinds of a movie's bodies and what they mean for each of its R rows.

    Attributes
    ----------
    kinds : mapping of int to str
        Per track: ``solid``, ``core-shell`` or ``hollow``.
    core_ratio, core_ratio_sd, void_ratio, void_ratio_sd : (R,) float64
        Radius of core and void as fractions of the outline's; NaN where there is none.
    edge_factor : (R,) float64
        By how much the outline is to be scaled, and
    edge_sd : (R,) float64
        relative standard uncertainty of its radius from the profile.
    form_sd : (R,) float64
        relative standard uncertainty of its radius from the form of the body, which is not known.
    """

    kinds: Mapping[int, str]
    core_ratio: FloatArray
    core_ratio_sd: FloatArray
    void_ratio: FloatArray
    void_ratio_sd: FloatArray
    edge_factor: FloatArray
    edge_sd: FloatArray
    form_sd: FloatArray


def inner_boundaries(profiles: MovieProfiles) -> InnerBoundaries:
    """Return kinds, cores, voids and final edges of all tracks of a movie."""
    count = len(profiles)
    kinds = kinds_of_bodies(profiles)
    found = InnerBoundaries(
        {int(profiles.track[rows.start]): kind.name for rows, kind in zip(profiles.tracks(), kinds, strict=True)},
        *(np.full(count, np.nan) for _ in range(7)),
    )
    template = np.zeros((count, len(kinds[0].start)))
    for free, rows, start in _by_free(profiles, kinds):
        if free == SMALL_BALL:
            # What is free is fitted to the frame's own profile anyway: the pooled one would add nothing.
            template[rows] = start
            continue
        pooled = fit_bodies(profiles.pooled_over_time(rows, _POOL), start, free, rounds=15)
        template[rows] = pooled.parameters
        _note_inside(found, rows, pooled, free)
    _steady(found, profiles)
    template[:, BLUR] *= profiles.edge
    template[:, EDGE] = profiles.edge

    def note_edges(rows: NDArray[np.intp], own: BodyFits) -> None:
        edge = own.parameters[:, EDGE]
        misfit = own.chi2 / np.maximum(1, own.bins - len(SMALL_BALL))
        found.edge_factor[rows] = edge / profiles.edge[rows]
        found.edge_sd[rows] = np.sqrt(np.maximum(1.0, misfit) * own.variance[:, EDGE]) / edge

    profiles.fit_own(template, SMALL_BALL, 8, note_edges)
    found.form_sd[:] = np.abs(profiles.edges_of_fuller_bodies() / (profiles.edge * found.edge_factor) - 1)
    # A particle only a few blurs wide shows no form; its noise would be counted twice.
    for mine, kind in zip(profiles.tracks(), kinds, strict=True):
        if kind.free == SMALL_BALL:
            found.form_sd[mine] = 0.0
    return found


def _by_free(profiles: MovieProfiles, kinds: list[Kind]) -> list[tuple[tuple[int, ...], NDArray[np.intp], FloatArray]]:
    """Return free parameters, rows and starts (K, 9) of the tracks that have the same ones free."""
    tracks = profiles.tracks()
    groups = []
    for free in sorted({kind.free for kind in kinds}):
        mine = [i for i, kind in enumerate(kinds) if kind.free == free]
        rows = np.concatenate([np.arange(tracks[i].start, tracks[i].stop) for i in mine])
        start = np.concatenate([np.tile(kinds[i].start, (tracks[i].stop - tracks[i].start, 1)) for i in mine])
        groups.append((free, rows, start))
    return groups


def _note_inside(found: InnerBoundaries, rows: NDArray[np.intp], pooled: BodyFits, free: tuple[int, ...]) -> None:
    """Write core and void of some rows, where their kind has them."""
    p = pooled.parameters
    excess = np.maximum(1.0, pooled.chi2 / np.maximum(1, pooled.bins - len(free)))
    if CORE_RADIUS in free:
        found.core_ratio[rows] = p[:, CORE_RADIUS]
        found.core_ratio_sd[rows] = np.sqrt(excess * pooled.variance[:, CORE_RADIUS])
    if VOID in free:
        found.void_ratio[rows] = np.where(p[:, VOID] > 0, p[:, VOID_RADIUS], 0.0)
        found.void_ratio_sd[rows] = np.sqrt(excess * pooled.variance[:, VOID_RADIUS])


def _steady(found: InnerBoundaries, profiles: MovieProfiles) -> None:
    """Make cores and voids consistent over time, track by track."""
    for rows in profiles.tracks():
        if np.isfinite(found.core_ratio[rows]).any():
            found.core_ratio[rows], found.core_ratio_sd[rows] = steady_path(
                found.core_ratio[rows], found.core_ratio_sd[rows]
            )
        if np.isfinite(found.void_ratio[rows]).any():
            found.void_ratio[rows], found.void_ratio_sd[rows] = steady_path(
                found.void_ratio[rows], found.void_ratio_sd[rows]
            )


def steady_path(ratio: FloatArray, ratio_sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a (K,) radius as a fraction of the outline's made consistent over time, and its standard uncertainty.

    Parameters
    ----------
    ratio, ratio_sd : (K,) float64
        As fitted frame by frame; the pools of neighbouring frames overlap.

    Notes
    -----
    Diffraction contrast (speckle) can pass for a core of another size for some frames, with a good fit and a small
    formal error; it shows as scatter between frames and goes as the reaction proceeds, while a core grows over a good
    part of the movie. So: a path that bends little (second differences; stages are bends), measurements weighted with
    formal error and local scatter together, heavy tails (Student's t, four degrees of freedom, by reweighting).
    """
    count = len(ratio)
    if count < 2 * _POOL + 2:
        return ratio, np.hypot(np.nan_to_num(ratio_sd, nan=0.5), _CORE_MODEL_SD)
    formal = np.minimum(np.nan_to_num(ratio_sd, nan=0.5), 0.5)
    variance = (2 * _POOL + 1) * formal**2 + 2 * _scatter(ratio) ** 2 + 0.002**2
    rigid = _bending(count) * ((count / 4) ** 1.5 / _BEND) ** 2
    weight, path = 1 / variance, ratio
    for _ in range(_REWEIGHTINGS):
        path = solveh_banded(_added(rigid, weight), weight * ratio)
        weight = (_TAILS + 1) / (_TAILS + (ratio - path) ** 2 / variance) / variance
    # What each frame is known to, its neighbours taken together: the diagonal of the inverse, some columns at a time.
    spread = np.empty(count)
    for first in range(0, count, _COLUMNS):
        columns = np.eye(count, min(_COLUMNS, count - first), -first)
        inverse = solveh_banded(_added(rigid, weight), columns)
        spread[first : first + columns.shape[1]] = np.sqrt(np.diagonal(inverse[first:]))
    return path, np.hypot(spread, _CORE_MODEL_SD)


def _bending(count: int) -> FloatArray:
    """Return the matrix of the sum of squared second differences of K values, upper bands (3, K) as SciPy wants it."""
    bands = np.zeros((3, count))
    for k, factor in enumerate((1.0, -2.0, 1.0)):
        bands[2, k : count - 2 + k] += factor**2
    bands[1, 1:-1] -= 2.0
    bands[1, 2:] -= 2.0
    bands[0, 2:] += 1.0
    return bands


def _added(bands: FloatArray, diagonal: FloatArray) -> FloatArray:
    total = bands.copy()
    total[-1] += diagonal
    return total


def _scatter(values: FloatArray) -> FloatArray:
    """Return the (K,) local scatter of values about their running median."""
    near = [values[max(0, k - _NEAR) : k + _NEAR + 1] for k in range(len(values))]
    return np.array([1.4826 * float(np.median(np.abs(part - np.median(part)))) for part in near])
