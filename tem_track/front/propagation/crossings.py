"""Crossings: a front that stood at a grain boundary goes on into the neighbour."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tem_track.front.propagation.entries import DEPTH_PX, Sides, entering
from tem_track.movie import FloatArray, Mask

# Sides of one boundary that lie within this distance, px, are the same stretch: the longest gap that a pixel staircase
# and one missing plane leave.
STRETCH_GAP_PX = 3.0
# A boundary that opens lets the front out at one time; a front that starts from a nucleus beside it runs along it, and
# its wings set out one after the other. A stretch may be slower along itself by at most this share of the usual front.
MOST_SLOWNESS = 0.35
# What sets out round a damage site at the boundary is a stretch of about the shortest length, a quarter as slow along
# itself as the usual front. A stretch this many times as long may be as slow as said above, a shorter one less, in
# proportion to its length. Where no stretch is so long and at most this share of that slowness, nothing has crossed.
SURE_LENGTHS, SURE_SHARE = 2.0, 0.5
# Stretches that together make up less than this share of all crossed boundary, each weighted by how sharply it opened,
# are no first crossing: a nucleus or an error near a boundary is short, and not all of it sets out at one time.
FIRST_SHARE = 0.08
# Draws for the range of the first crossing.
RESAMPLES = 200
# The front enters along a stretch within a short time. Its beginning is read at this quantile of its sides' times, low
# enough for the beginning, high enough not to be its noise.
BEGINNING = 0.25


@dataclass(frozen=True)
class Crossing:
    """A stretch of a boundary through which a front went on into another grain; times in the arrival map's unit.

    Attributes
    ----------
    source, target : int
        Grain it came from and grain it went to.
    y_px, x_px : float
        Where it came through first.
    arrival, time : float
        When the front had reached that place in the source, and when it set out in the target.
    time_sd : float
        Standard uncertainty of `time` from the scatter along the stretch.
    length_px : float
        Length of the stretch.
    slowness : float
        Time from the first to the last tenth of the stretch to set out, over its length.
    """

    source: int
    target: int
    y_px: float
    x_px: float
    arrival: float
    time: float
    time_sd: float
    length_px: float
    slowness: float = 0.0


def find_crossings(sides: Sides, least_delay: float, window_px: float, usual_slowness: float) -> list[Crossing]:
    """Return every crossing, by time: stretches of boundary that a front set out from after a delay.

    Parameters
    ----------
    sides : Sides
    least_delay : float
        Shortest stand at the boundary that noise does not make, unit of the arrival map.
    window_px : float
        Width of the windows the planes were fitted in.
    usual_slowness : float
        Time the front usually takes for one px.
    """
    enters = np.flatnonzero(entering(sides, least_delay))
    found = [_crossing(sides, stretch, window_px) for stretch in _stretches(sides, enters)]
    # A nucleus beside the boundary also sets out from it within 45 deg, along no more than twice the depth it is seen
    # at, blurred by the window: only what is longer has come through.
    shortest = 2 * DEPTH_PX + window_px
    found = [crossing for crossing in found if crossing.length_px >= shortest]
    found = _at_one_time(found, SURE_LENGTHS * shortest, MOST_SLOWNESS * usual_slowness)
    return sorted(found, key=lambda c: (c.time, c.source, c.target))


def _at_one_time(crossings: list[Crossing], sure_px: float, slowest: float) -> list[Crossing]:
    """Return the stretches that set out at one time; none where none is sure: boundaries that open do so widely."""
    kept = [c for c in crossings if c.slowness <= slowest * min(1.0, c.length_px / sure_px)]
    sure = any(c.length_px >= sure_px and c.slowness <= SURE_SHARE * slowest for c in kept)
    return kept if sure else []


def _stretches(sides: Sides, enters: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return groups of entering sides: same two grains, each within a short gap of the next."""
    pairs = np.stack((sides.source[enters], sides.target[enters]), axis=1)
    groups: list[NDArray[np.intp]] = []
    for pair in np.unique(pairs, axis=0):
        members = enters[(pairs == pair).all(axis=1)]
        groups += [members[part] for part in _near_groups(sides.place[members])]
    return groups


