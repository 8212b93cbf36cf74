"""Pictures made ready to be laid on each other: reduced in size, and band-passed without what is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.movie import Image, Mask
from tem_track.pair.sites import Picture

# Longest side of the pictures worked on, px: scale to 1e-4 needs no more.
LONGEST_PX = 1024
# Ratio of the two Gaussians of a band.
BAND = 4.0


@dataclass(frozen=True)
class Reduced:
    """A picture at working size: what is bright where matter is, and 1 where the support is seen."""

    grey: Image
    seen: Image


def reduced(picture: Picture, factor: float) -> Reduced:
    """Return a picture with pixels `factor` times as large as the file's; pixel (0, 0) stays where it is."""
    factor = factor / picture.shrink
    grey = picture.frame * np.float32(picture.sign)
    seen = (~picture.hidden).astype(np.float32)
    if factor <= 1:
        return Reduced(grey, seen)
    size = tuple(int(np.ceil(side / factor)) for side in grey.shape[::-1])
    enlarge = np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])
    sigma = 0.5 * float(np.sqrt(factor**2 - 1))
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    parts = [
        cv2.warpAffine(cv2.GaussianBlur(part, (0, 0), sigma), enlarge, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        for part in (grey, seen)
    ]
    return Reduced(parts[0], parts[1])


def kept_small(picture: Picture) -> Picture:
    """Return a picture no larger than registration looks at: a few megabytes, however large the file."""
    shrink = max(picture.shape_px) / LONGEST_PX
    if shrink <= picture.shrink:
        return picture
    small = reduced(picture, shrink)
    frame = small.grey * np.float32(picture.sign)
    return replace(picture, frame=frame, hidden=small.seen < np.float32(0.99), shrink=shrink)


def band_passed(picture: Reduced, width: float) -> tuple[Image, Mask]:
    """Return a picture between two Gaussian widths, unseen pixels left out of both, and where it can be trusted.

    Noise that differs from place to place (dose) is not evened out: strong features of the support should count most.
    """
    smooth = []
    for sigma in (width, BAND * width):
        # Beyond four sigma a Gaussian is nothing; wide ones are worked out on a coarser grid by OpenCV's own limit.
        weight = cv2.GaussianBlur(picture.seen, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        total = cv2.GaussianBlur(picture.grey * picture.seen, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        smooth.append(total / np.maximum(weight, np.float32(1e-3)))
        if sigma == width:
            near = weight
    edge = cv2.GaussianBlur(np.ones_like(picture.seen), (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    trusted = (near > 0.9 * edge) & (picture.seen > 0.99)
    return np.asarray(smooth[0] - smooth[1], dtype=np.float32), np.asarray(trusted)
