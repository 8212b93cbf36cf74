"""Is the degradation really early along the boundaries? The same network, moved to places where it does not belong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Image, Mask

# Shuffles: the smallest p value that can be stated is 1 / (SHUFFLES + 1) = 0.005.
SHUFFLES = 199
# Longer side of the maps that are compared, px; the network and the arrival times vary over many pixels.
WORKING_PX = 256
# Smallest shift, as a share of the field: the network on itself is no control.
LEAST_SHIFT = 0.1


@dataclass(frozen=True)
class BoundaryControl:
    """How much earlier the boundary zone degrades than the interiors, against shuffled boundaries.

    Attributes
    ----------
    lead : float
        Mean rank of the interiors' arrival times minus that of the boundary zone's, as a share of all pixels: 0 = no
        difference, 0.5 = every boundary pixel before every interior one.
    shuffled_low, shuffled_high : float
        What 95 % of the shuffled networks give.
    p_value : float
        Share of networks, shuffled ones and the true one, with at least this lead.
    """

    lead: float
    shuffled_low: float
    shuffled_high: float
    p_value: float


def boundary_control(arrival: Image, zone: Mask, field: Mask, seed: int = 0) -> BoundaryControl | None:
    """Return whether boundaries lead, tested by moving the boundary network over the arrival map.

    The network is shifted round the field and mirrored at random, which keeps its shape, its length and the arrival
    map's own smoothness, and breaks only their relation.

    Parameters
    ----------
    arrival : (Y, X) float32
        Arrival time, NaN = never (counted as after everything).
    zone : (Y, X) bool
        Boundary zone.
    field : (Y, X) bool
        Pixels of the film that were seen and not degraded before the movie.
    seed : int

    Returns
    -------
    BoundaryControl or None
        None where there is no boundary, no interior or no arrival.
    """
    step = max(1, round(max(arrival.shape) / WORKING_PX))
    arrival, zone, field = arrival[::step, ::step], zone[::step, ::step], field[::step, ::step]
    if not (zone & field).any() or not (~zone & field).any() or not (np.isfinite(arrival) & field).any():
        return None
    rank = _ranks(arrival, field)
    lead = _lead(rank, zone, field)
    rng = np.random.default_rng(seed)
    leads = np.array([_lead(rank, _moved(zone, rng), field) for _ in range(SHUFFLES)])
    low, high = np.quantile(leads, (0.025, 0.975))
    return BoundaryControl(lead, float(low), float(high), float((1 + (leads >= lead).sum()) / (SHUFFLES + 1)))


def _ranks(arrival: Image, field: Mask) -> FloatArray:
    """Return the (Y, X) share of the field's pixels that arrive before each pixel; equal times share their mean."""
    times = np.where(np.isfinite(arrival), arrival, np.inf)[field]
    _, which, counts = np.unique(times, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - (counts - 1) / 2 - 0.5) / len(times)
    rank = np.zeros(arrival.shape)
    rank[field] = middle[which.ravel()]
    return rank


def _lead(rank: FloatArray, zone: Mask, field: Mask) -> float:
    near, far = zone & field, ~zone & field
    return float(rank[far].mean() - rank[near].mean()) if near.any() and far.any() else 0.0


def _moved(zone: Mask, rng: np.random.Generator) -> Mask:
    shape = np.array(zone.shape)
    shift = np.round(rng.uniform(LEAST_SHIFT, 1 - LEAST_SHIFT, 2) * shape).astype(int)
    moved = np.roll(zone, tuple(shift), axis=(0, 1))
    flips = tuple(slice(None, None, -1) if f else slice(None) for f in rng.integers(0, 2, 2))
    return moved[flips]
