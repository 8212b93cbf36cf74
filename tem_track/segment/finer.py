"""The picture twice as fine as the working picture, in the box of one patch only: what parts particles is narrow.

The working picture is as coarse as finding allows; a fresh crack or the seam between two particles is a pixel or two
of the frame. The finer picture has more noise, so that it is smoothed as far as the patch's contrast asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import Image, Mask

# Fine pixels across a working pixel.
FINER = 2
# Smoothing of the fine picture, fine px: the least that leaves this share of the contrast as noise.
SMOOTHING_PX = (0.8, 1.2, 1.8)
NOISE_OF_CONTRAST = 0.11
# Px around a box: for the smoothing.
MARGIN_PX = 3


@dataclass(frozen=True)
class FinerPicture:
    """What a working picture was made from.

    Attributes
    ----------
    frame : (Y, X) float32
    sign : int
        -1 where particles are darker than their surroundings, else 1.
    bin_px : int
        Image px per working px; 1 leaves nothing finer to be looked at.
    noise : float
        Of the working picture, grey value.
    seams : bool
        Whether particles may be parted at the seams between them.
    """

    frame: Image
    sign: int
    bin_px: int
    noise: float
    seams: bool = True

    def smoothing_px(self, contrast: float) -> float | None:
        """Return the smoothing of the fine picture (fine px) that a contrast needs, None where none is enough."""
        if self.bin_px == 1:
            return None
        for smoothing in SMOOTHING_PX:
            # White noise; the working picture is smoothed by 0.8 working px at least.
            if self.fine_noise(smoothing) <= NOISE_OF_CONTRAST * contrast:
                return smoothing
        return None

    def fine_noise(self, smoothing_px: float) -> float:
        """Return the noise (grey value) of the fine picture smoothed by so many fine px."""
        return self.noise * FINER * SMOOTHING_PX[0] / smoothing_px

    def in_box(self, box: tuple[slice, slice], smoothing_px: float) -> Image:
        """Return the fine picture in a box of working pixels, particles bright."""
        rows, columns = box
        top, left = (max(0, part.start - MARGIN_PX) for part in box)
        lower, right = rows.stop + MARGIN_PX, columns.stop + MARGIN_PX
        bin_px = self.bin_px
        part = self.frame[top * bin_px : lower * bin_px, left * bin_px : right * bin_px]
        below, beside = (-side % bin_px for side in part.shape)
        if below or beside:
            part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        scale = FINER / bin_px
        size = (round(part.shape[1] * scale), round(part.shape[0] * scale))
        fine = cv2.GaussianBlur(cv2.resize(part, size, interpolation=cv2.INTER_AREA), (0, 0), smoothing_px)
        y, x = (rows.start - top) * FINER, (columns.start - left) * FINER
        inner: Image = fine[y : y + (rows.stop - rows.start) * FINER, x : x + (columns.stop - columns.start) * FINER]
        return inner if self.sign > 0 else -inner


def finer_mask(mask: Mask) -> Mask:
    """Return a (Y, X) mask of working pixels in fine pixels."""
    return np.asarray(mask).repeat(FINER, axis=0).repeat(FINER, axis=1)


def twice_as_fine(frame: Image, bin_px: int) -> Image:
    """Return a (Y, X) frame with FINER pixels to each of a picture binned so far; the frame itself where not binned."""
    if bin_px == 1:
        return frame
    height, width = (-(-side // bin_px) * bin_px for side in frame.shape)
    whole = cv2.copyMakeBorder(frame, 0, height - frame.shape[0], 0, width - frame.shape[1], cv2.BORDER_REPLICATE)
    size = (width // bin_px * FINER, height // bin_px * FINER)
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]
