"""Averages of many sets at once: medians of masked arrays, weighted means around circles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask


def masked_median(values: NDArray[Any], chosen: Mask) -> FloatArray:
    """Return the (K,) medians of the chosen of (K, ...) values; 0 where none is chosen.

    >>> masked_median(np.array([[3.0, 1.0, 9.0], [1.0, 2.0, 3.0]]), np.array([[True, True, False], [False] * 3]))
    array([2., 0.])
    """
    flat = np.where(chosen, values, np.inf).reshape(len(values), -1)
    flat.sort(axis=1)
    count = chosen.reshape(flat.shape).sum(axis=1)
    rows = np.arange(len(flat))
    low, high = flat[rows, np.maximum(count - 1, 0) // 2], flat[rows, np.minimum(count // 2, flat.shape[1] - 1)]
    return np.where(count > 0, 0.5 * (low.astype(np.float64) + high), 0.0)


def circular_mean(values: FloatArray, weights: FloatArray, width: float) -> FloatArray:
    """Return the weighted Gaussian mean of (..., N) values around circles; `width` is its sigma in samples.

    Where all weights nearby vanish the overall weighted mean of the circle takes over.
    """
    count = values.shape[-1]
    offset = np.minimum(np.arange(count), count - np.arange(count))
    kernel = np.fft.rfft(np.exp(-0.5 * (offset / width) ** 2))
    total = weights.sum(axis=-1, keepdims=True)
    weighted = (weights * values).sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1.0)
    overall = np.where(total > 0, weighted, values.mean(axis=-1, keepdims=True))
    faint = 1e-3 * np.maximum(weights.max(axis=-1, keepdims=True), 1e-12)
    top = np.fft.irfft(np.fft.rfft(weights * values) * kernel, count) + faint * overall
    bottom = np.fft.irfft(np.fft.rfft(weights) * kernel, count) + faint
    return np.asarray(top / np.maximum(bottom, faint))


def running_mean(values: FloatArray) -> FloatArray:
    """Return the mean of five neighbours along the last axis, zeros beyond the ends."""
    padded = np.zeros((*values.shape[:-1], values.shape[-1] + 4))
    padded[..., 2:-2] = values
    length = values.shape[-1]
    return np.asarray(sum(padded[..., i : i + length] for i in range(5)) / 5)
