"""How far the profile of a real body may stray from that of the model, and how neighbouring bins stray together.

Strategy. A mean profile is known to a part in a thousand from its noise, but no particle is a ball to a part in a
thousand: crystals diffract patch by patch, tops are flat, voids lie off the centre. What is left unexplained is several
times the noise, smooth along the radius, and the larger the thicker the particle. Taken for independent noise of the
bins it moves a core by several per cent, with a tiny formal error. Taken for what it is, a smooth random factor on
the thickness, it hides slow bends and leaves the core's own mark, the kink where its chord begins. So errors are ::

    covariance(rho, rho') = noise(rho) [rho = rho'] + s^2 a(rho) a(rho') matern((rho - rho') / l)

                           + u^2 b(rho) b(rho') matern(...)

with a(rho) what a change of the thickness by its own amount does to the level, less towards the rim, where the mean is
over more independent patches; the strength s is learned from each profile, the length l from all of a movie
(core/fit.py). The second term is the
support, which is not even: u is what the profile shows of it beyond the edge.

References
----------
M. C. Kennedy, A. O'Hagan, J. R. Stat. Soc. B 63 (2001) 425, doi:10.1111/1467-9868.00294: what a model
leaves out as a Gaussian process. C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning (MIT Press
2006), eq. 4.17.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.outline.chord import RadialProfiles, Rows

# Within this radius the patches of a circle are so few that their number stays the same.
_INNERMOST = 0.2
# The thickness matters up to the edge; a level beyond it is the surroundings.
_EDGE = 1.05
# From here on the blurred edge shows no more.
_OUTSIDE = 1.1
# Least share of the background taken as seen through a particle: the logarithm of noise means nothing.
_LEAST_LEVEL = 0.02
# Variance of a bin that was not seen, in units of the squared background or height.
_UNSEEN = 1e4
# Matrices of fewer rows than twice this are inverted as they are.
_SMALLEST = 8


@dataclass(frozen=True)
class ProfileErrors:
    """How K profiles stray: `strength` (K,), relative fluctuation of the thickness, over a `length` (in radii)."""

    length: float
    strength: FloatArray

    def take(self, rows: Rows | slice) -> ProfileErrors:
        """Return those of some of the profiles."""
        return ProfileErrors(self.length, self.strength[rows])


@dataclass(frozen=True)
class Whitening:
    """K matrices (K, J, J) that make a profile's errors independent with unit variance, and ln |covariance| (K,)."""

    matrix: FloatArray
    log_determinant: FloatArray


def whitening(profiles: RadialProfiles, errors: ProfileErrors) -> Whitening:
    """Return the whitening of K profiles."""
    swing = thickness_swing(profiles) * errors.strength[:, None]
    support = support_swing(profiles)
    covariance = swing[:, :, None] * swing[:, None, :] + support[:, :, None] * support[:, None, :]
    # Profiles on a common grid share one matrix.
    rho = profiles.rho[:1] if (profiles.step == profiles.step[:1]).all() else profiles.rho
    covariance *= _matern((rho[:, :, None] - rho[:, None, :]) / errors.length)
    diagonal = np.arange(profiles.level.shape[1])
    weight = profiles.weight
    covariance[:, diagonal, diagonal] += np.where(weight > 0, 1 / np.maximum(weight, 1 / _UNSEEN), _UNSEEN)
    lower = np.asarray(np.linalg.cholesky(covariance), np.float64)
    log_determinant = 2 * np.log(lower[:, diagonal, diagonal]).sum(axis=1)
    return Whitening(inverse_of_lower(lower), log_determinant)


def inverse_of_lower(lower: FloatArray) -> FloatArray:
    """Return the inverses of (K, J, J) lower triangular matrices.

    Notes
    -----
    By halves: of [[a, 0], [b, c]] it is [[1/a, 0], [-(1/c) b (1/a), 1/c]]. A general inverse takes three times as long.
    """
    half = lower.shape[1] // 2
    if half < _SMALLEST:
        return np.asarray(np.linalg.inv(lower))
    inverse = np.zeros_like(lower)
    first, last = inverse_of_lower(lower[:, :half, :half]), inverse_of_lower(lower[:, half:, half:])
    inverse[:, :half, :half], inverse[:, half:, half:] = first, last
    inverse[:, half:, :half] = -last @ (lower[:, half:, :half] @ first)
    return inverse


def thickness_swing(profiles: RadialProfiles) -> FloatArray:
    """Return (K, J) by how much a level changes where all of the thickness is a fluctuation, and the circle is small.

    Notes
    -----
    Bright field: I t for I = exp(-t), from the measured level itself, so that it is the same for every model of the
    body. Dark field: the level. The mean over a circle of radius rho has a number of patches proportional to rho.
    """
    if profiles.dark:
        left = np.clip(profiles.level, _LEAST_LEVEL, 1.0)
        swing = -left * np.log(left)
    else:
        swing = np.maximum(profiles.level, 0.0)
    rho = profiles.rho
    return np.asarray(np.where(rho < _EDGE, swing * np.sqrt(_INNERMOST / np.maximum(rho, _INNERMOST)), 0.0))


def support_swing(profiles: RadialProfiles) -> FloatArray:
    """Return (K, J) by how much the level changes with the support under it.

    Notes
    -----
    The scatter of the bins beyond the edge, less their noise; in bright field what is under a particle is dimmed by it.
    """
    outside = ((profiles.rho > _OUTSIDE) & (profiles.weight > 0)).astype(np.float64)
    count = np.maximum(outside.sum(axis=1), 1.0)
    mean = (outside * profiles.level).sum(axis=1) / count
    scatter = (outside * (profiles.level - mean[:, None]) ** 2).sum(axis=1) / count
    noise = (outside / np.maximum(profiles.weight, 1e-12)).sum(axis=1) / count
    swing = np.sqrt(np.maximum(scatter - noise, 0.0))[:, None]
    return np.asarray(
        swing * np.clip(profiles.level, 0.0, 1.0) if profiles.dark else np.broadcast_to(swing, profiles.level.shape)
    )


def _matern(distance: FloatArray) -> FloatArray:
    """Return the Matern correlation of order 3/2 at (...) distances in units of its length."""
    scaled = np.sqrt(3.0) * np.abs(distance)
    return np.asarray((1 + scaled) * np.exp(-scaled))
