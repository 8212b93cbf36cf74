"""Where a track stands in a frame: share of the radius and direction of every pixel around it, and labels from them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Labels
from tem_track.simulate.outline import radius_at
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.tracks import TrueTrack


@dataclass(frozen=True)
class Footprint:
    """The pixels around a track.

    Attributes
    ----------
    rows, columns : slice
        Part of the frame; every other array covers it, `fine` samples a pixel along both axes.
    r_nm, theta : (Y, X) float32
        Distance from the body's centre in nm and direction in radians.
    u : (Y, X) float32
        r over the radius of the outline in that direction; inside below 1.
    inside : (Y, X) float32
        1 inside the outline (and the piece), else 0.
    fine : int
    """

    rows: slice
    columns: slice
    r_nm: Image
    theta: Image
    u: Image
    inside: Image
    fine: int


def footprint(scene: LithiationScene, track: TrueTrack, k: int, drift: FloatArray, fine: int = 1) -> Footprint | None:
    """Return the pixels around a track in frame k at drift (dy, dx) px, or None where it is outside the field."""
    centre = track.centre_nm[k] / scene.pixel_size_nm + drift
    outline = track.outline(k)
    radius_nm = float(track.swelling.radius_nm[k])
    reach = radius_nm * float(outline.max()) / scene.pixel_size_nm + 1
    y0, x0 = (max(0, int(np.floor(c - reach))) for c in centre)
    y1, x1 = (
        min(n, int(np.ceil(c + reach)) + 1) for n, c in zip((scene.height_px, scene.width_px), centre, strict=True)
    )
    if y1 <= y0 or x1 <= x0:
        return None
    y = (_samples(y0, y1, fine) - centre[0]) * scene.pixel_size_nm
    x = (_samples(x0, x1, fine) - centre[1]) * scene.pixel_size_nm
    dy, dx = np.meshgrid(y.astype(np.float32), x.astype(np.float32), indexing="ij")
    r_nm, theta = cv2.cartToPolar(dx, dy)
    u = r_nm / (radius_at(outline, theta) * np.float32(radius_nm))
    inside = (u < 1).astype(np.float32)
    if track.sector is not None:
        inside *= track.sector.holds(u, theta)
    return Footprint(slice(y0, y1), slice(x0, x1), r_nm, theta, u, inside, fine)


def _samples(start: int, end: int, fine: int) -> FloatArray:
    """Positions of `fine` samples a pixel, centred on each pixel."""
    return start + (np.arange((end - start) * fine) + 0.5) / fine - 0.5


def core_share(track: TrueTrack, k: int, place: Footprint) -> Image:
    """Return r over the radius of the core's outline (above 1 outside the core; infinite without one)."""
    radius = float(track.swelling.core_radius_nm[k])
    if radius <= 0 or track.merged is not None:
        return np.full_like(place.u, np.inf)
    return place.r_nm / (radius_at(track.particle.core_outline, place.theta) * np.float32(radius))


def draw_labels(
    scene: LithiationScene, tracks: list[TrueTrack], k: int, drift: FloatArray, *, cores: bool = False
) -> Labels:
    """Return the (Y, X) label image of frame k: pixels whose centre lies inside an outline (inside a core).

    Where two outlines overlap, the pixel belongs to the particle it lies deeper in.
    """
    labels = np.zeros((scene.height_px, scene.width_px), np.int32)
    depth = np.zeros(labels.shape, np.float32)
    for track in tracks:
        place = footprint(scene, track, k, drift) if track.alive[k] else None
        if place is None:
            continue
        part = (place.rows, place.columns)
        mine = (1 - place.u) * np.float32(track.swelling.radius_nm[k]) * place.inside
        deeper = mine > depth[part]
        depth[part][deeper] = mine[deeper]
        value = np.where(core_share(track, k, place) < 1, track.number, 0) if cores else track.number
        if cores and track.sector is not None:
            value = 0
        labels[part][deeper] = np.broadcast_to(np.asarray(value, np.int32), mine.shape)[deeper]
    return labels


def seen_fraction(scene: LithiationScene, track: TrueTrack, drift_px: FloatArray) -> FloatArray:
    """Return the share (T,) of the projected area that lies in the field, 0 where the track does not exist."""
    u, theta, weight = _spread(track)
    centre = track.centre_nm / scene.pixel_size_nm + drift_px
    reach = track.swelling.radius_nm / scene.pixel_size_nm * track.particle.outline.max() * 1.4
    field = np.array([scene.height_px, scene.width_px])
    margin = np.minimum(centre + 0.5, field - 0.5 - centre).min(axis=1)
    seen = np.where(margin > reach, 1.0, 0.0) * track.alive
    for k in np.flatnonzero((margin <= reach) & (margin > -reach) & track.alive):
        r = u * track.outline(int(k))[theta] * (track.swelling.radius_nm[k] / scene.pixel_size_nm)
        angle = theta * (2 * np.pi / len(track.particle.outline))
        y, x = centre[k, 0] + r * np.sin(angle), centre[k, 1] + r * np.cos(angle)
        inside = (y > -0.5) & (x > -0.5) & (y < field[0] - 0.5) & (x < field[1] - 0.5)
        seen[k] = weight[inside].sum() / weight.sum()
    return seen


def _spread(track: TrueTrack) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Points over the body's outline: share of the radius, index of the direction, area each stands for."""
    # 24 rings by 128 directions: shares to about half a percent.
    u = np.repeat(np.sqrt((np.arange(24) + 0.5) / 24), 128)
    count = len(track.particle.outline)
    theta = np.tile(np.arange(128) * (count // 128), 24)
    weight = track.particle.outline[theta] ** 2
    if track.sector is not None:
        angle = theta * (2 * np.pi / count)
        weight = weight * track.sector.holds(u.astype(np.float32), angle.astype(np.float32))
    return u, theta, weight
