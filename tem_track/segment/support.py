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
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.labels import boxes
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask
from tem_track.segment.background import filled_in
from tem_track.segment.candidates import binned

Window: TypeAlias = tuple[slice, slice]
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
# Rows and columns of a frame that tell its level and the brightness of the support in it.
_SIDE_ASKED = 256
# An outline looks beyond the box of its label by half of the box's longer side (rays end at 1.4 radii of an outline
# that may be larger than its label by a fifth) and this many px more.
_LOOKED_AT_PX = 16
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

    def taken_out(self, frame: Image, window: Window, drift_px: FloatArray, brightness: np.float32) -> Image:
        """Return a window of a (Y, X) frame without the support.

        Parameters
        ----------
        frame : (Y, X) float32
        window : (slice, slice)
        drift_px : (2,) float64
            (dy, dx) px.
        brightness : float32
            Of the support in this frame (see `brightness`).
        """
        part = frame[window]
        corner = np.array([window[0].start, window[1].start])
        here = _shifted(self.picture, part.shape, drift_px + self.origin - corner, self.bin_px)
        if self.dark:
            return np.asarray(part / np.maximum(here, _DARKEST))
        return np.asarray(part - brightness * here)

    def brightness(self, frame: Image, labels: Labels, fixed: Mask | None, drift_px: FloatArray) -> np.float32:
        """Return how bright the support is in a frame; in bright field, where it is a factor, that is always 1.

        A straight line through the background's grey values against the picture, at every so many pixels.
        """
        if self.dark:
            return np.float32(1.0)
        step = max(1, min(frame.shape) // _SIDE_ASKED)
        thin = (slice(None, None, step), slice(None, None, step))
        background = background_pixels(labels[thin], None if fixed is None else fixed[thin], -(-_RIM_PX // step))
        here = _shifted(self.picture, background.shape, drift_px + self.origin, self.bin_px, step=step)
        return _brightness(frame[thin][background], here[background])


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
        self._support, self._tracks = support, frozenset(tracks)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, k: int, /) -> Image:
        frame, labels, drift = np.asarray(self._frames[k], np.float32), self._labels[k], self._drift_px[k]
        here = {track: box for track, box in boxes(labels).items() if track in self._tracks}
        if not here or not np.isfinite(drift).all():
            return frame
        bare, brightness = frame.copy(), self._support.brightness(frame, labels, self._fixed, drift)
        for track, box in here.items():
            window = _around(box, frame.shape, _looked_at_px(box))
            without = self._support.taken_out(frame, window, drift, brightness)
            np.copyto(bare[window], without, where=nearest_label(labels[window]) == track)
        return bare


def _around(box: Window, shape: tuple[int, ...], margin: int) -> Window:
    """Return a box widened by a margin (px), inside a field of (Y, X) px."""
    rows, columns = (
        slice(max(0, one.start - margin), min(size, one.stop + margin)) for one, size in zip(box, shape, strict=True)
    )
    return rows, columns


def _looked_at_px(box: Window) -> int:
    """Return how far beyond the box of its label a particle's outline may look, px."""
    longer: int = max(one.stop - one.start for one in box)
    return _LOOKED_AT_PX + longer // 2


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
        for track, ratio in _ratios(np.asarray(frames[k], np.float32), labels[k], support, drift_px[k], fixed):
            quieter.setdefault(track, []).append(ratio)
    helped = tuple(sorted(track for track, ratios in quieter.items() if np.median(ratios) < _QUIETER))
    if not helped:
        return frames, ()
    return _FramesWithoutSupport(frames, labels, drift_px, fixed, support, helped), helped


def _ratios(
    frame: Image, labels: Labels, support: Support, drift_px: FloatArray, fixed: Mask | None
) -> Iterator[tuple[int, float]]:
    """Yield each label with the variance of its surroundings without the support, over that with it."""
    background = background_pixels(labels, fixed)
    brightness = support.brightness(frame, labels, fixed, drift_px)
    reach = _RIM_PX + _AROUND_PX
    for track, box in boxes(labels).items():
        # So wide that whatever is nearer to a pixel of the ring than the label lies in the window too.
        window = _around(box, frame.shape, 2 * reach)
        near = nearest_label(labels[window]) == track
        far = cv2.distanceTransform((labels[window] != track).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        ring = background[window] & near & (far <= reach)
        if ring.sum() < _FEWEST:
            continue
        before = float(frame[window][ring].var())
        after = float(support.taken_out(frame, window, drift_px, brightness)[ring].var())
        yield track, after / before if before > 0 else 1.0


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
    frame, support = frame.astype(np.float64), support.astype(np.float64)
    spread = support - support.mean() if len(support) else support
    variance = float((spread**2).sum())
    return np.float32((spread * frame).sum() / variance if variance > 0 else 0.0)


def _shifted(
    picture: Image,
    shape: tuple[int, ...],
    by: FloatArray,
    bin_px: int = 1,
    outside: float | None = None,
    step: int = 1,
) -> Image:
    """Return a binned picture moved by (dy, dx) px onto every `step`-th pixel of a frame; its border goes on outside.

    `shape` is that of what is returned; with a number for what is `outside`, its border does not go on.
    """
    # The centre of pixel p lies at (p + 0.5) / bin - 0.5 of the binned picture.
    y, x = ((0.5 - by) / bin_px - 0.5).tolist()
    matrix = np.array([[step / bin_px, 0.0, x], [0.0, step / bin_px, y]])
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
        cv2.accumulate(_shifted(relative, size, by), total[i % 2], seen.astype(np.uint8))
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
