"""Boundaries that only the front shows: it was held there, so that the arrival time jumps.

Some boundaries have neither a line nor a step of brightness. Where a front stood at one, the arrival times on its two
sides do not continue each other: planes fitted on either side, carried to the line between them, disagree. Where two
fronts meet, or a front slows down, the planes bend but do agree on the line; there is no boundary in that.
"""

from __future__ import annotations

import numpy as np

from tem_track.front.grains.lines import RADIUS, averaged_along, shifted
from tem_track.front.speed import Slope
from tem_track.movie import FloatArray, Image

# The windows on either side have their edges 2 px from the line: past the blur of a jump.
MARGIN_PX = 2.0
DIRECTIONS = 8
# A jump counts from this many frames (what interpolating between frames can make of none), from this many px of the
# front's own way, and from this many standard deviations of what noise makes of it.
LEAST_FRAMES, LEAST_WAY_PX, LEAST_SIGMAS = 2.0, 4.0, 4.0
# How long a front was held says nothing on how sure that is: more than this counts as this.
MOST = 2.0
# A window over a bend scatters about its plane, and its plane misses the line by up to about this many times that.
BEND_FACTOR = 3.0
# The line of a jump is a few px wide, since windows that far to either side still see it; the bends' own is not.
STEADY_PX = (-1.5, -0.75, 0.0, 0.75, 1.5)


def held_evidence(slope: Slope) -> Image:
    """Return where the arrival time jumps, in units of the least jump that shows a boundary.

    Parameters
    ----------
    slope : Slope
        Planes of the arrival frame (`arrival_planes`).

    Returns
    -------
    (Y, X) float32
        1 and more on a boundary at which a front was held; 0 where the arrival time says nothing.
    """
    evidence = np.zeros(slope.level.shape, np.float32)
    if not np.isfinite(slope.scatter).any():
        return evidence
    for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        across = np.array([np.sin(angle), np.cos(angle)])
        jump = np.clip(np.nan_to_num(_jump(slope, across)), 0, MOST).astype(np.float32)
        for part in (jump, averaged_along(jump, across)):
            steady = np.minimum.reduce([shifted(part, distance * across) for distance in STEADY_PX])
            np.maximum(evidence, np.nan_to_num(steady), out=evidence)
    return evidence


def _jump(slope: Slope, across: FloatArray) -> Image:
    """Return by how much the planes on the two sides of each pixel disagree there, in units of what counts."""
    reach = RADIUS + MARGIN_PX
    usual = float(np.nanmedian(slope.scatter))
    pixels = (2 * RADIUS + 1) ** 2
    carried = 1 / pixels + reach**2 / (pixels * RADIUS * (RADIUS + 1) / 3)
    noise = LEAST_SIGMAS * usual * np.sqrt(2 * carried)
    steep: Image = slope.dy * np.float32(across[0]) + slope.dx * np.float32(across[1])
    misfit: Image = np.sqrt(np.maximum(slope.scatter**2 - np.float32(usual) ** 2, 0)).astype(np.float32)
    way = _way(slope)
    sides = [
        [shifted(m, sign * reach * across) for m in (slope.level - np.float32(sign * reach) * steep, misfit, way)]
        for sign in (1, -1)
    ]
    (there, there_misfit, there_way), (here, here_misfit, here_way) = sides
    bend = BEND_FACTOR * np.maximum(here_misfit, there_misfit)
    least = np.maximum(np.maximum(LEAST_FRAMES, noise), LEAST_WAY_PX * np.maximum(here_way, there_way))
    return np.asarray(np.maximum((np.abs(there - here) - bend) / least, 0), np.float32)


def _way(slope: Slope) -> Image:
    """Return the frames a front takes for one px."""
    return np.hypot(slope.dy, slope.dx)
