"""What the movie says of every pixel's change: samples around it, and the cost of every moment.

The movie is read twice for it and never again: whatever is learnt later of the grains, the arrival times follow from
what is kept here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.front.arrival.agreement import agreed_costs, best_candidate
from tem_track.front.arrival.change_point import BEFORE_SD, change_evidence
from tem_track.front.arrival.fall import frames_of_fall, frames_to_average
from tem_track.front.frames.levels import (
    CoarseLevels,
    Grid,
    Reference,
    choose_grid,
    coarse_levels,
    coarser,
    find_reference,
    noise_of,
    relit,
    runs_of,
    usable_numbers,
)
from tem_track.front.frames.registered import PictureWindow, RegisteredFrames
from tem_track.front.frames.windows import Windows, gather_windows
from tem_track.front.smoothing import noise_sigma
from tem_track.movie import FloatArray, Frames, Image, Mask, Progress, no_progress

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
COARSE_STEP, JUMP = 2.0, 15.0
# Candidates on either side of the coarse moment whose samples are kept, and frames after them for the level behind.
WINDOW, BEHIND = 10, 20
# Samples that a change needs behind it where its width is not known yet: a noisy last frame is no front.
LEAST_AFTER = 2
# Moments after the last sample at which "never" is put where a number is needed.
NEVER_AFTER = 2


@dataclass
class ArrivalEvidence:
    """What is kept of a movie, all (y, x) on the fine grid.

    Attributes
    ----------
    windows : Windows
        Levels around each pixel's change.
    costs : (y, candidates + 1, x) float32
        Of every moment of a pixel's window and of never.
    rough : (y, x) float32
        Moment by the coarse samples, NaN = never.
    reference : Reference
    grid : Grid
    run : int
        Frames a sample.
    fall : float
        Samples that the steep part of a change takes.
    numbers : (m,) float64
        Frame numbers of the usable frames.
    shape : (int, int)
        Of a frame.
    hidden : (Y, X) bool or None
        Pixels of the camera.
    """

    windows: Windows
    costs: Image
    rough: Image
    reference: Reference
    grid: Grid
    run: int
    fall: float
    numbers: FloatArray
    shape: tuple[int, int]
    hidden: Mask | None

    @property
    def count(self) -> int:
        """Return the number of samples."""
        return len(runs_of(len(self.numbers), self.run))


def gather_evidence(
    frames: Frames,
    drift_px: FloatArray,
    *,
    usable: Mask,
    fixed: Mask | None = None,
    window: PictureWindow | None = None,
    progress: Progress = no_progress,
) -> ArrivalEvidence:
    """Return what a movie says of when every pixel changed.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X).
    drift_px : (T, 2) float64
        A feature at (y, x) in frame 0 stands at (y + dy, x + dx) in frame k; frames with NaN are left out.
    usable : (T,) bool
        Frames fit for measuring.
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
    height, width = frames[0].shape
    grid = choose_grid((height, width), len(numbers))
    registered = RegisteredFrames(frames, drift_px, fixed, grid.fine, window)
    reference = find_reference(registered, numbers)
    binned = RegisteredFrames(frames, drift_px, fixed, grid.coarse, window)
    coarse, rough = _coarse_map(binned, numbers, reference, grid)
    coarse = relit(coarse, rough, grid.run)
    frames_fall = frames_of_fall(coarse.samples, rough, grid.run)
    run = frames_to_average(frames_fall)
    fall = frames_fall / run
    count = len(runs_of(len(numbers), run))
    # A change just before sample a of runs of n frames is one just before frame n a.
    rough = _on_fine_grid(rough, grid, registered.shape) * np.float32(grid.run / run)
    margin = WINDOW + -(-2 * grid.run // run) if grid.run > 1 else WINDOW
    latest = max(0, count - 1 - 2 * margin)
    start = np.clip(np.rint(filled(rough, count)) - margin, 0, latest).astype(np.int32)
    sigma = noise_sigma(reference.noise / np.sqrt(run), WANTED_NOISE, MOST_SIGMA_PX)
    windows = gather_windows(
        registered, reference, coarse.light, numbers, run, start, 2 * margin + 1 + BEHIND, sigma, progress
    )
    costs = _window_costs(windows, reference, 2 * margin + 1, count, _before_sd(reference, sigma))
    return ArrivalEvidence(
        windows, costs, rough, reference, grid, run, fall, numbers.astype(float), (height, width), fixed
    )


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
    costs[:, max(1, count - LEAST_AFTER + 1) : count] = highest_cost(count)
    index, _, never = best_candidate(agreed_costs(costs, COARSE_STEP, JUMP))
    return coarse, np.where(never, np.float32(np.nan), index)


def _before_sd(reference: Reference, sigma: float) -> float:
    """Return how far the level before a change lies from that of the reference: its noise and what else is left."""
    smoothing = max(1.0, 2 * np.sqrt(np.pi) * sigma)
    return float(np.hypot(BEFORE_SD, reference.noise / np.sqrt(reference.frames) / smoothing))


def highest_cost(candidates: int) -> np.float32:
    """Return the cost of a candidate that the pixel's own samples exclude."""
    return np.float32(-np.log(OUTLIERS / (candidates + 1)))


def _costs(evidence: Image) -> Image:
    """Return the cost (y, K + 1, x) of every moment and of never, from the evidence (K, y, x) of each pixel."""
    scaled = evidence * np.float32(TEMPER)
    top = np.maximum(scaled.max(axis=0), 0)
    likely = np.exp(scaled - top)
    never = np.exp(-top)
    total = likely.sum(axis=0) + never
    floor = np.exp(-highest_cost(len(evidence)))
    costs = np.concatenate([likely / total, (never / total)[None]])
    return np.asarray(-np.log(costs + floor).transpose(1, 0, 2), dtype=np.float32)


def _on_fine_grid(index: Image, grid: Grid, shape: tuple[int, int]) -> Image:
    """Return a coarse map on the fine grid, every pixel with the value of its bin."""
    rows = np.minimum(np.arange(shape[0]) // grid.ratio, index.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // grid.ratio, index.shape[1] - 1)
    return np.asarray(index[rows[:, None], columns[None, :]], dtype=np.float32)


def filled(index: Image, count: int) -> Image:
    """Return the map with "never" as a moment some frames after the last."""
    return np.where(np.isfinite(index), index, np.float32(count + NEVER_AFTER))


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
        late = windows.start[band] + np.arange(candidates)[:, None, None] > count - 1
        costs[band, :-1][late.transpose(1, 0, 2)] = highest_cost(candidates)
    return costs
