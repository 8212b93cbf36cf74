"""The part of a specimen that comes into the field while it drifts, and the cut of it that a frame shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image

Scalar = TypeVar("Scalar", bound=np.generic)
# Pixels beyond what the drift uncovers: the cubic kernel and the point spread reach that far.
MARGIN_PX = 8


@dataclass(frozen=True)
class Canvas:
    """A pixel grid in the specimen frame (coordinates of frame 0) larger than a frame.

    Attributes
    ----------
    top, left : int
        Specimen coordinates of its first pixel.
    height, width : int
    field : (int, int)
        (Y, X) of a frame.
    """

    top: int
    left: int
    height: int
    width: int
    field: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Size in px."""
        return self.height, self.width

    def of_frame_0(self, image: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the view of a canvas image that frame 0 shows."""
        return image[-self.top : -self.top + self.field[0], -self.left : -self.left + self.field[1]]

    def window(self, drift: FloatArray) -> tuple[slice, slice, FloatArray]:
        """Return the rows and columns of the canvas that a frame at drift (dy, dx) needs, and the sub-pixel rest.

        The rest (in [0, 1)) is where pixel (0, 0) of the frame lies beyond pixel (2, 2) of the cut.
        """
        at = -drift - (self.top, self.left)
        whole = np.floor(at).astype(int)
        rows, columns = (slice(int(start) - 2, int(start) + n + 3) for start, n in zip(whole, self.field, strict=True))
        return rows, columns, at - whole


def canvas_of(height_px: int, width_px: int, drift_px: FloatArray) -> Canvas:
    """Return the canvas that all frames of a movie with drift (T, 2) see."""
    # The specimen point (y, x) stands at y + dy: frames see from -max(dy) to height - min(dy).
    start = np.floor(-drift_px.max(axis=0)).astype(int) - MARGIN_PX
    end = np.ceil(np.array([height_px, width_px]) - drift_px.min(axis=0)).astype(int) + MARGIN_PX
    size = end - start
    return Canvas(int(start[0]), int(start[1]), int(size[0]), int(size[1]), (height_px, width_px))


def shifted(cut: Image, rest: FloatArray) -> Image:
    """Return the frame inside a cut of the canvas (see `Canvas.window`), moved by the sub-pixel rest."""
    ky, kx = (cubic(float(f)) for f in rest)
    moved = cv2.sepFilter2D(cut, cv2.CV_32F, kx, ky, anchor=(1, 1), borderType=cv2.BORDER_REPLICATE)
    return np.array(moved[2:-3, 2:-3])


def cubic(f: float) -> FloatArray:
    """Weights of samples -1, 0, 1, 2 for the value at f (Catmull and Rom)."""
    return np.array(
        [
            -0.5 * f + f**2 - 0.5 * f**3,
            1 - 2.5 * f**2 + 1.5 * f**3,
            0.5 * f + 2 * f**2 - 1.5 * f**3,
            -0.5 * f**2 + 0.5 * f**3,
        ]
    )
