"""Grown pixels as objects: numbered, followed through the movie, measured in every frame.

Strategy: the connected parts of a frame take the number of the part of the frame before that they overlap with. Two
objects that grow into one become a new one, unless one of them is a speck beside the other; the parts of one that
divides keep its number. What never becomes as large as a few pixels, or lasts a moment, is no object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tem_track.front.growth.find import Growth
from tem_track.labels import LabelStack
from tem_track.movie import FloatArray, Image, Labels, Mask

# An object that never has this many pixels, or in fewer frames than this, is noise.
_SMALLEST_PX, _FEWEST_FRAMES = 16, 3
# An object that when first seen consists of holes to more than this share was there before.
_HOLLOW = 0.25
# Of two that grow together, one with less than this share of the whole is taken in without changing the other's number.
_SPECK = 0.2
# Where half of the rise lies is known to this, px: from the level of the rim and the mixing of neighbouring pixels.
# On simulated and independent movies outlines lie 0.02 to 0.3 px off as a whole.
_OUTLINE_PX = 0.15
# When an outline passes a pixel is known to this, frames.
_PASSING_FRAMES = 0.3


@dataclass
class GrownObject:
    """One object in one frame.

    Attributes
    ----------
    track_id, lineage_id, frame : int
    area_px, area_sd_px : float
        Corrected for what the blur rounds off.
    y_px, x_px : float
        Centroid in the specimen frame.
    touches_border : bool
        Cut by the edge of the recorded frame.
    holes_px : float
        Part of the area that never changed but is enclosed by what did.
    """

    track_id: int
    lineage_id: int
    frame: int
    area_px: float
    area_sd_px: float
    y_px: float
    x_px: float
    touches_border: bool
    holes_px: float = 0.0


@dataclass
class GrownObjects:
    """All objects of a movie.

    Attributes
    ----------
    rows : list of GrownObject
        By track and frame.
    labels : LabelStack
        (T, Y, X) in the coordinates of the recorded frames, value = track number.
    merged : list of (frame, product, parents)
        Objects that grew into one.
    """

    rows: list[GrownObject]
    labels: LabelStack
    merged: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)

    def standing(self) -> set[int]:
        """Return the tracks of objects that stood there before: when first seen they enclose what never changed.

        What they gained is then seen from when it closed around them; the area is right, the onset is not.
        """
        found: set[int] = set()
        seen: set[int] = set()
        for row in self.rows:
            if row.track_id not in seen and row.area_px >= _SMALLEST_PX:
                seen.add(row.track_id)
                found |= {row.track_id} if row.holes_px > _HOLLOW * row.area_px else set()
        return found


@dataclass
class _Roster:
    """What is known of the tracks so far."""

    largest: dict[int, int] = field(default_factory=dict)
    frames: dict[int, int] = field(default_factory=dict)
    merged: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)

    def new(self) -> int:
        number = len(self.largest) + 1
        self.largest[number] = self.frames[number] = 0
        return number


def grown_objects(growth: Growth | None, drift_px: FloatArray, shape: tuple[int, int]) -> GrownObjects:
    """Return the objects of a growth, numbered from 1 by when they appear.

    Parameters
    ----------
    growth : Growth or None
        None gives empty label images.
    drift_px : (T, 2) float64
    shape : (Y, X)

    Notes
    -----
    Blurring rounds a closed outline off by pi s^2 of its area, whatever its shape as long as its curvature is small
    against 1/s (motion by curvature, Gage 1983, doi:10.1215/S0012-7094-83-05052-4): that is added back.
    """
    if growth is None or not np.isfinite(growth.start).any():
        labels = LabelStack(shape)
        for _ in drift_px:
            labels.append(np.zeros(shape, np.int32))
        return GrownObjects([], labels)
    window = _window(np.isfinite(growth.start))
    followed, roster = _followed(growth, len(drift_px), window)
    real = [i for i, n in roster.largest.items() if n >= _SMALLEST_PX and roster.frames[i] >= _FEWEST_FRAMES]
    number = np.zeros(len(roster.largest) + 1, np.int32)
    number[real] = np.arange(1, len(real) + 1)
    merged = [
        (k, int(number[product]), tuple(int(number[one]) for one in parents if number[one]))
        for k, product, parents in roster.merged
        if number[product]
    ]
    labels, rows = LabelStack(shape), []
    for k, drift in enumerate(drift_px):
        image = number[followed[k]]
        recorded = _recorded(image, window, drift, shape)
        labels.append(recorded)
        rows += _measured(growth, image, window, recorded, k)
    rows.sort(key=lambda row: (row.track_id, row.frame))
    _add_passing(rows)
    return GrownObjects(rows, labels, [one for one in merged if len(one[2]) > 1])


def _followed(growth: Growth, count: int, window: tuple[slice, slice]) -> tuple[LabelStack, _Roster]:
    """Return label images of a window of the specimen frame, and their roster."""
    before = np.zeros((window[0].stop - window[0].start, window[1].stop - window[1].start), np.int32)
    stack, roster = LabelStack(before.shape), _Roster()
    for k in range(count):
        parts, labels = cv2.connectedComponents(_filled(growth.inside(k, window)), connectivity=8, ltype=cv2.CV_32S)
        names = _names(labels, parts, before, roster, k)
        before = names[labels]
        for name, size in zip(*np.unique(before[before > 0], return_counts=True), strict=True):
            roster.largest[int(name)] = max(roster.largest[int(name)], int(size))
            roster.frames[int(name)] += 1
        stack.append(before)
    return stack, roster


def _names(labels: Labels, parts: int, before: Labels, roster: _Roster, k: int) -> Labels:
    """Return the track number of each part of frame k, by what it overlaps with in the frame before."""
    names = np.zeros(parts, np.int32)
    old = np.bincount(before.ravel())
    for part in range(1, parts):
        here, shared = np.unique(before[labels == part], return_counts=True)
        known = [(int(n), int(name)) for name, n in zip(here, shared, strict=True) if name]
        if not known:
            names[part] = roster.new()
            continue
        known.sort(reverse=True)
        whole = sum(old[name] for _, name in known)
        parents = [name for _, name in known if old[name] >= _SPECK * whole]
        if len(parents) > 1:
            names[part] = roster.new()
            roster.merged.append((k, int(names[part]), tuple(sorted(parents))))
        else:
            names[part] = known[0][1]
    return names


def _filled(inside: Mask) -> NDArray[np.uint8]:
    """Return a mask with its holes filled."""
    filled = np.zeros(inside.shape, np.uint8)
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled


def _recorded(image: Labels, window: tuple[slice, slice], drift: FloatArray, shape: tuple[int, int]) -> Labels:
    """Return labels of a window of the specimen frame in the coordinates of the recorded frame, (Y, X)."""
    if not np.isfinite(drift).all() or not image.any():
        return np.zeros(shape, np.int32)
    down, right = float(drift[0]) + window[0].start, float(drift[1]) + window[1].start
    # OpenCV speaks (x, y); the inverse map reads the recorded pixel (y, x) at (y - dy, x - dx) of the specimen.
    matrix = np.array([[1.0, 0.0, -right], [0.0, 1.0, -down]])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image.astype(np.float32), matrix, shape[::-1], flags=flags), np.int32)


def _measured(
    growth: Growth, image: Labels, window: tuple[slice, slice], recorded: Labels, k: int
) -> list[GrownObject]:
    """Return the objects of a frame, from their labels in a window of the specimen frame and in the recorded frame."""
    cut = set(np.concatenate([recorded[0], recorded[-1], recorded[:, 0], recorded[:, -1]]).tolist())
    noise, rise = growth.noise[window], growth.rise[window]
    changed = growth.inside(k, window)
    rows = []
    for track, part in enumerate(ndimage.find_objects(image), start=1):
        if part is None:
            continue
        inside = image[part] == track
        area, sd = _area(inside, growth.blur_px, noise[part], rise[part])
        y, x = (
            float(places.mean()) + one.start + whole.start
            for places, one, whole in zip(np.nonzero(inside), part, window, strict=True)
        )
        holes = float((inside & ~changed[part]).sum())
        rows.append(GrownObject(track, track, k, area, sd, y, x, track in cut, holes))
    return rows


def _area(inside: Mask, blur_px: float, noise: Image, rise: Image) -> tuple[float, float]:
    """Return the area of an object, px, and its standard uncertainty without that of the passing outline."""
    contours, _ = cv2.findContours(np.pad(inside, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A chain of pixel centres is shorter than the outline around the pixels by four sides of half a pixel.
    around = sum(cv2.arcLength(contour, True) + 4 for contour in contours)
    count = float(inside.sum())
    rounded = min(len(contours) * np.pi * blur_px**2, 0.5 * count)
    rim = inside & ~ndimage.binary_erosion(inside)
    share = noise[rim] / np.abs(rise[rim])
    typical = float(np.median(share[np.isfinite(share)])) if np.isfinite(share).any() else 0.0
    # The slope of a blurred edge is 1/(sqrt(2 pi) s) of the rise per px; pixels within about 2 s err together, and each
    # of them adds the rounding to whole pixels.
    localised = around * (2 * blur_px * (np.sqrt(2 * np.pi) * blur_px * typical) ** 2 + 1 / 12)
    return count + rounded, float(np.sqrt((_OUTLINE_PX * around) ** 2 + localised))


def _add_passing(rows: Sequence[GrownObject]) -> None:
    """Add to the uncertainty of each area that of when the outline passes, from its change from frame to frame."""
    for track in {row.track_id for row in rows}:
        mine = [row for row in rows if row.track_id == track]
        areas = np.array([row.area_px for row in mine])
        change = np.abs(np.gradient(areas)) if len(areas) > 1 else np.zeros(1)
        for row, step in zip(mine, change, strict=True):
            row.area_sd_px = float(np.hypot(row.area_sd_px, _PASSING_FRAMES * step))


def _window(inside: Mask) -> tuple[slice, slice]:
    """Return the part of the field that holds all objects of all frames, with a margin of a pixel."""
    spans = []
    for axis, length in zip((1, 0), inside.shape, strict=True):
        places = np.flatnonzero(inside.any(axis=axis))
        spans.append(slice(max(int(places[0]) - 1, 0), min(int(places[-1]) + 2, length)))
    return spans[0], spans[1]
