"""The core or void that the windows of a track show together: one path in time through what each window offers.

Strategy. A window's profile often has two or three answers, among them the true one: the rim of a void, a patch that
diffracts, the core. What tells them apart is time: a core stays where it is or moves slowly, while patches come and go.
So every window keeps all its fits with a denser core, each with what it gains (in chi-square) over a body without one,
and the path of largest total gain, less a price for every jump, is the track's core (Viterbi's algorithm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask
from tem_track.segment.core.fit import WhitenedFits
from tem_track.segment.core.path import memory

# How far a core or void usually moves from window to window (fraction of the radius): as the stages of NiO in CuO run,
# 0.03; a reaction front that runs through the whole particle within the movie, 0.1.
_JUMP = 0.05
# What all windows together may gain or lose at most, each its share of it: none speaks for all.
_MOST_GAIN = 300.0
# Share of it that a window may speak against at most: where patches hide a core for a while.
_DENIED = 0.2
# Part of the windows whose steps lie below the one that is told: contrast fades as a reaction goes on, and the third
# that shows most tells how strong it was.
_STRONG_PART = 2 / 3
# Windows for which errors last at most: even where a pattern stands still, a core changes under it.
_LONGEST = 3.0
# Factor by which the step of a core changes from window to window at most: contrast fades in stages, over many frames.
_STEADY_STEP = 3.0
# Gain above which a window shows the core by itself: two more parameters gain 4 by chance once in seven times.
_SHOWN = 4.0


@dataclass(frozen=True)
class Seen:
    """A core or void on its path through the W windows of a track.

    Attributes
    ----------
    radius : (W,) float64
        Fraction of the outline's.
    gain : float
        In chi-square over a body without it: all windows together, jumps paid for, over the root of the number of
        windows for which errors last: a pattern that stands still says the same six times.
    step : float
        Difference in density (fraction of the body's), the least of the third of the windows that show
        most.
    shown : float
        Share of the windows that show it by themselves.
    steady : bool
        Every window has it on the path, moving no further and changing its step no faster than a core does.
    """

    radius: FloatArray
    gain: float
    step: float
    shown: float
    steady: bool = False

    @property
    def typical_radius(self) -> float:
        """Median over the windows."""
        return float(np.median(self.radius))


def seen_together(
    offers: Sequence[WhitenedFits], without: FloatArray, part: int, place: int, clear: float, least: float
) -> Seen:
    """Return the core or void that the windows of a track show together.

    Parameters
    ----------
    offers : sequence of WhitenedFits
        Fits of the W windows with the core or void, from S starts.
    without : (W,) float64
        Chi-square of the best body without it.
    part, place : int
        Parameters of its density and radius.
    clear : float
        Least distance of its rim from the centre and from the outline (fraction of the radius).
    least : float
        Least difference in density that counts as shown.
    """
    radius = np.array([fits.parameters[:, place] for fits in offers])
    step = np.array([fits.parameters[:, part] for fits in offers])
    most = _MOST_GAIN / len(without)
    gain = np.clip(without - np.array([fits.chi2 for fits in offers]), -_DENIED * most, most)
    gain = np.where((step > 0) & (radius > clear) & (1 - radius > clear), gain, -_DENIED * most)
    path, total = _best_path(radius, gain)
    windows = np.arange(len(path))
    taken, steps = gain[path, windows], step[path, windows]
    shown = (taken > _SHOWN) & (steps > least)
    strong = float(np.quantile(steps[shown], _STRONG_PART, method="higher")) if shown.any() else 0.0
    lasting = min(memory(np.array([offers[i].residual[w] for w, i in enumerate(path)])), _LONGEST)
    place_of, total = radius[path, windows], total / float(np.sqrt(lasting))
    return Seen(_carried(place_of, shown), total, strong, float(shown.mean()), _is_steady(place_of, steps))


def _is_steady(radius: FloatArray, step: FloatArray) -> bool:
    """Return whether radii and steps (W,) go on from window to window; those of noise and of patches jump."""
    if (step <= 0).any():
        return False
    moved, faded = np.abs(np.diff(radius)), np.abs(np.diff(np.log(step)))
    return bool((moved <= _JUMP).all() and (faded <= np.log(_STEADY_STEP)).all())


def _carried(radius: FloatArray, shown: Mask) -> FloatArray:
    """Return radii (W,) of which those of windows that do not show the core come from the ones that do."""
    if not shown.any():
        return radius
    return np.interp(np.arange(len(radius)), np.flatnonzero(shown), radius[shown])


def _best_path(radius: FloatArray, gain: FloatArray) -> tuple[NDArray[np.intp], float]:
    """Return which of S offers is taken in each of W windows, from (S, W) radii and gains, and the path's total."""
    offers = np.arange(len(gain))
    total, came_from = gain[:, 0], []
    for before, here, more in zip(radius.T[:-1], radius.T[1:], gain.T[1:], strict=True):
        reached = total[:, None] - ((here[None, :] - before[:, None]) / _JUMP) ** 2
        came_from.append(reached.argmax(axis=0))
        total = reached[came_from[-1], offers] + more
    path = [int(total.argmax())]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1], np.intp), float(total.max())
