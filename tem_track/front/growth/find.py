"""Objects that grow within a matrix, such as a precipitate in a void: from when to when each pixel is one.

Strategy: what is looked for was not there before, so every pixel is compared with itself before the change, not with
its neighbours: half way up from there to the level of the object's rim is the outline, over the void as over the wall.
That a pixel belongs to an object for one span of time lets all frames together say when it began (`growth_spans`).
Span, image before and level depend on each other and are found in turn, from rough pieces (`growth_change`) on. Only
the part of the field around the pieces is worked on, in bands, so that memory does not grow with the field.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.front.growth.change import Changed, find_changed
from tem_track.front.growth.frames import CoarseFrames, EvenFrames, MeanBefore, mean_of
from tem_track.front.growth.level import EdgeWidth, RimLevel, adds_up
from tem_track.front.growth.spans import SpanFinder, evidence
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress

# Frames at the start that serve as the image before until it is known when each pixel changed.
_FIRST_SHARE, _FIRST_LEAST = 0.06, 3
# Rounds of span, image before and level: the outline settles to a tenth of a pixel after the second.
ROUNDS = 3
# How far beyond its rough piece an object may reach: this share of the piece's size, and px.
_REACH_SHARE, _REACH_PX = 0.5, 8.0
# Frames before a pixel's own change that are left out of its image before.
_MARGIN = 2.0
# The rise that evidence is counted in units of is smoothed, since noise in a divisor does not average out.
_RISE_SMOOTHING_PX = 2.0
# Evidence is smoothed until the noise of one frame is this share of the rise for this share (%) of the pixels, within
# these widths.
_NOISE_SHARE, _MOST_PIXELS = 0.33, 90.0
_LEAST_SMOOTHING_PX, _MOST_SMOOTHING_PX = 0.6, 3.0
# Pixels of a band (some twenty images of it are held), and how far it looks beyond itself, px: rims and smoothing.
_BAND_PX, _HALO_PX = 3_000_000, 32


@dataclass(frozen=True)
class Growth:
    """When each pixel of the specimen frame belongs to an object.

    Attributes
    ----------
    start, stop : (Y, X) float32
        First frame in which the pixel belongs to an object, and the first in which it does no longer; infinity for
        never.
    before : (Y, X) float32
        Image before the change, in the light of the first frames; NaN away from objects.
    rise : (Y, X) float32
        By how much the objects' rim is brighter than the image before; NaN away from objects.
    noise : (Y, X) float32
        Standard deviation of one frame's pixel.
    blur_px : float
        Standard deviation of the blur of the outlines, that of the smoothing included.
    """

    start: Image
    stop: Image
    before: Image
    rise: Image
    noise: Image
    blur_px: float

    def inside(self, k: int, window: tuple[slice, slice] = (slice(None), slice(None))) -> Mask:
        """Return the objects' pixels in frame k, specimen frame, all (Y, X) or a window of it."""
        return np.asarray((self.start[window] <= k) & (k < self.stop[window]))


def find_growth(
    frames: Frames,
    drift_px: FloatArray,
    *,
    usable: Mask,
    fixed: Mask | None = None,
    bright: bool = True,
    rounds: int = ROUNDS,
    progress: Progress = no_progress,
) -> Growth | None:
    """Return what grows brighter (or darker) than it was before; None where nothing does.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded.
    drift_px : (T, 2) float64
    usable : (T,) bool
    fixed : (Y, X) bool, optional
        Pixels of the camera.
    bright : bool
        False looks for what becomes darker.
    rounds : int
        How often spans, image before and level are found in turn; one is enough to tell what changes when, roughly.
    progress : callable, optional

    Notes
    -----
    An object that stands there from the first frame on has no image before: only what it gains is seen, and holes that
    its growth encloses.
    """
    members = [int(k) for k in np.flatnonzero(usable & np.isfinite(drift_px).all(axis=1))]
    if len(members) < 2 * _FIRST_LEAST:
        return None
    first = members[: max(_FIRST_LEAST, int(_FIRST_SHARE * len(members)))]
    coarse = CoarseFrames(frames, drift_px, fixed, first, bright)
    before, _ = mean_of(coarse, first, coarse.shape)
    changed = find_changed(coarse, members, before)
    if not changed.pieces.any():
        return None
    field = frames[0].shape
    bands = _bands(changed.pieces, coarse.binning, field)
    found = _Maps(field)
    for number, (rows, window) in enumerate(bands):
        even = EvenFrames(frames, drift_px, fixed, coarse.light, window, bright)
        count = _Count(progress, number, len(bands), (2 * rounds - 1) * len(members))
        band = _Band(even, members, first, changed.windowed(window, coarse.binning), count, rounds)
        found.put(rows, window, band)
    return found.growth(np.float32(1 if bright else -1))


