"""The radial profile of a round body in projection: where the thickness begins, a core, a void.

Strategy. The projected thickness of a round body is its chord sqrt(R^2 - r^2), which rises from the edge like a square
root: no step, no maximum of the gradient, no half height marks the edge. So the whole profile is modelled. With the
distance from the centre in units of the outline's radius, rho = r / R(theta), every direction shares one profile ::

    thickness(rho) = a ((1 - f) chord(rho; e) + f e [rho < e] + n chord(rho; c e) - w chord(rho; v e)),
    chord(rho; q) = sqrt(q^2 - rho^2)

body (a ball, or with f towards 1 a flat disc), core (n times as dense on top), void (w; 1 + n where it is empty).
Bright field attenuates, I = b exp(-thickness); dark field adds, I = b + thickness. The blur of the optics is a
Gaussian. `e` says by how much the assumed outline was too small.

Out of focus, bright field also shows the phase: where the thickness is curved, electrons are moved from one place to
the next, I = b exp(-thickness) (1 + fringe d2 thickness / d rho2), most of all at the edge, where a Fresnel fringe
stands that reaches well beyond the particle (transport of intensity, Teague 1983, doi:10.1364/JOSA.73.001434).

Everything here works on K profiles of J bins at once: one call of numpy costs as much as the arithmetic of one profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct

from tem_track.movie import FloatArray, Mask

EDGE, BLUR, BASE, BODY, CORE, VOID, CORE_RADIUS, VOID_RADIUS, FLAT, FRINGE = range(10)
PARAMETERS = 10
AnyFloat: TypeAlias = NDArray[np.floating[Any]]
"""float32 or float64."""
Rows: TypeAlias = NDArray[np.intp] | Mask
# Blur over radius above which core and void cannot be told from the blurred edge.
SMALL = 0.12


@dataclass(frozen=True)
class RadialProfiles:
    """Mean grey value of K particles against the distance from the centre, all directions in one.

    Attributes
    ----------
    step : (K,) float64
        Width of a bin in units of the outline's radius; bin j is centred on (j + 1/2) step.
    level : (K, J) float
        Grey value in units of the local background (dark) or above it in units of the profile's height (bright).
    weight : (K, J) float
        1 / variance of `level`, 0 where there is nothing.
    dark : bool
        Bright-field contrast.
    blur : (K,) float64
        Expected blur of the picture (standard deviation), in units of the radius, and
    blur_sd : (K,) float64
        how well that is known.
    fringe, fringe_sd : (K,) float64 or None
        Strength of the defocus fringe in units of the radius squared, None where there is none; and how well it is
        known, None where it is not to be fitted.
    plain : bool
        The bodies show no core and no void (outline/plain.py).
    """

    step: FloatArray
    level: FloatArray
    weight: FloatArray
    dark: bool
    blur: FloatArray
    blur_sd: FloatArray
    fringe: FloatArray | None = None
    fringe_sd: FloatArray | None = None
    plain: bool = False

    def __len__(self) -> int:
        return len(self.step)

    @property
    def rho(self) -> FloatArray:
        """Centres of the bins, (K, J)."""
        return np.asarray((np.arange(self.level.shape[1]) + 0.5) * self.step[:, None])

    def take(self, rows: Rows | slice) -> RadialProfiles:
        """Return some of the profiles."""
        fringe, fringe_sd = (None if v is None else v[rows] for v in (self.fringe, self.fringe_sd))
        step, level, weight = self.step[rows], self.level[rows], self.weight[rows]
        blur, blur_sd = self.blur[rows], self.blur_sd[rows]
        return RadialProfiles(step, level, weight, self.dark, blur, blur_sd, fringe, fringe_sd, self.plain)


def joined(profiles: Sequence[RadialProfiles]) -> RadialProfiles:
    """Return profiles with equal numbers of bins one after the other."""
    if len(profiles) == 1:
        return profiles[0]
    step, level, weight, blur, blur_sd = (
        np.concatenate([getattr(p, name) for p in profiles]) for name in ("step", "level", "weight", "blur", "blur_sd")
    )
    fringe, fringe_sd = (
        None if getattr(profiles[0], name) is None else np.concatenate([getattr(p, name) for p in profiles])
        for name in ("fringe", "fringe_sd")
    )
    return RadialProfiles(step, level, weight, profiles[0].dark, blur, blur_sd, fringe, fringe_sd, profiles[0].plain)


def in_single_precision(profiles: RadialProfiles) -> RadialProfiles:
    """Return profiles whose levels and weights are float32."""
    return replace(profiles, level=profiles.level.astype(np.float32), weight=profiles.weight.astype(np.float32))


def chord(edges: AnyFloat, radius: AnyFloat) -> tuple[AnyFloat, AnyFloat]:
    """Return the chord sqrt(radius^2 - rho^2) averaged over each bin, and its derivative with respect to the radius.

    Parameters
    ----------
    edges : (K, J + 1) float
        Bin edges.
    radius : (K, M) float

    Returns
    -------
    chord, slope : (K, M, J) float
        Exact bin means, so that the model is smooth in the radius however coarse the bins are. In the precision of the
        radius.
    """
    q = np.maximum(radius, 1e-6)[:, :, None]
    at = np.minimum(edges[:, None, :] / q, 1.0)
    angle = np.arcsin(at)
    area = at * np.sqrt(1 - at * at) + angle
    per_width = q / (edges[:, 1:2] - edges[:, :1])[:, :, None]
    slope: AnyFloat = np.diff(angle, axis=2) * per_width
    mean: AnyFloat = np.diff(area, axis=2) * (0.5 * q * per_width)
    return mean, slope


def body_profiles(parameters: FloatArray, bins: int, step: FloatArray, dark: bool) -> FloatArray:
    """Return the (K, J) profiles of bodies with the given (K, 10) parameters, blurred."""
    return np.asarray(profiles_and_slopes(parameters, bins, step, dark, ())[0], np.float64)


def profiles_and_slopes(
    p: AnyFloat, bins: int, step: AnyFloat, dark: bool, free: tuple[int, ...]
) -> tuple[AnyFloat, AnyFloat]:
    """Return (K, J) blurred profiles and (K, F, J) derivatives with respect to the `free` of the (K, 10) parameters.

    They come in the precision of the parameters. Parts that no body has (core, void, flat) and that are not free cost
    nothing.
    """
    column = p[:, :, None]
    shape, by_shape = _thickness_shape(p, bins, step, free)
    thickness = column[:, BODY] * shape
    rows = np.empty((len(p), 1 + len(free), bins), p.dtype)
    rows[:, 0] = thickness
    for i, name in enumerate(free, start=1):
        if name == BODY:
            rows[:, i] = shape
        elif name in (BASE, BLUR, FRINGE):
            rows[:, i] = 0.0
        else:
            rows[:, i] = column[:, BODY] * by_shape[name]
    if dark:
        rows = _attenuated(rows, p, step, free)
    else:
        rows[:, 0] += column[:, BASE]
        rows[:, [1 + i for i, name in enumerate(free) if name == BASE]] = 1.0
    blurred = _blurred(rows, p[:, BLUR], step, free)
    return blurred[:, 0], blurred[:, 1:]


def _attenuated(thickness: AnyFloat, p: AnyFloat, step: AnyFloat, free: tuple[int, ...]) -> AnyFloat:
    """Return (K, F + 1, J) bright-field intensity and its derivatives from those of the thickness, in place."""
    left = np.exp(-thickness[:, 0])
    sharp = p[:, BASE, None] * left
    factor = None
    if p[:, FRINGE].any() or FRINGE in free:
        # Curvature of the thickness as blurred as the picture is: the sharp one is infinite at the edge.
        curved = _blurred(thickness, p[:, BLUR], step, free, curvature=True)
        fringe = p[:, FRINGE, None]
        factor = 1 + fringe * curved[:, 0]
    thickness[:, 0] = 0.0
    rows = thickness
    rows *= -sharp[:, None]
    rows[:, 0] = sharp
    if factor is not None:
        rows *= factor[:, None]
        rows[:, 1:] += (fringe * sharp)[:, None] * curved[:, 1:]
        left = left * factor
    for i, name in enumerate(free, start=1):
        if name == BASE:
            rows[:, i] = left
        elif name == FRINGE:
            rows[:, i] = sharp * curved[:, 0]
    return rows


def _thickness_shape(
    p: AnyFloat, bins: int, step: AnyFloat, free: tuple[int, ...]
) -> tuple[AnyFloat, dict[int, AnyFloat]]:
    """Return the (K, J) thickness in units of the body's and its derivatives by the free parameters of the shape."""
    column = p[:, :, None]
    edges = np.arange(bins + 1, dtype=p.dtype) * step[:, None]
    e, c, v = p[:, EDGE], p[:, CORE_RADIUS], p[:, VOID_RADIUS]
    cored = CORE in free or bool(p[:, CORE].any())
    hollow = VOID in free or bool(p[:, VOID].any())
    radii = [e] + ([e * c] if cored else []) + ([e * v] if hollow else [])
    chords, slopes = chord(edges, np.stack(radii, axis=1))
    shape, by = chords[:, 0], {EDGE: slopes[:, 0]}
    if FLAT in free or p[:, FLAT].any():
        # The flat part: a disc of thickness e, each bin filled as far as the edge reaches into it.
        size = column[:, EDGE]
        filled = np.clip((size - edges[:, :-1]) / step[:, None], 0.0, 1.0)
        rim = ((size > edges[:, :-1]) & (size <= edges[:, 1:])) / step[:, None]
        by[FLAT] = size * filled - shape
        shape = shape + column[:, FLAT] * by[FLAT]
        by[EDGE] = (1 - column[:, FLAT]) * by[EDGE] + column[:, FLAT] * (filled + size * rim)
    for present, amount, place, sign, i in (
        (cored, CORE, CORE_RADIUS, 1.0, 1),
        (hollow, VOID, VOID_RADIUS, -1.0, 1 + cored),
    ):
        if present:
            by[amount] = sign * chords[:, i]
            shape = shape + column[:, amount] * by[amount]
            by_radius = sign * column[:, amount] * slopes[:, i]
            by[place] = by_radius * column[:, EDGE]
            by[EDGE] = by[EDGE] + by_radius * column[:, place]
    return shape, by


