"""Scale bar and time burned into the picture, as acquisition software leaves them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.simulate.recording import Recording


def burn_in(scene: Recording, frame: NDArray[np.uint16], time_s: float, white: int) -> None:
    """Draw the scene's overlays into a (Y, X) frame, in place: white on black, the same place in every frame."""
    size = max(0.3, min(frame.shape) / 900)
    if scene.scale_bar:
        length = round_length(0.22 * scene.width_px * scene.pixel_size_nm)
        bar = round(length / scene.pixel_size_nm)
        text = f"{length:g} nm" if length < 1000 else f"{length / 1000:g} um"
        corner = (frame.shape[0] - round(75 * size) - 4, 4)
        box = (round(71 * size), bar + round(40 * size))
        _box(frame, corner, box)
        left, top = corner[1] + round(20 * size), corner[0] + round(48 * size)
        frame[top : top + max(2, round(10 * size)), left : left + bar] = white
        _text(frame, text, (left, corner[0] + round(35 * size)), size, white)
    if scene.timestamp:
        _box(frame, (4, 4), (round(48 * size), round(260 * size)))
        _text(frame, f"{time_s:8.1f} s", (4 + round(10 * size), 4 + round(35 * size)), size, white)


def round_length(at_most_nm: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most the given length.

    >>> round_length(110.0), round_length(0.7)
    (100.0, 0.5)
    """
    power = 10.0 ** math.floor(math.log10(at_most_nm))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= at_most_nm * (1 + 1e-9))


def _box(frame: NDArray[np.uint16], corner: tuple[int, int], size: tuple[int, int]) -> None:
    frame[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = 0


def _text(frame: NDArray[np.uint16], text: str, left_base: tuple[int, int], size: float, white: int) -> None:
    cover = np.zeros(frame.shape, np.uint8)
    cv2.putText(cover, text, left_base, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(2 * size)), cv2.LINE_AA)
    drawn = cover > 0
    frame[drawn] = (cover[drawn].astype(np.float32) * (white / 255)).astype(np.uint16)
