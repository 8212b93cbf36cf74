"""How many independent pixels a pixel is worth: the noise of real detectors is shared by neighbours.

A scintillator's point spread, a scaled or a compressed picture make neighbouring pixels err together, so that the mean
of n pixels is less well known than by 1/n of a pixel's variance. Outlines that took such noise for independent would
follow it. Strategy: in the flattest tiles of the background, compare the variance of means over blocks with that of
single pixels; both after slow variations are taken out, and relative to what white noise would give.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Labels, Mask

# Pictures from which the correlation is learnt; it does not change while a movie runs.
_PICTURES = 5
# Side of the blocks, px: about what one ray's edge is judged by (2.5 px wide, the edge and a little around it).
_BLOCK = 5
# Slow variations of the background that are taken out: Gaussian sigma, px.
_SLOW_PX = 6.0
# Side of a tile, px, how much of it must be background, and how many tiles are needed to say anything.
_TILE, _FREE, _ENOUGH = 24, 0.6, 6
# Share of the tiles, the quietest, that count as flat.
_FLAT = 0.3
# A particle's blurred edge and its fringe reach this far, px.
_MARGIN_PX = 6
# Excess of the variance of means up to which noise counts as white: the scatter of this measurement itself.
_WHITE = 1.2


class NoiseSharing:
    """Learns from a movie's first pictures, separately for each binning, how neighbouring pixels share their noise."""

    def __init__(self) -> None:
        self._found: dict[int, list[float]] = {}

    def independent(self, picture: Image, labels: Labels, fixed: Mask | None, binning: int) -> float:
        """Return how many independent pixels a pixel is worth (0 to 1) in a picture binned from a frame."""
        found = self._found.setdefault(binning, [])
        if len(found) < _PICTURES:
            hidden = labels != 0 if fixed is None else (labels != 0) | fixed
            size = (picture.shape[1], picture.shape[0])
            bar = cv2.resize(hidden.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            reach = 2 * max(1, round(_MARGIN_PX / binning)) + 1
            free = cv2.dilate(bar, np.ones((reach, reach), np.uint8)) == 0
            found.append(noise_excess(picture, np.asarray(free)))
        known = [excess for excess in found if np.isfinite(excess)]
        excess = float(np.median(known)) if known else 1.0
        return 1 / excess if excess > _WHITE else 1.0


def noise_excess(picture: Image, free: Mask) -> float:
    """Return how many times larger the variance of a mean over pixels is than for white noise; NaN where unknown.

    Parameters
    ----------
    picture : (Y, X) float32
    free : (Y, X) bool
        Background.
    """
    if min(picture.shape) < 2 * _TILE:
        return float("nan")
    share = free.astype(np.float32)
    # Normalised by the mask, so that particles do not lean into the background.
    slow = cv2.GaussianBlur(picture * share, (0, 0), _SLOW_PX)
    slow /= np.maximum(cv2.GaussianBlur(share, (0, 0), _SLOW_PX), np.float32(1e-3))
    noise = np.where(free, picture - slow, np.float32(0))
    means = cv2.blur(noise, (_BLOCK, _BLOCK), borderType=cv2.BORDER_REFLECT)
    whole = cv2.erode(free.astype(np.uint8), np.ones((_BLOCK, _BLOCK), np.uint8)) > 0
    pixel, pixels = _tile_sums(noise**2, free)
    block, blocks = _tile_sums(means**2, whole)
    enough = (pixels > _FREE * _TILE**2) & (blocks > 0.5 * _FREE * _TILE**2) & (pixel > 0)
    if enough.sum() < _ENOUGH:
        return float("nan")
    variance, of_means = pixel[enough] / pixels[enough], block[enough] / blocks[enough]
    # Chosen by the pixels: tiles chosen by their means would make noise look whiter than it is.
    flat = variance <= np.quantile(variance, _FLAT)
    return float(np.median(of_means[flat] / variance[flat])) / _white_ratio()


def _tile_sums(values: Image, chosen: Mask) -> tuple[FloatArray, FloatArray]:
    """Return sum and number of the chosen pixels in every tile."""
    rows, columns = values.shape[0] // _TILE, values.shape[1] // _TILE
    part = np.s_[: rows * _TILE, : columns * _TILE]

    def tiles(picture: Image) -> FloatArray:
        return np.asarray(picture[part].reshape(rows, _TILE, columns, _TILE).sum(axis=(1, 3), dtype=np.float64))

    return tiles(np.where(chosen, values, np.float32(0))), tiles(chosen.astype(np.float32))


@lru_cache(maxsize=1)
def _white_ratio() -> float:
    """Return the variance of means over blocks relative to that of pixels for white noise, slow part taken out."""
    impulse = np.zeros((129, 129), np.float32)
    impulse[64, 64] = 1
    noise = impulse - cv2.GaussianBlur(impulse, (0, 0), _SLOW_PX)
    means = cv2.blur(noise, (_BLOCK, _BLOCK))
    return float((means**2).sum() / (noise**2).sum())
