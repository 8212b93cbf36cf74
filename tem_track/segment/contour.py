"""Outlines of many patches measured at once: shape, edge along them, contrast across them.

A frame has hundreds of patches of a few dozen pixels each, so what is done pixel by pixel is done for all of them in
one go, on the points of all outlines one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask

Contour: TypeAlias = NDArray[np.int32]
"""(N, 1, 2) points (x, y), as OpenCV returns them."""

# A patch that fills less than this share of its convex hull is no single particle (three discs in a row fill 0.78 of
# theirs).
LEAST_SOLIDITY = 0.70
# Points of an outline at which the contrast is looked at, and where inside, against the way from the centre.
POINTS, INSIDE = 24, (0.85, 0.6, 0.3)
# How far from the outline the surroundings are looked at: against its radius, and at least, px.
OUTSIDE, LEAST_OUTSIDE_PX = 0.15, 1.5
# The same for patches of any shape: points, and px to either side.
SIDE_POINTS, SIDE_PX = 48, 3


@dataclass
class Shape:
    """Shape of the patch inside a contour, worked out as far as it is asked for: of most patches only the area is.

    Attributes
    ----------
    contour : (N, 1, 2) int32
        Points (x, y).
    area_px : float
        Its pixels, holes filled.
    solidity : float
        Share of its convex hull that it fills.
    elongation : float
        Long over short side of the smallest rectangle around it.
    around_px : float
        Length of its outline; against the hull where it is compact, since noise makes its own long.

    Notes
    -----
    A contour runs through the middle of the outermost pixels; half a pixel more all round is their outer edge.
    """

    contour: Contour
    area_px: float

    @classmethod
    def of(cls, contour: Contour) -> Shape:
        """Return the shape of the patch inside a contour.

        >>> square = np.array([[0, 0], [0, 9], [9, 9], [9, 0]], np.int32)[:, None]
        >>> Shape.of(square).elongation
        1.0
        """
        return cls(contour, cv2.contourArea(contour) + 0.5 * len(contour) + 1)

    @cached_property
    def _hull(self) -> Contour:
        return cv2.convexHull(self.contour)  # type: ignore[no-any-return]

    @cached_property
    def _around_hull_px(self) -> float:
        return float(cv2.arcLength(self._hull, True) + 1)

    @cached_property
    def solidity(self) -> float:
        """Return the share of its convex hull that the patch fills."""
        return min(1.0, self.area_px / (cv2.contourArea(self._hull) + 0.5 * (self._around_hull_px - 1) + 1))

    @property
    def around_px(self) -> float:
        """Return the length of the outline."""
        count = len(self.contour)
        return count if self.solidity < LEAST_SOLIDITY else min(count, self._around_hull_px)

    @cached_property
    def elongation(self) -> float:
        """Return the long over the short side of the smallest rectangle around the patch."""
        (_, _), (side, other), _ = cv2.minAreaRect(self._hull)
        return float((max(side, other) + 1) / (min(side, other) + 1))

    def longer_than(self, elongation: float) -> bool:
        """Return whether the elongation exceeds a value; hull and its outline alone show that most do not.

        Notes
        -----
        The hull touches both ends of the rectangle, so the long side is at most half the hull's outline; the rectangle
        holds the hull, so the short side is at least the hull's area over the long one.
        """
        long_px = 0.5 * self._around_hull_px
        if (long_px + 1) / (cv2.contourArea(self._hull) / long_px + 1) <= elongation:
            return False
        return self.elongation > elongation


@dataclass(frozen=True)
class Along:
    """The points of C outlines one after the other.

    Attributes
    ----------
    x, y : (N,) intp
    owner : (N,) intp
        Outline of each point.
    first, count : (C,) intp
        Place of its first point, number of its points.
    """

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    owner: NDArray[np.intp]
    first: NDArray[np.intp]
    count: NDArray[np.intp]

    @classmethod
    def of(cls, contours: list[Contour]) -> Along:
        """Return the points of a list of contours."""
        points = np.concatenate(contours)[:, 0].astype(np.intp)
        count = np.array([len(contour) for contour in contours], np.intp)
        owner = np.repeat(np.arange(len(count)), count)
        return cls(points[:, 0], points[:, 1], owner, np.cumsum(count) - count, count)

    def edges(self, edges: Image, closed: Mask | None, weak_share: float) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return the edge that all but a share of each outline exceeds, and how many of its points the border cuts.

        Parameters
        ----------
        edges : (Y, X) float32
            Edge strength, grey value per px.
        closed : (Y, X) bool or None
            Where the frame ends besides at its border.
        weak_share : float
            Left out, along with what lies at the border.

        Returns
        -------
        (C,) float64
            Edge in grey value per px, NaN where all of the outline lies at the border.
        (C,) intp
        """
        height, width = edges.shape
        margin = np.minimum(np.minimum(self.x, width - 1 - self.x), np.minimum(self.y, height - 1 - self.y))
        cut, at_border = margin < 1, margin < 2
        if closed is not None:
            cut |= closed[self.y, self.x]
            at_border |= cut
        total = len(self.count)
        at_cut = np.bincount(self.owner[cut], minlength=total)
        free = ~at_border
        left = np.bincount(self.owner[free], minlength=total)
        strength = edges[self.y[free], self.x[free]].astype(np.float64)
        # Sorted within each outline by one sort of all: the whole part is the outline.
        span = float(strength.max(initial=0.0)) * 1.0001 + 1e-30
        ranked = np.sort(self.owner[free] + strength / span)
        place = np.cumsum(left) - left + (weak_share * np.maximum(left - 1, 0)).astype(np.intp)
        edge = np.full(total, np.nan)
        some = left > 0
        edge[some] = (ranked[place[some]] - np.flatnonzero(some)) * span
        return edge, at_cut

    def contrast(self, picture: Image, closed: Mask | None, wanted: Mask, any_shape: Mask) -> FloatArray:
        """Return how much each patch stands above its surroundings, grey value, 0 where not wanted.

        Parameters
        ----------
        picture : (Y, X) float32
        closed : (Y, X) bool or None
            What shows nothing of the specimen: not looked at.
        wanted, any_shape : (C,) bool
            Which are measured, and which of them may be of any shape: the contrast close to the outline is looked at
            too, and the greater one counts.
        """
        contrast = np.zeros(len(self.count))
        chosen = np.flatnonzero(wanted)
        contrast[chosen] = self._contrast_from_centre(picture, closed, chosen)
        ragged = np.flatnonzero(wanted & any_shape)
        contrast[ragged] = np.maximum(contrast[ragged], self._contrast_to_sides(picture, closed, ragged))
        return contrast

    def _some(self, chosen: NDArray[np.intp], points: int, shift: int = 0) -> NDArray[np.float32]:
        """Return (chosen, points, 2) points (x, y) spread along each outline, moved on along it by a number of px."""
        step = (np.arange(points) * self.count[chosen, None]) // points
        place = self.first[chosen, None] + (step + shift) % self.count[chosen, None]
        return np.stack([self.x[place], self.y[place]], axis=-1).astype(np.float32)

    def _contrast_from_centre(self, picture: Image, closed: Mask | None, chosen: NDArray[np.intp]) -> FloatArray:
        """Return the median inside less the median just outside, seen from the centre."""
        points = self._some(chosen, POINTS)
        centre = points.mean(axis=1, keepdims=True)
        away = points - centre
        away_px = np.maximum(np.hypot(away[..., 0], away[..., 1]), 1e-3)[..., None]
        reach = np.maximum(np.float32(LEAST_OUTSIDE_PX), np.float32(OUTSIDE) * away_px.mean(axis=1, keepdims=True))
        inside = np.concatenate([centre + np.float32(share) * away for share in INSIDE], axis=1)
        return _middle_at(picture, closed, inside) - _middle_at(picture, closed, points + away / away_px * reach)

    def _contrast_to_sides(self, picture: Image, closed: Mask | None, chosen: NDArray[np.intp]) -> FloatArray:
        """Return the difference of the medians on both sides of the outline."""
        points = self._some(chosen, SIDE_POINTS)
        along = self._some(chosen, SIDE_POINTS, SIDE_PX) - self._some(chosen, SIDE_POINTS, -SIDE_PX)
        normal = np.stack([-along[..., 1], along[..., 0]], axis=-1)
        normal *= np.float32(SIDE_PX) / np.maximum(np.hypot(along[..., :1], along[..., 1:]), np.float32(1e-3))
        one, other = (_middle_at(picture, closed, np.rint(points + sign * normal)) for sign in (-1, 1))
        return np.abs(one - other)


def _middle_at(picture: Image, closed: Mask | None, points: NDArray[np.float32]) -> FloatArray:
    """Return the (lower) median of a picture at each row of (C, P, 2) points (x, y); 0 where none shows anything."""
    height, width = picture.shape
    x, y = points[..., 0], points[..., 1]
    within = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    place = np.where(within, y, 0).astype(np.intp), np.where(within, x, 0).astype(np.intp)
    if closed is not None:
        within &= ~closed[place]
    values = np.sort(np.where(within, picture[place], np.float32(np.inf)), axis=1)
    count = within.sum(axis=1)
    middle = np.take_along_axis(values, np.maximum(count - 1, 0)[:, None] // 2, axis=1)[:, 0]
    return np.where(count > 0, middle, 0.0)