class _Band:
    """A part of the field on which spans, image before and levels are brought to agree."""

    def __init__(
        self, even: EvenFrames, members: list[int], first: list[int], changed: Changed, count: _Count, rounds: int
    ):
        self.even, self.members, self.changed, self.count = even, members, changed, count
        self.before, self.noise = mean_of(even, first, even.shape)
        self.region, self.latest, self.additive, self.usual = _reach(changed, self.before)
        self.rise = self._rise(self.usual)
        self.start = self.stop = np.full(even.shape, np.inf, np.float32)
        self.smoothing_px = self.edge_px = 0.0
        for turn in range(rounds):
            self._find_spans()
            if turn < rounds - 1:
                self._learn()

    def _find_spans(self) -> None:
        share = np.where(self.region & (self.rise > 0), self.noise / self.rise, np.inf).astype(np.float32)
        self.smoothing_px = _smoothing(share[self.changed.pieces > 0])
        finder = SpanFinder(self.even.shape)
        for k in self.members:
            image, seen = self.even(k)
            finder.add(k, _smooth(evidence(image, seen & self.region, self.before, self.rise), self.smoothing_px))
            self.count()
        self.start, self.stop = _kept(*finder.spans(share * _left(self.smoothing_px)), self.changed)

    def _learn(self) -> None:
        """Take the image before from all frames before each pixel's change, the level from all rims."""
        mean = MeanBefore(self.even.shape, np.minimum(self.start, self.latest) - np.float32(_MARGIN))
        rim, edge = RimLevel(self.before, self.additive), EdgeWidth()
        for k in self.members:
            image, seen = self.even(k)
            inside = (self.start <= k) & (k < self.stop)
            mean.add(k, image, seen)
            rim.add(image, seen, inside)
            edge.add((image - self.before) / self.rise, seen, inside)
            self.count()
        before, noise = mean.result()
        self.before = np.where(np.isfinite(before), before, self.before)
        self.noise = np.where(np.isfinite(noise), noise, self.noise)
        self.rise = self._rise(rim.carried(self.usual))
        self.edge_px = edge.width_px()

    def _rise(self, carried: Image) -> Image:
        """Return the rise from the image before, smoothed within the region; NaN beyond it."""
        rise = np.where(self.region, carried if self.additive else carried - self.before, np.float32(0))
        weight = _smooth(self.region.astype(np.float32), _RISE_SMOOTHING_PX)
        with np.errstate(invalid="ignore", divide="ignore"):
            smooth = _smooth(rise, _RISE_SMOOTHING_PX) / weight
        return np.where(self.region, smooth, np.float32(np.nan))


class _Maps:
    """The bands put together."""

    def __init__(self, field: tuple[int, ...]):
        self._start, self._stop = (np.full(field, np.inf, np.float32) for _ in range(2))
        self._before, self._rise, self._noise = (np.full(field, np.nan, np.float32) for _ in range(3))
        self._blurs: list[float] = []

    def put(self, rows: slice, window: tuple[slice, slice], band: _Band) -> None:
        """Put the rows of a band, without its halo, in their place."""
        inner = slice(rows.start - window[0].start, rows.stop - window[0].start)
        for field, part in (
            (self._start, band.start),
            (self._stop, band.stop),
            (self._before, band.before),
            (self._rise, band.rise),
            (self._noise, band.noise),
        ):
            field[rows, window[1]] = part[inner]
        if band.edge_px > 0:
            self._blurs.append(float(np.hypot(band.edge_px, band.smoothing_px)))

    def growth(self, sign: np.float32) -> Growth:
        """Return what was found; `sign` turns images back that were turned round."""
        blur = float(np.median(self._blurs)) if self._blurs else 0.0
        return Growth(self._start, self._stop, sign * self._before, sign * self._rise, self._noise, blur)


