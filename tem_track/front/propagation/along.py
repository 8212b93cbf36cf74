"""How fast a front runs along grain boundaries: the slowness along the boundary, not the steepness of the arrival map.

A boundary front is a thin fast finger with two slow wings. The arrival times rise steeply into the wings, and whatever
blurs the map across the boundary carries that rise into the zone, so that 1/|grad a| comes out slow there, the more so
the faster the finger. Along the boundary the times rise by the finger's own slowness, in the zone and in the wings it
feeds alike (the law of refraction), and no blur across the boundary changes that.
"""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.front.grains.network import Grains
from tem_track.front.speed import slope_in
from tem_track.movie import Image, Mask

# Strip along a boundary that planes are fitted in, px to either side of it, and the windows, px to either side of their
# middle: long enough for the finger to take some frames through them, short enough to follow a curved boundary.
STRIP_PX, RADIUS = 8.0, 6
# Least share of a window: a strip on one side of a boundary, less what carries its line, fills half.
FILLED = 0.25
# A front runs along where it rises across by at most so many times what it rises along, the wings' blur included; one
# that comes in from the side, or starts all along a boundary at once, says nothing about the speed along it.
MOST_ACROSS = 3.0
# Least share of the strip's planes in which the front runs along: with fewer, boundaries do not lead it.
LEAST_SHARE = 0.3
# Smoothing of the distance map whose gradient points away from the boundary, px.
NORMAL_PX = 2.0


def along_boundaries(arrival: Image, grains: Grains, usable: Mask) -> Image | None:
    """Return the speed of fronts along the nearest boundary, px per unit of the arrival map.

    Parameters
    ----------
    arrival : (Y, X) float32
        Arrival time in any unit; NaN = never.
    grains : Grains
    usable : (Y, X) bool
        Pixels whose arrival time counts.

    Returns
    -------
    (Y, X) float32 or None
        NaN where the front does not run along a boundary. None where too small a share of the planes shows a front
        along a boundary.
    """
    if not np.isfinite(grains.distance_px).all():
        return None
    near = grains.distance_px <= STRIP_PX
    slope = slope_in(arrival, np.where(near, grains.territory, 0).astype(np.int32), usable, RADIUS, FILLED)
    ny, nx = _away_from_boundaries(grains.distance_px)
    along = np.abs(slope.dx * ny - slope.dy * nx)
    across = np.abs(slope.dy * ny + slope.dx * nx)
    with np.errstate(invalid="ignore", divide="ignore"):
        running = across <= MOST_ACROSS * along
        speed = np.where(running, 1 / along, np.float32(np.nan))
    if running.sum() < LEAST_SHARE * max(int(np.isfinite(along).sum()), 1):
        return None
    return np.asarray(speed, np.float32)


def _away_from_boundaries(distance_px: Image) -> tuple[Image, Image]:
    """Return unit vectors (y, x) away from the nearest boundary; they mean nothing half way between two."""
    smooth = cv2.GaussianBlur(distance_px, (0, 0), NORMAL_PX)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    length = np.maximum(np.hypot(gy, gx), 1e-9)
    return gy / length, gx / length
