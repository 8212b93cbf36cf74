"""The share of the background's level that a bright-field picture has everywhere: electrons that tell no thickness.

Strategy. Electrons that lost energy or direction and still reach the detector, and a camera's offset, lie under the
whole picture: I = (1 - p) exp(-t) + p of the surroundings. Left out, -ln I saturates where a particle is thick, its
middle seems flatter than it is, and the core is placed 1 to 2 % too far out. Nobody states p, but all particles of a
movie share it, and the thick ones show it: of all values the one with the largest likelihood of their profiles (bodies
with core and void, errors as in core/errors.py). Thin particles say nothing about it, and need it not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import fit_whitened, learn_errors
from tem_track.segment.core.starts import WITH_CORE, fit_kind
from tem_track.segment.outline.chord import RadialProfiles, in_single_precision
from tem_track.segment.side_by_side import side_by_side

# What is tried: none, to 40 % (a camera offset of a few counts at a few electrons per px).
_STEP, _MOST = 0.04, 0.4
# What it usually is (a bright-field aperture lets about so much of the inelastic part through), to learn errors with.
_USUAL = 0.06
# Windows that are asked: the thickest, which know best.
_ASKED = 60
# Within this radius a particle is thick.
_MIDDLE = 0.7


def pedestal_and_length(windows: RadialProfiles) -> tuple[float, float]:
    """Return the pedestal as a share of the background's level, and the length over which errors are alike (in radii).

    Parameters
    ----------
    windows : RadialProfiles
        W pooled profiles of particles wide enough for cores to be seen.

    Returns
    -------
    pedestal, length : float
        The pedestal is 0 in dark field, and where nothing shows it.
    """
    asked = _thickest(windows)
    usual = without_pedestal(asked, _USUAL if windows.dark else 0.0)
    errors, start = learn_errors(usual, fit_kind(in_single_precision(usual), WITH_CORE).parameters, WITH_CORE)
    if not windows.dark or not len(windows):
        return 0.0, errors.length
    shares = np.arange(0.0, _MOST + 1e-9, _STEP)
    unlikely = np.array(side_by_side(lambda share: _unlikely(asked, share, errors, start), shares.tolist()))
    return _lowest(shares, unlikely), errors.length


def _thickest(windows: RadialProfiles) -> RadialProfiles:
    """Return the windows that know most, in their order."""
    weight = ((windows.rho < _MIDDLE) & (windows.weight > 0)).astype(np.float64)
    middle = (weight * windows.level).sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
    order = np.argsort(middle if windows.dark else -middle, kind="stable")
    return windows.take(np.sort(order[:_ASKED]))


def _unlikely(windows: RadialProfiles, share: float, errors: ProfileErrors, start: FloatArray) -> float:
    """Return minus twice the log likelihood of the measured levels for a pedestal."""
    fits = fit_whitened(without_pedestal(windows, share), [start], WITH_CORE, errors)[0]
    # The levels without the pedestal are stretched: so many more values they can take.
    return float(fits.unlikely.sum() + 2 * (windows.weight > 0).sum() * np.log(1 - share))


def _lowest(at: FloatArray, values: FloatArray) -> float:
    """Return where the parabola through the lowest of some values and its neighbours is lowest."""
    i = int(np.argmin(values))
    if i in (0, len(at) - 1):
        return float(at[i])
    before, here, after = values[i - 1 : i + 2]
    return float(at[i] + 0.5 * (at[1] - at[0]) * (before - after) / max(before - 2 * here + after, 1e-12))


def without_pedestal(profiles: RadialProfiles, share: float) -> RadialProfiles:
    """Return profiles with the pedestal taken off, again in units of the background's level."""
    kept = 1 - share
    return replace(profiles, level=(profiles.level - share) / kept, weight=profiles.weight * kept**2)
