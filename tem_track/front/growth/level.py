"""How bright an object is at its rim, pixel by pixel: half of the way up to it is where the outline lies.

Strategy: crystals are thinner towards their rim and carry moire fringes that move as they grow, so neither the mean of
the object nor one frame tells the level that the outline belongs to. For every frame the pixels a little inside the
outline are added up in the specimen frame; over the movie and a small neighbourhood that gives the level beside each
piece of outline. Two bands of depth give the slope inwards, and the level is taken where the outline is.

An object that lies on the matrix adds to its brightness, one that eats into it replaces it. Where the matrix differs
from place to place (void and wall), the quantity that differs less under the objects is the one that is carried from
place to place: the rise above the image before, or the level itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import special

from tem_track.movie import Image, Mask

# Depths inside the outline that a sharp edge blurred by a pixel or two has left behind, px: (from, to) of each band.
_BANDS = ((2.0, 4.0), (4.0, 7.0))
# Objects too small for a band are read where they are deepest, from this share of their largest depth on.
_SMALL_SHARE = 0.6
# Neighbourhood that shares a level, px.
_NEAR_PX = 4.0
# Pixels of rim, weighted by nearness, below which a neighbourhood has none.
_LEAST = 1e-3
# Where the rise is read to measure the blur, px from the outline: beside it, and where most of the blur has run out.
# The centres of the pixels next to an outline lie half a px from it, whichever way it runs.
_NEXT_PX, _FAR_PX = 0.5, 3.5


def adds_up(level: Image, before: Image, inside: Mask) -> bool:
    """Return whether objects add to what was before: their rise differs less from place to place than their level."""
    if not inside.any():
        return False
    # Smoothed alike: the noise of either image would speak for the other quantity.
    share = _near(inside.astype(np.float32))[inside]
    levels, floors = (_near(np.where(inside, image, np.float32(0)))[inside] / share for image in (level, before))
    return _spread(levels - floors) < _spread(levels)


class RimLevel:
    """Adds up what the rims of objects look like; give it every frame with the objects in it.

    Parameters
    ----------
    before : (Y, X) float32
        The image before the change.
    additive : bool
        Whether the rise or the level is carried from place to place.
    """

    def __init__(self, before: Image, additive: bool):
        self._floor = np.where(np.isfinite(before), before, np.float32(0)) if additive else np.zeros_like(before)
        self._sums = [[np.zeros(before.shape, np.float32) for _ in range(3)] for _ in _BANDS]

    def add(self, image: Image, seen: Mask, inside: Mask) -> None:
        """Add a frame (Y, X) in which `inside` are the objects."""
        if not inside.any():
            return
        window = _window(inside)
        depth = cv2.distanceTransform(np.pad(inside[window], 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] - 0.5
        deepest = float(depth.max())
        carried = image[window] - self._floor[window]
        for (near, far), (total, depths, count) in zip(_BANDS, self._sums, strict=True):
            band = (depth >= min(near, _SMALL_SHARE * deepest)) & (depth < max(far, near)) & seen[window]
            total[window] += np.where(band, carried, np.float32(0))
            depths[window] += np.where(band, depth, np.float32(0))
            count[window] += band

    def carried(self, usual: Image) -> Image:
        """Return the rise (additive) or the level (Y, X) at the rim; where no rim ever came near, `usual` (Y, X)."""
        slope = self._slope()
        total, depths, count = (near + far for near, far in zip(*self._sums, strict=True))
        near = _near(count)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (_near(total) - np.float32(slope) * _near(depths)) / near
        return np.where(near > _LEAST, found, usual).astype(np.float32)

    def _slope(self) -> float:
        """Return by how much the objects' brightness rises per px inwards from the rim, of all rims together.

        Each place is compared with itself: at another one the objects may be as bright as they like.
        """
        (total, depths, count), (total2, depths2, count2) = self._sums
        near, far = _near(count), _near(count2)
        both = (near > _LEAST) & (far > _LEAST)
        if not both.any():
            return 0.0
        rise = _near(total2)[both] / far[both] - _near(total)[both] / near[both]
        apart = _near(depths2)[both] / far[both] - _near(depths)[both] / near[both]
        weight = np.minimum(near, far)[both]
        return float((weight * rise * apart).sum() / max(float((weight * apart * apart).sum()), 1e-6))


class EdgeWidth:
    """Measures how blurred outlines are, from the rise beside them against that some px away."""

    def __init__(self) -> None:
        self._sums, self._counts = np.zeros(4), np.zeros(4)

    def add(self, rise: Image, seen: Mask, inside: Mask) -> None:
        """Add a frame's rise (Y, X), 1 at the level of an object, with the objects in it."""
        if not inside.any():
            return
        window = _window(inside, round(_FAR_PX) + 1)
        one = inside[window].astype(np.uint8)
        depth = cv2.distanceTransform(one, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - one, cv2.DIST_L2, 5)
        depth = depth - 0.5 * np.sign(depth)
        values, counted = rise[window], seen[window] & np.isfinite(rise[window])
        for i, at in enumerate((-_FAR_PX, -_NEXT_PX, _NEXT_PX, _FAR_PX)):
            band = counted & (np.abs(depth - at) <= 0.3)
            self._sums[i] += float(values[band].sum())
            self._counts[i] += int(band.sum())

    def width_px(self) -> float:
        """Return the standard deviation of the Gaussian that blurs the outlines, px; 0 where there was no outline."""
        if (self._counts == 0).any():
            return 0.0
        outer, out, into, inner = self._sums / self._counts
        widths = np.linspace(0.3, 3.0, 271)
        share = special.erf(_NEXT_PX / (np.sqrt(2) * widths)) / special.erf(_FAR_PX / (np.sqrt(2) * widths))
        return float(np.interp(-(into - out) / max(inner - outer, 1e-6), -share, widths))


def _near(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _NEAR_PX, borderType=cv2.BORDER_REFLECT), np.float32)


def _window(inside: Mask, margin: int = 0) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )


def _spread(values: Image) -> float:
    low, high = np.percentile(values, (10, 90))
    return float(high - low)
