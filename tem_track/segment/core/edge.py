"""The final edge of every outline: where the thickness begins, whatever the inside looks like.

Strategy. A body of the track's kind is fitted to each frame's own profile with only edge, thickness and background
free. Two things make that edge stray together for many frames, most of all in the first ones, on which V0 stands.

Grains that diffract make a profile uneven; taken for independent noise of the bins, a darker middle draws the edge
inwards. The unevenness grows with the thickness and ends where that begins: a fit that knows this (errors as in
core/errors.py) asks the rim, not the middle. It is the truer, and the noisier, as it gives most of the profile away. So
what the plain fit is off is taken as its difference from this one, averaged over neighbouring frames: speckle stays for
longer than noise.

How much fuller than a ball a body without core is, is its form, and forms last: a value of each frame's own would
follow the speckle. The track has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import fit_whitened
from tem_track.segment.core.kind import Kind
from tem_track.segment.outline.body import SMALL_BALL, BodyFits
from tem_track.segment.outline.chord import BLUR, CORE, EDGE
from tem_track.segment.outline.evidence import MovieProfiles

# Rows to either side whose differences are averaged: noise falls to 0.4, and no stage of a reaction is shorter than
# the seven rows (a difference of the two fits is no volume: it changes with the speckle alone).
_REACH = 3


def with_one_fullness(profiles: MovieProfiles, template: FloatArray, kinds: Sequence[Kind]) -> FloatArray:
    """Return the (R, P) bodies of all rows, those without core all as full as the track's usually are."""
    steady = template.copy()
    for rows, kind in zip(profiles.tracks(), kinds, strict=True):
        if kind.name == "core-shell" or CORE not in kind.free:
            continue
        steady[rows, CORE] = np.median(template[rows, CORE])
    return steady


def final_edges(
    profiles: MovieProfiles, template: FloatArray, length: float, strength: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the edge of every row, in units of its profile, and its relative standard uncertainty, (R,) each.

    Parameters
    ----------
    profiles : MovieProfiles
        R rows.
    template : (R, P) float64
        The bodies that describe the rows, in units of their first edges.
    length : float
        Over which profiles stray alike, in radii.
    strength : (R,) float64
        How strongly they do; NaN where that is not known (particles a few blurs wide): the plain fit stands.
    """
    start = template.copy()
    start[:, BLUR] *= profiles.edge
    start[:, EDGE] = profiles.edge
    edge, sd, share = (np.full(len(profiles), np.nan) for _ in range(3))

    def note(rows: NDArray[np.intp], own: BodyFits, general: FloatArray) -> None:
        edge[rows], share[rows] = own.parameters[:, EDGE], general
        misfit = own.chi2 / np.maximum(1, own.bins - len(SMALL_BALL))
        sd[rows] = np.sqrt(np.maximum(1.0, misfit) * own.variance[:, EDGE]) / edge[rows]

    profiles.fit_own(start, SMALL_BALL, 8, note)
    rim, rim_sd = _edges_of_rims(profiles, start, length, strength)
    # Where the given form does not describe a profile, its rim is not to be believed either.
    off = np.where(np.isfinite(rim), np.log(rim / edge) * (1 - share), 0.0)
    for rows in profiles.tracks():
        # The correction of a single frame is no better known than what it corrects.
        if rows.stop - rows.start > _REACH:
            edge[rows] *= np.exp(_running_mean(off[rows]))
    return edge, np.fmax(sd, rim_sd)


def _edges_of_rims(
    profiles: MovieProfiles, start: FloatArray, length: float, strength: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the (R,) edges, and their relative uncertainties, of fits that know what strays with the thickness."""
    edge, sd = np.full(len(profiles), np.nan), np.full(len(profiles), np.nan)
    for group in profiles.by_bins():
        rows = group[np.isfinite(strength[group])]
        if len(rows):
            errors = ProfileErrors(length, strength[rows])
            fits = fit_whitened(profiles.own(rows), [start[rows]], SMALL_BALL, errors, rounds=8)[0]
            edge[rows] = fits.parameters[:, EDGE]
            sd[rows] = np.sqrt(fits.variance[:, EDGE]) / edge[rows]
    return edge, sd


def _running_mean(values: FloatArray) -> FloatArray:
    """Return the mean of each value and those up to `_REACH` before and after it.

    >>> _running_mean(np.array([0.0, 0.0, 0.0, 0.0, 7.0])).tolist()
    [0.0, 1.4, 1.1666666666666667, 1.4, 1.75]
    """
    total = np.append(0.0, np.cumsum(values))
    at = np.arange(len(values))
    low, high = np.maximum(at - _REACH, 0), np.minimum(at + _REACH + 1, len(values))
    return np.asarray((total[high] - total[low]) / (high - low))
