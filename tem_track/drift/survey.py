"""The first pass over a movie: the quality of every frame and a rough path through all of them.

Every frame is registered on several earlier ones: the two before it, and key frames further and further back.
Displacements between neighbours come from a search over the whole field, so that a stage jump is followed; the
longer ones start from the path so far and are searched for only where that fails. A bounded number of frames is
held, however long the movie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from tem_track.drift.graph import Pair, solve_path
from tem_track.drift.pairs import SIGNIFICANT_PEAK, Match, Searchable, climb, search, searchable
from tem_track.drift.path import Drift, FrameQuality, no_drift
from tem_track.drift.prepare import Preparer, halved
from tem_track.drift.quality import Traits, judge, noise_patch, same_noise, traits
from tem_track.movie import FloatArray, Frames, Image, InOrder, Mask, Progress, no_progress, one_by_one, recorded_frame
from tem_track.settings import DriftSettings

# Longer side of the binned frames that are judged, px, and of those that the rough path is found on: a band-passed
# frame of 512 px holds hardly anything that one of 256 px cannot, and the work is a quarter.
SURVEY_PX, PATH_PX = 512, 256
# Frames back that a frame is registered on beside its two neighbours: far ones stop the error of a chain from adding
# up, near ones survive a specimen that changes.
LAGS = (5, 15, 45)
# Deviations by which a correlation must exceed that of noise; the climb already picks the best of its neighbourhood.
SIGNIFICANT_CORRELATION = 5.0
# A pair whose correlation is below this share of what neighbours usually reach is searched for over the whole field.
DOUBTFUL_SHARE = 0.6


@dataclass
class _Held:
    """A frame kept for later pairs, with the path up to it."""

    number: int
    frame: Searchable
    rough: FloatArray


@dataclass(frozen=True)
class _Seen:
    """What the survey takes from a frame; nothing to search where the frame shows nothing."""

    traits: Traits
    patch: Image
    searchable: Searchable | None


@dataclass
class _Survey:
    pairs: list[Pair] = field(default_factory=list)
    noted: list[Traits] = field(default_factory=list)
    linked: list[float] = field(default_factory=list)
    recent: list[_Held] = field(default_factory=list)
    keys: list[_Held] = field(default_factory=list)
    usual: float = 0.0


def survey_frames(
    frames: Frames,
    *,
    fixed: Mask | None = None,
    known_bad: Mapping[int, str] | None = None,
    settings: DriftSettings | None = None,
    progress: Progress = no_progress,
    in_order: InOrder = one_by_one,
) -> tuple[FrameQuality, Drift]:
    """Return the quality of every frame and the rough path of the specimen.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded; read once, in order.
    fixed : (Y, X) bool, optional
        Pixels of the camera (`find_fixed_pixels`), left out of the registration.
    known_bad : mapping of int to str, optional
        Frames the reader knows to be unusable, with the reason.
    settings : DriftSettings, optional
    progress : callable, optional
    in_order : InOrder
        How frames are prepared: one by one, or a few at the same time; the result is the same.

    Returns
    -------
    FrameQuality
    Drift
        Good to some tenths of a px; `refine_drift` finishes it.
    """
    settings = settings or DriftSettings()
    state = _Survey()
    preparer = Preparer(frames, fixed, SURVEY_PX)
    patch_before: Image | None = None
    for k, seen in enumerate(in_order(partial(_looked_at, frames, preparer), range(len(frames)))):
        state.noted.append(replace(seen.traits, repeat=same_noise(seen.patch, patch_before)))
        patch_before = seen.patch
        if seen.searchable is not None:
            _register(state, k, seen.searchable, settings.enabled)
        else:
            state.linked.append(0.0)
        progress(k + 1, len(frames))
    quality = judge(state.noted, np.array(state.linked), known_bad or {})
    if not settings.enabled or len(frames) == 1:
        return quality, no_drift(len(frames))
    return quality, _path(state, quality, preparer.binning * (2 if _is_halved(preparer.shape) else 1))


def _looked_at(frames: Frames, preparer: Preparer, k: int) -> _Seen:
    """Return what is needed of frame k, which is read here and then let go."""
    frame, zero = recorded_frame(frames, k)
    small = preparer.binned(frame, zero)
    prepared = preparer.prepare(small)
    noted = traits(small, prepared)
    ready = None
    if noted.power > 0:
        ready = searchable(halved(prepared) if _is_halved(preparer.shape) else prepared)
    return _Seen(noted, noise_patch(frame), ready)


def _is_halved(shape: tuple[int, int]) -> bool:
    return max(shape) > PATH_PX


def _register(state: _Survey, k: int, frame: Searchable, enabled: bool) -> None:
    """Register frame k on frames held before it, and hold it."""
    held = _Held(k, frame, state.recent[-1].rough if state.recent else np.zeros(2))
    best = 0.0
    for other in _partners(state, k) if enabled or not state.recent else state.recent[-1:]:
        match = _match(other, held, state.usual, best > 0)
        if match is None:
            continue
        state.pairs.append(Pair(other.number, k, match.displacement, _pair_sd(match, k - other.number)))
        if match.correlation > best:
            best, held.rough = match.correlation, other.rough + match.displacement
    state.linked.append(best)
    if best > 0:
        state.usual = best if state.usual == 0 else 0.9 * state.usual + 0.1 * best
    state.recent = [*state.recent[-2:], held]
    if best > 0 or not state.keys:
        state.keys = _thinned([*state.keys, held], k)


def _partners(state: _Survey, k: int) -> list[_Held]:
    """Return the held frames to register frame k on, nearest first."""
    chosen = {h.number: h for h in reversed(state.recent[-2:])}
    for lag in LAGS:
        older = [h for h in state.keys if h.number not in chosen and h.number < k - 2]
        if older:
            nearest = min(older, key=lambda h: abs(k - lag - h.number))
            chosen[nearest.number] = nearest
    return list(chosen.values())


def _thinned(keys: list[_Held], k: int) -> list[_Held]:
    """Return the key frames to keep: all of the last ten frames, then sparser with age, at most some two dozen."""
    kept, last = [], k + 1
    for held in reversed(keys):
        age = k - held.number
        if age <= 5 or last - held.number >= max(1, age // 5):
            kept.append(held)
            last = held.number
        if age > 2 * LAGS[-1]:
            break
    return kept[::-1]


def _match(other: _Held, held: _Held, usual: float, linked: bool) -> Match | None:
    """Return the displacement between two frames or None where there is no significant one.

    The path so far is tried first. Only where it explains much less than neighbours usually do is the whole field
    searched, and what is found there must explain more of both frames: particles alike, one of them growing, match
    each other well over the part of the field that their distance leaves. Against a path that a neighbour has already
    confirmed it must explain as much as neighbours do.
    """
    found = _climbed(other.frame, held.frame, held.rough - other.rough)
    if found is not None and usual > 0 and found.correlation >= DOUBTFUL_SHARE * usual:
        return found
    start, significance = search(other.frame, held.frame)
    searched = _climbed(other.frame, held.frame, start) if significance >= SIGNIFICANT_PEAK else None
    if searched is None:
        return found
    least = max(_explained(other, found) if found else 0.0, DOUBTFUL_SHARE * usual if linked else 0.0)
    return searched if _explained(other, searched) > least else found


def _explained(other: _Held, match: Match) -> float:
    """Return the correlation of a match over the whole field, what it leaves without a partner counted as unlike."""
    shape = other.frame.prepared.image.shape
    return match.correlation * float(np.prod(1 - np.abs(match.displacement) / shape))


def _climbed(a: Searchable, b: Searchable, start: FloatArray) -> Match | None:
    limit = 0.8 * np.array(a.prepared.image.shape)
    if (np.abs(start) > limit).any():
        return None
    try:
        match = climb(a, b, start)
    except np.linalg.LinAlgError:
        return None
    # Two frames of noise alone correlate with this scatter around 0.
    overlap = float(np.prod(1 - np.abs(match.displacement) / a.prepared.image.shape)) * float(a.prepared.weight.sum())
    chance = np.sqrt(a.prepared.pixels_a_patch / max(overlap, 1.0))
    return match if match.correlation > SIGNIFICANT_CORRELATION * chance and np.isfinite(match.sd) else None


def _pair_sd(match: Match, lag: int) -> float:
    # A specimen that changes pulls a pair by more the further its frames lie apart; 0.02 px per root frame is what
    # growing particles do at 512 px, and only the ratio between lags matters.
    return float(np.hypot(max(match.sd, 0.01), 0.02 * np.sqrt(lag)))


def _path(state: _Survey, quality: FrameQuality, binning: int) -> Drift:
    """Return the path in px of the recorded frame; blank frames out, duplicates with the frame they repeat."""
    count = len(quality.reason)
    blank = {k for k, words in enumerate(quality.reason) if words == "blank"}
    pairs = [p for p in state.pairs if p.first not in blank and p.second not in blank]
    path, sd = solve_path(pairs, count)
    reason = [""] * count
    for k in range(count):
        same = int(quality.repeats[k])
        if same != k:
            path[k], sd[k] = path[same], sd[same]
        if not np.isfinite(path[k]).all():
            reason[k] = "blank" if k in blank else "nothing in common with the other frames"
    return Drift(path * binning, sd * binning, reason)