class _Count:
    """Reports steps of one of several bands."""

    def __init__(self, progress: Progress, number: int, bands: int, steps: int):
        self._progress, self._done, self._all = progress, number * steps, bands * steps

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done, self._all)


def _bands(pieces: Labels, binning: int, field: tuple[int, ...]) -> list[tuple[slice, tuple[slice, slice]]]:
    """Return bands of rows over the pieces and their reach, in px of the field: (rows, (rows with halo, columns))."""
    reach = int(_REACH_SHARE * np.sqrt(np.bincount(pieces.ravel())[1:].max()) * binning + _REACH_PX) + _HALO_PX
    spans = []
    for axis, length in zip((1, 0), field, strict=True):
        places = np.flatnonzero(pieces.any(axis=axis)) * binning
        spans.append(slice(max(int(places[0]) - reach, 0), min(int(places[-1]) + binning + reach, length)))
    rows, columns = spans
    height = max(_HALO_PX, _BAND_PX // (columns.stop - columns.start))
    found = []
    for top in range(rows.start, rows.stop, height):
        bottom = min(top + height, rows.stop)
        around = slice(max(top - _HALO_PX, rows.start), min(bottom + _HALO_PX, rows.stop))
        found.append((slice(top, bottom), (around, columns)))
    return found


def _reach(changed: Changed, before: Image) -> tuple[Mask, Image, bool, Image]:
    """Return where objects may be, until when each pixel is surely as before, whether objects add up, and their level.

    The time is that of the nearest piece's first appearance, infinity away from all pieces. The level is the rise where
    objects add up; all (Y, X).
    """
    region, latest = np.zeros(before.shape, bool), np.full(before.shape, np.inf, np.float32)
    carried = np.full(before.shape, np.nan, np.float32)
    core = _cores(changed.pieces) & np.isfinite(before)
    additive = adds_up(changed.top, before, core)
    for number in np.unique(changed.pieces[core]).tolist():
        piece = changed.pieces == number
        reach = _REACH_SHARE * float(np.sqrt(piece.sum())) + _REACH_PX
        away = cv2.distanceTransform((~piece).astype(np.uint8), cv2.DIST_L2, 5)
        mine = (away <= reach) & ~(region & (away > 0))
        tops = changed.top[piece & core] - (before[piece & core] if additive else 0)
        carried[mine], latest[mine] = np.median(tops), changed.first[number]
        region |= mine
    return region & np.isfinite(before), latest, additive, carried


def _cores(pieces: Labels) -> Mask:
    """Return the inner half of each piece by its depth: the rim is blurred."""
    depth = cv2.distanceTransform((pieces > 0).astype(np.uint8), cv2.DIST_L2, 5)
    deepest = np.zeros(int(pieces.max()) + 1, np.float32)
    np.maximum.at(deepest, pieces.ravel(), depth.ravel())
    return np.asarray((pieces > 0) & (depth >= 0.5 * deepest[pieces]))


def _smoothing(share: Image) -> float:
    """Return the width of smoothing that brings the noise of the evidence of one frame down to a third of the rise."""
    known = share[np.isfinite(share)]
    worst = float(np.percentile(known, _MOST_PIXELS)) if known.size else 0.0
    # A Gaussian of width s averages 4 pi s^2 pixels.
    return float(np.clip(worst / (_NOISE_SHARE * 2 * np.sqrt(np.pi)), _LEAST_SMOOTHING_PX, _MOST_SMOOTHING_PX))


def _left(width_px: float) -> float:
    """Return what share of the noise a Gaussian leaves: the root of the sum of its squared weights."""
    weights = cv2.getGaussianKernel(2 * round(4 * width_px) + 1, width_px)
    return float((weights**2).sum())


def _kept(start: Image, stop: Image, changed: Changed) -> tuple[Image, Image]:
    """Return the spans of those connected pieces that touch something that stood out."""
    count, labels = cv2.connectedComponents(np.isfinite(start).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    keep = np.bincount(labels[changed.pieces > 0], minlength=count) > 0
    keep[0] = False
    kept = keep[labels]
    return np.where(kept, start, np.float32(np.inf)), np.where(kept, stop, np.float32(np.inf))


def _smooth(image: Image, width_px: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), width_px, borderType=cv2.BORDER_REFLECT), np.float32)
