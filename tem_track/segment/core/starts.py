"""The kinds of bodies by what is free in them, and their first fits from several starts."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import WhitenedFits, fit_whitened
from tem_track.segment.outline.body import BodyFits, fit_bodies, solid_guess
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    BODY,
    CORE,
    CORE_RADIUS,
    EDGE,
    FLAT,
    VOID,
    VOID_RADIUS,
    RadialProfiles,
    in_single_precision,
)
from tem_track.segment.side_by_side import side_by_side

SOLID = (EDGE, BLUR, BASE, BODY)
PLATE = (*SOLID, FLAT)
HOLLOW = (*SOLID, VOID, VOID_RADIUS)
FILLED = (*SOLID, CORE, CORE_RADIUS)
WITH_CORE = (*HOLLOW, CORE, CORE_RADIUS)

# Radii that fits start from; a fit that starts on the wrong side of a bend in the profile stays there.
_CORE_RADII, _VOID_RADII = (0.9, 0.8, 0.7, 0.55), (0.45, 0.25)
# Step and missing density that they start from.
_CORE_START, _VOID_START = 0.4, 0.6


def starts(profiles: RadialProfiles, free: tuple[int, ...]) -> list[FloatArray]:
    """Return the (K, P) parameters that fits of a kind of body are started from."""
    found = []
    for core_radius in _CORE_RADII if CORE in free else (0.9,):
        for void_radius in _VOID_RADII if VOID in free else (0.3,):
            start = solid_guess(profiles)
            start[:, CORE_RADIUS], start[:, VOID_RADIUS] = core_radius, void_radius
            start[:, CORE] = _CORE_START if CORE in free else 0.0
            start[:, VOID] = _VOID_START if VOID in free else 0.0
            found.append(start)
    return found


def fit_kind(profiles: RadialProfiles, free: tuple[int, ...]) -> BodyFits:
    """Return the best fits of one kind of body, errors of the bins taken as independent."""
    first, *others = side_by_side(lambda start: fit_bodies(profiles, start, free, rounds=20), starts(profiles, free))
    for fits in others:
        first.improve(np.arange(len(profiles)), fits)
    return first


def fits_whitened(profiles: RadialProfiles, free: tuple[int, ...], errors: ProfileErrors) -> list[WhitenedFits]:
    """Return the fits of one kind of body from every start, with correlated errors (core/errors.py)."""
    # Starts need no more than single precision.
    rough = in_single_precision(profiles)
    placed = side_by_side(lambda start: fit_bodies(rough, start, free, rounds=6).parameters, starts(profiles, free))
    return fit_whitened(profiles, placed, free, errors)
