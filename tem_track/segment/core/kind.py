"""What kind of body a track is: solid, hollow or with a core in a shell; evidence pooled over all its frames.

Strategy. A more general model always fits better: speckle, facets and a shape that is not a ball's all look like a
little core. So fitting better is not enough. The profiles of the track are pooled into a few windows in time, each is
fitted by a hollow body without and with a core, errors as large and as smooth as the profiles themselves show them to
be (core/errors.py), and a core must be

* strong: its step in density above the shell is at least a tenth,
* needed: without it the misfit is clearly larger than such errors allow,
* steady: at the same fraction of the radius in most windows. One that goes on through all of them, and whose step
  fades but does not jump, needs to gain less: noise and patches that diffract offer no such course.

The same for the void against a solid body, and for both against a flat one, whose profile is a plateau without any
core or void. Where one of these fails the answer is "no core found".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import WhitenedFits
from tem_track.segment.core.seen import Seen, seen_together
from tem_track.segment.core.starts import FILLED, HOLLOW, PLATE, SOLID, WITH_CORE, fit_kind, fits_whitened
from tem_track.segment.core.windows import Windows
from tem_track.segment.outline.body import FULLNESS_RADIUS, SMALL_BALL, BodyFits, fit_bodies
from tem_track.segment.outline.chord import (
    CORE,
    CORE_RADIUS,
    FLAT,
    VOID,
    VOID_RADIUS,
    RadialProfiles,
    in_single_precision,
)

# Least excess of a core over its shell at the particle's middle, in thicknesses of the body: step in density times
# radius. Solid particles in simulated movies, speckled and lithiated, show up to 0.10 with a steady radius; NiO in CuO
# shows 0.14 to 0.6.
_CORE_EXCESS = 0.12
# Least step that a single window must show; noise alone shows up to 0.05.
_CORE_STEP = 0.05
# Least share of the density missing in a void: all of it where the void is empty, less where it lies off the centre.
_VOID_STEP = 0.5
# Least gain in chi-square by a core or a void, all windows together. Solid particles in simulated movies reach 100 with
# little excess, 49 with enough but in two thirds of the windows (5 electrons per px); cores of NiO in CuO that five
# sixths of the windows show gain 46 and more.
_GAIN, _VOID_GAIN, _GAIN_SHOWN = 60.0, 50.0, 40.0
# ... of a core that is steady in every window, even those that do not show it by themselves: what noise and patches
# offer jumps about. Of 137 cores in simulated movies 129 are, of 128 solid particles two; but a pattern that stands still
# is as steady as a core and gains up to 25, so that the gain is still asked for.
_GAIN_STEADY = 40.0
# Share of the windows that must show it, and from which on less gain will do.
_SHOWN, _WELL_SHOWN = 0.5, 0.7
# Least share of the thickness that stands in steep sides for a body to be no ball. A faceted NiO particle has less.
_FLAT_SHARE = 0.3
# Least factor by which a ball's misfit is larger than a plate's.
_NEEDED = 1.5
# The radius of a core or void, and the thickness of its shell, must be this many blurs to be seen at all.
_RESOLVED = 2.0


@dataclass(frozen=True)
class Kind:
    """The decision for a track: its name, and the parameters of its model that are free.

    `start` (P,) are the parameters of a typical window; `core` and `void` what the windows show of them, None where
    they show none.
    """

    name: str
    free: tuple[int, ...]
    start: FloatArray
    core: Seen | None = None
    void: Seen | None = None


def kinds_of_bodies(windows: Windows, bare: RadialProfiles, errors: ProfileErrors) -> list[Kind]:
    """Return the kind of body that the windows of each track show together, in the order of the tracks.

    Parameters
    ----------
    windows : Windows
    bare : RadialProfiles
        The resolved windows without pedestal.
    errors : ProfileErrors
        Theirs.
    """
    tracks = windows.of_tracks()
    resolved = set(windows.owner[windows.resolved()].tolist())
    small = [mine for i, mine in enumerate(tracks) if i not in resolved]
    large = [mine for i, mine in enumerate(tracks) if i in resolved]
    kinds = dict(zip((i for i in range(len(tracks)) if i not in resolved), _small_kinds(windows, small), strict=True))
    if large:
        named = _resolved_kinds(windows, large, bare, errors)
        kinds.update(zip(sorted(resolved), named, strict=True))
    return [kinds[i] for i in range(len(tracks))]


def _small_kinds(windows: Windows, tracks: Sequence[NDArray[np.intp]]) -> list[Kind]:
    """Return the kinds of tracks only a few blurs wide: they show no more than a ball."""
    if not tracks:
        return []
    fits = fit_kind(windows.profiles, SMALL_BALL)
    return [Kind("solid", SMALL_BALL, _typical(fits.take(mine))) for mine in tracks]


def _resolved_kinds(
    windows: Windows, tracks: Sequence[NDArray[np.intp]], bare: RadialProfiles, errors: ProfileErrors
) -> list[Kind]:
    """Return the kinds of tracks wide enough for a core or void to be seen."""
    pooled = in_single_precision(windows.profiles.take(np.concatenate(tracks)))
    plain: dict[tuple[int, ...], BodyFits] = {f: fit_kind(pooled, f) for f in (SOLID, HOLLOW, WITH_CORE, PLATE)}
    flat_cored = fit_bodies(pooled, plain[WITH_CORE].parameters, (*WITH_CORE, FLAT), rounds=20)
    white = {free: fits_whitened(bare, free, errors) for free in (SOLID, HOLLOW, FILLED, WITH_CORE, PLATE)}
    parts = np.split(np.arange(len(pooled)), np.cumsum([len(mine) for mine in tracks])[:-1])
    kinds = []
    for mine in parts:
        clear = _RESOLVED * float(np.median(pooled.blur[mine]))
        core, void = _inside(clear, {free: [fits.take(mine) for fits in offers] for free, offers in white.items()})
        own = {f: fits.take(mine) for f, fits in plain.items()}
        name = "core-shell" if core else "hollow" if void else "solid"
        kinds.append(replace(_as_kind(name, own, flat_cored.take(mine)), core=core, void=void))
    return kinds


def _inside(clear: float, fits: dict[tuple[int, ...], list[WhitenedFits]]) -> tuple[Seen | None, Seen | None]:
    """Return the core and the void that a track's windows show together, None where they show none."""
    best = {free: np.min([fit.chi2 for fit in offers], axis=0) for free, offers in fits.items()}
    core = seen_together(fits[WITH_CORE], np.minimum(best[HOLLOW], best[PLATE]), CORE, CORE_RADIUS, clear, _CORE_STEP)
    if _is_core(core):
        void = seen_together(fits[WITH_CORE], best[FILLED], VOID, VOID_RADIUS, clear, _VOID_STEP)
        return core, void if _is_void(void) else None
    void = seen_together(fits[HOLLOW], np.minimum(best[SOLID], best[PLATE]), VOID, VOID_RADIUS, clear, _VOID_STEP)
    return None, void if _is_void(void) else None


