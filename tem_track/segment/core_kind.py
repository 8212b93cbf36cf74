"""What kind of body a track is: solid, hollow or with a core in a shell; evidence pooled over all its frames.

Strategy. A more general model always fits better: speckle, facets and a shape that is not a ball's all look like a
little core. So fitting better is not enough. The profiles of the track are pooled into a few windows in time, each is
fitted by a hollow body without and with a core, and a core must be

* strong: its step in density above the shell is at least a tenth,
* needed: without it the misfit is clearly larger,
* steady: at the same fraction of the radius in most windows.

The same for the void against a solid body, and for both against a flat one, whose profile is a plateau without any
core or void. Where one of these fails the answer is "no core found".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.outline_chord import (
    BASE,
    BLUR,
    BODY,
    CORE,
    CORE_RADIUS,
    EDGE,
    FLAT,
    SMALL,
    VOID,
    VOID_RADIUS,
    BodyFit,
    RadialProfile,
    first_guesses,
    fit_body,
)

SOLID = (EDGE, BLUR, BASE, BODY)
HOLLOW = (*SOLID, VOID, VOID_RADIUS)
WITH_CORE = (*HOLLOW, CORE, CORE_RADIUS)

# Windows in time that vote; fewer where the track is short.
_WINDOWS = 6
# Windows below which steadiness means nothing.
_FEW = 3
# Least step in density (relative to the shell) of a core. Solid particles in eight simulated movies, speckled and
# lithiated, show up to 0.05 with a steady radius; NiO in CuO shows 0.14 to 0.7.
_CORE_STEP = 0.1
# Least share of the density missing in a void (1 where it is empty).
_VOID_STEP = 0.3
# Least factor by which the misfit grows without the core or void.
_NEEDED = 1.5
# Least share of the thickness that stands in steep sides for a body to be no ball. A faceted NiO particle has less.
_FLAT_SHARE = 0.3
# Largest scatter of the radius between windows (median absolute deviation, fraction of the radius).
_STEADY = 0.05
# The radius of a core or void, and the thickness of its shell, must be this many blurs to be seen at all.
_RESOLVED = 2.0
# Where the fullness of a body without core acts, fraction of the radius.
_FULLNESS_RADIUS = 0.8


@dataclass(frozen=True)
class Kind:
    """The decision for a track: its name, and the parameters of its model that are free."""

    name: str
    free: tuple[int, ...]
    start: FloatArray


def pool_profiles(profiles: Sequence[RadialProfile], edges: Sequence[float], bins: int = 64) -> RadialProfile:
    """Return the weighted mean of profiles, each in units of its own fitted edge."""
    step = 1.3 / bins
    rho = (np.arange(bins) + 0.5) * step
    top, bottom = np.zeros(bins), np.zeros(bins)
    for profile, edge in zip(profiles, edges, strict=True):
        at = profile.rho / edge
        # A bin of the pooled profile holds the information of its own width.
        weight = np.interp(rho, at, profile.weight, right=0.0) * (step * edge / profile.step)
        top += weight * np.interp(rho, at, profile.level)
        bottom += weight
    blur = float(np.median([p.blur / e for p, e in zip(profiles, edges, strict=True)]))
    blur_sd = float(np.median([p.blur_sd / e for p, e in zip(profiles, edges, strict=True)]))
    return RadialProfile(step, top / np.maximum(bottom, 1e-12), bottom, profiles[0].dark, blur, blur_sd)


def fit_kind(profile: RadialProfile, free: tuple[int, ...]) -> BodyFit:
    """Return the best fit of one kind of body from several starts."""
    fits = []
    for core_radius in (0.85, 0.7, 0.55) if CORE in free else (0.9,):
        for void_radius in (0.45, 0.25) if VOID in free else (0.3,):
            start = first_guesses(profile)[0]
            start[CORE_RADIUS], start[VOID_RADIUS] = core_radius, void_radius
            start[CORE] = 0.4 if CORE in free else 0.0
            start[VOID] = 0.6 if VOID in free else 0.0
            fits.append(fit_body(profile, start, free, rounds=20))
    return min(fits, key=lambda fit: fit.chi2)


def kind_of_body(profiles: Sequence[RadialProfile], edges: Sequence[float]) -> Kind:
    """Return the kind of body that the profiles of a track show together.

    Parameters
    ----------
    profiles : sequence of RadialProfile
        Of all frames, in order.
    edges : sequence of float
        Fitted edge of each in the profile's unit.
    """
    windows = np.array_split(np.arange(len(profiles)), max(1, min(_WINDOWS, len(profiles) // 4)))
    pooled = [pool_profiles([profiles[i] for i in w], [edges[i] for i in w]) for w in windows]
    if np.median([p.blur for p in pooled]) > SMALL:
        return Kind("solid", (EDGE, BASE, BODY), _typical([fit_kind(p, (EDGE, BASE, BODY)) for p in pooled]))
    blur = float(np.median([p.blur for p in pooled]))
    solid = [fit_kind(p, SOLID) for p in pooled]
    hollow = [fit_kind(p, HOLLOW) for p in pooled]
    cored = [fit_kind(p, WITH_CORE) for p in pooled]
    flat = [fit_kind(p, (*SOLID, FLAT)) for p in pooled]
    if _shows(cored, hollow, CORE, CORE_RADIUS, _CORE_STEP, blur) and _shows(
        cored, flat, CORE, CORE_RADIUS, _CORE_STEP, blur
    ):
        flat_cored = [
            fit_body(p, c.parameters, (*WITH_CORE, FLAT), rounds=20) for p, c in zip(pooled, cored, strict=True)
        ]
        if _is_flat(flat_cored, cored):
            return Kind("core-shell", (*WITH_CORE, FLAT), _typical(flat_cored))
        return Kind("core-shell", WITH_CORE, _typical(cored))
    if _shows(hollow, solid, VOID, VOID_RADIUS, _VOID_STEP, blur) and _shows(
        hollow, flat, VOID, VOID_RADIUS, _VOID_STEP, blur
    ):
        return Kind("hollow", (*HOLLOW, CORE), _full(_typical(hollow)))
    if _is_flat(flat, solid):
        return Kind("solid", (*SOLID, FLAT), _typical(flat))
    return Kind("solid", (*SOLID, CORE), _full(_typical(solid)))


def _shows(fits: Sequence[BodyFit], without: Sequence[BodyFit], part: int, at: int, least: float, blur: float) -> bool:
    """Return whether most windows agree on a core or void that is strong, needed, steady and resolved."""
    # One picture cannot show that a core is steady, so it has to be twice as clear.
    clear = 1.0 if len(fits) >= _FEW else 2.0
    step = np.array([fit.parameters[part] for fit in fits])
    place = np.array([fit.parameters[at] for fit in fits])
    needed = np.array([b.chi2 > clear * _NEEDED * f.chi2 for f, b in zip(fits, without, strict=True)])
    good = (step > clear * least) & needed & (place > _RESOLVED * blur) & (1 - place > _RESOLVED * blur)
    if good.mean() <= 0.5:
        return False
    # The radius may wander as the stages run, but not jump from window to window.
    jumps = np.abs(np.diff(place[good]))
    return bool(not jumps.size or float(np.median(jumps)) < _STEADY)


def _is_flat(flat: Sequence[BodyFit], round_: Sequence[BodyFit]) -> bool:
    """Return whether most windows show a body with steep sides (plate, hemisphere, facets) rather than a ball."""
    share = np.array([fit.parameters[FLAT] for fit in flat])
    needed = np.array([b.chi2 > _NEEDED * f.chi2 for f, b in zip(flat, round_, strict=True)])
    return bool(((share > _FLAT_SHARE) & needed).mean() > 0.5)


def _full(start: FloatArray) -> FloatArray:
    """Return parameters of a body without core, ready for its fullness to be fitted.

    Real bodies are faceted and a little fuller towards their edge than a ball. A free, mostly negative, step at a
    fixed radius follows that; without it the edge of a solid particle comes out up to 0.6 % too far, and less so as
    the contrast fades.
    """
    full = start.copy()
    full[CORE], full[CORE_RADIUS] = 0.0, _FULLNESS_RADIUS
    return full


def _typical(fits: Sequence[BodyFit]) -> FloatArray:
    """Return the median parameters of several fits."""
    return np.asarray(np.median([fit.parameters for fit in fits], axis=0))
