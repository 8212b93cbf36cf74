"""What an image brings to be registered: the places and sizes of its particles, and its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Image, Mask


@dataclass(frozen=True)
class Sites:
    """Where the particles of an image are.

    Attributes
    ----------
    yx_px : (N, 2) float64
        Centroids (y, x), px.
    diameter_px : (N,) float64
        Equivalent diameters, px.
    whole : (N,) bool
        Not cut by the border: place and size can be relied on.
    """

    yx_px: FloatArray
    diameter_px: FloatArray
    whole: Mask

    def __len__(self) -> int:
        return len(self.yx_px)

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Sites:
        """Return the chosen particles."""
        return Sites(self.yx_px[rows], self.diameter_px[rows], self.whole[rows])


@dataclass(frozen=True)
class Picture:
    """An image and its particles.

    Attributes
    ----------
    frame : (Y, X) float32
        Finite grey values.
    hidden : (Y, X) bool
        Pixels that are particles, burned in, or outside the picture: they say nothing about the support.
    shrink : float
        Px of the file per px of `frame` and `hidden`, pixel (0, 0) being the same: several large images need not be
        held as they are (`bands.kept_small`). Sites are in px of the file.
    sign : int
        -1 where particles are darker than their surroundings, 1 where they are brighter.
    sites : Sites
    pixel_size_nm : float or None
        What the file says of itself.
    """

    frame: Image
    hidden: Mask
    sign: int
    sites: Sites
    pixel_size_nm: float | None
    shrink: float = 1.0

    @property
    def shape_px(self) -> tuple[float, float]:
        """Height and width in px of the file."""
        return self.frame.shape[0] * self.shrink, self.frame.shape[1] * self.shrink
