"""How far from the boundaries the front runs faster: the width of the boundary zone."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray, Image, Mask

# Zone where the speeds show no step, nm: a few times the width of a boundary's own disturbed layer, and of the void
# rims seen along boundaries of heated LiCoO2 (Nanoscale Adv. 2023, 5, 4182, Fig. 3g). In px where nm are not known.
DEFAULT_NM, DEFAULT_PX = 10.0, 6.0
# Narrowest zone that a plane fitted within it can measure, px.
NARROWEST_PX = 3.0
# The zone is sought up to this share of the largest distance from a boundary: an interior must remain.
WIDEST_SHARE = 0.5
# Least pixels for a distance's speed to count, and least speed ratio across the edge of the zone.
FEWEST_PIXELS, LEAST_RATIO = 30, 1.25
# The step must explain this share of the variation of the speed with distance up to twice the zone's width.
EXPLAINED = 0.5


def zone_width_px(steep: Image, distance_px: Image, known: Mask) -> float | None:
    """Return the width of the zone along boundaries in which the front is faster, from the speeds themselves.

    The median speed of every distance from the nearest boundary is taken; the width is where two levels describe the
    logarithm of it best.

    Parameters
    ----------
    steep : (Y, X) float32
        |grad a|, see `steepness`.
    distance_px : (Y, X) float32
        Distance to the nearest boundary.
    known : (Y, X) bool
        Pixels to use.

    Returns
    -------
    float or None
        Width to either side of a boundary, px; None where the speed shows no such step.
    """
    distance, logs = _profile(steep, distance_px, known)
    if len(distance) < 2 * NARROWEST_PX:
        return None
    widest = WIDEST_SHARE * distance[-1]
    best: tuple[float, float] | None = None
    for edge in np.arange(NARROWEST_PX, widest + 0.5, 0.5):
        near, far = logs[distance <= edge], logs[(distance > edge) & (distance <= 2 * edge)]
        if len(near) < 2 or len(far) < 2:
            continue
        drop = float(near.mean() - far.mean())
        around = np.concatenate((near, far))
        explained = 1 - (near.var() * len(near) + far.var() * len(far)) / max(around.var() * len(around), 1e-12)
        if drop >= np.log(LEAST_RATIO) and explained >= EXPLAINED and (best is None or drop * explained > best[0]):
            best = (drop * explained, float(edge))
    return None if best is None else best[1]


def _profile(steep: Image, distance_px: Image, known: Mask) -> tuple[FloatArray, FloatArray]:
    """Return distances from the boundary (px) and minus the logarithm of the median steepness there."""
    near = known & np.isfinite(distance_px) & np.isfinite(steep)
    if not near.any():
        return np.zeros(0), np.zeros(0)
    whole = np.floor(distance_px[near]).astype(int)
    order = np.argsort(whole, kind="stable")
    values, starts = np.unique(whole[order], return_index=True)
    distances, logs = [], []
    for value, chunk in zip(values, np.split(steep[near][order], starts[1:]), strict=True):
        middle = float(np.median(chunk))
        if len(chunk) >= FEWEST_PIXELS and middle > 0:
            distances.append(value + 0.5)
            logs.append(-np.log(middle))
    return np.array(distances), np.array(logs)
