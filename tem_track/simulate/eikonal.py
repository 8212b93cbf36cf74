"""Arrival of a front that moves at a speed given for every place, and waits at boundaries until they let it through.

Strategy: |grad T| = slowness by Godunov's upwind differences on the pixel grid, solved by label correction in order of
arrival: all pixels that wait below a rising limit tell their neighbours at once, so that the work is array operations.
A pixel can be told again when an earlier front arrives; the end state does not depend on the order.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray

# Arrivals closer than this share of the time through one pixel are the same.
SAME = 1e-6


@dataclass(frozen=True)
class Medium:
    """What a front moves through.

    Attributes
    ----------
    slowness : (Y, X) float64
        Time per pixel; infinite where no front goes.
    opens_right : (Y, X) float64
        Time before which nothing passes between (y, x) and (y, x + 1), either way; -inf where always open, inf never.
    opens_down : (Y, X) float64
        The same between (y, x) and (y + 1, x).
    delay : float
        Time that passing a boundary (a side with a time above) takes in addition.
    """

    slowness: FloatArray
    opens_right: FloatArray
    opens_down: FloatArray
    delay: float = 0.0


def arrival(medium: Medium, starts: FloatArray) -> FloatArray:
    """Return when a front that starts at given times and places arrives at each pixel.

    Parameters
    ----------
    medium : Medium
    starts : (Y, X) float64
        Latest arrival where a front starts, infinite elsewhere.

    Returns
    -------
    (Y, X) float64
        Arrival, infinite where no front comes.

    References
    ----------
    J. A. Sethian, Proc. Natl. Acad. Sci. 93 (1996) 1591, doi:10.1073/pnas.93.4.1591 (upwind differences);
    W.-K. Jeong, R. T. Whitaker, SIAM J. Sci. Comput. 30 (2008) 2512, doi:10.1137/060670298 (many pixels at a time).

    >>> import numpy as np
    >>> plain = Medium(np.ones((5, 9)), np.full((5, 9), -np.inf), np.full((5, 9), -np.inf))
    >>> starts = np.full((5, 9), np.inf); starts[:, 0] = 2.0
    >>> arrival(plain, starts)[2].tolist()
    [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    """
    front = _Front(medium, starts)
    front.run()
    return front.times()


class _Front:
    """The state of one solution, on flat arrays with a border of pixels that no front enters."""

    def __init__(self, medium: Medium, starts: FloatArray):
        height, width = starts.shape
        self._shape, self._across = (height, width), width + 2
        self._slowness = _bordered(medium.slowness, np.inf)
        # Side between a pixel and the one right of it (below it), kept with the pixel on the left (above).
        self._right, self._down = (_bordered(side, -np.inf) for side in (medium.opens_right, medium.opens_down))
        self._delay = medium.delay
        open_to_fronts = np.isfinite(self._slowness)
        self._times = np.where(open_to_fronts, _bordered(starts, np.inf), np.inf)
        self._least = float(self._slowness[open_to_fronts].min()) if open_to_fronts.any() else 1.0
        self._slots: list[int] = []
        self._waiting: dict[int, list[NDArray[np.int64]]] = {}
        self._turn = np.zeros(self._times.size, np.int64)

    def times(self) -> FloatArray:
        height, width = self._shape
        return self._times.reshape(height + 2, width + 2)[1:-1, 1:-1].copy()

    def run(self) -> None:
        """Tell neighbours in slots of the shortest time through a pixel, the earliest slot first."""
        self._queue(np.flatnonzero(np.isfinite(self._times)))
        while self._slots:
            slot = heapq.heappop(self._slots)
            waiting = np.concatenate(self._waiting.pop(slot))
            # A pixel that became earlier since waits in an earlier slot as well.
            due = self._once(waiting[self._slot(waiting) == slot])
            if due.size:
                self._queue(self._improved(due))

    def _slot(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(self._times[at] / self._least, np.int64)

    def _queue(self, at: NDArray[np.int64]) -> None:
        slots = self._slot(at)
        order = np.argsort(slots, kind="stable")
        cuts = np.flatnonzero(np.diff(slots[order])) + 1
        for part in np.split(at[order], cuts) if at.size else ():
            slot = int(self._slot(part[:1])[0])
            if slot not in self._waiting:
                self._waiting[slot] = []
                heapq.heappush(self._slots, slot)
            self._waiting[slot].append(part)

    def _once(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return pixels without repetition (sorting them would cost more than all the rest)."""
        turn = np.arange(at.size)
        self._turn[at] = turn
        kept: NDArray[np.int64] = at[self._turn[at] == turn]
        return kept

    def _improved(self, tell: NDArray[np.int64]) -> NDArray[np.int64]:
        """Update the neighbours of some pixels and return those that now arrive earlier."""
        steps = np.array([-1, 1, -self._across, self._across])
        asked = (tell[:, None] + steps).ravel()
        asked = self._once(asked[np.isfinite(self._slowness[asked])])
        new = self._updated(asked)
        earlier = new < self._times[asked] - SAME * self._least
        changed: NDArray[np.int64] = asked[earlier]
        self._times[changed] = new[earlier]
        return changed

    def _updated(self, at: NDArray[np.int64]) -> FloatArray:
        """Solve the upwind equation at some pixels from their four neighbours."""
        left = self._through(at - 1, self._right[at - 1])
        right = self._through(at + 1, self._right[at])
        above = self._through(at - self._across, self._down[at - self._across])
        below = self._through(at + self._across, self._down[at])
        a, b = np.minimum(left, right), np.minimum(above, below)
        low, high, s = np.minimum(a, b), np.maximum(a, b), self._slowness[at]
        with np.errstate(invalid="ignore"):
            apart = high - low
            # Both directions carry the front only where they differ by less than one pixel's time.
            both = (low + high + np.sqrt(np.maximum(2 * s * s - apart * apart, 0))) / 2
            return np.asarray(np.where(apart < s, both, low + s))

    def _through(self, neighbour: NDArray[np.int64], opens: FloatArray) -> FloatArray:
        """Return when a front at a neighbour has passed the side between."""
        times = self._times[neighbour]
        barred = opens > -np.inf
        if not barred.any():
            return times
        return np.asarray(np.where(barred, np.maximum(times, opens) + self._delay, times))


def _bordered(values: FloatArray, edge: float) -> FloatArray:
    return np.pad(values, 1, constant_values=edge).ravel()


def came_from(medium: Medium, times: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return over which neighbour a front came to each pixel, and when it was through the side between.

    Parameters
    ----------
    medium : Medium
    times : (Y, X) float64
        The arrival, see `arrival`.

    Returns
    -------
    parent : (Y, X) int64
        Flat index of the neighbour with the earliest front (waiting and delay included); the pixel itself where a
        front starts and where none comes.
    through : (Y, X) float64
        When that front was through the side; the arrival where it starts.
    """
    own = np.arange(times.size).reshape(times.shape)
    parent, through = own.copy(), times.copy()
    width = times.shape[1]
    for axis, opens, step in ((0, medium.opens_down, width), (1, medium.opens_right, 1)):
        low, high = (slice(None, -1), slice(None)), (slice(1, None), slice(None))
        if axis == 1:
            low, high = (low[1], low[0]), (high[1], high[0])
        extra = np.where(opens[low] > -np.inf, medium.delay, 0.0)
        for to, of, back in ((high, low, -step), (low, high, step)):
            passed = np.maximum(times[of], opens[low]) + extra
            earlier = np.isfinite(times[to]) & (passed < through[to])
            np.copyto(parent[to], own[to] + back, where=earlier)
            np.copyto(through[to], passed, where=earlier)
    return parent, through


def origin(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the flat index (Y, X) of the pixel where the way back over the parents ends.

    >>> origin(np.array([[0, 0, 1, 2]])).tolist()
    [[0, 0, 0, 0]]
    """
    root = parent.ravel()
    # Every round doubles the way back that is taken at once.
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root.reshape(parent.shape)
        root = further
