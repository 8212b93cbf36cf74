"""What the numbers of a stored TIFF frame mean: grey, inverted grey, palette, colour, labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.grey import grey_from_colour, grey_palette, native, native_dtype

Meaning: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
MeaningReader: TypeAlias = Callable[[tifffile.TiffPage, str, str], tuple[Meaning, np.dtype[Any]]]

_INVERTED = tifffile.PHOTOMETRIC.MINISWHITE
_PALETTE = tifffile.PHOTOMETRIC.PALETTE
_JPEG = (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
_FAX = (tifffile.COMPRESSION.CCITTRLE, tifffile.COMPRESSION.CCITT_T4, tifffile.COMPRESSION.CCITT_T6)
# The first sample of these is the brightness.
_BRIGHTNESS_FIRST = (tifffile.PHOTOMETRIC.CIELAB, tifffile.PHOTOMETRIC.ICCLAB, tifffile.PHOTOMETRIC.ITULAB)


def grey_reader(page: tifffile.TiffPage, tail: str, name: str) -> tuple[Meaning, np.dtype[Any]]:
    """Return the function that turns a stored frame into grey (Y, X), and the type it gives.

    Raises
    ------
    InputError
        Print colours (CMYK), which have no grey value of their own, or a scanned document.
    """
    if page.compression in _FAX:
        raise InputError(f"{name}: holds a scanned document (CCITT fax), not an image of a specimen")
    dtype = native_dtype(np.dtype(page.dtype))
    if page.photometric == tifffile.PHOTOMETRIC.SEPARATED:
        raise InputError(f"{name}: holds print colours (CMYK); save it as grey or RGB")
    if page.photometric == _PALETTE and page.colormap is not None:
        palette = grey_palette(np.asarray(page.colormap))
        return (lambda frame: np.take(palette, _first_sample(frame, tail), mode="clip")), palette.dtype
    if page.photometric == _INVERTED and dtype.kind == "u":
        highest = dtype.type(2 ** int(_one(page.bitspersample)) - 1)
        return (lambda frame: highest - _first_sample(frame, tail)), dtype
    first_only = page.photometric in _BRIGHTNESS_FIRST or (
        page.photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression not in _JPEG
    )
    if tail == "YX" or first_only:
        return (lambda frame: _first_sample(frame, tail)), dtype
    return (lambda frame: grey_from_colour(_samples_last(frame, tail))), dtype


def label_reader(page: tifffile.TiffPage, tail: str, name: str) -> tuple[Meaning, np.dtype[Any]]:
    """Return the function that gives the stored numbers as they are, and their type.

    Raises
    ------
    InputError
        Colours instead of numbers.
    """
    if tail != "YX":
        raise InputError(f"{name}: holds colours; a label image holds one whole number per pixel")
    return native, native_dtype(np.dtype(page.dtype))


def _samples_last(frame: NDArray[Any], tail: str) -> NDArray[Any]:
    return np.moveaxis(frame, 0, -1) if tail == "SYX" else frame


def _first_sample(frame: NDArray[Any], tail: str) -> NDArray[Any]:
    return native(frame if tail == "YX" else _samples_last(frame, tail)[..., 0])


def _one(bits: Any) -> int:
    return int(bits[0]) if isinstance(bits, tuple) else int(bits)
