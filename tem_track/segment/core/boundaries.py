"""Inner boundaries of tracks: with their kinds known, core and void of every frame, and the edge once more.

Strategy. The kind comes from all frames (core/kind.py). Then each frame's profile is pooled with its neighbours in
time, every one in units of its own radius, and fitted by a body of that kind: this gives core and void. That body is
the template for the frame's own profile with only edge, thickness and background free, so that the outline of a solid
particle is not shaken by a core it does not have, and noise in core and void does not reach the curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.core.edge import final_edges, with_one_fullness
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import Expected, best_of, fit_whitened, learn_errors
from tem_track.segment.core.kind import Kind, kinds_of_bodies
from tem_track.segment.core.path import memory, not_astray, steady_path
from tem_track.segment.core.pedestal import pedestal_and_length, without_pedestal
from tem_track.segment.core.starts import SOLID, WITH_CORE, fit_kind
from tem_track.segment.core.windows import windows_of
from tem_track.segment.outline.body import SMALL_BALL, fit_bodies
from tem_track.segment.outline.chord import CORE, CORE_RADIUS, VOID, VOID_RADIUS, in_single_precision
from tem_track.segment.outline.evidence import MovieProfiles

# Frames on either side whose profiles are pooled.
_POOL = 2
# How far the core of a frame may be from what the windows show (fraction of the radius).
_WANDER = 0.05
# The radius that belongs to each part's density.
_PARTS = {CORE: CORE_RADIUS, VOID: VOID_RADIUS}
# What is left of core and void where noise and speckle are averaged away: they are no balls, nor in the middle
# (fraction of the outline's radius; simulated movies of two generators).
_MODEL_SD = 0.006


@dataclass(frozen=True)
class InnerBoundaries:
    """Kinds of a movie's bodies and what they mean for each of its R rows.

    Attributes
    ----------
    kinds : mapping of int to str
        Per track: ``solid``, ``core-shell`` or ``hollow``.
    core_ratio, core_ratio_sd, void_ratio, void_ratio_sd : (R,) float64
        Radius of core and void as fractions of the outline's; NaN where there is none.
    edge_factor : (R,) float64
        By how much the outline is to be scaled, and
    edge_sd : (R,) float64
        relative standard uncertainty of its radius from the profile.
    form_sd : (R,) float64
        relative standard uncertainty of its radius from the form of the body, which is not known.
    """

    kinds: Mapping[int, str]
    core_ratio: FloatArray
    core_ratio_sd: FloatArray
    void_ratio: FloatArray
    void_ratio_sd: FloatArray
    edge_factor: FloatArray
    edge_sd: FloatArray
    form_sd: FloatArray


def inner_boundaries(profiles: MovieProfiles) -> InnerBoundaries:
    """Return kinds, cores, voids and final edges of all tracks of a movie."""
    windows = windows_of(profiles)
    resolved = windows.profiles.take(windows.resolved())
    share, length = pedestal_and_length(resolved)
    bare = without_pedestal(resolved, share)
    errors = learn_errors(bare, fit_kind(in_single_precision(bare), WITH_CORE).parameters, WITH_CORE, (length,))[0]
    kinds = kinds_of_bodies(windows, bare, errors)
    template = _templates(profiles, kinds)
    found = InnerBoundaries(
        {int(profiles.track[rows.start]): kind.name for rows, kind in zip(profiles.tracks(), kinds, strict=True)},
        *(np.full(len(profiles), np.nan) for _ in range(7)),
    )
    strength = np.full(len(windows.owner), np.nan)
    strength[windows.resolved()] = errors.strength
    own_strength = np.full(len(profiles), np.nan)
    for track, (rows, kind) in enumerate(zip(profiles.tracks(), kinds, strict=True)):
        mine, at = windows.owner == track, np.arange(rows.start, rows.stop)
        own = own_strength[rows] = np.exp(np.interp(at, windows.centre[mine], np.log(strength[mine])))
        if kind.core or kind.void:
            middle = {
                name: np.interp(at, windows.centre[mine], seen.radius)
                for name, seen in ((CORE_RADIUS, kind.core), (VOID_RADIUS, kind.void))
                if seen
            }
            _note_inside(found, profiles, at, _Inside(share, template[rows], ProfileErrors(errors.length, own), middle))
    template = with_one_fullness(profiles, _with_known_inside(profiles, found, template, kinds), kinds)
    edge, found.edge_sd[:] = final_edges(profiles, template, errors.length, own_strength)
    _place_edges(found, profiles, edge, kinds)
    return found


def _with_known_inside(
    profiles: MovieProfiles, found: InnerBoundaries, template: FloatArray, kinds: list[Kind]
) -> FloatArray:
    """Return the (R, P) bodies that describe each row, core and void where all frames together show them.

    A profile's own fit shifts a core to make up for a form that is no ball's, and so the edge too.
    """
    known = template.copy()
    for free, rows, _ in _by_free(profiles, kinds):
        inside = {CORE_RADIUS: found.core_ratio[rows], VOID_RADIUS: found.void_ratio[rows]}
        placed = {name: ratio for name, ratio in inside.items() if name in free}
        rest = tuple(name for name in free if name not in placed)
        if not placed:
            continue
        for name, ratio in placed.items():
            known[rows, name] = np.where(np.isfinite(ratio), ratio, known[rows, name])
        pooled = in_single_precision(profiles.pooled_over_time(rows, _POOL))
        known[rows] = fit_bodies(pooled, known[rows], rest, rounds=10).parameters
    return known


def _templates(profiles: MovieProfiles, kinds: list[Kind]) -> FloatArray:
    """Return the (R, P) bodies that describe each row together with its neighbours in time."""
    template = np.zeros((len(profiles), len(kinds[0].start)))
    for free, rows, start in _by_free(profiles, kinds):
        if free == SMALL_BALL:
            # What is free is fitted to the frame's own profile anyway: the pooled one would add nothing.
            template[rows] = start
        else:
            pooled = in_single_precision(profiles.pooled_over_time(rows, _POOL))
            template[rows] = fit_bodies(pooled, start, free, rounds=15).parameters
    return template


def _place_edges(found: InnerBoundaries, profiles: MovieProfiles, edge: FloatArray, kinds: list[Kind]) -> None:
    """Write by how much every row's outline is to be scaled, and what the form of its body leaves open."""
    found.edge_factor[:] = edge / profiles.edge
    found.form_sd[:] = np.abs(profiles.edges_of_fuller_bodies() / edge - 1)
    # A particle only a few blurs wide shows no form; its noise would be counted twice.
    for mine, kind in zip(profiles.tracks(), kinds, strict=True):
        if kind.free == SMALL_BALL:
            found.form_sd[mine] = 0.0


