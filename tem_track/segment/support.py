"""What the particles stand on, and the frames without it.

A strand of carbon or the rim of a film beside a particle is taken for a part of it where its edge and the particle's
lie within the blur. One frame cannot tell them apart, the movie can: the support keeps its place in the specimen, and
nearly all that a swelling particle covers was seen before.

Strategy. Some frames are averaged in the specimen frame, each without its particles and their blurred rims. Of that
picture only what two halves of the frames agree on is kept, so that no noise common to all frames enters; what was
never seen is carried on from around it. A bright-field frame is divided by the picture, a dark-field frame loses it,
but only around particles where that makes the surroundings quieter in most frames: a support that moves, bends or
changes is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from tem_track.movie import FloatArray, Frames, Image, Labels, Mask
from tem_track.segment.background import filled_in
from tem_track.segment.candidates import binned

# Frames that are averaged: 64 leave an eighth of a frame's noise, and cost less than the outlines of ten.
_AVERAGED = 64
# So many of them are the first ones: later ones see less of what the particles will cover.
_FIRST = 16
# A particle's blurred edge and its fringe reach this far beyond its label, px.
_RIM_PX = 5
# Width of the neighbourhood, px, in which two halves have to agree.
_AGREE_PX = 2.0
# Where a particle's surroundings are judged: from the rim outwards this far, px.
_AROUND_PX = 12
# The support is taken out around a particle if what is around it varies by this factor less without it, in variance.
_QUIETER = 0.8
# Frames in which that is asked, and of how many pixels at least.
_ASKED, _FEWEST = 12, 50
# Frames without which there is no picture: two in each half.
_FEWEST_FRAMES = 4
# Longest side of a frame as it is averaged, px: larger ones are binned, and particles in them seldom small.
_LONGEST_SIDE = 1024
# Pixels that tell the brightness of the support in a frame.
_PIXELS_ASKED = 50_000
# Rows and columns of a frame that tell its level.
_SIDE_ASKED = 256
# A support that lets less through than this share of the median is not divided by.
_DARKEST = np.float32(0.05)


@dataclass(frozen=True)
class Support:
    """What lies behind the particles of a movie.

    Attributes
    ----------
    picture : (Y', X') float32
        In the specimen frame, binned: over a frame's median background in bright field, minus it in dark field.
    origin : (2,) float64
        Where the picture begins: (y, x) px of the specimen frame, as if it were not binned.
    bin_px : int
        Image pixels to a pixel of it.
    dark : bool
        Bright field: it attenuates; otherwise it adds.
    """

    picture: Image
    origin: FloatArray
    bin_px: int
    dark: bool

    def taken_out(self, frame: Image, background: Mask, drift_px: FloatArray) -> Image:
        """Return a (Y, X) frame without the support.

        Parameters
        ----------
        frame : (Y, X) float32
        background : (Y, X) bool
            Pixels that show no particle: they tell how bright the support is in this frame.
        drift_px : (2,) float64
            (dy, dx) px.
        """
        here = _shifted(self.picture, frame.shape, drift_px + self.origin, self.bin_px)
        if self.dark:
            return np.asarray(frame / np.maximum(here, _DARKEST))
        brightness = _brightness(frame[background], here[background])
        return np.asarray(frame - brightness * here)


class _FramesWithoutSupport:
    """Frames without the support around some of the tracks."""

    def __init__(
        self,
        frames: Frames,
        labels: Sequence[Labels],
        drift_px: FloatArray,
        fixed: Mask | None,
        support: Support,
        tracks: tuple[int, ...],
    ):
        self._frames, self._labels, self._drift_px, self._fixed = frames, labels, drift_px, fixed
        self._support, self._tracks = support, list(tracks)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, k: int, /) -> Image:
        frame, labels = np.asarray(self._frames[k], np.float32), self._labels[k]
        helped = np.zeros(max(int(labels.max()), self._tracks[-1]) + 1, np.bool_)
        helped[self._tracks] = True
        if not helped[labels].any() or not np.isfinite(self._drift_px[k]).all():
            return frame
        without = self._support.taken_out(frame, background_pixels(labels, self._fixed), self._drift_px[k])
        return np.asarray(np.where(helped[nearest_label(labels)], without, frame))


def without_support(
    frames: Frames, labels: Sequence[Labels], drift_px: FloatArray, usable: Mask, fixed: Mask | None, dark: bool
) -> tuple[Frames, tuple[int, ...]]:
    """Return frames without what lies behind the particles, where that makes their surroundings quieter, and for whom.

    Parameters
    ----------
    frames : Frames
        T frames of (Y, X), float32, finite.
    labels : sequence of (Y, X) int32
        Label image of each frame; value = track number.
    drift_px : (T, 2) float64
        (dy, dx) px.
    usable : (T,) bool
    fixed : (Y, X) bool or None
        Burned-in overlays.
    dark : bool
        Bright field.

    Returns
    -------
    frames : Frames
        The given ones where it helps nobody.
    tracks : tuple of int
        Particles around which the support is taken out, rising.
    """
    support = learn_support(frames, labels, drift_px, usable, fixed, dark)
    if support is None:
        return frames, ()
    quieter: dict[int, list[float]] = {}
    numbers = np.flatnonzero(usable)
    for k in numbers[np.unique(np.linspace(0, len(numbers) - 1, _ASKED).round().astype(np.intp))].tolist():
        background = background_pixels(labels[k], fixed)
        frame = np.asarray(frames[k], np.float32)
        without = support.taken_out(frame, background, drift_px[k])
        for track, ratio in _ratios(frame, without, labels[k], background):
            quieter.setdefault(track, []).append(ratio)
    helped = tuple(sorted(track for track, ratios in quieter.items() if np.median(ratios) < _QUIETER))
    if not helped:
        return frames, ()
    return _FramesWithoutSupport(frames, labels, drift_px, fixed, support, helped), helped


def _ratios(frame: Image, without: Image, labels: Labels, background: Mask) -> Iterator[tuple[int, float]]:
    """Yield each label with the variance of its surroundings without the support, over that with it."""
    near = nearest_label(labels)
    reach = _RIM_PX + _AROUND_PX
    for track, box in zip(range(1, int(labels.max()) + 1), find_objects(labels), strict=True):
        if box is None:
            continue
        wider = tuple(slice(max(0, one.start - reach), one.stop + reach) for one in box)
        ring = background[wider] & (near[wider] == track)
        ring &= ~background_pixels(np.where(labels[wider] == track, 1, 0), None, reach)
        if ring.sum() < _FEWEST:
            continue
        before = float(frame[wider][ring].var())
        yield track, float(without[wider][ring].var()) / before if before > 0 else 1.0


def nearest_label(labels: Labels) -> Labels:
    """Return for every pixel of a (Y, X) label image the label nearest to it; 0 where there is none."""
    present = labels != 0
    if not present.any():
        return labels
    _, index = cv2.distanceTransformWithLabels(
        (~present).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_index = np.zeros(int(index.max()) + 1, labels.dtype)
    of_index[index[present]] = labels[present]
    return np.asarray(of_index[index])


def _level(frame: Image, background: Mask) -> float:
    """Return the median grey value of a frame's background from every so many pixels; 0 where there is none."""
    step = max(1, min(frame.shape) // _SIDE_ASKED)
    values = frame[::step, ::step][background[::step, ::step]]
    return float(np.median(values)) if len(values) else 0.0


def _brightness(frame: Image, support: Image) -> np.float32:
    """Return by how much a frame's background changes with the support, a straight line through its pixels."""
    step = max(1, len(frame) // _PIXELS_ASKED)
    frame, support = frame[::step].astype(np.float64), support[::step].astype(np.float64)
    spread = support - support.mean() if len(support) else support
    variance = float((spread**2).sum())
    return np.float32((spread * frame).sum() / variance if variance > 0 else 0.0)


def _shifted(
    picture: Image, shape: tuple[int, ...], by: FloatArray, bin_px: int = 1, outside: float | None = None
) -> Image:
    """Return a binned picture moved by (dy, dx) px onto a frame of another shape; its border goes on outside of it."""
    # The centre of pixel p lies at (p + 0.5) / bin - 0.5 of the binned picture.
    y, x = ((0.5 - by) / bin_px - 0.5).tolist()
    matrix = np.array([[1 / bin_px, 0.0, x], [0.0, 1 / bin_px, y]])
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(picture, matrix, shape[::-1], flags=flags, borderMode=border, borderValue=outside or 0.0)
    return np.asarray(moved)


def averaged_frames(usable: Mask) -> NDArray[np.intp]:
    """Return the numbers of the frames that make the picture: the first ones, and others evenly."""
    numbers = np.flatnonzero(usable)
    if len(numbers) <= _AVERAGED:
        return numbers
    later = np.linspace(_FIRST, len(numbers) - 1, _AVERAGED - _FIRST).round().astype(np.intp)
    return np.asarray(numbers[np.unique(np.concatenate((np.arange(_FIRST), later)))])


def background_pixels(labels: Labels, fixed: Mask | None, rim_px: int = _RIM_PX) -> Mask:
    """Return the (Y, X) pixels of a frame that show neither a particle, nor its rim, nor an overlay."""
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim_px + 1, 2 * rim_px + 1))
    covered = cv2.dilate((labels != 0).astype(np.uint8), element) != 0
    return np.asarray(~covered if fixed is None else ~(covered | fixed))


