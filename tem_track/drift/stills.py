"""Drawn shapes in a single image: scale bars, the text beside them, labels in a corner, an info bar along an edge.

Ink is flat (one grey value, black or white), its edge is a step, and it keeps to the margins. Only shapes that no
particle has are taken: a long solid rectangle, thin strokes, a rectangular box, a strip from side to side.
"""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import Image, Mask

# Ink lies within this share of the grey range from black or white; JPEG moves it by a few levels.
INK_SHARE = 0.03
# Drawn things keep to this share of the frame along its edges.
MARGIN_SHARE = 0.3
# A scale bar is at least this much longer than thick, and fills its box.
BAR_ASPECT = 4.0
BAR_FILL = 0.9
# Thickness of a stroke over the height of its letter; a disc has 1.
STROKE_SHARE = 0.45
TALLEST_TEXT_SHARE = 0.12
# A row of an info bar has at least this share of its pixels at one grey value.
STRIP_SHARE = 0.5


def drawn_pixels(image: Image) -> Mask:
    """Return which pixels of a single (Y, X) image were drawn into it, conservatively."""
    found = info_strip(image)
    low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.zeros(image.shape, bool)
    tolerance = INK_SHARE * (high - low)
    for ink in (image <= low + tolerance, image >= high - tolerance):
        found |= _ink_shapes(ink & ~found, image)
    return found


def info_strip(image: Image) -> Mask:
    """Return the strip along the top or bottom edge whose rows carry mostly one grey value."""
    strip = np.zeros(image.shape, bool)
    height = image.shape[0]
    if height < 24:
        return strip
    for flip in (False, True):
        rows = image[::-1] if flip else image
        depth = _strip_depth(rows[: height // 3])
        # The step from the strip to the picture is sharp along the whole row: a gradual one is vacuum.
        if depth >= max(8, height // 60):
            inside, outside = float(np.median(rows[depth - 1])), rows[min(depth + 2, height - 1)]
            usual = float(np.median(np.abs(outside - inside)))
            if usual > 4 * INK_SHARE * float(np.ptp(image)):
                strip[(slice(height - depth, height) if flip else slice(0, depth))] = True
    return strip


def grown(mask: Mask, reach: int, along_rows: bool = False) -> Mask:
    """Return the mask dilated by `reach` px (three times as far along rows where asked)."""
    kernel = np.ones((2 * reach + 1, (6 if along_rows else 2) * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def is_drawn_place(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    """Return whether a box (y0, y1, x0, x1) lies in the margin of a frame where people draw."""
    y0, y1, x0, x1 = box
    height, width = shape[0], shape[1]
    rows = y1 <= MARGIN_SHARE * height or y0 >= (1 - MARGIN_SHARE) * height
    columns = x1 <= MARGIN_SHARE * width or x0 >= (1 - MARGIN_SHARE) * width
    return rows or columns


def _strip_depth(rows: Image) -> int:
    """Return how many rows from the first one on carry mostly the grey value of the first."""
    value = float(np.median(rows[0]))
    tolerance = INK_SHARE * max(float(np.ptp(rows)), 1e-6)
    flat = (np.abs(rows - value) <= tolerance).mean(axis=1) > STRIP_SHARE
    return int(np.argmin(flat)) if not flat.all() else 0


def _ink_shapes(ink: Mask, image: Image) -> Mask:
    """Return bars, the text near them and labels in the margins."""
    count, number, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    height, width = ink.shape
    span = float(np.ptp(image))
    bars, text = np.zeros_like(ink), np.zeros_like(ink)
    for n in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[n])
        if area < 6 or not is_drawn_place((y, y + h, x, x + w), ink.shape) or max(w, h) > 0.7 * max(height, width):
            continue
        box = np.s_[max(0, y - 3) : y + h + 3, max(0, x - 3) : x + w + 3]
        shape = number[box] == n
        if not _steps(shape, image[box], span):
            continue
        if _is_box_in_corner((y, y + h, x, x + w), number[y : y + h, x : x + w] == n, ink.shape):
            bars[y : y + h, x : x + w] = True
        elif w >= BAR_ASPECT * h and area >= BAR_FILL * w * h and w > 0.04 * width:
            bars[box] |= shape
        elif h <= TALLEST_TEXT_SHARE * height and w <= 3 * TALLEST_TEXT_SHARE * width and _is_stroke(shape, h, w):
            text[box] |= shape
    near_bar = grown(bars, max(4, round(0.08 * max(height, width))))
    labels = _corner_labels(text)
    return grown(bars, 2) | grown(text & (near_bar | labels), 2)


def _steps(shape: Mask, image: Image, span: float) -> bool:
    """Return whether the grey value steps at the rim of a shape within two px."""
    rim = grown(shape, 2) & ~grown(shape, 1)
    if not rim.any():
        return False
    inside = float(np.median(image[shape]))
    return abs(float(np.median(image[rim])) - inside) > 0.2 * span


def _is_box_in_corner(box: tuple[int, int, int, int], part: Mask, shape: tuple[int, ...]) -> bool:
    """Return whether a patch fills its box (y0, y1, x0, x1) in a corner of the frame, but for a letter inside."""
    y0, y1, x0, x1 = box
    height, width = shape
    rows, columns = 0.03 * height, 0.03 * width
    in_corner = (y0 <= rows or y1 >= height - rows) and (x0 <= columns or x1 >= width - columns)
    if not in_corner or y1 - y0 < 0.04 * height or x1 - x0 < 0.04 * width:
        return False
    sides = (part[:2], part[-2:], part[:, :2], part[:, -2:])
    return all(float(side.any(axis=k // 2).mean()) > BAR_FILL for k, side in enumerate(sides))


def _is_stroke(shape: Mask, height: int, width: int) -> bool:
    padded = np.pad(shape, 1).astype(np.uint8)
    thickest = 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 3).max())
    return thickest <= STROKE_SHARE * max(height, width)


def _corner_labels(text: Mask) -> Mask:
    """Return the corners of the frame, where panels are lettered."""
    height, width = text.shape
    corner = np.zeros_like(text)
    deep, wide = round(0.2 * height), round(0.25 * width)
    for rows in (slice(0, deep), slice(height - deep, height)):
        for columns in (slice(0, wide), slice(width - wide, width)):
            corner[rows, columns] = True
    return corner
