"""The defocus fringe of a bright-field movie: whether there is one, and how strong it is from frame to frame.

Strategy. Focus belongs to the picture, so every particle of a frame shows the same fringe. A few frames are outlined
with the fringe free. Only where the particles together show one that is strong enough to move an edge is it reckoned
with: a parameter more costs time and certainty. Then each particle's fringe starts from what the last frames showed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import sizes
from tem_track.movie import FloatArray, Labels, Mask
from tem_track.segment.outline.chord import BLUR, FRINGE, SMALL
from tem_track.segment.outline.fit import OutlineGroup

# Usable frames looked at, spread over the movie: focus may change while it runs.
_LOOKS = 5
# Particles looked at in each, the largest: they show most of the fringe.
PARTICLES_LOOKED_AT = 12
# Anything goes at first: 20 px^2 turn a particle's edge white.
ANY_FRINGE_PX2 = (0.0, 300.0)
# A fringe that moves an edge by less than 0.07 px is left out (on simulated movies: 0.07 px per px^2): twice that is
# 1 % of the area of a particle 60 px wide, whose profile is then taken for another kind of body's.
_MATTERS_PX2 = 1.0
# It must also stand out of the scatter between particles by this many standard errors.
_CLEAR = 3.0
# How much a fringe may differ from that of the frames before, share of it and px^2; weight of the newest frame.
_CHANGE, _CHANGE_PX2, _RECENT = 0.25, 0.5, 0.3


def looked_at(usable: Mask) -> NDArray[np.intp]:
    """Return the frames from which it is told whether a movie has a fringe."""
    frames = np.flatnonzero(usable)
    if len(frames) <= _LOOKS:
        return frames
    return frames[np.linspace(0, len(frames) - 1, _LOOKS).round().astype(np.intp)]


def largest(labels: Labels, count: int) -> set[int]:
    """Return the tracks of the largest labels of a (Y, X) label image.

    >>> sorted(largest(np.array([[1, 2, 2], [3, 3, 3]], np.int32), 2))
    [2, 3]
    """
    number, pixels = sizes(labels)
    return set(number[np.argsort(-pixels, kind="stable")[:count]].tolist())


class FringeMemory:
    """What is known of the fringe while a movie runs.

    Attributes
    ----------
    known : (float, float)
        Strength and standard deviation for the next frame, image px^2; NaN where there is no fringe.
    """

    def __init__(self, free: bool = False) -> None:
        self.known: tuple[float, float] = ANY_FRINGE_PX2 if free else (np.nan, np.nan)

    def begin(self, looks: Sequence[FloatArray]) -> None:
        """Decide from the (K, 2) fringes and weights of the particles of some frames whether there is one."""
        frames = [look for look in looks if len(look)]
        if not frames:
            return
        middle = np.array([_weighted_median(look) for look in frames])
        error = np.array([_standard_error(look) for look in frames])
        strong = (np.abs(middle) > _MATTERS_PX2) & (np.abs(middle) > _CLEAR * error)
        # In most of them: in single frames noise passes for a fringe.
        if strong.sum() > len(frames) / 2:
            self._expect(float(middle[int(np.argmax(strong))]))

    def learn(self, look: FloatArray) -> None:
        """Take up the (K, 2) fringes and weights of the particles of one frame."""
        if len(look) and np.isfinite(self.known[0]):
            self._expect((1 - _RECENT) * self.known[0] + _RECENT * _weighted_median(look))

    def _expect(self, strength: float) -> None:
        self.known = (strength, _CHANGE * abs(strength) + _CHANGE_PX2)


def fringes_of(groups: Sequence[tuple[OutlineGroup, int]], frame: int) -> FloatArray:
    """Return fringe (image px^2) and weight (K, 2) of the particles of a frame that are many blurs wide.

    Parameters
    ----------
    groups : sequence of (OutlineGroup, int)
        Fitted outlines and their binning.
    frame : int
        Which of the frames that were outlined together.
    """
    rows = [np.zeros((0, 2))]
    for group, binning in groups:
        radius = group.radius.mean(axis=1) * binning
        fringe = group.parameters[:, FRINGE] * radius**2
        wide = (group.frame == frame) & (group.parameters[:, BLUR] < SMALL) & np.isfinite(fringe)
        # The length of the outline says how much is seen of the fringe.
        rows.append(np.stack([fringe, radius], axis=1)[wide])
    return np.concatenate(rows)


def _weighted_median(look: FloatArray) -> float:
    order = np.argsort(look[:, 0])
    total = np.cumsum(look[order, 1])
    middle = order[int(np.searchsorted(total, 0.5 * total[-1]))]
    return float(look[middle, 0])


def _standard_error(look: FloatArray) -> float:
    """Return the standard error (px^2) of the median: from the scatter of the particles, or a quarter of one or two."""
    if len(look) < 3:
        return 0.25 * float(np.abs(look[:, 0]).max())
    off = np.abs(look[:, 0] - _weighted_median(look))
    return 1.25 * 1.4826 * float(np.median(off)) / float(np.sqrt(len(look)))
