"""A choice per pixel that its neighbours can live with: semi-global matching over candidate moments.

Every pixel has a cost for each candidate (a moment, and "never" as the last one). Along straight paths from eight
directions the costs of a pixel are joined with the best way to arrive there from its neighbour: the same candidate is
free, the next one costs a step, any other one a jump. A smooth front is followed through places that say little, and a
sharp one at a grain boundary costs one jump only, however high.

References
----------
Hirschmueller 2008, doi:10.1109/TPAMI.2007.1166.
"""

from __future__ import annotations

import numpy as np

from tem_track.movie import Image

# Rows worked on at a time where paths run across: small enough for the processor's cache.
BAND_ROWS = 128


def agreed_costs(costs: Image, step: float, jump: float | Image) -> Image:
    """Return the costs (y, K, x) joined with those of the neighbours from eight directions, summed.

    Parameters
    ----------
    costs : (y, K, x) float32
        Cost of every candidate; the last one is "never" and has no neighbouring candidate.
    step : float
        Cost of a pixel having the candidate next to its neighbour's.
    jump : float or (y, x) float32
        Cost of it having any other one; by pixel, so that it can be less along boundaries.
    """
    price = np.broadcast_to(np.asarray(jump, np.float32), (costs.shape[0], costs.shape[2]))
    joined = np.empty_like(costs)
    # Paths across stay within their row: a band of rows at a time needs no second copy of everything.
    for top in range(0, len(costs), BAND_ROWS):
        band = slice(top, top + BAND_ROWS)
        across = np.ascontiguousarray(costs[band].transpose(2, 1, 0))
        total = np.zeros_like(across)
        _down(across, total, 0, step, price[band].T)
        _down(across[::-1], total[::-1], 0, step, price[band].T[::-1])
        joined[band] = total.transpose(2, 1, 0)
    for shift in (0, 1, -1):
        _down(costs, joined, shift, step, price)
        _down(costs[::-1], joined[::-1], shift, step, price[::-1])
    return joined


def best_candidate(costs: Image) -> tuple[Image, Image, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Return the fractional number of the best moment (y, x), what it costs, and where "never" is better.

    The vertex of the parabola through the best moment and its two neighbours gives the fraction.
    """
    moments = costs[:, :-1]
    best = moments.argmin(axis=1)
    last = moments.shape[1] - 1

    def cost_at(index: np.ndarray[tuple[int, int], np.dtype[np.intp]]) -> Image:
        return np.asarray(np.take_along_axis(moments, np.clip(index, 0, last)[:, None], axis=1)[:, 0])

    least = cost_at(best)
    before, after = cost_at(best - 1), cost_at(best + 1)
    bend = np.maximum(before + after - 2 * least, 1e-6)
    part = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return (best + part).astype(np.float32), least, costs[:, -1] < least


def _down(costs: Image, joined: Image, shift: int, step: float, price: Image) -> None:
    """Add to `joined` the costs joined along paths that come from the row before, `shift` columns to the left."""
    before: Image | None = None
    width = costs.shape[2]
    here = slice(max(0, shift), width + min(0, shift))
    there = slice(max(0, -shift), width + min(0, -shift))
    for row, own in enumerate(costs):
        if before is None:
            now = own.copy()
        elif shift == 0:
            now = _joined(before, own, step, price[row])
        else:
            now = own.copy()
            now[:, here] = _joined(before[:, there], own[:, here], step, price[row, here])
        joined[row] += now
        before = now


def _joined(before: Image, own: Image, step: float, jump: Image) -> Image:
    """Return the costs (K, x) of pixels with the best way from their neighbours' costs (K, x)."""
    least = before.min(axis=0)
    way = np.minimum(before, least + jump)
    stepped = before[:-1] + np.float32(step)
    np.minimum(way[1:-1], stepped[:-1], out=way[1:-1])
    np.minimum(way[:-2], stepped[1:], out=way[:-2])
    way -= least
    way += own
    return np.asarray(way)
