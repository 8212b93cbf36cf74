"""Arrival maps and films with closed-form answers, shared by the tests of the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import Image, Labels, Mask

# The held front: it starts at the left edge at frame 10, runs 2 px a frame, stands at the boundary between the two
# grains (x = 59.5) and goes on at frame 70.
START, SPEED, WALL_X, OPENS = 10.0, 2.0, 59.5, 70.0


@dataclass(frozen=True)
class KnownArrival:
    """An arrival map as `find_arrival` gives it."""

    frame: Image
    sd_frames: Image
    seen: Mask


def known(frame: NDArray[np.float64], sd: float = 0.1) -> KnownArrival:
    """Return an arrival map with one uncertainty, seen everywhere."""
    return KnownArrival(frame.astype(np.float32), np.full(frame.shape, sd, np.float32), np.ones(frame.shape, bool))


def two_grains(shape: tuple[int, int] = (80, 120)) -> Labels:
    """Return grain 1 to the left and grain 2 to the right of a straight boundary."""
    labels = np.ones(shape, np.int32)
    labels[:, int(WALL_X + 0.5) :] = 2
    return labels


def held_front(shape: tuple[int, int] = (80, 120), noise: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """Return the arrival frame of a straight front that is held at the boundary of `two_grains`."""
    x = np.broadcast_to(np.arange(shape[1], dtype=float), shape)
    arrival = np.where(x < WALL_X, START + x / SPEED, OPENS + (x - WALL_X) / SPEED)
    return arrival + noise * np.random.default_rng(seed).standard_normal(shape)


def film(
    labels: Labels, levels: NDArray[np.float64], noise: float, line: float = 0.0, seed: int = 2
) -> NDArray[np.float32]:
    """Return an image of grains with a grey level each, dark lines between them and white noise, all relative."""
    import cv2

    edge = np.zeros(labels.shape, np.uint8)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        edge[a] |= labels[a] != labels[b]
    distance = cv2.distanceTransform(1 - edge, cv2.DIST_L2, 5)
    image = levels[labels] * (1 - line * np.exp(-0.5 * (distance / 1.5) ** 2))
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8)
    return (image + noise * np.random.default_rng(seed).standard_normal(labels.shape)).astype(np.float32)


def honeycomb(shape: tuple[int, int], count: int, seed: int = 3) -> Labels:
    """Return a Voronoi division of a field into grains around random points, numbered from 1."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (count, 2)) * shape
    y, x = np.indices(shape)
    return (np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1]).argmin(-1) + 1).astype(np.int32)
