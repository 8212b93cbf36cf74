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
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.outline_body import FULLNESS_RADIUS, SMALL_BALL, BodyFits, fit_bodies, solid_guess
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
    RadialProfiles,
)
from tem_track.segment.outline_evidence import MovieProfiles

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


@dataclass(frozen=True)
class Kind:
    """The decision for a track: its name, and the parameters of its model that are free."""

    name: str
    free: tuple[int, ...]
    start: FloatArray


def kinds_of_bodies(profiles: MovieProfiles) -> list[Kind]:
    """Return the kind of body that the profiles of each track show together, in the order of the tracks."""
    windows, owner = _windows(profiles)
    pooled = profiles.pooled(windows, len(owner))
    tracks = np.split(np.arange(len(owner)), np.flatnonzero(np.diff(owner)) + 1)
    small = np.array([float(np.median(pooled.blur[mine])) > SMALL for mine in tracks])
    kinds: dict[int, Kind] = {}
    for chosen, decide in ((np.flatnonzero(small), _small_kinds), (np.flatnonzero(~small), _resolved_kinds)):
        if not len(chosen):
            continue
        rows = np.concatenate([tracks[i] for i in chosen])
        sizes = np.cumsum([len(tracks[i]) for i in chosen])[:-1]
        parts = np.split(np.arange(len(rows)), sizes)
        kinds.update(zip(chosen.tolist(), decide(pooled.take(rows), parts), strict=True))
    return [kinds[i] for i in range(len(tracks))]


def _windows(profiles: MovieProfiles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the window in time of every row (R,), and the track (counted from 0) of every window (W,)."""
    window = np.zeros(len(profiles), np.intp)
    owner: list[int] = []
    for i, rows in enumerate(profiles.tracks()):
        length = rows.stop - rows.start
        parts = np.array_split(np.arange(rows.start, rows.stop), max(1, min(_WINDOWS, length // 4)))
        for part in parts:
            window[part] = len(owner)
            owner.append(i)
    return window, np.array(owner, np.intp)


def fit_kind(profiles: RadialProfiles, free: tuple[int, ...]) -> BodyFits:
    """Return the best fits of one kind of body from several starts."""
    every = np.arange(len(profiles))
    best: BodyFits | None = None
    for core_radius in (0.85, 0.7, 0.55) if CORE in free else (0.9,):
        for void_radius in (0.45, 0.25) if VOID in free else (0.3,):
            start = solid_guess(profiles)
            start[:, CORE_RADIUS], start[:, VOID_RADIUS] = core_radius, void_radius
            start[:, CORE] = 0.4 if CORE in free else 0.0
            start[:, VOID] = 0.6 if VOID in free else 0.0
            fits = fit_bodies(profiles, start, free, rounds=20)
            if best is None:
                best = fits
            else:
                best.improve(every, fits)
    assert best is not None
    return best


def _small_kinds(pooled: RadialProfiles, tracks: Sequence[NDArray[np.intp]]) -> list[Kind]:
    """Return the kinds of tracks only a few blurs wide: they show no more than a ball."""
    fits = fit_kind(pooled, SMALL_BALL)
    return [Kind("solid", SMALL_BALL, _typical(fits.take(mine))) for mine in tracks]


def _resolved_kinds(pooled: RadialProfiles, tracks: Sequence[NDArray[np.intp]]) -> list[Kind]:
    """Return the kinds of tracks wide enough for a core or void to be seen."""
    fits = {free: fit_kind(pooled, free) for free in (SOLID, HOLLOW, WITH_CORE, (*SOLID, FLAT))}
    flat_cored = fit_bodies(pooled, fits[WITH_CORE].parameters, (*WITH_CORE, FLAT), rounds=20)
    return [
        _kind_of_track(
            float(np.median(pooled.blur[mine])),
            {free: fit.take(mine) for free, fit in fits.items()},
            flat_cored.take(mine),
        )
        for mine in tracks
    ]


def _kind_of_track(blur: float, fits: dict[tuple[int, ...], BodyFits], flat_cored: BodyFits) -> Kind:
    """Return the kind of one track from the fits of its windows by every kind of body."""
    solid, hollow, cored, flat = fits[SOLID], fits[HOLLOW], fits[WITH_CORE], fits[(*SOLID, FLAT)]
    if _shows(cored, hollow, CORE, CORE_RADIUS, _CORE_STEP, blur) and _shows(
        cored, flat, CORE, CORE_RADIUS, _CORE_STEP, blur
    ):
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


def _shows(fits: BodyFits, without: BodyFits, part: int, at: int, least: float, blur: float) -> bool:
    """Return whether most windows agree on a core or void that is strong, needed, steady and resolved."""
    # One picture cannot show that a core is steady, so it has to be twice as clear.
    clear = 1.0 if len(fits.chi2) >= _FEW else 2.0
    step, place = fits.parameters[:, part], fits.parameters[:, at]
    needed = without.chi2 > clear * _NEEDED * fits.chi2
    good = (step > clear * least) & needed & (place > _RESOLVED * blur) & (1 - place > _RESOLVED * blur)
    if good.mean() <= 0.5:
        return False
    # The radius may wander as the stages run, but not jump from window to window.
    jumps = np.abs(np.diff(place[good]))
    return bool(not jumps.size or float(np.median(jumps)) < _STEADY)


def _is_flat(flat: BodyFits, round_: BodyFits) -> bool:
    """Return whether most windows show a body with steep sides (plate, hemisphere, facets) rather than a ball."""
    needed = round_.chi2 > _NEEDED * flat.chi2
    return bool(((flat.parameters[:, FLAT] > _FLAT_SHARE) & needed).mean() > 0.5)


def _full(start: FloatArray) -> FloatArray:
    """Return parameters of a body without core, ready for its fullness to be fitted.

    Real bodies are faceted and a little fuller towards their edge than a ball. A free, mostly negative, step at a
    fixed radius follows that; without it the edge of a solid particle comes out up to 0.6 % too far, and less so as
    the contrast fades.
    """
    full = start.copy()
    full[CORE], full[CORE_RADIUS] = 0.0, FULLNESS_RADIUS
    return full


def _typical(fits: BodyFits) -> FloatArray:
    """Return the median parameters of several fits."""
    return np.asarray(np.median(fits.parameters, axis=0))
