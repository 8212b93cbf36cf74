"""The outlines of a movie as plain arrays, and their rendering to whole pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import runs
from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.outline.polygon import bounding_box, polygon_mask


@dataclass(frozen=True)
class Outlines:
    """Outlines of a movie: N rows sorted by frame, then track.

    Attributes
    ----------
    track_id, frame : (N,) int64
    y_px, x_px : (N,) float64
        Centroid of the outline in the recorded frame.
    area_px, area_sd_px : (N,) float64
        Area inside the outline (of the full outline where the border cuts it), px^2, and its standard uncertainty.
    major_axis_px, minor_axis_px : (N,) float64
        Full axes of the ellipse with the outline's second moments.
    core_diameter_px, core_diameter_sd_px, void_diameter_px, void_diameter_sd_px : (N,) float64
        Equivalent diameters; NaN where there is none.
    touches_border : (N,) bool
    quality : (N,) float64
        0 to 1: how well the outline explains the picture around it.
    points : tuple of (P, 2) float32
        The outlines, yx, px of the recorded frame; use `outline`.
    core_ratio : (N,) float64
        Core outline as a fraction of the outline's distance from the centre; NaN where there is no core.
    kinds : mapping of int to str
        Per track: ``solid``, ``core-shell`` or ``hollow``.
    support_taken_out : tuple of int
        Tracks around which what lies behind them was taken out of the frames (support.py).
    """

    track_id: NDArray[np.int64]
    frame: NDArray[np.int64]
    y_px: FloatArray
    x_px: FloatArray
    area_px: FloatArray
    area_sd_px: FloatArray
    major_axis_px: FloatArray
    minor_axis_px: FloatArray
    core_diameter_px: FloatArray
    core_diameter_sd_px: FloatArray
    void_diameter_px: FloatArray
    void_diameter_sd_px: FloatArray
    touches_border: Mask
    quality: FloatArray
    points: tuple[Image, ...]
    core_ratio: FloatArray
    kinds: Mapping[int, str]
    support_taken_out: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.track_id)

    def outline(self, i: int) -> FloatArray:
        """Return the (P, 2) yx polygon of row i, px of the recorded frame."""
        return self.points[i].astype(np.float64)

    def core_outline(self, i: int) -> FloatArray | None:
        """Return the (P, 2) yx polygon of the core of row i, or None."""
        ratio = self.core_ratio[i]
        if not np.isfinite(ratio):
            return None
        centre = np.array([self.y_px[i], self.x_px[i]])
        return np.asarray(centre + ratio * (self.outline(i) - centre))

    def rows_of_frame(self, k: int) -> range:
        """Return the rows that belong to frame k."""
        low, high = np.searchsorted(self.frame, [k, k + 1])
        return range(int(low), int(high))


def draw_labels(outlines: Outlines, k: int, shape: tuple[int, int], labels: Labels) -> tuple[Labels, Labels]:
    """Return the whole-pixel label image (Y, X) and core label image of frame k.

    Parameters
    ----------
    outlines : Outlines
    k : int
        Frame.
    shape : (int, int)
        (Y, X).
    labels : (Y, X) int32
        The coarse label image of the frame: labels without an outline are kept from it, and where two outlines
        overlap, its dividing line (the nearer label) decides.

    Returns
    -------
    labels, cores : (Y, X) int32
        A pixel belongs to a particle if its centre lies inside the outline.
    """
    rows = outlines.rows_of_frame(k)
    _, length, number = runs(labels)
    kept = np.where(np.isin(number, outlines.track_id[rows.start : rows.stop]), 0, number).astype(np.int32)
    drawn = np.repeat(kept, length).reshape(shape)
    cores = np.zeros(shape, np.int32)
    with_core = []
    for i in rows:
        points, track = outlines.outline(i), int(outlines.track_id[i])
        top, left, bottom, right = bounding_box(points, shape)
        if bottom <= top or right <= left:
            continue
        part = np.s_[top:bottom, left:right]
        inside = polygon_mask(points, (bottom - top, right - left), (top, left))
        other = inside & (drawn[part] != 0)
        # Where two outlines overlap a pixel stays with the one whose coarse label holds it, else with the first.
        drawn[part][inside & ~other] = track
        drawn[part][other & (labels[part] == track)] = track
        core = outlines.core_outline(i)
        if core is not None:
            core_inside = polygon_mask(core, (bottom - top, right - left), (top, left))
            cores[part][core_inside] = track
            with_core.append(part)
    for part in with_core:
        cores[part][cores[part] != drawn[part]] = 0
    return drawn, cores
