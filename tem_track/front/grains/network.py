"""Grains and the network of boundaries between them, from a label image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.grains.merging import in_reading_order
from tem_track.movie import FloatArray, Image, Labels, Mask

# Points where three grains meet that lie closer than this, px, are one junction seen through a staircase of pixels.
JUNCTION_APART_PX = 4.0


@dataclass(frozen=True)
class Grains:
    """The grains of a film and the boundaries between them, in the coordinates of frame 0.

    Attributes
    ----------
    labels : (Y, X) int32
        Grain numbers 1..n in the order of each grain's first pixel, 0 on a boundary and outside.
    territory : (Y, X) int32
        The same with the boundary's pixels given to the grain they belong to; 0 only outside.
    boundary : (Y, X) bool
        Network of boundaries between grains, one pixel wide.
    junctions : (J, 2) float64
        (y, x) where three or more grains meet.
    distance_px : (Y, X) float32
        Distance to the nearest boundary between two grains; inf where there is none.
    outside : (Y, X) bool
        Not a grain: vacuum, a protective strip, marks of the camera.
    by_front : (Y, X) bool
        The part of `boundary` that no picture shows and the front does.
    """

    labels: Labels
    territory: Labels
    boundary: Mask
    junctions: FloatArray
    distance_px: Image
    outside: Mask
    by_front: Mask

    def __len__(self) -> int:
        return int(self.territory.max(initial=0))


def grains_from_labels(labels: Labels) -> Grains:
    """Return grains and their boundary network from a label image.

    Parameters
    ----------
    labels : (Y, X) int
        One number per grain, 0 outside. Lines of zeros between grains, as programs draw boundaries, are given to the
        nearest grain first; wider zeros stay outside. A number used for several separate areas becomes several grains.

    Returns
    -------
    Grains
    """
    territory = in_reading_order(_connected(_without_lines(np.asarray(labels, np.int32))))
    sides = _sides_between_grains(territory)
    boundary = _thin(territory)
    return Grains(
        labels=np.where(boundary, 0, territory).astype(np.int32),
        territory=territory,
        boundary=boundary,
        junctions=_junctions(territory),
        distance_px=_distance(sides),
        outside=territory == 0,
        by_front=np.zeros(territory.shape, bool),
    )


def _without_lines(labels: Labels) -> Labels:
    """Give zeros that are at most two pixels from grains on both sides to the nearest grain."""
    zero = labels == 0
    if not zero.any() or not (~zero).any():
        return labels
    grown = nearest_label(labels)
    # An opening by 5 x 5 px leaves what is wider than a drawn line.
    wide = cv2.morphologyEx(zero.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    wide = cv2.dilate(wide, np.ones((3, 3), np.uint8)) * zero
    return np.where(wide > 0, 0, grown).astype(np.int32)


def nearest_label(labels: Labels) -> Labels:
    """Return the (Y, X) label image with every 0 replaced by the label of the nearest pixel that has one."""
    zero = (labels == 0).astype(np.uint8)
    nearest = cv2.distanceTransformWithLabels(zero, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    number = np.zeros(int(nearest.max()) + 1, np.int32)
    here = zero == 0
    number[nearest[here]] = labels[here]
    return np.asarray(number[nearest], np.int32)


def _connected(labels: Labels) -> Labels:
    """Return labels in which every number is one area (pixels that share a side)."""
    out = np.zeros(labels.shape, np.int32)
    count = 0
    for number in np.unique(labels[labels > 0]).tolist():
        ys, xs = np.nonzero(labels == number)
        box = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        n, parts = cv2.connectedComponents((labels[box] == number).astype(np.uint8), connectivity=4)
        out[box] = np.where(parts > 0, parts + count, out[box])
        count += n - 1
    return out


def _sides_between_grains(territory: Labels) -> Mask:
    """Return the pixels that share a side with another grain."""
    touching = np.zeros(territory.shape, bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (territory[a] != territory[b]) & (territory[a] > 0) & (territory[b] > 0)
        touching[a] |= differ
        touching[b] |= differ
    return touching


def boundaries_between(grains: Grains, pairs: NDArray[np.int64]) -> Mask:
    """Return the pixels (Y, X) of the boundary network that lie between two grains of one of the pairs (N, 2)."""
    territory, base = grains.territory.astype(np.int64), len(grains) + 1
    wanted = pairs.min(axis=1) * base + pairs.max(axis=1)
    line = np.zeros(territory.shape, bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        key = np.minimum(territory[a], territory[b]) * base + np.maximum(territory[a], territory[b])
        line[a] |= np.isin(key, wanted) & (territory[a] != territory[b])
    return line & grains.boundary


def _thin(territory: Labels) -> Mask:
    """Return a boundary one pixel wide: of two grains' pixels that share a side, the upper or left one."""
    line = np.zeros(territory.shape, bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        line[a] |= (territory[a] != territory[b]) & (territory[a] > 0) & (territory[b] > 0)
    return line


def _distance(touching: Mask) -> Image:
    """Return the distance to the nearest boundary; it runs half a pixel from the centres of the pixels touching it."""
    if not touching.any():
        return np.full(touching.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~touching).astype(np.uint8), cv2.DIST_L2, 5) + 0.5, np.float32)


def _junctions(territory: Labels) -> FloatArray:
    """Return (J, 2) points where a 2 x 2 window holds three or more grains, close ones taken together."""
    corners = np.sort(
        np.stack((territory[:-1, :-1], territory[:-1, 1:], territory[1:, :-1], territory[1:, 1:])), axis=0
    )
    kinds = (np.diff(corners, axis=0) > 0).sum(axis=0) + (corners[0] > 0)
    points = np.argwhere(kinds >= 3) + 0.5
    if not len(points):
        return np.zeros((0, 2))
    spots = np.zeros(territory.shape, np.uint8)
    spots[points[:, 0].astype(int), points[:, 1].astype(int)] = 1
    size = int(JUNCTION_APART_PX) + 1
    together = cv2.connectedComponents(cv2.dilate(spots, np.ones((size, size), np.uint8)), connectivity=8)[1]
    group = together[points[:, 0].astype(int), points[:, 1].astype(int)]
    count = np.bincount(group)[1:]
    return np.stack([np.bincount(group, points[:, axis])[1:] / count for axis in (0, 1)], axis=1)