def _is_core(core: Seen) -> bool:
    """Return whether a core is strong, needed, and shown by most windows."""
    if core.steady:
        needed, shown = _GAIN_STEADY, core.shown >= _SHOWN
    else:
        needed, shown = _GAIN_SHOWN if core.shown > _WELL_SHOWN else _GAIN, core.shown > _SHOWN
    return core.step * core.typical_radius > _CORE_EXCESS and core.gain > needed and shown


def _is_void(void: Seen) -> bool:
    """Return whether a void is strong, needed, and shown by most windows."""
    return void.step > _VOID_STEP and void.gain > _VOID_GAIN and void.shown > _SHOWN


def _as_kind(name: str, fits: dict[tuple[int, ...], BodyFits], flat_cored: BodyFits) -> Kind:
    """Return the kind by its name, with the parameters that describe its outline best."""
    if name == "core-shell":
        if _is_flat(flat_cored, fits[WITH_CORE]):
            return Kind(name, (*WITH_CORE, FLAT), _typical(flat_cored))
        return Kind(name, WITH_CORE, _typical(fits[WITH_CORE]))
    if name == "hollow":
        return Kind(name, (*HOLLOW, CORE), _full(_typical(fits[HOLLOW])))
    if _is_flat(fits[PLATE], fits[SOLID]):
        return Kind(name, PLATE, _typical(fits[PLATE]))
    return Kind(name, (*SOLID, CORE), _full(_typical(fits[SOLID])))


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