def _near_groups(place: FloatArray) -> list[NDArray[np.intp]]:
    near = cKDTree(place).query_pairs(STRETCH_GAP_PX, output_type="ndarray")
    links = coo_matrix((np.ones(len(near), bool), (near[:, 0], near[:, 1])), shape=(len(place), len(place)))
    number = connected_components(links, directed=False)[1]
    return [np.flatnonzero(number == k) for k in range(number.max() + 1)]


def _crossing(sides: Sides, stretch: NDArray[np.intp], window_px: float) -> Crossing:
    times = sides.departure[stretch]
    begin = float(np.quantile(times, BEGINNING))
    first = stretch[times <= begin]
    nearest = first[int(np.argmin(np.abs(sides.departure[first] - begin)))]
    # Sides within a window share their pixels: the number of independent ones is the length in windows.
    sd = float(times.std() / np.sqrt(max(1.0, len(stretch) / window_px)))
    # A staircase of pixel sides is up to sqrt(2) longer than the line; by the mean over directions it is 4/pi.
    length = float(len(stretch) * np.pi / 4)
    return Crossing(
        int(sides.source[nearest]),
        int(sides.target[nearest]),
        float(sides.place[nearest, 0]),
        float(sides.place[nearest, 1]),
        float(sides.arrival[nearest]),
        begin,
        sd,
        length,
        float(np.subtract(*np.quantile(times, (0.9, 0.1)))) / length,
    )


def first_crossing(crossings: list[Crossing]) -> Crossing | None:
    """Return the first crossing that is not a trifle beside all the boundary that was crossed in the movie.

    A boundary that opens lets the front through wherever it stood, at one time; stretches count by their length over
    1 + (their `time_sd` over the median of all)^2.
    """
    if not crossings:
        return None
    usual = max(float(np.median([c.time_sd for c in crossings])), 1e-9)
    weights = np.array([c.length_px / (1 + (c.time_sd / usual) ** 2) for c in crossings])
    order = np.argsort([c.time for c in crossings], kind="stable")
    gone = np.cumsum(weights[order]) / weights.sum()
    return crossings[int(order[int(np.argmax(gone > FIRST_SHARE))])]


def choice_spread(crossings: list[Crossing], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % range of the first crossing's time when the stretches are drawn anew with replacement.

    How early the first one is depends on which boundaries the field happens to hold, and on none of them being an
    error; the range says by how much.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(crossings), (RESAMPLES, len(crossings)))
    times = [first.time for rows in drawn if (first := first_crossing([crossings[k] for k in rows])) is not None]
    low, high = np.quantile(times, (0.025, 0.975))
    return float(low), float(high)


def one_per_pair(crossings: list[Crossing]) -> list[Crossing]:
    """Return the earliest crossing of every ordered pair of grains, with the length of all of the pair's together."""
    best: dict[tuple[int, int], Crossing] = {}
    for crossing in crossings:
        pair = (crossing.source, crossing.target)
        before = best.get(pair)
        length = crossing.length_px + (before.length_px if before else 0.0)
        best[pair] = replace(before or crossing, length_px=length)
    return list(best.values())


def near_entry(sides: Sides, enters: Mask, place: FloatArray, grain: NDArray[np.int32], reach_px: float) -> Mask:
    """Return (N,) whether each place lies within reach of a side through which a front entered that place's grain."""
    out = np.zeros(len(place), bool)
    for number in np.unique(grain).tolist():
        here, there = grain == number, enters & (sides.target == number)
        if here.any() and there.any():
            out[here] = cKDTree(sides.place[there]).query(place[here])[0] <= reach_px
    return out
