"""Darkening, or contrast that changes both ways: a front darkens what it reaches and leaves the rest as it was."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.front.arrival.find import Arrival
from tem_track.movie import Image, Mask

# Noise is smoothed away over this width, px.
_SMOOTHING_PX = 2.0
# A place whose grey value rose by this share has brightened; what noise leaves after smoothing is far below.
_BRIGHTENED = 0.1
# What did not degrade must fill this share of what was seen, or it says nothing.
_LEAST_SHARE = 0.05
# Pixels the illumination is fitted on.
_FITTED = 20_000


def brightened_share(before: Image, after: Image, arrival: Arrival) -> float:
    """Return the share of what did not degrade that became brighter, 0 to 1.

    Parameters
    ----------
    before, after : (Y, X) float32
        Mean of the intact specimen and of the last frames, specimen coordinates.
    arrival : Arrival

    Returns
    -------
    float
        Below 0.01 in a lamella under a front; 0.4 where diffraction contrast changes all over, since as much brightens
        as darkens. 0 where too little stays as it was to tell.

    Notes
    -----
    The ratio of the smoothed means, less a quadratic surface for the illumination, fitted to what did not degrade.
    """
    still = arrival.seen & np.isnan(arrival.frame)
    if still.sum() < max(_LEAST_SHARE * arrival.seen.sum(), 100):
        return 0.0
    change = np.log(_positive(after) / _positive(before))
    return float((change - _surface(change, still) > _BRIGHTENED)[still].mean())


def _positive(image: Image) -> Image:
    smooth = cv2.GaussianBlur(image, (0, 0), _SMOOTHING_PX)
    return np.asarray(np.maximum(smooth, 1e-3 * float(np.median(np.abs(smooth))) + 1e-6), np.float32)


def _surface(change: Image, where: Mask) -> Image:
    """Return the quadratic surface through the pixels told, (Y, X); outliers of either side count half."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in change.shape), indexing="ij")
    terms = np.stack([np.ones_like(y), y, x, y * y, x * x, y * x], axis=-1).reshape(-1, 6)
    chosen = np.flatnonzero(where)
    chosen = chosen[:: max(1, len(chosen) // _FITTED)]
    values, weight = change.ravel()[chosen], np.ones(len(chosen), np.float32)
    for _ in range(4):
        fitted, *_ = np.linalg.lstsq(terms[chosen] * weight[:, None], values * weight, rcond=None)
        left = np.abs(values - terms[chosen] @ fitted)
        weight = 1 / np.sqrt(1 + (left / max(float(np.median(left)), 1e-6)) ** 2)
    return np.asarray((terms @ fitted).reshape(change.shape), np.float32)
