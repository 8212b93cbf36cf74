"""Damage that is there before the movie begins: compact dark places at boundaries that the front does not change.

A place that was degraded in the first frame gives no change to see. What gives it away: it is darker than the grain
around it; it is compact, where the grain boundary it sits on is a line; and when the front has passed all around it,
it has hardly darkened itself, or else the front set out from it. None of these alone is enough: boundaries are dark,
some places hardly darken anyway, and fronts start at sound boundaries too.

Strategy. Darkness against the closed picture; a line's own darkness is what survives an opening along straight lines,
the rest is compact. Evidence per pixel is the log likelihood ratio of "unchanged" over "changed as its surroundings
did", or a bonus where a front started, plus the compact darkness in units of what texture shows. Regions of positive
evidence around strong ones are kept if they are wide enough, touch a boundary line and lie in a specimen that degrades.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from tem_track.front.smoothing import smoothed
from tem_track.movie import Image, Labels, Mask

# All lengths are px of the fine grid, on which a boundary line is some 2 to 5 px wide and a site 4 to 25 px.
SMOOTHING_PX = 1.0
# Half the width of what counts as dark against its surroundings, and the length that makes a line.
CLOSING_PX, LINE_PX, LINE_DIRECTIONS = 16, 31, 16
# Least darkness, as a share of the level around and in deviations of the texture.
LEAST_DARKNESS, DARKNESS_DEVIATIONS = 0.04, 2.5
# Deviation of a measured fall, and of the falls of places in one neighbourhood as a share of their mean.
FALL_SD, FALL_SPREAD = 0.025, 0.5
# Neighbourhood that shows how much a place there falls, px, and the share of it that must have degraded.
AROUND_PX, LEAST_DEGRADED = 8.0, 0.2
# Most that the fall, and the compact darkness, may say (log likelihood); the latter counts from 0.04 by 0.02 up.
CHANGED_MOST, UNCHANGED_MOST, MOST_DARK, DARK_ZERO, DARK_UNIT = 3.0, 5.0, 6.0, 0.04, 0.02
# A start of a front: within this reach the arrival rises by at least so many samples, and here it lies in the lowest
# quarter of the range.
START_PX, START_RISE, START_SHARE, START_BONUS = 12, 3.0, 0.25, 1.0
# Evidence of a region's core, its mean over the region, least area, px, least inscribed radius, px.
CORE_EVIDENCE, MEAN_EVIDENCE, LEAST_AREA, LEAST_RADIUS = 2.0, 2.0, 12, 1.8
# This near to what is not film, px, its blur darkens or brightens the film.
RIM_PX = 4
# The rim of a place lies where its compact darkness falls below this share of its peak.
RIM_SHARE = 0.5


@dataclass
class _Darkness:
    """Darkness (y, x) against the surroundings; what of it belongs to lines, what is compact; the least that counts."""

    whole: Image
    line: Image
    compact: Image
    least: float


def damage_at_start(level: Image, known: Mask, index: Image, drop: Image, territory: Labels | None = None) -> Mask:
    """Return which pixels were degraded before the first frame, (y, x) bool.

    Parameters
    ----------
    level : (y, x) float32
        Mean of the first frames.
    known : (y, x) bool
        Where it shows the specimen.
    index : (y, x) float32
        Arrival in samples, NaN = never.
    drop : (y, x) float32
        Fall of the level at the arrival as a share of the level before; NaN where not known.
    territory : (y, x) int32, optional
        Grain of every pixel, 0 outside the film.
    """
    film = known if territory is None else known & (territory > 0)
    arrived = np.isfinite(index)
    # Where nothing degrades, what is dark is no more than dark.
    if not (film & arrived).any():
        return np.zeros(level.shape, bool)
    dark = _darkness(_without_grain_contrast(level, film, territory))
    fall, usual, degraded = _falls(np.nan_to_num(drop), arrived & known & np.isfinite(drop), dark)
    # Where the fall is not known it says nothing.
    measured = np.isfinite(drop)
    unchanged = np.where(measured, np.where(degraded, _unchanged(fall, usual), -CHANGED_MOST), 0)
    started = np.where(_started(index) & (dark.compact > DARK_ZERO), START_BONUS, 0)
    compact = np.clip((dark.compact - DARK_ZERO) / DARK_UNIT, -0.5 * CHANGED_MOST, MOST_DARK)
    evidence = unchanged + started + compact
    evidence = smoothed(np.asarray(evidence, dtype=np.float32), SMOOTHING_PX)
    allowed = known & ~_grown(known & ~film, RIM_PX)
    allowed &= _grown(arrived & (degraded | ~measured), 3)
    region = _regions(evidence, dark, allowed)
    region &= _inside_rim(region, dark.compact) | (unchanged > 0.5)
    return _sound(region, evidence, _wall(dark, territory))


def _disc(radius: float) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray((y * y + x * x) <= (radius + 0.3) ** 2, dtype=np.uint8)


def _grown(mask: Mask, radius: float) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(radius)) > 0)


def _without_grain_contrast(level: Image, film: Mask, territory: Labels | None) -> Image:
    """Return the level over that of its own grain: the corner of a dark grain is no dark place."""
    numbers = np.where(film, 1 if territory is None else territory, 0)
    usual = ndimage.median(level, numbers, np.arange(int(numbers.max()) + 1))
    flat = level / np.maximum(np.asarray(usual, np.float32), np.float32(1e-6))[numbers]
    return np.where(film, flat, np.float32(1)).astype(np.float32)


def _wall(dark: _Darkness, territory: Labels | None) -> Mask:
    """Return where a boundary runs: dark lines, and where two grains meet."""
    on_line = dark.line > dark.least
    wall = np.asarray(dark.line > 0.5 * float(np.median(dark.line[on_line])) if on_line.any() else on_line)
    if territory is not None:
        for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            wall[a] |= (territory[a] != territory[b]) & (territory[a] > 0) & (territory[b] > 0)
    return wall


def _darkness(level: Image) -> _Darkness:
    """Return how much darker every place is than what surrounds it, and how much of that lines explain."""
    calm = smoothed(level, SMOOTHING_PX)
    around = cv2.GaussianBlur(cv2.morphologyEx(calm, cv2.MORPH_CLOSE, _disc(CLOSING_PX)), (0, 0), 3)
    whole = 1 - calm / np.maximum(around, np.float32(1e-6))
    whole -= np.median(whole)
    texture = 1.4826 * float(np.median(np.abs(whole)))
    line = np.maximum(_along_lines(whole), 0)
    least = max(LEAST_DARKNESS, DARKNESS_DEVIATIONS * texture)
    return _Darkness(whole, line, np.asarray(whole - line, dtype=np.float32), least)


def _along_lines(image: Image) -> Image:
    """Return the opening along straight lines, the largest of all directions (y, x): compact bright places vanish."""
    opened = np.full(image.shape, -1, np.float32)
    middle = LINE_PX // 2
    for turn in range(LINE_DIRECTIONS):
        angle = np.pi * turn / LINE_DIRECTIONS
        dx, dy = round(middle * np.cos(angle)), round(middle * np.sin(angle))
        line = np.zeros((LINE_PX, LINE_PX), np.uint8)
        cv2.line(line, (middle - dx, middle - dy), (middle + dx, middle + dy), 1, 1)
        opened = np.maximum(opened, cv2.morphologyEx(image, cv2.MORPH_OPEN, line))
    return opened


def _falls(drop: Image, arrived: Mask, dark: _Darkness) -> tuple[Image, Image, Mask]:
    """Return the fall of every place, that of the sound specimen around it, and where enough of that degraded."""
    share = arrived.astype(np.float32)
    own = _mean_over(drop, share, SMOOTHING_PX)
    sound = share * (np.abs(dark.whole) < dark.least)
    around = _mean_over(drop, sound, AROUND_PX)
    return own, around, np.asarray(cv2.GaussianBlur(sound, (0, 0), AROUND_PX) > LEAST_DEGRADED)


def _mean_over(image: Image, share: Image, sigma: float) -> Image:
    total = cv2.GaussianBlur(image * share, (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(share, (0, 0), sigma), 1e-3), dtype=np.float32)


def _unchanged(fall: Image, usual: Image) -> Image:
    """Return the log likelihood of no fall over that of a fall as usual around, bounded."""
    spread = np.hypot(FALL_SD, FALL_SPREAD * usual)
    ratio = np.log(spread / FALL_SD) + 0.5 * ((fall - usual) / spread) ** 2 - 0.5 * (fall / FALL_SD) ** 2
    return np.asarray(np.clip(ratio, -CHANGED_MOST, UNCHANGED_MOST), dtype=np.float32)


def _started(index: Image) -> Mask:
    """Return where fronts set out: places that degraded before all that lies around them."""
    arrived = np.isfinite(index)
    if not arrived.any():
        return np.zeros(index.shape, bool)
    moment = cv2.medianBlur(np.where(arrived, index, np.float32(np.nanmax(index) + START_RISE)), 3)
    first, last = cv2.erode(moment, _disc(START_PX)), cv2.dilate(moment, _disc(START_PX))
    start = arrived & (last - first > START_RISE) & (moment - first <= START_SHARE * (last - first))
    return _grown(start, 2)


def _regions(evidence: Image, dark: _Darkness, allowed: Mask) -> Mask:
    """Return the regions of positive evidence around dark cores of strong evidence, holes filled."""
    core = (dark.whole > dark.least) & (evidence > CORE_EVIDENCE) & allowed
    core = np.asarray(cv2.morphologyEx(core.astype(np.uint8), cv2.MORPH_OPEN, _disc(1)) > 0)
    wide = core | ((evidence > 0) & (dark.whole > 0.5 * dark.least) & allowed)
    number, count = ndimage.label(wide)
    kept = np.zeros(count + 1, bool)
    kept[np.unique(number[core])] = True
    kept[0] = False
    region = cv2.morphologyEx(kept[number].astype(np.uint8), cv2.MORPH_OPEN, _disc(1.5)) > 0
    return np.asarray(ndimage.binary_fill_holes(region), dtype=bool)


def _inside_rim(region: Mask, compact: Image) -> Mask:
    """Return where the compact darkness of a region's pixels is above a share of the region's peak."""
    number, _ = ndimage.label(region, np.ones((3, 3)))
    inside = np.zeros_like(region)
    for n, box in enumerate(ndimage.find_objects(number), 1):
        own = number[box] == n
        inside[box] |= own & (compact[box] > RIM_SHARE * np.percentile(compact[box][own], 90))
    return inside


def _sound(region: Mask, evidence: Image, wall: Mask) -> Mask:
    """Return the regions that are wide enough, convincing as a whole, and touch a boundary."""
    number, _ = ndimage.label(region, np.ones((3, 3)))
    kept = np.zeros_like(region)
    for n, (rows, columns) in enumerate(ndimage.find_objects(number), 1):
        box = (slice(max(0, rows.start - 4), rows.stop + 4), slice(max(0, columns.start - 4), columns.stop + 4))
        own = number[box] == n
        if own.sum() < LEAST_AREA or evidence[box][own].mean() < MEAN_EVIDENCE:
            continue
        radius = float(cv2.distanceTransform(np.pad(own, 1).astype(np.uint8), cv2.DIST_L2, 3).max())
        touching = int((_grown(own, 3) & wall[box] & ~own).sum())
        if radius >= LEAST_RADIUS and touching >= 2:
            kept[box] |= own
    return kept