def learn_support(
    frames: Frames, labels: Sequence[Labels], drift_px: FloatArray, usable: Mask, fixed: Mask | None, dark: bool
) -> Support | None:
    """Return what lies behind the particles of a movie; None where too little of it was seen.

    Parameters
    ----------
    frames : Frames
        (Y, X) float32 each.
    labels : sequence of (Y, X) int32
    drift_px : (T, 2) float64
        (dy, dx) px.
    usable : (T,) bool
    fixed : (Y, X) bool or None
        Burned-in overlays.
    dark : bool
        Bright field.
    """
    chosen = averaged_frames(usable)
    if len(chosen) < _FEWEST_FRAMES:
        return None
    shape = np.array(labels[0].shape)
    bin_px = -(-int(shape.max()) // _LONGEST_SIDE)
    # What sits at p of the specimen sits at p + drift of a frame.
    low, high = np.floor(drift_px[chosen].min(axis=0)), np.ceil(drift_px[chosen].max(axis=0))
    size = tuple(np.ceil((shape + high - low) / bin_px).astype(int).tolist())
    total, count = np.zeros((2, *size), np.float32), np.zeros((2, *size), np.float32)
    for i, k in enumerate(chosen.tolist()):
        background = background_pixels(labels[k], fixed)
        frame = np.asarray(frames[k], np.float32)
        level = _level(frame, background)
        if dark and level <= 0:
            continue
        by = (high - drift_px[k]) / bin_px
        seen = _shifted(binned(background.astype(np.float32), bin_px), size, by, outside=0.0) > 0.999
        relative = binned(frame, bin_px)
        relative = relative / np.float32(level) if dark else relative - np.float32(level)
        total[i % 2] += np.where(seen, _shifted(relative, size, by), np.float32(0))
        count[i % 2] += seen
    known: Mask = np.asarray((count >= 2).all(axis=0))
    if not known.any():
        return None
    picture = np.asarray(total.sum(axis=0) / np.maximum(count.sum(axis=0), 1), np.float32)
    picture = agreed(picture, np.asarray(total / np.maximum(count, 1), np.float32), known)
    return Support(filled_in(picture, ~known), -high, bin_px, dark)


def agreed(picture: Image, halves: Image, known: Mask) -> Image:
    """Return a (Y, X) picture with only that detail which its two halves (2, Y, X) agree on (a Wiener filter)."""
    size = (0, 0)
    weight = np.maximum(cv2.GaussianBlur(known.astype(np.float32), size, _AGREE_PX), np.float32(1e-3))

    def around(values: Image) -> Image:
        return np.asarray(cv2.GaussianBlur(np.where(known, values, np.float32(0)), size, _AGREE_PX) / weight)

    smooth = around(picture)
    noise = around(np.square(halves[0] - halves[1])) / 4
    detail = around(np.square(picture - smooth))
    share = np.clip(1 - noise / np.maximum(detail, np.float32(1e-12)), 0, 1)
    return np.asarray(np.where(known, smooth + share * (picture - smooth), np.float32(0)), np.float32)
