"""Cores and voids of one track: what kind of body it is, and where its inner boundaries lie in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.outline_chord import CORE_RADIUS, EDGE, VOID_RADIUS
from tem_track.segment.outline_fit import RayOutline


@dataclass(frozen=True)
class InnerBoundaries:
    """Kind of a track's body, and per frame the core's and void's radius as fractions of the outline's (NaN: none)."""

    kind: str
    core_ratio: FloatArray
    core_ratio_sd: FloatArray
    void_ratio: FloatArray


def inner_boundaries(fits: Sequence[RayOutline]) -> InnerBoundaries:
    """Return kind, cores and voids of a track from its fits in all frames."""
    nothing = np.full(len(fits), np.nan)
    if not fits:
        return InnerBoundaries("solid", nothing, nothing, nothing)
    bodies = [fit.body for fit in fits if fit.body is not None]
    core = np.array([b.parameters[CORE_RADIUS] for b in bodies])
    sd = np.array([np.sqrt(b.covariance[CORE_RADIUS, CORE_RADIUS]) for b in bodies])
    void = np.array([b.parameters[VOID_RADIUS] for b in bodies])
    assert EDGE == 0
    return InnerBoundaries("core-shell", core, sd, void)
