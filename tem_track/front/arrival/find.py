"""When the degradation reached every pixel: the arrival time, its uncertainty, and where it cannot be told.

Strategy. Every pixel's own grey values say how likely it changed at each moment (`change_point`); neighbours then agree
on a map that is smooth but for jumps (`agreement`). This is done twice: on coarse samples of the whole movie, which
cannot go far wrong, and then on the fine grid around the moment found, along the front: each pixel's candidates are
counted from the smoothed map, so that neighbours on a sloping front agree at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.front.arrival.agreement import agreed_costs, best_candidate
from tem_track.front.arrival.at_end import KNOWN_BEFORE, settled_at_end
from tem_track.front.arrival.blind import continued
from tem_track.front.arrival.damage import damage_at_start
from tem_track.front.arrival.evidence import JUMP, ArrivalEvidence, filled, gather_evidence, highest_cost
from tem_track.front.arrival.founded import fall_of, rises, unfinished, unfounded, unpaid
from tem_track.front.frames.registered import PictureWindow
from tem_track.front.frames.windows import Windows
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress

# Cost of a step between neighbours, in log likelihood.
FINE_STEP = 1.5
# What a jump costs at a grain boundary, as a share of what it costs elsewhere.
BOUNDARY_SHARE = 0.2
# Candidates on either side of the smoothed map, and how often it is smoothed and asked again.
REACH, ROUNDS = 8, 3
# Smoothing of the map: over this distance, px, between moments that differ by this many frames.
MAP_SIGMA_PX, MAP_SIGMA_FRAMES = 2.5, 8.0


@dataclass(frozen=True)
class Arrival:
    """When the degradation reached every pixel of the specimen (frame 0's coordinates).

    Attributes
    ----------
    frame : (Y, X) float32
        Fractional frame number; NaN = never, 0 = already degraded in the first frame.
    sd_frames : (Y, X) float32
        Standard uncertainty of `frame`; NaN where there is no arrival.
    seen : (Y, X) bool
        Pixels that the frames around their arrival show; the others took it from their neighbours.
    drop : (Y, X) float32
        Fall of the level at the arrival as a share of the level before; 0 where there is no arrival.
    settled_until : float
        Frame number up to which arrivals have their steep fall behind them; later ones are cut short by the movie's
        end, and can be a little early.
    """

    frame: Image
    sd_frames: Image
    seen: Mask
    drop: Image
    settled_until: float = np.inf


@dataclass
class _Map:
    """Moments in sample numbers (y, x), NaN = never, and the uncertainty of each."""

    index: Image
    sd: Image


def find_arrival(
    frames: Frames,
    drift_px: FloatArray,
    *,
    usable: Mask,
    grains: Labels | None = None,
    fixed: Mask | None = None,
    window: PictureWindow | None = None,
    progress: Progress = no_progress,
) -> Arrival:
    """Return when every pixel turned degraded; parameters as `gather_evidence` and `settle_arrival`.

    Raises
    ------
    ValueError
        Fewer than four frames can be used.
    """
    evidence = gather_evidence(frames, drift_px, usable=usable, fixed=fixed, window=window, progress=progress)
    return settle_arrival(evidence, grains)


def settle_arrival(evidence: ArrivalEvidence, grains: Labels | None = None) -> Arrival:
    """Return when every pixel turned degraded, by what was gathered of a movie.

    Parameters
    ----------
    evidence : ArrivalEvidence
    grains : (Y, X) int32, optional
        Grain of every pixel, 0 outside the film, where nothing is sought; the map is then not smoothed across the
        boundaries between grains.
    """
    windows, reference, count = evidence.windows, evidence.reference, evidence.count
    territory = None if grains is None else _every_nth(grains, evidence.grid.fine, evidence.rough.shape)
    jump = JUMP if territory is None else _jump_costs(territory)
    found = _fine_map(evidence.costs, windows, evidence.rough, count, jump)
    found.index[...] = continued(found.index, windows)
    drop = fall_of(windows, found.index)
    wrong = rises(drop, found.index) | unfounded(drop, found.index)
    wrong |= unfinished(windows, found.index, drop, count, evidence.fall)
    if territory is not None:
        wrong |= _beyond_film(territory, evidence.hidden, evidence.grid.fine)
    wrong |= unpaid(evidence.costs, windows.start, np.where(wrong, np.float32(np.nan), found.index), jump)
    found.index[wrong | ~reference.known] = np.nan
    before = damage_at_start(reference.image, reference.known, found.index, drop, territory)
    end = (len(evidence.numbers) - 0.5) / evidence.run
    settled = settled_at_end(found.index, windows, drop, territory, count=count, end=end, fall=evidence.fall)
    found.index[reference.known] = settled[reference.known]
    return _arrival(found, drop, before, evidence)


def _fine_map(costs: Image, windows: Windows, rough: Image, count: int, jump: float | Image = JUMP) -> _Map:
    """Return the moments on the fine grid."""
    index = rough
    sd = np.full(rough.shape, np.nan, np.float32)
    for _ in range(ROUNDS):
        centre = np.clip(_smoothed_map(filled(index, count)), 0, count - 1)
        joined = agreed_costs(_along(costs, centre - windows.start), FINE_STEP, jump)
        best, _, never = best_candidate(joined)
        sd = _deviation(joined)
        index = np.where(never, np.float32(np.nan), centre - REACH + best)
    return _Map(index, sd)


def _every_nth(grains: Labels, binning: int, shape: tuple[int, int]) -> Labels:
    """Return a label image on the fine grid."""
    return grains[: shape[0] * binning : binning, : shape[1] * binning : binning]


def _beyond_film(territory: Labels, fixed: Mask | None, binning: int) -> Mask:
    """Return what is no grain though nothing of the camera hides it in the first frame."""
    beyond = np.asarray(territory == 0)
    if fixed is not None:
        beyond &= ~fixed[: beyond.shape[0] * binning : binning, : beyond.shape[1] * binning : binning]
    return beyond


def _jump_costs(labels: Labels) -> Image:
    """Return the cost of a jump at every fine pixel: less along the boundaries of grains, which hold fronts up."""
    edge = labels == 0
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = labels[a] != labels[b]
        edge[a] |= differ
        edge[b] |= differ
    wide = cv2.dilate(edge.astype(np.uint8), np.ones((2, 2), np.uint8)) > 0
    return np.where(wide, np.float32(JUMP * BOUNDARY_SHARE), np.float32(JUMP))


def _smoothed_map(index: Image) -> Image:
    """Return a map of moments smoothed but for its jumps.

    References
    ----------
    Tomasi & Manduchi 1998, doi:10.1109/ICCV.1998.710815 (bilateral filter).
    """
    calm = cv2.medianBlur(np.ascontiguousarray(index, np.float32), 3)
    return np.asarray(cv2.bilateralFilter(calm, 9, MAP_SIGMA_FRAMES, MAP_SIGMA_PX), dtype=np.float32)


def _along(costs: Image, centre: Image) -> Image:
    """Return the costs (y, 2 REACH + 2, x) of moments around `centre` (y, x), a fractional candidate number."""
    last = costs.shape[1] - 2
    whole = np.floor(centre).astype(np.intp)
    part = (centre - whole).astype(np.float32)
    out = np.empty((costs.shape[0], 2 * REACH + 2, costs.shape[2]), np.float32)
    highest = highest_cost(last + 1)

    def at(number: np.ndarray[tuple[int, int], np.dtype[np.intp]]) -> Image:
        taken = np.take_along_axis(costs, np.clip(number, 0, last)[:, None], axis=1)[:, 0]
        return np.where((number >= 0) & (number <= last), taken, highest)

    before = at(whole - REACH)
    for i in range(2 * REACH + 1):
        after = at(whole - REACH + i + 1)
        out[:, i] = before + part * (after - before)
        before = after
    out[:, -1] = costs[:, -1]
    return out


def _deviation(joined: Image) -> Image:
    """Return the standard deviation (y, x), in samples, of the moments weighted by their joined costs."""
    moments = joined[:, :-1] / np.float32(8)
    likely = np.exp(moments.min(axis=1, keepdims=True) - moments)
    likely /= likely.sum(axis=1, keepdims=True)
    numbers = np.arange(moments.shape[1], dtype=np.float32)[None, :, None]
    mean = (likely * numbers).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt((likely * (numbers - mean) ** 2).sum(axis=1)), dtype=np.float32)


def _arrival(found: _Map, drop: Image, before: Mask, evidence: ArrivalEvidence) -> Arrival:
    """Return the arrival on the movie's own grid, in frame numbers."""
    numbers, run, shape, fine = evidence.numbers, evidence.run, evidence.shape, evidence.grid.fine
    known = np.isfinite(found.index)
    # A change "just before frame a" lies half way between it and the frame before.
    frame = np.full(found.index.shape, np.nan, np.float32)
    frame[known] = np.interp(found.index[known] * run - 0.5, np.arange(len(numbers)), numbers)
    # Already degraded in the first frame.
    frame[before], found.sd[before] = 0, 0
    known |= before
    # Of the samples that the movie has: a window that reaches beyond its end is not unseen for that.
    samples = evidence.windows.samples
    possible = np.clip(evidence.count - evidence.windows.start, 1, len(samples))
    seen = np.isfinite(samples).sum(axis=0) > 0.5 * possible
    return Arrival(
        _full(frame, shape, fine),
        _full(np.where(known, found.sd * np.float32(run), np.float32(np.nan)), shape, fine),
        _full(seen.astype(np.float32), shape, fine) > 0,
        _full(np.where(known, np.nan_to_num(drop), np.float32(0)), shape, fine),
        float(np.interp(len(numbers) - 0.5 - KNOWN_BEFORE * run, np.arange(len(numbers)), numbers)),
    )


def _full(image: Image, shape: tuple[int, ...], binning: int) -> Image:
    """Return a binned image at full size, every pixel with the value of its bin; the rest takes the nearest."""
    if binning == 1:
        return np.asarray(image, dtype=np.float32)
    rows = np.minimum(np.arange(shape[0]) // binning, image.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // binning, image.shape[1] - 1)
    return np.asarray(image[rows[:, None], columns[None, :]], dtype=np.float32)
