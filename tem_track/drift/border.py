"""The black border that an earlier alignment or a detector leaves around a picture."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tem_track.movie import Image, Mask

Window: TypeAlias = tuple[int, int, int, int]
"""Rows y0 to y1 and columns x0 to x1 (ends excluded) of a frame that hold the picture."""

# A JPEG rings by a few grey levels in a black border; a picture's rows scatter by far more than 1 % of its range.
FLAT_SHARE_OF_RANGE = 0.012
# The first row inside a border differs from it in at least this share of its pixels.
WHOLE_ROW_SHARE = 0.4


def picture_window(frame: Image) -> Window:
    """Return the rows and columns of a (Y, X) frame inside its constant border.

    A border is a run of whole rows (or columns) at an edge that all carry one and the same extreme grey value.
    A frame that is constant everywhere is all picture: it has no border to tell apart.

    >>> frame = np.zeros((6, 8), np.float32)
    >>> frame[2:, 3:] = np.arange(20).reshape(4, 5) + 5
    >>> picture_window(frame)
    (2, 6, 3, 8)
    """
    height, width = frame.shape
    whole = (0, height, 0, width)
    edges = [frame[0], frame[-1], frame[:, 0], frame[:, -1]]
    low, high = float(frame[::4, ::4].min()), float(frame[::4, ::4].max())
    tolerance = FLAT_SHARE_OF_RANGE * (high - low)
    if high <= low or not any(_is_border(edge, low, high, tolerance) for edge in edges):
        return whole
    window = whole
    # Rows first inside the columns already trimmed and the other way round: a corner belongs to both borders.
    for _ in range(2):
        y0, y1, x0, x1 = window
        inside = frame[y0:y1, x0:x1]
        top, bottom = _border_depths(inside, low, high, tolerance)
        left, right = _border_depths(inside[top : inside.shape[0] - bottom].T, low, high, tolerance)
        window = (y0 + top, y1 - bottom, x0 + left, x1 - right)
        if window[1] - window[0] < height // 8 or window[3] - window[2] < width // 8:
            return whole
    return window


def picture_mask(frame: Image) -> Mask:
    """Return a (Y, X) mask, True where the frame holds picture and not a constant border."""
    y0, y1, x0, x1 = picture_window(frame)
    mask = np.zeros(frame.shape, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def _is_border(line: Image, low: float, high: float, tolerance: float) -> bool:
    smallest, largest = float(line.min()), float(line.max())
    return largest - smallest <= 2 * tolerance and (largest <= low + 2 * tolerance or smallest >= high - 2 * tolerance)


def _border_depths(rows: Image, low: float, high: float, tolerance: float) -> tuple[int, int]:
    """Return how many rows at the top and at the bottom are border.

    Rows of empty vacuum are constant too, but there the picture begins with a few pixels of a particle, and behind
    a border with a whole row.
    """
    if rows.size == 0:
        return 0, 0
    smallest, largest = rows.min(axis=1), rows.max(axis=1)
    flat = (largest - smallest <= 2 * tolerance) & (
        (largest <= low + 2 * tolerance) | (smallest >= high - 2 * tolerance)
    )
    picture = np.flatnonzero(~flat)
    if len(picture) == 0:
        return 0, 0
    depths = [int(picture[0]), int(len(flat) - 1 - picture[-1])]
    for end, row in enumerate((picture[0], picture[-1])):
        edge = float(rows[-end, 0])
        if (np.abs(rows[row] - edge) > 2 * tolerance).mean() < WHOLE_ROW_SHARE:
            depths[end] = 0
    return depths[0], depths[1]
