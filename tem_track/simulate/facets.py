"""Convex polygons given by their facets: the shapes of voids and crystals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Image

# Facets of void and crystal stand off their centre by their mean distance times 1 +- this: hexagons of real crystals
# are not regular.
IRREGULAR = 0.12


@dataclass(frozen=True)
class Facets:
    """A convex polygon of unit area: directions (N,) of its facets in rad and their distances (N,) from its centre."""

    directions: FloatArray
    distances: FloatArray

    def depth(self, y: Image, x: Image) -> Image:
        """Return how deep (Y, X) a place lies inside the polygon, in units of its size; negative outside."""
        depth = np.full(np.broadcast_shapes(y.shape, x.shape), np.inf, np.float32)
        for direction, distance in zip(self.directions, self.distances, strict=True):
            along = y * np.float32(np.sin(direction)) + x * np.float32(np.cos(direction))
            np.minimum(depth, np.float32(distance) - along, out=depth)
        return depth

    def corners(self) -> FloatArray:
        """Return its corners (N, 2), (y, x)."""
        turned = np.roll(self.directions, -1)
        normal = np.stack([np.sin(self.directions), np.cos(self.directions)], axis=1)
        following = np.stack([np.sin(turned), np.cos(turned)], axis=1)
        lines = np.stack([normal, following], axis=1)
        ends = np.stack([self.distances, np.roll(self.distances, -1)], axis=1)
        return np.asarray(np.linalg.solve(lines, ends[..., None])[..., 0])

    def area(self) -> float:
        """Return its area (the shoelace formula)."""
        (y, x), (yn, xn) = self.corners().T, np.roll(self.corners(), -1, axis=0).T
        return float(abs((y * xn - yn * x).sum()) / 2)

    def centroid(self) -> FloatArray:
        """Return its centre of area (y, x)."""
        here, there = self.corners(), np.roll(self.corners(), -1, axis=0)
        cross = here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1]
        return np.asarray(((here + there) * cross[:, None]).sum(axis=0) / (3 * cross.sum()))


def hexagon(rng: np.random.Generator) -> Facets:
    """Return an irregular hexagon of unit area."""
    turn = rng.uniform(0, 2 * np.pi)
    directions = turn + np.arange(6) * np.pi / 3
    facets = Facets(directions, 1 + rng.uniform(-IRREGULAR, IRREGULAR, 6))
    return Facets(directions, facets.distances / np.sqrt(facets.area()))
