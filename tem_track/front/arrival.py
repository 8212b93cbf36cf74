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
from numpy.typing import NDArray

from tem_track.front.agreement import agreed_costs, best_candidate
from tem_track.front.change_point import BEFORE_SD, change_evidence
from tem_track.front.damage import damage_at_start
from tem_track.front.fall import frames_to_average
from tem_track.front.founded import fall_of, rises, unfinished, unfounded
from tem_track.front.levels import (
    CoarseLevels,
    Grid,
    Reference,
    choose_grid,
    coarse_levels,
    coarser,
    find_reference,
    noise_of,
    runs_of,
    usable_numbers,
)
from tem_track.front.registered import PictureWindow, RegisteredFrames
from tem_track.front.smoothing import noise_sigma
from tem_track.front.windows import Windows, gather_windows
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress

# Memory that the work on a band of rows may take, bytes.
BAND_BYTES = 192 * 2**20
# Deviation the samples are smoothed down to, relative to the level: below half of the usual fall a frame tells.
WANTED_NOISE = 0.08
# Smoothing beyond this would blur the front itself, px.
MOST_SIGMA_PX = 4.0
# Part of the log likelihood that counts: neighbouring pixels and frames are not independent (texture, interpolation,
# illumination left over).
TEMPER = 0.4
# Chance that a pixel's own evidence means nothing: bounds what one pixel can say against its neighbours.
OUTLIERS = 1e-3
# Cost of a step and of a jump between neighbours, in log likelihood. A jump must be worth some ten pixels' votes.
COARSE_STEP, FINE_STEP, JUMP = 2.0, 1.5, 15.0
# What a jump costs at a grain boundary, as a share of that.
BOUNDARY_SHARE = 0.2
# Candidates on either side of the coarse moment whose samples are kept, and frames after them for the level behind.
WINDOW, BEHIND = 10, 20
# Candidates on either side of the smoothed map, and how often it is smoothed and asked again.
REACH, ROUNDS = 8, 3
# Samples that a change needs behind it: a noisy last frame is no front.
LEAST_AFTER = 4
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
    """

    frame: Image
    sd_frames: Image
    seen: Mask
    drop: Image


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
    """Return when every pixel turned degraded.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X).
    drift_px : (T, 2) float64
        A feature at (y, x) in frame 0 stands at (y + dy, x + dx) in frame k; frames with NaN are left out.
    usable : (T,) bool
        Frames fit for measuring.
    grains : (Y, X) int32, optional
        Grain of every pixel, 0 outside the film, where nothing is sought; the map is then not smoothed across the
        boundaries between grains.
    fixed : (Y, X) bool, optional
        Pixels of the camera.
    window : callable, optional
        What of a frame holds the picture, as `RegisteredFrames` takes it.
    progress : callable, optional

    Raises
    ------
    ValueError
        Fewer than four frames can be used.
    """
    numbers = usable_numbers(drift_px, usable)
    grid = choose_grid(frames[0].shape, len(numbers))
    registered = RegisteredFrames(frames, drift_px, fixed, grid.fine, window)
    reference = find_reference(registered, numbers)
    binned = RegisteredFrames(frames, drift_px, fixed, grid.coarse, window)
    coarse, rough = _coarse_map(binned, numbers, reference, grid)
    run = frames_to_average(coarse.samples, rough, grid.run)
    count = len(runs_of(len(numbers), run))
    # A change just before sample a of runs of n frames is one just before frame n a.
    rough = _on_fine_grid(rough, grid, registered.shape) * np.float32(grid.run / run)
    margin = WINDOW + -(-2 * grid.run // run) if grid.run > 1 else WINDOW
    start = np.clip(np.rint(_filled(rough, count)) - margin, 0, count - 1).astype(np.int32)
    sigma = noise_sigma(reference.noise / np.sqrt(run), WANTED_NOISE, MOST_SIGMA_PX)
    windows = gather_windows(
        registered, reference, coarse.light, numbers, run, start, 2 * margin + 1 + BEHIND, sigma, progress
    )
    costs = _window_costs(windows, reference, 2 * margin + 1, count, _before_sd(reference, sigma))
    territory = None if grains is None else _every_nth(grains, grid.fine, registered.shape)
    jump = JUMP if territory is None else _jump_costs(territory)
    found = _fine_map(costs, windows, rough, count, jump)
    drop = fall_of(windows, found.index)
    wrong = rises(drop, found.index) | unfounded(drop, found.index) | unfinished(windows, found.index, drop, count)
    if territory is not None:
        wrong |= _beyond_film(territory, fixed, grid.fine)
    found.index[wrong | ~reference.known] = np.nan
    before = damage_at_start(reference.image, reference.known, found.index, drop, territory)
    return _arrival(found, drop, before, windows, numbers.astype(float), run, grid, frames[0].shape)


def _coarse_map(
    registered: RegisteredFrames, numbers: NDArray[np.intp], reference: Reference, grid: Grid
) -> tuple[CoarseLevels, Image]:
    """Return the coarse levels and from them the moment of every coarse pixel, in runs of frames; NaN = never."""
    reference = coarser(reference, grid.ratio, registered.shape)
    sigma = noise_sigma(reference.noise / np.sqrt(grid.run), WANTED_NOISE, MOST_SIGMA_PX)
    coarse = coarse_levels(registered, numbers, reference, grid.run, sigma)
    count, height, width = coarse.samples.shape
    noise, before_sd = noise_of(coarse.samples), _before_sd(reference, sigma)
    rows = max(1, int(BAND_BYTES / (40 * count * width)))
    costs = np.empty((height, count + 1, width), np.float32)
    for top in range(0, height, rows):
        band = coarse.samples[:, top : top + rows].astype(np.float32)
        shown = np.isfinite(band)
        values = np.where(shown, band, np.float32(0))
        own_noise = noise * reference.unevenness[top : top + rows]
        evidence = change_evidence(values, shown.astype(np.float32), own_noise, before_sd=before_sd)
        costs[top : top + rows] = _costs(evidence)
    costs[:, max(1, count - LEAST_AFTER + 1) : count] = _highest_cost(count)
    index, _, never = best_candidate(agreed_costs(costs, COARSE_STEP, JUMP))
    return coarse, np.where(never, np.float32(np.nan), index)


def _before_sd(reference: Reference, sigma: float) -> float:
    """Return how far the level before a change lies from that of the reference: its noise and what else is left."""
    smoothing = max(1.0, 2 * np.sqrt(np.pi) * sigma)
    return float(np.hypot(BEFORE_SD, reference.noise / np.sqrt(reference.frames) / smoothing))


def _highest_cost(candidates: int) -> np.float32:
    """Return the cost of a candidate that the pixel's own samples exclude."""
    return np.float32(-np.log(OUTLIERS / (candidates + 1)))


