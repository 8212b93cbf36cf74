"""Boundaries that only the front shows: it ran along them first, and went into the grains on both sides from there.

Where boundaries degrade before interiors, the arrival time has a valley along each: on both sides the front moves away
from the line, at an angle to it that does not depend on the distance (the law of refraction; a right angle where the
boundary degrades all at once). Round a nucleus the front moves away too, but only within about the distance at which
one looks: a line through it is soon left along itself.

References
----------
V. Cerveny, R. Ravindra, Theory of Seismic Head Waves, University of Toronto Press 1971: the wave a fast layer leads.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.grains.lines import RADIUS, shifted
from tem_track.front.speed import Slope
from tem_track.movie import FloatArray, Image

# How far from the line the windows stand, px: next to it, and beyond a boundary zone some 10 px wide to either side,
# in which the front runs along the boundary and not away from it.
REACHES_PX = (5.0, 9.0, 13.0)
DIRECTIONS = 12
# Cosine of the angle between the front's motion on either side and the line's normal that shows a boundary: a front led
# by a boundary 1.5 times as fast as the interior leaves it at 0.75; a nucleus as far away along the line as one looks
# across it gives 0.71, one twice as far 0.45, and that is nothing.
NO_COSINE, LEAST_COSINE = 0.45, 0.7
# The level must rise from the line to both sides by this many frames, and by this many standard deviations of a plane's
# level.
LEAST_FRAMES, LEAST_SIGMAS = 1.0, 4.0
# Slowness along the line over that away from it: 0.9 by the law of refraction for a boundary 1.5 times as fast as the
# interior, 0.6 for twice, and 1 and more on a line from nucleus to nucleus, along which nothing leads the front.
ALONG = (0.6, 1.0)
# The steepest place within reach over what is usual there: 1 without a jump, which has evidence of its own.
JUMP = (1.5, 2.0)
# A valley is there or not: how deep it is says how early its front was, not how sure it is.
MOST = 2.0


def led_evidence(slope: Slope) -> Image:
    """Return where the arrival time has a valley along a line, in units of what shows a boundary.

    Parameters
    ----------
    slope : Slope
        Planes of the arrival frame (`arrival_planes`).

    Returns
    -------
    (Y, X) float32
        1 and more on a boundary that led a front; 0 where the arrival time says nothing.

    Notes
    -----
    Nuclei in a row, less than some 20 px from one to the next, have the arrival times of a boundary.
    """
    evidence = np.zeros(slope.level.shape, np.float32)
    if not np.isfinite(slope.scatter).any():
        return evidence
    # A plane's level at its middle is known to its scatter over the root of its pixels.
    noise = LEAST_SIGMAS * float(np.nanmedian(slope.scatter)) * np.sqrt(2.0) / (2 * RADIUS + 1)
    least = max(LEAST_FRAMES, noise)
    for reach in REACHES_PX:
        lines = [_valley(slope, reach, least, k) for k in range(DIRECTIONS)]
        for k, line in enumerate(lines):
            # Round a nucleus there is a valley in every direction; along a boundary's own there is none.
            np.maximum(evidence, line - lines[(k + DIRECTIONS // 2) % DIRECTIONS], out=evidence)
    return evidence


def _valley(slope: Slope, reach: float, least: float, direction: int) -> Image:
    """Return how much of a valley there is along a line whose normal has one of the directions."""
    across = _normal(direction)
    slowness: Image = slope.dy * np.float32(across[0]) + slope.dx * np.float32(across[1])
    steep = np.hypot(slope.dy, slope.dx)
    sides = [
        [shifted(m, sign * reach * across) for m in (slope.level, np.float32(sign) * slowness, steep)]
        for sign in (1, -1)
    ]
    (here, here_away, here_steep), (there, there_away, there_steep) = sides
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.minimum(here_away / here_steep, there_away / there_steep)
        # On the line itself the front moves to neither side, and the planes on both sides meet there. They also do
        # beside a line that held a front, but there it moves; and on that line they do not meet.
        usual = (here_away + there_away) / 2
        apart = np.abs(here - there - np.float32(reach) * (here_away - there_away)) / (usual * np.float32(reach))
        beside = np.abs(slowness) / usual
        along = np.asarray(np.sqrt(np.maximum(steep**2 - slowness**2, 0)) / usual, np.float32)
        jump = np.asarray(cv2.dilate(np.nan_to_num(steep), _disc(reach)) / usual, np.float32)
    rise = (np.minimum(here, there) - slope.level) / np.float32(least)
    led = (cosine - np.float32(NO_COSINE)) / np.float32(LEAST_COSINE - NO_COSINE)
    valley = np.maximum(np.minimum(led, rise), 0) * np.clip(1 - np.maximum(apart, beside), 0, 1)
    valley = valley * _falling(along, *ALONG) * _falling(jump, *JUMP)
    return np.asarray(np.clip(np.nan_to_num(valley), 0, MOST), np.float32)


def _normal(direction: int) -> FloatArray:
    angle = np.pi * direction / DIRECTIONS
    return np.array([np.sin(angle), np.cos(angle)])


def _falling(value: Image, full: float, nothing: float) -> Image:
    """Return 1 up to one value, 0 from another on, and linearly between."""
    return np.asarray(np.clip((np.float32(nothing) - value) / np.float32(nothing - full), 0, 1), np.float32)


def _disc(radius_px: float) -> NDArray[np.uint8]:
    size = 2 * round(radius_px) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