@dataclass(frozen=True)
class _Inside:
    """What is known of the inside of a track before its K rows are fitted.

    The pedestal's `share`, `start` (K, P) bodies to start from, the profiles' `errors`, and the radii (K,) of core and
    void that the windows show, by the parameter they are; a part that they do not show is missing.
    """

    share: float
    start: FloatArray
    errors: ProfileErrors
    radius: Mapping[int, FloatArray]


def _by_free(profiles: MovieProfiles, kinds: list[Kind]) -> list[tuple[tuple[int, ...], NDArray[np.intp], FloatArray]]:
    """Return free parameters, rows and starts (K, 9) of the tracks that have the same ones free."""
    tracks = profiles.tracks()
    groups = []
    for free in sorted({kind.free for kind in kinds}):
        mine = [i for i, kind in enumerate(kinds) if kind.free == free]
        rows = np.concatenate([np.arange(tracks[i].start, tracks[i].stop) for i in mine])
        start = np.concatenate([np.tile(kinds[i].start, (tracks[i].stop - tracks[i].start, 1)) for i in mine])
        groups.append((free, rows, start))
    return groups


def _note_inside(found: InnerBoundaries, profiles: MovieProfiles, rows: NDArray[np.intp], inside: _Inside) -> None:
    """Write core and void of the K rows of a track."""
    pooled = without_pedestal(profiles.pooled_over_time(rows, _POOL), inside.share)
    known = [Expected(name, radius, np.full(len(rows), _WANDER)) for name, radius in inside.radius.items()]
    free = tuple(name for name in WITH_CORE if _PARTS.get(name, name) in (*SOLID, *inside.radius))
    fits = best_of(fit_whitened(pooled, _starts(inside), free, inside.errors, expected=known))
    lasting = memory(fits.residual)
    radius, sd = fits.parameters, np.sqrt(fits.variance)
    for name, ratio, ratio_sd in (
        (CORE_RADIUS, found.core_ratio, found.core_ratio_sd),
        (VOID_RADIUS, found.void_ratio, found.void_ratio_sd),
    ):
        if name in free:
            near = not_astray(radius[:, name], sd[:, name], inside.radius[name], _WANDER)
            ratio[rows], ratio_sd[rows] = _steady(*near, lasting)


def _starts(inside: _Inside) -> list[FloatArray]:
    """Return the bodies (K, P) that fits start from: the rows' own, and a typical one in case these are wrong."""
    own, typical = inside.start.copy(), inside.start.copy()
    for amount, usual in ((CORE, 0.3), (VOID, 0.8)):
        place = _PARTS[amount]
        if place in inside.radius:
            typical[:, amount] = usual
            own[:, place] = typical[:, place] = inside.radius[place]
        else:
            own[:, amount] = typical[:, amount] = 0.0
    return [own, typical]


def _steady(ratio: FloatArray, sd: FloatArray, lasting: float) -> tuple[FloatArray, FloatArray]:
    """Return a core's or void's radius over the outline's made consistent over time, and its uncertainty.

    Notes
    -----
    The pools of the first and last frames reach to one side only: what they show is not of their own time. The path
    goes on into them from the others.
    """
    known = sd.copy()
    if len(ratio) > 4 * _POOL:
        known[:_POOL] = known[-_POOL:] = np.inf
    path, path_sd = steady_path(ratio, known, lasting)
    return np.clip(path, 0.0, 1.0), np.hypot(path_sd, _MODEL_SD)
