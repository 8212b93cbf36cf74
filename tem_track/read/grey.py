"""Colour to grey without touching the depth: a grey image saved as colour comes out exactly as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rec. 601 luma, the weights of OpenCV and ImageJ's weighted conversion; they add up to 1, so equal channels stay.
_LUMA = (0.299, 0.587, 0.114)


def native(frame: NDArray[Any]) -> NDArray[Any]:
    """Return a frame in the machine's byte order, of a type that arithmetic knows (bool becomes uint8)."""
    if frame.dtype == np.bool_:
        return frame.astype(np.uint8)
    return np.ascontiguousarray(frame, frame.dtype.newbyteorder("="))


def native_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type that `native` gives a frame of the given type."""
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype.newbyteorder("=")


def grey_from_colour(frame: NDArray[Any]) -> NDArray[Any]:
    """Return the grey (Y, X) of a (Y, X, S) frame in its own type.

    One or two samples are grey and grey with alpha, three or four are RGB and RGBA; alpha is left out.
    """
    if frame.shape[2] < 3:
        return native(frame[..., 0])
    red, green, blue = (native(frame[..., channel]) for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    # float32 holds 16-bit sums exactly enough to round; deeper numbers need float64.
    luma: NDArray[Any] = np.zeros(red.shape, np.float32 if frame.dtype.itemsize <= 2 else np.float64)
    for channel, weight in zip((red, green, blue), _LUMA, strict=True):
        luma += np.multiply(channel, weight, dtype=luma.dtype)
    if np.issubdtype(red.dtype, np.integer):
        luma = np.rint(luma)
    return luma.astype(red.dtype)


def grey_palette(colormap: NDArray[Any]) -> NDArray[Any]:
    """Return the grey value of each palette entry, from a (3, N) uint16 TIFF colour map.

    A palette that is the plain grey ramp gives back the stored numbers (uint8 or uint16); any other the luma (uint16).
    """
    entries = colormap.shape[1]
    index = np.arange(entries, dtype=np.uint8 if entries <= 256 else np.uint16)
    grey = grey_from_colour(np.moveaxis(colormap.astype(np.uint16), 0, -1)[None])[0]
    # Writers fill 16 bits by 257 (full scale), 256 (high byte) or not at all.
    steps = {step for step in (257, 256, 1) if np.array_equal(grey, index.astype(np.int64) * step)}
    return index if steps else grey
