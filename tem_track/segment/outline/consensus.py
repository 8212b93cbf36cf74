"""Shapes of a track over time: which frames' outlines have a bite or a bulge that the frames around them do not have.

Strategy. A particle swells faster than it changes its shape. At the start of a movie grains that diffract leave pale
places at its rim; later it lies against a strand of the support: for some frames a few directions stand in or out. So
the radius over its mean, direction by direction, is compared with its running median over time. Where only a few
directions are off, they are wrong, and the outline is fitted once more with the shape that the track has otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline.rays import ray_angles, resample_radius
from tem_track.segment.outline.rows import OutlineRow

# Rows to either side whose median is the track's shape, and rows that a track needs for it.
_REACH, _LEAST_ROWS = 15, 10
# Directions that are off by more than this share of the radius, and by so many times the row's own scatter, are wrong;
_OFF, _SCATTERS = 0.03, 4.0
# where they are more than this share of all, it is the shape that has changed.
_MOST = 0.3
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
    share = wrong.mean(axis=1)
    found = []
    for k in np.flatnonzero((share > 0) & (share <= _MOST)).tolist():
        beside = wrong[k] | np.roll(wrong[k], 1) | np.roll(wrong[k], -1)
        size = np.exp(usual[k] + place[k, 0])
        found.append(Odd(k, centre[k] + place[k, 1:] * float(size.mean()), size, beside))
    return found


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
