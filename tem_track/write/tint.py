"""Areas of a frame laid over it in a thin colour, so that the picture below stays legible."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.write.lettering import Rgb
from tem_track.write.video import RgbImage

# Share of the colour: a grey of 128 changes by a tenth of the range, texture below stays visible.
_SHARE = 0.16


@dataclass(frozen=True)
class DrawnArea:
    """An area tinted over a frame.

    Attributes
    ----------
    mask : (Y, X) bool
        In the specimen's coordinates.
    moved_px : (2,) float64
        Where the specimen sits in this frame, (dy, dx).
    colour : (int, int, int)
        Red, green, blue.
    """

    mask: Mask
    moved_px: FloatArray
    colour: Rgb


def tint(picture: RgbImage, area: DrawnArea) -> None:
    """Tint an area in a (Y', X', 3) picture of a whole frame, in place, at whatever size it is shown."""
    height, width = picture.shape[:2]
    zoom_y, zoom_x = height / area.mask.shape[0], width / area.mask.shape[1]
    dy, dx = area.moved_px
    # Pixel centres are at integers in both: their edges, at -0.5, fall together.
    move = np.array([[zoom_x, 0, (dx + 0.5) * zoom_x - 0.5], [0, zoom_y, (dy + 0.5) * zoom_y - 0.5]], np.float64)
    moved = cv2.warpAffine(area.mask.astype(np.uint8), move, (width, height), flags=cv2.INTER_NEAREST)
    colour = np.broadcast_to(np.array(area.colour, np.uint8), picture.shape)
    blended = cv2.addWeighted(picture, 1 - _SHARE, np.ascontiguousarray(colour), _SHARE, 0)
    np.copyto(picture, blended, where=(moved > 0)[..., None])