def _blurred(
    rows: AnyFloat, blur: AnyFloat, step: AnyFloat, free: tuple[int, ...], curvature: bool = False
) -> AnyFloat:
    """Return (K, F + 1, J) rows after a Gaussian blur (K,); what the blur itself changes is added to its row.

    With `curvature` the second derivatives of the blurred rows are returned.
    """
    bins = rows.shape[2]
    forward, backward = _cosines(bins, rows.dtype)
    frequency = (np.pi / bins * np.arange(bins)).astype(rows.dtype) / step[:, None]
    spectrum = (rows.reshape(-1, bins) @ forward).reshape(rows.shape)
    kept = np.exp(-0.5 * (frequency * blur[:, None]) ** 2)
    spectrum *= (-(frequency**2) * kept if curvature else kept)[:, None, :]
    if BLUR in free:
        spectrum[:, 1 + free.index(BLUR)] -= (frequency**2) * blur[:, None] * spectrum[:, 0]
    return np.asarray((spectrum.reshape(-1, bins) @ backward).reshape(rows.shape))


@lru_cache(maxsize=16)
def _cosines(bins: int, precision: np.dtype[Any]) -> tuple[AnyFloat, AnyFloat]:
    """Return the cosine transform and its inverse as (J, J) matrices that act on rows.

    The transform continues a profile as an even function at the centre and flat beyond its end. For a hundred bins a
    product with the matrix is faster than the call of a fast transform.
    """
    unit = np.eye(bins)
    forward, backward = dct(unit, axis=1, type=2), idct(unit, axis=1, type=2)
    return np.asarray(forward, precision), np.asarray(backward, precision)
