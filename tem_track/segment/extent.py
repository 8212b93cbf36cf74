"""How far each particle reaches: from a tight patch inside it out to the foot of its edge.

Strategy. The thickness of a rounded particle starts like a square root at its outline, so half height lies well
inside. The background around the particles is carried on beneath them (strands and film included), what is left is
the particle's own contrast, and the particle reaches to where that contrast falls below a small share of its own
level. A strand that leads away from the particle is narrow against it and is removed by an opening.
"""

from __future__ import annotations

from dataclasses import dataclass

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


# Where noise keeps a particle from being followed to its foot, to this many times the contrast there, it is followed in
# the softer picture.
FAINT = 1.5


@dataclass(frozen=True)
class Foot:
    """The contrast picture with what decides each particle's reach, in pixels of the working picture.

    `edge` is the contrast that each particle reaches down to, None where the way it is drawn decides.
    """

    contrast: Image
    nearest: Labels
    distance: Image
    level: FloatArray
    radius_px: FloatArray
    edge: FloatArray | None = None


def foot_of(picture: Image, tight: Labels, outer: Labels | None = None) -> Foot:
    """Return the contrast of each particle above the background carried on beneath it.

    Parameters
    ----------
    picture : (Y, X) float32
        Particles brighter than their surroundings.
    tight : (Y, X) int32
        Patches inside the particles, 1..N, holes filled.
    outer : (Y, X) int32 or None
        The particles as known from a first round: the background is then measured close to them, where strands that
        lead away from them are seen.
    """
    count = int(tight.max())
    radius = np.sqrt(np.bincount(tight.ravel(), minlength=count + 1) / np.pi)
    nearest, distance = nearest_label(tight)
    hidden = distance <= np.maximum(2.0, REACH * radius)[nearest]
    if outer is not None:
        margin = np.full((3, 3), 1, np.uint8)
        hidden &= cv2.dilate((outer > 0).astype(np.uint8), margin, iterations=CLEAR_PX) > 0
    contrast = picture - filled_in(picture, hidden)
    level = np.zeros(count + 1)
    inside = tight > 0
    numbers, values = tight[inside], contrast[inside]
    order = np.lexsort((values, numbers))
    ends = np.cumsum(np.bincount(numbers, minlength=count + 1))
    for number in range(1, count + 1):
        if ends[number] > ends[number - 1]:
            level[number] = values[order[(ends[number - 1] + ends[number]) // 2]]
    return Foot(contrast, nearest, distance, level, radius)


def either_foot(
    fine: Image, soft: Image, tight: Labels, ways: tuple[Reach, Reach], outer: Labels | None = None
) -> Foot:
    """Return the contrast of each particle in the fine picture, or in the soft one where noise hides its foot.

    Parameters
    ----------
    fine, soft : (Y, X) float32
        Particles brighter than their surroundings.
    tight : (Y, X) int32
    ways : (Reach, Reach)
        Blur and noise of the two pictures.
    outer : (Y, X) int32 or None
        As `foot_of`.
    """
    feet = (foot_of(fine, tight, outer), foot_of(soft, tight, outer))
    edges = [
        np.array(
            [edge_of(float(level), float(size), way) for level, size in zip(foot.level, foot.radius_px, strict=True)]
        )
        for foot, way in zip(feet, ways, strict=True)
    ]
    shares = np.array([foot_share(float(size), ways[0].blur_px) for size in feet[0].radius_px])
    faint = edges[0] > FAINT * shares * feet[0].level
    contrast = np.where(faint[feet[0].nearest], feet[1].contrast, feet[0].contrast)
    level = np.where(faint, feet[1].level, feet[0].level)
    return Foot(contrast, feet[0].nearest, feet[0].distance, level, feet[0].radius_px, np.where(faint, *edges[::-1]))


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


def reached(foot: Foot, tight: Labels, reach: Reach, shape: tuple[int, int], fixed: Mask | None) -> Labels:
    """Return the particles out to their feet, (Y, X) int32 at full size, those within the size limits, 1..N.

    Parameters
    ----------
    foot : Foot
    tight : (Y / scale, X / scale) int32
    reach : Reach
    shape : (int, int)
        Of the image.
    fixed : (Y, X) bool or None
        Never part of a particle.
    """
    labels = np.zeros(shape, np.int32)
    least, greatest = (np.pi / 4 * limit**2 for limit in reach.limits_px)
    count = 0
    for number, box in enumerate(_boxes(tight, foot), start=1):
        if box is None:
            continue
        edge = edge_of(foot.level[number], foot.radius_px[number], reach) if foot.edge is None else foot.edge[number]
        mask = _one_reach(foot, tight, number, box, np.float32(edge), reach.scale)
        view = np.s_[box[0] * reach.scale : box[1] * reach.scale, box[2] * reach.scale : box[3] * reach.scale]
        part = labels[view]
        free = (mask[: part.shape[0], : part.shape[1]] > 0) & (part == 0)
        if fixed is not None:
            free &= ~fixed[view]
        if least <= np.count_nonzero(free) <= greatest:
            count += 1
            part[free] = count
    return labels


def _boxes(tight: Labels, foot: Foot) -> list[tuple[int, int, int, int] | None]:
    """Return for each particle the (top, bottom, left, right) of all it may reach."""
    boxes: list[tuple[int, int, int, int] | None] = []
    for number, found in enumerate(find_objects(tight), start=1):
        if found is None:
            boxes.append(None)
            continue
        margin = int(np.ceil(max(2.0, REACH * foot.radius_px[number]))) + 1
        rows, columns = found
        boxes.append(
            (
                max(0, rows.start - margin),
                min(tight.shape[0], rows.stop + margin),
                max(0, columns.start - margin),
                min(tight.shape[1], columns.stop + margin),
            )
        )
    return boxes


def _one_reach(
    foot: Foot, tight: Labels, number: int, box: tuple[int, int, int, int], least: np.float32, scale: int
) -> NDArray[np.uint8]:
    """Return the mask of one particle inside its box at full size."""
    view = np.s_[box[0] : box[1], box[2] : box[3]]
    inside = tight[view] == number
    reach = max(2.0, REACH * foot.radius_px[number])
    allowed = (foot.nearest[view] == number) & (foot.distance[view] <= reach)
    height = np.where(inside, np.maximum(foot.contrast[view], least + 1e-6), foot.contrast[view]) - least
    # Not allowed pixels fall off steeply, so that the dividing line stays where it is when the picture is enlarged.
    height = np.where(allowed, height, np.minimum(height, -np.abs(least)))
    size = ((box[3] - box[2]) * scale, (box[1] - box[0]) * scale)
    wide = cv2.resize(height.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) if scale > 1 else height
    radius = max(1, round(OPENING * foot.radius_px[number] * scale))
    core = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    mask = whole(opened((wide > 0).astype(np.uint8), radius, core), core)
    if scale == 1:
        return mask
    # The corners of working pixels show where the reach is bounded by them.
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7 * scale, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft > 0.5, np.uint8)


def opened(mask: NDArray[np.uint8], radius_px: int, core: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a mask without what is narrower than a disc of given radius, the core kept.

    Done with two distance transforms: their cost does not grow with the radius. The border of the box counts as
    inside where the mask reaches it, so particles cut by the frame keep their corners.
    """
    pad = radius_px + 1
    padded = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    eroded = cv2.distanceTransform(padded, cv2.DIST_L2, 5) > radius_px
    back = cv2.distanceTransform((~eroded).astype(np.uint8), cv2.DIST_L2, 5) <= radius_px
    kept = (back[pad:-pad, pad:-pad] & (mask > 0)) | (core > 0)
    return np.asarray(kept, np.uint8)


def whole(mask: NDArray[np.uint8], core: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the connected part of a mask that holds most of the core, holes filled."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    best, most = np.zeros_like(mask), 0
    for contour in contours:
        part = cv2.drawContours(np.zeros_like(mask), [contour], -1, 1, cv2.FILLED)
        held = int(np.count_nonzero(part & core))
        if held > most:
            best, most = part, held
    return best
