"""The papers' volume curves: V/V0 against time of NiO, CuO and NiO@CuO, and of each part of the core-shell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray

# The lithiation paper reads its stage times off a movie in which a stage sets in over about this long.
STAGE_BLUR_S = 15.0


@dataclass(frozen=True)
class Kind:
    """A kind of particle: how it is built and how it swells.

    Every curve is a tuple of (time since onset in s, ratio to the value before), straight in between.

    Attributes
    ----------
    name : str
        Material, ``"NiO"``, ``"CuO"`` or ``"NiO@CuO"``.
    envelope : tuple of (float, float)
        V/V0 of everything inside the outer outline.
    core_fraction : float
        Diameter of the core over that of the particle before lithiation; 0 = no core.
    void_fraction : float
        Diameter of the void over that of the core before lithiation.
    wall : tuple of (float, float)
        Volume ratio of the core without its void.
    void : tuple of (float, float)
        Volume ratio of the void.
    """

    name: str
    envelope: tuple[tuple[float, float], ...]
    core_fraction: float = 0.0
    void_fraction: float = 0.0
    wall: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    void: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    @property
    def stages(self) -> int:
        """Stages of expansion."""
        return len(self.envelope) - 1


KINDS: Mapping[str, Kind] = {
    # 194 %, one very steep stage (lithiation paper, Fig. 5c; how long it takes is read off its slope).
    "NiO": Kind("NiO", ((0.0, 1.0), (70.0, 1.94))),
    # 161 % in two stages, fast then slow (Fig. 5c); split where CuO -> Cu2O would end, times chosen.
    "CuO": Kind("CuO", ((0.0, 1.0), (220.0, 1.44), (720.0, 1.61))),
    # 176 %; with the onset at 40 s the shell swells until 260 s and the core until 760 s (Fig. 4c, 5c). The core is
    # 0.79 of the diameter and half hollow (Fig. 1e, 4c). NiO -> Ni + Li2O takes its wall to 1.94, partly into
    # the void; what is left for the shell to reach 176 % is 1.78, which is CuO -> Cu + Li2O (1.80 by unit cells).
    "NiO@CuO": Kind(
        "NiO@CuO",
        ((0.0, 1.0), (220.0, 1.13), (720.0, 1.76)),
        core_fraction=0.79,
        void_fraction=0.5,
        wall=((0.0, 1.0), (220.0, 1.02), (720.0, 1.94)),
        void=((0.0, 1.0), (220.0, 1.0), (720.0, 0.3)),
    ),
}


def ratio_at(curve: tuple[tuple[float, float], ...], since_onset_s: FloatArray, blur_s: float) -> FloatArray:
    """Return the ratio of a curve at times since onset, corners rounded over `blur_s`.

    Parameters
    ----------
    curve : tuple of (float, float)
        Corners (time in s, ratio), times increasing; constant before the first and after the last.
    since_onset_s : (T,) float64
        Times in s, 0 = onset.
    blur_s : float
        Width of the running mean in s; 0 leaves the corners sharp.

    Returns
    -------
    (T,) float64
        Dimensionless ratio. The running mean of a piecewise straight curve is exact: it is the difference of its
        integral at the two ends of the window.

    >>> ratio_at(((0.0, 1.0), (10.0, 2.0)), np.array([-5.0, 0.0, 5.0, 20.0]), 0.0).tolist()
    [1.0, 1.0, 1.5, 2.0]
    """
    corners = np.array(curve, dtype=np.float64)
    times, ratios = corners[:, 0], corners[:, 1]
    if blur_s <= 0:
        return np.interp(since_onset_s, times, ratios)
    # Constant before and after; large times would only lose digits in the difference of the integrals.
    near = np.clip(since_onset_s, times[0] - blur_s, times[-1] + blur_s)
    high = _integral(near + blur_s / 2, times, ratios)
    low = _integral(near - blur_s / 2, times, ratios)
    return (high - low) / blur_s


def _integral(at: FloatArray, times: FloatArray, ratios: FloatArray) -> FloatArray:
    """Integral of the piecewise straight curve from times[0] to each of `at`."""
    whole = np.concatenate([[0.0], np.cumsum(np.diff(times) * (ratios[1:] + ratios[:-1]) / 2)])
    segment = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 1)
    step = at - times[segment]
    outside = (at < times[0]) | (at > times[-1])
    slopes = np.append(np.diff(ratios) / np.diff(times), 0.0)
    slope = np.where(outside, 0.0, slopes[segment])
    return np.asarray(whole[segment] + ratios[segment] * step + slope * step**2 / 2)
