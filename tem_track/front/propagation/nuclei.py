"""Nuclei: places where the degradation begins by itself, neither brought by a front nor through a boundary."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.morphology import local_minima, reconstruction

from tem_track.front.grains.network import Grains
from tem_track.front.speed import Slope
from tem_track.movie import FloatArray, Image, Mask

# Longer side of the map that is searched, px; larger ones keep every n-th pixel of the fitted (smooth) times.
WORKING_PX = 1024
# A nucleus belongs to a junction nearer than this many zone widths, and to a boundary nearer than one.
JUNCTION_ZONES = 1.5
SITES = ("junction", "boundary", "interior", "edge")


@dataclass(frozen=True)
class Nucleus:
    """Where and when degradation began by itself; time in the arrival map's unit.

    Attributes
    ----------
    y_px, x_px : float
    time : float
    grain : int
    site : str
        ``"junction"``, ``"boundary"``, ``"edge"`` (of the field, or of the film) or ``"interior"``.
    """

    y_px: float
    x_px: float
    time: float
    grain: int
    site: str


def find_minima(slope: Slope, grains: Grains, least_depth: float) -> tuple[FloatArray, FloatArray]:
    """Return the places (N, 2) and times (N,) of local minima of the arrival time within each grain.

    Parameters
    ----------
    slope : Slope
        Planes fitted within grains: their levels are the smooth arrival time.
    grains : Grains
    least_depth : float
        A minimum must lie this much below the pass to the next one, unit of the arrival map.
    """
    step = max(1, round(max(slope.level.shape) / WORKING_PX))
    level = np.where(grains.boundary, np.float32(np.nan), slope.level)[::step, ::step].astype(np.float64)
    known = np.isfinite(level)
    if not known.any():
        return np.zeros((0, 2)), np.zeros(0)
    above = float(np.nanmax(level)) + 10 * least_depth
    level[~known] = above
    # Raised by the least depth and lowered onto the map again, a minimum that deep stays the lowest of its surroundings
    # and a shallower one is filled up.
    filled = reconstruction(level + least_depth, level, method="erosion")
    deep = local_minima(filled, connectivity=2) & known
    count, number = cv2.connectedComponents(deep.astype(np.uint8), connectivity=8)
    return _lowest_of_each(number, level, count, step)


def _lowest_of_each(
    number: NDArray[np.int32], level: FloatArray, count: int, step: int
) -> tuple[FloatArray, FloatArray]:
    """Return place (full-size pixels) and time of the lowest pixel of every numbered area."""
    inside = np.flatnonzero(number)
    order = inside[np.lexsort((inside, level.ravel()[inside], number.ravel()[inside]))]
    first = order[np.unique(number.ravel()[order], return_index=True)[1]] if count > 1 else inside[:0]
    y, x = np.unravel_index(first, level.shape)
    return np.asarray(np.stack((y, x), axis=1) * float(step), np.float64), np.asarray(level.ravel()[first], np.float64)


def one_per_damage(
    places: FloatArray, times: FloatArray, grain: NDArray[np.int32], initial: Mask, reach_px: float
) -> Mask:
    """Return (N,) which minima stay when those of one grain around one damage site count as one, the earliest.

    A front that starts all round a place degraded before the movie has several lowest points.

    Parameters
    ----------
    places, times, grain : (N, 2), (N,), (N,)
        Minima: (y, x), time, and grain they lie in.
    initial : (Y, X) bool
        Degraded before the movie.
    reach_px : float
        A minimum this near to damage belongs to it.
    """
    size = 2 * int(np.ceil(reach_px)) + 1
    site = cv2.connectedComponents(cv2.dilate(initial.astype(np.uint8), np.ones((size, size), np.uint8)))[1]
    stays = np.ones(len(places), bool)
    taken: set[tuple[int, int]] = set()
    for k in np.argsort(times, kind="stable").tolist():
        y, x = np.rint(places[k]).astype(int)
        key = (int(grain[k]), int(site[y, x]))
        stays[k] = key[1] == 0 or key not in taken
        taken.add(key)
    return stays


def sites_of(places: FloatArray, grains: Grains, zone_px: float, edge_px: float, seen: Mask) -> list[str]:
    """Return the site of every place (N, 2): junction, boundary, edge or interior.

    Parameters
    ----------
    places : (N, 2) float64
        (y, x).
    grains : Grains
    zone_px : float
        Width of the boundary zone.
    edge_px : float
        A place nearer than this to the edge of the field, of the film or of what was seen may have been reached from
        outside.
    seen : (Y, X) bool
    """
    film = cv2.copyMakeBorder((seen & ~grains.outside).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    to_edge: Image = cv2.distanceTransform(film, cv2.DIST_L2, 5)[1:-1, 1:-1]
    junctions = cKDTree(grains.junctions) if len(grains.junctions) else None
    out = []
    for place in places:
        y, x = np.rint(place).astype(int)
        if to_edge[y, x] <= edge_px:
            out.append("edge")
        elif junctions is not None and junctions.query(place)[0] <= JUNCTION_ZONES * zone_px:
            out.append("junction")
        else:
            out.append("boundary" if grains.distance_px[y, x] <= zone_px else "interior")
    return out
