"""How far each particle reaches: from a tight patch inside it out to the foot of its edge.

Strategy. The thickness of a rounded particle starts like a square root at its outline, so half height lies well
inside. The background around the particles is carried on beneath them (strands and film included), what is left is
the particle's own contrast, and the particle reaches to where that contrast falls below a small share of its own
level. A strand that leads away from the particle is narrow against it and is removed by an opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.background import filled_in
from tem_track.segment.divide import nearest_label

# How far beyond its tight patch a particle may reach, against its radius. A ball's half height lies at 0.87 R, the
# steepest place of a blurred one at 0.8 R or beyond.
REACH = 0.30
# Radius of the opening that takes strands off, against the particle's radius.
OPENING = 0.30
# The background is measured from this far beyond the outline of the first round, working px.
CLEAR_PX = 2


@dataclass(frozen=True)
class Surroundings:
    """Which tight patch is nearest to each pixel of the working picture, and how far each may reach.

    Attributes
    ----------
    tight : (Y, X) int32
        Patches inside the particles, 1..N, holes filled.
    nearest : (Y, X) int32
    distance : (Y, X) float32
        Px of the working picture, to the nearest patch.
    radius_px : (N + 1,) float64
        Of each patch.
    """

    tight: Labels
    nearest: Labels
    distance: Image
    radius_px: FloatArray

    @classmethod
    def of(cls, tight: Labels) -> Surroundings:
        """Return the surroundings of (Y, X) tight patches."""
        return cls(tight, *nearest_label(tight), np.sqrt(np.bincount(tight.ravel()) / np.pi))

    def reach_px(self) -> FloatArray:
        """Return how far beyond its patch each particle may reach, px."""
        return np.maximum(2.0, REACH * self.radius_px)

    @cached_property
    def within(self) -> Mask:
        """Return the pixels that a particle may reach, (Y, X)."""
        return np.asarray(self.distance <= self.reach_px().astype(np.float32).take(self.nearest))

    @cached_property
    def opening_px(self) -> Image:
        """Return the radius of the opening at each pixel, (Y, X)."""
        return opening_px(self.radius_px).take(self.nearest)

    @cached_property
    def boxes(self) -> list[tuple[slice, slice] | None]:
        """Return the rows and columns of each patch, None for a number that no pixel has."""
        return list(find_objects(self.tight))


@dataclass(frozen=True)
class Foot:
    """The contrast picture, (Y, X) of the working picture, and the level (grey value) of each particle, (N + 1,)."""

    contrast: Image
    level: FloatArray


def foot_of(picture: Image, around: Surroundings, outer: Mask | None = None) -> Foot:
    """Return the contrast of each particle above the background carried on beneath it.

    Parameters
    ----------
    picture : (Y, X) float32
        Particles brighter than their surroundings.
    around : Surroundings
    outer : (Y, X) bool or None
        The particles as known from a first round: the background is then measured close to them, where strands that
        lead away from them are seen.
    """
    hidden = around.within
    if outer is not None:
        margin = np.full((3, 3), 1, np.uint8)
        hidden = hidden & cv2.dilate(outer.view(np.uint8), margin, iterations=CLEAR_PX) > 0
    contrast = picture - filled_in(picture, hidden)
    return Foot(contrast, _medians(contrast, around.tight, len(around.radius_px)))


def _medians(picture: Image, labels: Labels, count: int) -> FloatArray:
    """Return the median of a picture over each label below a count, 0 for 0 and where there is none."""
    inside = labels > 0
    values = picture[inside].astype(np.float64)
    level = np.zeros(count)
    if not len(values):
        return level
    # Sorted within each label by one sort of all: the whole part is the label.
    low, span = float(values.min()), float(np.ptp(values)) * 1.0001 + 1e-30
    ranked = np.sort(labels[inside] + (values - low) / span)
    ends = np.searchsorted(ranked, np.arange(count + 1))
    some = np.flatnonzero(np.diff(ends) > 0)
    level[some] = (ranked[(ends[some] + ends[some + 1]) // 2] - some) * span + low
    return level


def _edges(level: FloatArray, radius_px: FloatArray, reach: Reach) -> NDArray[np.float32]:
    """Return `edge_of` every particle."""
    edges = [edge_of(float(height), float(size), reach) for height, size in zip(level, radius_px, strict=True)]
    return np.array(edges, np.float32)


def edge_of(level: float, radius_px: float, reach: Reach) -> float:
    """Return the contrast down to which a particle of given level and radius reaches."""
    return max(foot_share(radius_px, reach.blur_px) * level, min(2.5 * reach.noise, 0.5 * level))


def foot_share(radius_px: float, blur_px: float) -> float:
    """Return the share of its level a ball of given radius has left at its true outline, seen with a given blur.

    Notes
    -----
    Projected thickness near the outline, 2 sqrt(2 R s) for s > 0, convolved with a Gaussian of width b, at s = 0:
    2 sqrt(2 R b) * 0.411. The median of the thickness over the disc is sqrt(2) R. The share is 0.82 sqrt(b / R).
    """
    return float(np.clip(0.82 * np.sqrt(blur_px / max(radius_px, 1.0)), 0.12, 0.40))


@dataclass(frozen=True)
class Reach:
    """How the particles of a working picture are drawn.

    Attributes
    ----------
    blur_px : float
        Width of the blur in the working picture, px of it.
    noise : float
        Noise of the working picture, grey value.
    scale : int
        Image pixels per working pixel.
    limits_px : (float, float)
        Least and greatest equivalent diameter, image px.
    """

    blur_px: float
    noise: float
    scale: int
    limits_px: tuple[float, float]


def height_above_foot(foot: Foot, around: Surroundings, reach: Reach) -> Image:
    """Return by how much the contrast exceeds that at the foot of the nearest particle, (Y, X); above 0 = particle.

    A particle holds its tight patch, reaches no further than it may, and what is narrow against it is taken off.
    """
    edge = _edges(foot.level, around.radius_px, reach)
    least = edge.take(around.nearest)
    height = foot.contrast - least
    held = around.tight > 0
    height[held] = np.maximum(height[held], np.float32(1e-6))
    # What is not allowed falls off steeply, so that the dividing line stays where it is when the picture is enlarged.
    out = ~around.within
    out |= (height > 0) & ~opened(~out & (height > 0), around.opening_px) & ~held
    return np.where(out, np.minimum(height, -np.abs(least)), height)


def opening_px(radius_px: FloatArray) -> NDArray[np.float32]:
    """Return the radius of the opening for particles of given radius."""
    return np.maximum(1.0, OPENING * radius_px).astype(np.float32)


def opened(mask: Mask, radius_px: Image) -> Mask:
    """Return a (Y, X) mask without what is narrower than a disc, whose radius (px) may differ from place to place.

    Done with two distance transforms: their cost does not grow with the radius. The mask goes on beyond the border of
    the picture, so particles cut by the frame keep their corners.
    """
    eroded = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5) > radius_px
    back: Mask = cv2.distanceTransform((~eroded).view(np.uint8), cv2.DIST_L2, 5) <= radius_px
    return back & mask


def drawn(height: Image, around: Surroundings, reach: Reach, shape: tuple[int, int], fixed: Mask | None) -> Labels:
    """Return the particles at full size, (Y, X) int32, those within the size limits, 1..N.

    Parameters
    ----------
    height : (Y / scale, X / scale) float32
        Of the contrast above the foot of the nearest particle.
    around : Surroundings
    reach : Reach
    shape : (int, int)
        Of the image.
    fixed : (Y, X) bool or None
        Never part of a particle.
    """
    labels = np.zeros(shape, np.int32)
    least, greatest = (np.pi / 4 * limit**2 for limit in reach.limits_px)
    count = 0
    for number, box in enumerate(_boxes(around), start=1):
        if box is None:
            continue
        mask = _enlarged(height, around, number, box, reach.scale)
        view = np.s_[box[0] * reach.scale : box[1] * reach.scale, box[2] * reach.scale : box[3] * reach.scale]
        part = labels[view]
        free = (mask[: part.shape[0], : part.shape[1]] > 0) & (part == 0)
        if fixed is not None:
            free &= ~fixed[view]
        if least <= np.count_nonzero(free) <= greatest:
            count += 1
            part[free] = count
    return labels


def _boxes(around: Surroundings) -> list[tuple[int, int, int, int] | None]:
    """Return for each particle the (top, bottom, left, right) of all it may reach."""
    boxes: list[tuple[int, int, int, int] | None] = []
    height, width = around.tight.shape
    for found, reach in zip(around.boxes, around.reach_px()[1:], strict=True):
        if found is None:
            boxes.append(None)
            continue
        margin = int(np.ceil(reach)) + 1
        rows, columns = found
        boxes.append(
            (
                max(0, rows.start - margin),
                min(height, rows.stop + margin),
                max(0, columns.start - margin),
                min(width, columns.stop + margin),
            )
        )
    return boxes


def _enlarged(
    height: Image, around: Surroundings, number: int, box: tuple[int, int, int, int], scale: int
) -> NDArray[np.uint8]:
    """Return the mask of one particle inside its box at full size."""
    view = np.s_[box[0] : box[1], box[2] : box[3]]
    part = height[view]
    own = np.where(around.nearest[view] == number, part, -np.abs(part))
    size = ((box[3] - box[2]) * scale, (box[1] - box[0]) * scale)
    wide = cv2.resize(own, size, interpolation=cv2.INTER_LINEAR) if scale > 1 else own
    core = (around.tight[view] == number).view(np.uint8)
    return whole((wide > 0).view(np.uint8), core)


def whole(mask: NDArray[np.uint8], core: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the connected part of a mask that holds most of the core, holes filled; the core may be a coarser mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    best, most = np.zeros_like(mask), 0
    if len(contours) == 1:
        return cv2.drawContours(best, contours, -1, 1, cv2.FILLED)  # type: ignore[no-any-return]
    core = cv2.resize(core, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)
    for contour in contours:
        part = cv2.drawContours(np.zeros_like(mask), [contour], -1, 1, cv2.FILLED)
        held = int(np.count_nonzero(part & core))
        if held > most:
            best, most = part, held
    return best
