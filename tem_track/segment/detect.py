"""Particles of a frame as a whole-pixel label image, each frame by itself.

Strategy. In the binned, smoothed picture every compact patch with an edge all round is a candidate, whatever grey
level it lies at (`levels`); those that do not belong to the frame's population are film, strands or specks
(`candidates`); touching ones are parted at their necks (`divide`); each is then followed out to the foot of its edge
(`extent`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import Image, Labels, Mask
from tem_track.segment.appearance import LEAST_AREA_PX, Appearance, learn_appearance
from tem_track.segment.candidates import (
    Working,
    closed_pixels,
    common,
    gradient_noise,
    particles,
    patches,
    working_picture,
)
from tem_track.segment.companions import Asked, with_companions
from tem_track.segment.cracks import parted_at_cracks
from tem_track.segment.extent import Reach, Surroundings, drawn, foot_of, height_above_foot
from tem_track.segment.finer import FinerPicture
from tem_track.segment.pieces import renumbered, tight_labels

__all__ = ["Appearance", "learn_appearance", "segment_frame"]

# How far the contrast common in one frame may lie from that of the movie: the illumination may rise; where it falls or
# the particles fade they still clear the share asked of them, while a frame of bare support must not count as common.
FRAME_CONTRAST = (0.8, 2.0)
# Blur of microscope and camera, image px: the smallest seen in the exam movies and on well focused recordings.
BLUR_PX = 0.8
# A patch with more of the frame than this, and more of its outline along the border, is no particle to be measured.
LARGE_SHARE, MOST_BORDER = 0.1, 0.45
# Sizes of large patches are counted on about so many pixels a side.
COUNTED_SIDE_PX = 256


def segment_frame(frame: Image, appearance: Appearance, *, fixed: Mask | None, seams: bool = True) -> Labels:
    """Return the particles of a frame as a label image, 0 = background, 1..N, the clearest first.

    Parameters
    ----------
    frame : (Y, X) float32
        Grey values, finite.
    appearance : Appearance
        As `learn_appearance` returns it.
    fixed : (Y, X) bool or None
        Burned-in pixels and borders: never part of a particle.
    seams : bool
        Whether touching particles are also parted at the dark seams between them, and looked for beside others: the
        grains of a film are packed particles then.

    Returns
    -------
    (Y, X) int32
    """
    if appearance.diameter_px <= 0:
        return np.zeros(frame.shape, np.int32)
    sight = _sight(frame, appearance, fixed, seams)
    around = Surroundings.of(_tight(sight, appearance, fixed))
    foot = foot_of(sight.picture, around)
    parted = parted_at_cracks(around.tight, sight.finer, foot.level)
    if parted.max() != around.tight.max():
        around = Surroundings.of(parted)
        foot = foot_of(sight.picture, around)
    outer = height_above_foot(foot, around, sight.reach()) > 0
    foot = foot_of(sight.picture, around, outer)
    full = sight.reach(appearance.bin_px, (appearance.min_diameter_px, appearance.max_diameter_px))
    labels = drawn(height_above_foot(foot, around, full), around, full, frame.shape, fixed)
    return without_film_steps(labels, fixed)


@dataclass(frozen=True)
class _Sight:
    """A frame's working picture at one smoothing (working px), its noise (grey value) and blur (working px)."""

    picture: Image
    finer: FinerPicture
    smoothing_px: float
    noise: float
    blur_px: float

    def reach(self, scale: int = 1, limits_px: tuple[float, float] = (0.0, np.inf)) -> Reach:
        return Reach(self.blur_px, self.noise, scale, limits_px)


def _sight(frame: Image, appearance: Appearance, fixed: Mask | None, seams: bool) -> _Sight:
    smoothing_px = appearance.smoothing_px
    working = Working(1 if appearance.polarity == "bright" else -1, appearance.bin_px, smoothing_px)
    blur = float(np.hypot(smoothing_px, BLUR_PX / appearance.bin_px))
    finer = FinerPicture(frame, working.sign, appearance.bin_px, appearance.noise, seams)
    return _Sight(working_picture(frame, working, fixed), finer, smoothing_px, appearance.noise, blur)


def _tight(sight: _Sight, appearance: Appearance, fixed: Mask | None) -> Labels:
    """Return the tight patches of the particles that a working picture shows."""
    # The tight patch of a particle covers at least a quarter of it.
    smallest = 0.25 * np.pi / 4 * (appearance.min_diameter_px / appearance.bin_px) ** 2
    closed = closed_pixels(fixed, appearance.bin_px)
    least = max(LEAST_AREA_PX, float(smallest))
    seen = patches(sight.picture, sight.noise, sight.smoothing_px, least, closed, appearance.support)
    contrast, edge, _ = common(seen.chosen)
    low, high = (share * appearance.contrast for share in FRAME_CONTRAST)
    steep = float(np.clip(edge, FRAME_CONTRAST[0] * appearance.edge, appearance.edge))
    usual = float(np.clip(contrast, low, high)), steep, appearance.diameter_px / appearance.bin_px
    edge_noise = gradient_noise(sight.noise, sight.smoothing_px)
    chosen = particles(seen.chosen, usual, edge_noise)
    tight = tight_labels(sight.picture, seen.tree, chosen, sight.finer)
    if not sight.finer.seams:
        return tight
    asked = Asked(usual, edge_noise, least, closed)
    return with_companions(tight, sight.picture, seen.tree, chosen, sight.finer, asked)


def without_film_steps(labels: Labels, fixed: Mask | None = None) -> Labels:
    """Return a label image without patches that fill a good part of the frame and lie along its border.

    One side of a step in the film, or a particle that shows too little of itself to be measured. A particle cut in
    half has 0.4 of its outline along the border, a quarter of one in a corner 0.56.
    """
    step = max(1, min(labels.shape) // COUNTED_SIDE_PX)
    counted = labels[::step, ::step]
    sizes = np.bincount(counted.ravel())
    large = [n for n in range(1, len(sizes)) if sizes[n] > LARGE_SHARE * counted.size]
    dropped = [n for n in large if _border_share(labels == n, fixed) > MOST_BORDER]
    if not dropped:
        return labels
    return renumbered(labels, [n for n in range(1, int(labels.max()) + 1) if n not in dropped])


def _border_share(mask: Mask, fixed: Mask | None) -> float:
    """Return the share of a patch's outline that lies along the border of the frame or along fixed pixels."""
    border = np.ones(mask.shape, np.uint8)
    border[1:-1, 1:-1] = 0
    if fixed is not None:
        border |= cv2.dilate(fixed.astype(np.uint8), np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate(contours)[:, 0]
    return float(np.count_nonzero(border[points[:, 1], points[:, 0]])) / len(points)
