"""Radial profiles of bodies with known core, void and errors, for the tests of cores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors, whitening
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    BODY,
    CORE,
    CORE_RADIUS,
    EDGE,
    PARAMETERS,
    VOID,
    VOID_RADIUS,
    RadialProfiles,
    body_profiles,
)

BINS, STEP, BLUR_SD = 64, 1.3 / 64, 0.02
# Noise of a bin, background 1.
NOISE = 1e-3


def body_parameters(
    count: int, body: float = 1.2, core: float = 0.0, core_radius: float = 0.78, void: float = 0.0, dark: bool = True
) -> FloatArray:
    """Return (K, P) parameters of bodies, all alike."""
    p = np.zeros((count, PARAMETERS))
    p[:, EDGE], p[:, BLUR], p[:, BASE], p[:, BODY] = 1.0, BLUR_SD, 1.0 if dark else 0.0, body
    p[:, CORE], p[:, CORE_RADIUS], p[:, VOID], p[:, VOID_RADIUS] = core, core_radius, void, 0.35
    return p


def profiles_of(parameters: FloatArray, dark: bool = True, pedestal: float = 0.0) -> RadialProfiles:
    """Return the exact profiles (K, J) of bodies, on a pedestal."""
    count = len(parameters)
    step = np.full(count, STEP)
    level = pedestal + (1 - pedestal) * body_profiles(parameters, BINS, step, dark)
    known = np.full(count, 0.1 * BLUR_SD)
    return RadialProfiles(step, level, np.full((count, BINS), NOISE**-2), dark, np.full(count, BLUR_SD), known)


def strayed(profiles: RadialProfiles, errors: ProfileErrors, seed: int) -> RadialProfiles:
    """Return profiles with errors drawn from their covariance (noise among them)."""
    white = np.random.default_rng(seed).standard_normal(profiles.level.shape)
    spread = np.linalg.inv(whitening(profiles, errors).matrix)
    return replace(profiles, level=profiles.level + np.matmul(spread, white[:, :, None])[:, :, 0])
