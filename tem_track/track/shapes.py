"""Shapes of single particles: cut from a label image, carried along the drift, painted back, used to split a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import Labels, Mask


@dataclass(frozen=True)
class Shape:
    """One particle's pixels: a mask and where its first pixel sits in the specimen frame (whole px)."""

    y: int
    x: int
    mask: Mask


# A watershed leaves at most a line or two between the parts of one particle: half the widest seam that is closed.
SEAM_PX = 2

Offset = tuple[int, int]
"""Whole-pixel (dy, dx) from the specimen frame to an image frame: the rounded drift."""


def cut_shape(labels: Labels, number: int, box: Sequence[int], offset: Offset) -> Shape:
    """Return the shape of region `number`, looked for inside `box` (first row, first column, ends + 1; image px)."""
    y0, x0 = max(int(box[0]), 0), max(int(box[1]), 0)
    mask = labels[y0 : max(int(box[2]), 0), x0 : max(int(box[3]), 0)] == number
    return Shape(y0 - offset[0], x0 - offset[1], mask)


def window(shape: Shape, offset: Offset, size: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices of an image of (Y, X) `size` that a shape covers, and those of its mask that lie inside."""
    y, x = shape.y + offset[0], shape.x + offset[1]
    height, width = shape.mask.shape
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + height, size[0]), min(x + width, size[1])
    y1, x1 = max(y1, y0), max(x1, x0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))


def paint(labels: Labels, number: int, shape: Shape, offset: Offset) -> int:
    """Write `number` where the shape covers background, in place; return the pixels of it that lie in the image."""
    inside, part = window(shape, offset, (labels.shape[0], labels.shape[1]))
    mask = shape.mask[part]
    view = labels[inside]
    view[mask & (view == 0)] = number
    return int(np.count_nonzero(mask))


def with_hidden_part(seen: Shape, before: Shape, offset: Offset, size: tuple[int, int]) -> Shape:
    """Return what is seen now together with the part of the earlier shape that lies outside the field of (Y, X) `size`.

    A particle cut by the border keeps its whole shape this way, for when it comes back.
    """
    y0, x0 = min(seen.y, before.y), min(seen.x, before.x)
    y1 = max(seen.y + seen.mask.shape[0], before.y + before.mask.shape[0])
    x1 = max(seen.x + seen.mask.shape[1], before.x + before.mask.shape[1])
    mask = np.zeros((y1 - y0, x1 - x0), np.bool_)
    _place(mask, before, y0, x0)[...] |= before.mask
    _, field = window(Shape(y0, x0, mask), offset, size)
    mask[field] = False
    _place(mask, seen, y0, x0)[...] |= seen.mask
    return Shape(y0, x0, mask)


def split_region(region: Mask, parts: Labels) -> Labels:
    """Return the pixels of a region numbered by the nearest carried part.

    Parameters
    ----------
    region : (h, w) bool
        The region to split.
    parts : (h, w) int32
        Carried numbers of its parts, 0 elsewhere; pixels outside the region are ignored.

    Returns
    -------
    (h, w) int32
        Every pixel of the region with the number of the nearest part (Euclidean distance), 0 outside.
    """
    seeds = np.where(region, parts, 0)
    if not seeds.any():
        return seeds.astype(np.int32)
    _, nearest = cv2.distanceTransformWithLabels(
        (seeds == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(nearest.max()) + 1, np.int32)
    number[nearest[seeds > 0]] = seeds[seeds > 0]
    return np.where(region, number[nearest], 0).astype(np.int32)


def close_seam(labels: Labels, number: int, box: Sequence[int]) -> None:
    """Fill the seam between the parts of region `number` in place: background that a closing of it covers."""
    y0, x0 = max(int(box[0]) - SEAM_PX, 0), max(int(box[1]) - SEAM_PX, 0)
    view = labels[y0 : int(box[2]) + SEAM_PX, x0 : int(box[3]) + SEAM_PX]
    own = np.pad((view == number).astype(np.uint8), 2 * SEAM_PX)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * SEAM_PX + 1, 2 * SEAM_PX + 1))
    closed = cv2.morphologyEx(own, cv2.MORPH_CLOSE, disc)[2 * SEAM_PX : -2 * SEAM_PX, 2 * SEAM_PX : -2 * SEAM_PX]
    view[(closed > 0) & (view == 0)] = number


def parts_image(shapes: Mapping[int, Shape], corner: tuple[int, int], size: tuple[int, int]) -> Labels:
    """Return a (h, w) label image of carried shapes; `corner` is the specimen position of its first pixel."""
    parts = np.zeros(size, np.int32)
    for number, shape in sorted(shapes.items()):
        paint(parts, number, shape, (-corner[0], -corner[1]))
    return parts


def _place(mask: Mask, shape: Shape, y0: int, x0: int) -> Mask:
    return mask[shape.y - y0 : shape.y - y0 + shape.mask.shape[0], shape.x - x0 : shape.x - x0 + shape.mask.shape[1]]
