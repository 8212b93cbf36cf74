"""Words on a picture, in the typeface that the figures use too.

OpenCV's own letters know neither the degree nor the micro sign. DejaVu Sans comes with matplotlib, Pillow draws it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.visible import visible

Rgb = tuple[int, int, int]

# Height of the letters' body in px: legible on a picture of 500-1024 px, small beside a particle.
_BODY = 16
# Dark rim round each letter, px, so that it reads on any grey.
_RIM = 2


class Lettering:
    """Draws words; letters once drawn are kept.

    Parameters
    ----------
    body_px : int
        Height of the letters' body.
    """

    def __init__(self, body_px: int = _BODY):
        from matplotlib import get_data_path
        from PIL import ImageFont

        self._font: Any = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", body_px)
        self._mask = lru_cache(maxsize=20_000)(self._drawn)
        ascent, descent = self._font.getmetrics()
        self._height = ascent + descent + 2 * _RIM

    def size(self, text: str) -> tuple[int, int]:
        """Return (height, width) in px of a line of text with its rim."""
        return self._height, int(np.ceil(self._font.getlength(visible(text)))) + 2 * _RIM

    def cut(self, text: str, width: int) -> str:
        """Return the text, shortened to fit into `width` px."""
        if self.size(text)[1] <= width:
            return text
        while text and self.size(text + "…")[1] > width:
            text = text[:-1]
        return text + "…" if text else ""

    def draw(self, picture: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: Rgb) -> None:
        """Write a line of text into a (Y, X, 3) picture with its top left corner at (y, x); what is outside is cut."""
        letters, rim = self._mask(text)
        top, left = max(corner[0], 0), max(corner[1], 0)
        patch = picture[top : top + letters.shape[0], left : left + letters.shape[1]]
        if not patch.size:
            return
        inside = (slice(0, patch.shape[0]), slice(0, patch.shape[1]))
        for cover, ink in ((rim[inside], np.zeros(3, np.float32)), (letters[inside], np.array(colour, np.float32))):
            patch[:] = (patch + (ink - patch) * cover[..., None]).round().astype(np.uint8)

    def _drawn(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (Y, X) coverage, 0 to 1, of the letters and of the letters with their rim."""
        from PIL import Image, ImageDraw

        height, width = self.size(text)
        canvas = Image.new("L", (width, height))
        ImageDraw.Draw(canvas).text((_RIM, _RIM), visible(text), fill=255, font=self._font)
        letters = np.asarray(canvas, np.float32) / np.float32(255)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RIM + 1, 2 * _RIM + 1))
        rim: NDArray[np.float32] = cv2.GaussianBlur(cv2.dilate(letters, disc), (3, 3), 0)
        return letters, rim * np.float32(0.85)
