"""Bodies with exact area and volume: a star-shaped outline, and the thickness over it.

Strategy: an outline is a table of radii over equally spaced angles, scaled so that its area is that of the unit disc.
A body of equivalent radius rho has the outline rho R(theta), and at a share u = r / (rho R) of the way from its centre
to the outline its thickness is 2 h g(u), with g(0) > 0 and g(1) = 0. For any outline the volume is then exactly
2 h A 2 int(g(u) u du): no pixels are counted. g(u) = sqrt(1 - u^2) over a circle is the ball, over an ellipse the
ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Image

# Angles of an outline: 0.06 px between neighbours on an outline 40 px in radius, far below a pixel.
ANGLES = 4096


def angles() -> FloatArray:
    """Return the (ANGLES,) angles of an outline table in radians, from +x towards +y."""
    return np.asarray(np.arange(ANGLES) * (2 * np.pi / ANGLES), dtype=np.float64)


def unit_outline(radii: FloatArray) -> FloatArray:
    """Return (ANGLES,) radii scaled to the area of the unit disc."""
    return np.asarray(radii / np.sqrt(np.mean(radii**2)))


def wavy_outline(rng: np.random.Generator, roughness: float) -> FloatArray:
    """Return a round outline with smooth waves of the given standard deviation, area pi."""
    theta = angles()
    waves = np.zeros(ANGLES)
    for order in range(2, 13):
        waves += rng.normal() / order * np.cos(order * theta + rng.uniform(0, 2 * np.pi))
    return unit_outline(1 + roughness * waves / max(float(waves.std()), 1e-12))


def faceted_outline(rng: np.random.Generator, roughness: float) -> FloatArray:
    """Return the outline of a crystal with 6 to 8 facets and rounded corners, waves on top, area pi."""
    facets = int(rng.integers(6, 9))
    normals = (np.arange(facets) + rng.uniform(-0.15, 0.15, facets)) * (2 * np.pi / facets) + rng.uniform(0, 2 * np.pi)
    distances = rng.uniform(0.94, 1.06, facets)
    # A high power mean of the half planes' distances is their intersection with corners rounded.
    towards = np.clip(np.cos(angles()[:, None] - normals), 0, None) / distances
    polygon = np.sum(towards**20, axis=1) ** (-1 / 20)
    return unit_outline(polygon * wavy_outline(rng, 0.4 * roughness))


def elliptic_outline(aspect: float, direction: float, waviness: FloatArray) -> FloatArray:
    """Return an ellipse of the given aspect (long over short axis) and direction in radians, area pi, waves on top."""
    theta = angles() - direction
    return unit_outline(waviness / np.hypot(np.cos(theta) / np.sqrt(aspect), np.sin(theta) * np.sqrt(aspect)))


def radius_at(outline: FloatArray, theta: Image) -> Image:
    """Return the unit radius of an outline in directions `theta` (float32, radians 0 to 2 pi)."""
    index = (theta * np.float32(ANGLES / (2 * np.pi)) + np.float32(0.5)).astype(np.int32) & (ANGLES - 1)
    return np.asarray(np.take(outline.astype(np.float32), index))


def profile(u: Image, top: float) -> Image:
    """Return g(u), half thickness at share u of the radius over the height of the ball of equal volume.

    A ball cut flat at `top` of its height (1 = not cut), stretched so that the volume stays 4/3 pi rho^2 h.
    """
    half = np.sqrt(np.clip(1 - u * u, 0, None))
    return np.asarray(np.minimum(half, np.float32(top)) / np.float32(profile_volume(top)), dtype=np.float32)


def profile_volume(top: float) -> float:
    """Return 3 int_0^1 min(sqrt(1 - u^2), top) u du: 1 for the ball.

    >>> profile_volume(1.0)
    1.0
    """
    return 3 * (top * (1 - top**2) / 2 + top**3 / 3)


@dataclass(frozen=True)
class Sector:
    """A piece of a broken body: what lies between two cracks that run from its centre to the outline.

    Attributes
    ----------
    start, end : float
        Directions of the cracks in radians, start < end <= start + 2 pi.
    bend : float
        Cracks wander by bend * sin(2 pi u + phase) radians at share u of the radius, all alike, so that pieces fit.
    phase : float
    """

    start: float
    end: float
    bend: float
    phase: float

    def holds(self, u: Image, theta: Image) -> Image:
        """Return 1 where (u, theta) lies in the piece, else 0, float32."""
        turned = theta - self.start - self.bend * np.sin(2 * np.pi * u + self.phase)
        return np.asarray(np.mod(turned, 2 * np.pi) < self.end - self.start, dtype=np.float32)


@dataclass(frozen=True)
class SectorShare:
    """What a piece has of its body: shares of area and volume, and its centroid over the equivalent radius."""

    area: float
    volume: float
    y: float
    x: float


def sector_share(sector: Sector | None, outline: FloatArray, top: float) -> SectorShare:
    """Return area, volume and centroid of a piece (of the whole body for None), on a fine polar grid.

    Pieces that partition the angle partition the grid, so their areas and volumes sum to the body's exactly.
    """
    # 200 rings by every 4th direction: the area of a sector to 1e-4 of the body's.
    u = ((np.arange(200) + 0.5) / 200).astype(np.float32)[:, None]
    theta = angles()[::4].astype(np.float32)[None, :]
    radii = outline[::4][None, :]
    inside = np.ones((200, theta.shape[1])) if sector is None else sector.holds(u, theta).astype(np.float64)
    area = inside * u * radii**2
    volume = area * profile(u, top)
    whole = sector_share_totals(u, radii, top)
    r = u * radii
    return SectorShare(
        area=float(area.sum() / whole[0]),
        volume=float(volume.sum() / whole[1]),
        y=float((area * r * np.sin(theta)).sum() / area.sum()),
        x=float((area * r * np.cos(theta)).sum() / area.sum()),
    )


def sector_share_totals(u: Image, radii: FloatArray, top: float) -> tuple[float, float]:
    """Return the grid sums of area and volume of the whole body."""
    area = u * radii**2
    return float(area.sum()), float((area * profile(u, top)).sum())
