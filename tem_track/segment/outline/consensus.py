"""Shapes of a track over time: which frames' outlines have a bite or a bulge that the frames around them do not have.

Strategy. A particle swells faster than it changes its shape. At the start of a movie grains that diffract leave pale
places at its rim; later it lies against a strand of the support: for some frames a few directions stand in or out. So
the radius over its mean, direction by direction, is compared with its running median over time. Where only a few
directions are off, they are wrong, and the outline is fitted once more with the shape that the track has otherwise.

A particle that dissolves, or grows a branch, does change its shape, and no median over time may take that back. Such a
change is not over when the track ends, or goes on steadily from where the track begins, or the track began with more
than there was later. What comes and goes is an error of the outline, and so is what the first frames lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline.rays import ray_angles, resample_radius
from tem_track.segment.outline.rows import OutlineRow

# Rows to either side whose median is the track's shape, and rows that a track needs for it.
_REACH, _LEAST_ROWS = 15, 10
# Directions that are off by more than this share of the radius, and by so many times the row's own scatter, are wrong;
_OFF, _SCATTERS = 0.03, 4.0
# where they are more than this share of all, it is the shape that has changed.
_MOST = 0.3
# Rows at the end of a track that may be off by chance and not by a change that lasts.
_LAST = 2
# A line through what comes after explains a beginning where it leaves less than this share of what is off.
_EXPLAINED = 0.5
# Rounds in which size and place are found without the directions that are off.
_ROUNDS = 8


@dataclass(frozen=True)
class Odd:
    """A row whose shape is not its track's.

    Attributes
    ----------
    row : int
    centre : (2,) float64, radius : (N,) float64
        The outline that its track's shape has where the directions that agree put it, in the row's units.
    wrong : (N,) bool
        Directions that are off.
    """

    row: int
    centre: FloatArray
    radius: FloatArray
    wrong: Mask


def odd_shapes(centre: FloatArray, radius: FloatArray) -> list[Odd]:
    """Return the rows of a track whose outlines have bites or bulges.

    Parameters
    ----------
    centre : (K, 2) float64
        Of the rows' outlines, in order of time.
    radius : (K, N) float64
        About it.
    """
    if len(radius) < _LEAST_ROWS:
        return []
    log_radius = np.log(np.maximum(radius, 1e-6))
    usual = _usual_shapes(log_radius - np.median(log_radius, axis=1, keepdims=True))
    angles = ray_angles(radius.shape[1])
    basis = np.stack([np.ones_like(angles), np.sin(angles), np.cos(angles)], axis=1)
    off = log_radius - usual
    place, scatter = _robust_fits(basis, off)
    left = off - place @ basis.T
    wrong = np.abs(left) > np.maximum(_OFF, _SCATTERS * scatter)[:, None]
    changing = _changing(wrong, left)
    wrong &= ~changing
    # What else is off beside a change of shape belongs to it.
    wrong[changing.sum(axis=1) > wrong.sum(axis=1)] = False
    share = wrong.mean(axis=1)
    found = []
    for k in np.flatnonzero((share > 0) & (share <= _MOST)).tolist():
        beside = wrong[k] | np.roll(wrong[k], 1) | np.roll(wrong[k], -1)
        size = np.exp(usual[k] + place[k, 0])
        found.append(Odd(k, centre[k] + place[k, 1:] * float(size.mean()), size, beside))
    return found


def _changing(wrong: Mask, left: FloatArray) -> Mask:
    """Return which of the (K, N) directions that are off show a change of the particle's shape.

    Parameters
    ----------
    wrong : (K, N) bool
    left : (K, N) float64
        By how much every direction of every row is off, in the logarithm of the radius.
    """
    # Rows at the beginning and at the end of the track in which a direction is off without a break.
    first, last = _run_lengths(wrong[::-1])[-1], _run_lengths(wrong)[-1]
    found: Mask = (np.arange(len(wrong))[:, None] >= len(wrong) - last) & (last > _LAST)
    for direction in np.flatnonzero(first > _LAST).tolist():
        begins = slice(0, int(first[direction]))
        off = left[begins, direction]
        found[begins, direction] |= bool(np.median(off) > 0) or _goes_on(left[:, direction], begins.stop)
    return found


def _run_lengths(wrong: Mask) -> NDArray[np.intp]:
    """Return how many rows in a row, up to each of (K, N), a direction is off."""
    at = np.arange(1, len(wrong) + 1)[:, None]
    return np.asarray(at - np.maximum.accumulate(np.where(wrong, 0, at), axis=0), np.intp)


def _goes_on(off: FloatArray, begins: int) -> bool:
    """Return whether the first rows of a direction lie on the line through those that follow."""
    after = off[begins : begins + _REACH + 1]
    half = len(after) // 2
    if half < 3:
        return False
    first, second = float(np.median(after[:half])), float(np.median(after[-half:]))
    slope = (second - first) / (len(after) - half)
    line = first + slope * (np.arange(begins) - begins - 0.5 * (half - 1))
    return float(np.abs(off[:begins] - line).sum()) < _EXPLAINED * float(np.abs(off[:begins]).sum())


def _usual_shapes(shape: FloatArray) -> FloatArray:
    """Return the medians (K, N) of every row of (K, N) shapes and those within reach of it, direction by direction."""
    usual = np.empty_like(shape)
    for k in range(len(shape)):
        near = shape[max(0, k - _REACH) : k + _REACH + 1]
        middle = len(near) // 2
        # Two order statistics: np.median takes four times as long for so few rows.
        part = np.partition(near, (max(middle - 1, 0), middle), axis=0)
        usual[k] = part[middle] if len(near) % 2 else 0.5 * (part[middle - 1] + part[middle])
    return usual


def odd_rows(rows: Sequence[OutlineRow]) -> list[Odd]:
    """Return the rows, in order of frames, whose outlines have bites or bulges; those that borders cut are left out."""
    tracks: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        if row.circle is not None and not row.touches_border:
            tracks.setdefault(row.track_id, []).append(i)
    found = []
    for mine in tracks.values():
        circles = [circle for i in mine if (circle := rows[i].circle) is not None]
        count = max(len(radius) for _, radius in circles)
        centre = np.stack([centre for centre, _ in circles])
        radius = np.stack([resample_radius(radius, count) for _, radius in circles])
        found += [replace(shape, row=mine[shape.row]) for shape in odd_shapes(centre, radius)]
    return found


def _robust_fits(basis: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (K, F) of a basis (N, F) fitted to (K, N) values whatever few of them are; scatter (K,)."""
    fitted = basis.shape[1]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    weight = np.ones_like(values)
    for _ in range(_ROUNDS):
        normal = (weight @ products).reshape(-1, fitted, fitted)
        coefficients = np.linalg.solve(normal, ((weight * values) @ basis)[:, :, None])[:, :, 0]
        left = values - coefficients @ basis.T
        scatter = np.maximum(1.4826 * np.median(np.abs(left), axis=1), 1e-6)
        weight = 1 / (1 + (left / (2 * scatter[:, None])) ** 2) ** 2
    return np.asarray(coefficients, np.float64), np.asarray(scatter, np.float64)