def _costs(evidence: Image) -> Image:
    """Return the cost (y, K + 1, x) of every moment and of never, from the evidence (K, y, x) of each pixel."""
    scaled = evidence * np.float32(TEMPER)
    top = np.maximum(scaled.max(axis=0), 0)
    likely = np.exp(scaled - top)
    never = np.exp(-top)
    total = likely.sum(axis=0) + never
    floor = np.exp(-_highest_cost(len(evidence)))
    costs = np.concatenate([likely / total, (never / total)[None]])
    return np.asarray(-np.log(costs + floor).transpose(1, 0, 2), dtype=np.float32)


def _on_fine_grid(index: Image, grid: Grid, shape: tuple[int, int]) -> Image:
    """Return a coarse map on the fine grid, every pixel with the value of its bin."""
    rows = np.minimum(np.arange(shape[0]) // grid.ratio, index.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // grid.ratio, index.shape[1] - 1)
    return np.asarray(index[rows[:, None], columns[None, :]], dtype=np.float32)


def _filled(index: Image, count: int) -> Image:
    """Return the map with "never" as a moment some frames after the last."""
    return np.where(np.isfinite(index), index, np.float32(count + REACH))


def _fine_map(costs: Image, windows: Windows, rough: Image, count: int, jump: float | Image = JUMP) -> _Map:
    """Return the moments on the fine grid."""
    index = rough
    sd = np.full(rough.shape, np.nan, np.float32)
    for _ in range(ROUNDS):
        centre = np.clip(_smoothed_map(_filled(index, count)), 0, count - 1)
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


def _window_costs(windows: Windows, reference: Reference, candidates: int, count: int, before_sd: float) -> Image:
    """Return the costs (y, candidates + 1, x) of the moments of every pixel's window and of never."""
    length, height, width = windows.samples.shape
    costs = np.empty((height, candidates + 1, width), np.float32)
    rows = max(1, int(BAND_BYTES / (40 * length * width)))
    noise = noise_of(windows.samples)
    for top in range(0, height, rows):
        band = slice(top, min(top + rows, height))
        values = windows.samples[:, band].astype(np.float32)
        shown = np.isfinite(values)
        evidence = change_evidence(
            np.where(shown, values, np.float32(0)),
            shown.astype(np.float32),
            noise * reference.unevenness[band],
            before_sd=before_sd,
            before_count=windows.before_count[band],
            before_total=windows.before_total[band],
        )
        costs[band] = _costs(evidence[:candidates])
        late = windows.start[band] + np.arange(candidates)[:, None, None] > count - LEAST_AFTER
        costs[band, :-1][late.transpose(1, 0, 2)] = _highest_cost(candidates)
    return costs


def _along(costs: Image, centre: Image) -> Image:
    """Return the costs (y, 2 REACH + 2, x) of moments around `centre` (y, x), a fractional candidate number."""
    last = costs.shape[1] - 2
    whole = np.floor(centre).astype(np.intp)
    part = (centre - whole).astype(np.float32)
    out = np.empty((costs.shape[0], 2 * REACH + 2, costs.shape[2]), np.float32)
    highest = _highest_cost(last + 1)

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


def _arrival(
    found: _Map,
    drop: Image,
    before: Mask,
    windows: Windows,
    numbers: FloatArray,
    run: int,
    grid: Grid,
    shape: tuple[int, ...],
) -> Arrival:
    """Return the arrival on the movie's own grid, in frame numbers."""
    known = np.isfinite(found.index)
    # A change "just before frame a" lies half way between it and the frame before.
    frame = np.full(found.index.shape, np.nan, np.float32)
    frame[known] = np.interp(found.index[known] * run - 0.5, np.arange(len(numbers)), numbers)
    # Already degraded in the first frame.
    frame[before], found.sd[before] = 0, 0
    known |= before
    seen = np.isfinite(windows.samples).mean(axis=0) > 0.5
    return Arrival(
        _full(frame, shape, grid.fine),
        _full(np.where(known, found.sd * np.float32(run), np.float32(np.nan)), shape, grid.fine),
        _full(seen.astype(np.float32), shape, grid.fine) > 0,
        _full(np.where(known, np.nan_to_num(drop), np.float32(0)), shape, grid.fine),
    )


def _full(image: Image, shape: tuple[int, ...], binning: int) -> Image:
    """Return a binned image at full size, every pixel with the value of its bin; the rest takes the nearest."""
    if binning == 1:
        return np.asarray(image, dtype=np.float32)
    rows = np.minimum(np.arange(shape[0]) // binning, image.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // binning, image.shape[1] - 1)
    return np.asarray(image[rows[:, None], columns[None, :]], dtype=np.float32)
