"""Inner boundaries of a track: with its kind known, core and void of every frame, and the edge once more.

Strategy. The kind comes from all frames (core_kind.py). Then each frame's profile is pooled with its neighbours in
time, every one in units of its own radius, and fitted by a body of that kind: this gives core and void. That body is
the template for the frame's own profile with only edge, thickness and background free, so that the outline of a solid
particle is not shaken by a core it does not have, and noise in core and void does not reach the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.core_kind import Kind, kind_of_body, pool_profiles
from tem_track.segment.outline_chord import (
    BASE,
    BLUR,
    BODY,
    CORE_RADIUS,
    EDGE,
    VOID,
    VOID_RADIUS,
    RadialProfile,
    fit_body,
)
from tem_track.segment.outline_fit import Evidence

# Frames on either side whose profiles are pooled.
_POOL = 2
# How much better the blur is known once neighbouring frames have been fitted: 0.6 px at first, then 0.1 px (focus
# drifts and scans jitter, but not by more from one frame to the next).
_BLUR_KNOWN = 0.15


@dataclass(frozen=True)
class InnerBoundaries:
    """Kind of a track's body and what it means for each of its K frames.

    Attributes
    ----------
    kind : str
        ``solid``, ``core-shell`` or ``hollow``.
    core_ratio, core_ratio_sd, void_ratio : (K,) float64
        Radius of core and void as fractions of the outline's; NaN where there is none.
    edge_factor : (K,) float64
        By how much the outline is to be scaled, and
    edge_sd : (K,) float64
        relative standard uncertainty of its radius from the profile.
    """

    kind: str
    core_ratio: FloatArray
    core_ratio_sd: FloatArray
    void_ratio: FloatArray
    edge_factor: FloatArray
    edge_sd: FloatArray


def inner_boundaries(evidence: Sequence[Evidence]) -> InnerBoundaries:
    """Return kind, cores, voids and final edges of a track.

    Parameters
    ----------
    evidence : sequence of Evidence
        Of the track in its K frames, in order.
    """
    nothing = np.full(len(evidence), np.nan)
    if not evidence:
        return InnerBoundaries("solid", nothing, nothing, nothing, nothing, nothing)
    edges = [float(e.parameters[EDGE]) for e in evidence]
    profiles = _with_common_blur(evidence)
    kind = kind_of_body(profiles, edges)
    found = [_one_frame(k, profiles, edges, kind) for k in range(len(profiles))]
    columns = np.array(found).T
    core, core_sd, void = columns[0], columns[1], columns[2]
    if CORE_RADIUS not in kind.free:
        core, core_sd = nothing, nothing
    if VOID not in kind.free:
        void = nothing
    return InnerBoundaries(kind.name, core, core_sd, void, columns[3] / np.array(edges), columns[4])


def _with_common_blur(evidence: Sequence[Evidence]) -> list[RadialProfile]:
    """Return the profiles with the running median of the fitted blur as what is expected of it."""
    # profile.blur is a fixed number of px over the radius: its inverse is the radius in that unit.
    fitted = np.array([e.parameters[BLUR] / e.profile.blur for e in evidence])
    expected = np.array([np.median(fitted[max(0, k - 5) : k + 6]) for k in range(len(fitted))])
    profiles = [e.profile for e in evidence]
    return [
        replace(p, blur=float(b) * p.blur, blur_sd=p.blur_sd * _BLUR_KNOWN)
        for p, b in zip(profiles, expected, strict=True)
    ]


def _one_frame(
    k: int, profiles: Sequence[RadialProfile], edges: Sequence[float], kind: Kind
) -> tuple[float, float, float, float, float]:
    """Return core ratio, its uncertainty, void ratio, edge and its relative uncertainty of frame k."""
    near = range(max(0, k - _POOL), min(len(profiles), k + _POOL + 1))
    pooled = pool_profiles([profiles[i] for i in near], [edges[i] for i in near])
    body = fit_body(pooled, kind.start, kind.free, rounds=15)
    p = body.parameters
    excess = max(1.0, body.chi2 / max(1, body.bins - len(kind.free)))
    core_sd = float(np.sqrt(excess * body.covariance[CORE_RADIUS, CORE_RADIUS]))
    own = p.copy()
    own[EDGE] = edges[k]
    own[BLUR] = p[BLUR] * edges[k]
    single = fit_body(profiles[k], own, (EDGE, BASE, BODY), rounds=8)
    excess = max(1.0, single.chi2 / max(1, single.bins - 3))
    edge_sd = float(np.sqrt(excess * single.covariance[EDGE, EDGE])) / float(single.parameters[EDGE])
    void = float(p[VOID_RADIUS]) if p[VOID] > 0 else 0.0
    return float(p[CORE_RADIUS]), core_sd, void, float(single.parameters[EDGE]), edge_sd
