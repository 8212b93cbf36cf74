"""Separate particles, or a film that fills the field: how much of what a frame shows is particles on a background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.appearance import learn_appearance
from tem_track.segment.candidates import binned, closed_pixels
from tem_track.segment.detect import segment_frame
from tem_track.settings import SegmentSettings

# Longest side of the picture that is looked at, px: more only adds noise.
_SIDE_PX = 512
# Noise and fine texture are smoothed away over this part of the longest side.
_SMOOTHING = 1 / 170
# Terms of the shading that a frame may have: a surface of second degree needs a few thousand pixels at most.
_SHADING_STEP = 7


@dataclass(frozen=True)
class ParticleEvidence:
    """How much the first frames of a movie look like particles on a background.

    Attributes
    ----------
    like : float
        0 to 1: how compact, closed and clear of the noise the outlines found are.
    explained : float
        0 to 1: share of the contrast that they explain. Grains of random brightness, the brighter half taken for
        particles, reach 0.64; particles on a support 0.7 to 0.95.
    contrast : float
        Their contrast against the spread of what is around them. 1.6 / 0.6 = 2.7 for such grains; 4 to 100 for
        particles.
    relative : float
        Their contrast against the level of what is around them. Grains of one film differ by what they scatter, 0.05 to
        0.35; a particle on a support adds its own thickness: 0.43 and more in bright field, 0.8 to 8 in dark field.
    whole : float
        Share of their area that belongs to particles which the frame's edge does not cut: 0 for a protective strip.
    support : bool
        They are on a support with holes, such as lacey carbon, whose contrast they cannot explain.
    """

    like: float
    explained: float
    contrast: float
    relative: float
    whole: float
    support: bool = False


def particle_evidence(frames: Sequence[Image], fixed: Mask) -> ParticleEvidence:
    """Return how much frames look like particles on a background; medians over the frames.

    Parameters
    ----------
    frames : sequence of (Y, X) float32
        A few frames from before anything changed.
    fixed : (Y, X) bool
        Burned-in pixels and borders.

    Notes
    -----
    Particles are found as for a measurement. `explained` is what is left of the variance when they and the rest each
    have their own mean, over the variance in all; slow shading is taken out first, noise smoothed away, and pixels at
    outlines are left out.
    """
    coarse = max(1, -(-max(fixed.shape) // _SIDE_PX))
    shut = closed_pixels(fixed, coarse)
    pictures = [binned(frame, coarse) for frame in frames]
    closed = np.zeros(pictures[0].shape, bool) if shut is None else shut
    # Grains are parted by dark seams as packed particles are: seams tell nothing here.
    appearance = learn_appearance(
        pictures, usable=None, fixed=closed, pixel_size_nm=None, settings=SegmentSettings(), seams=False
    )
    found = [segment_frame(picture, appearance, fixed=closed, seams=False) for picture in pictures]
    figures = [_figures(p, labels, closed) for p, labels in zip(pictures, found, strict=True)]
    explained, contrast, relative = np.median(figures, axis=0)
    whole = float(np.median([_whole_share(labels) for labels in found]))
    like, support = appearance.particle_like, appearance.support
    return ParticleEvidence(like, float(explained), float(contrast), float(relative), whole, support)


def _whole_share(labels: Labels) -> float:
    """Return the share of the labelled area whose label does not touch the picture's edge."""
    size = np.bincount(labels.ravel())[1:]
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    cut = np.unique(edge[edge > 0]) - 1
    return float(1 - size[cut].sum() / size.sum()) if size.sum() else 0.0


def _figures(picture: Image, labels: Labels, closed: Mask) -> tuple[float, float, float]:
    """Return the share of the variance that particles explain, their contrast over spread and level around them."""
    smooth = cv2.GaussianBlur(picture, (0, 0), max(1.5, max(picture.shape) * _SMOOTHING))
    inside = (labels > 0).astype(np.uint8)
    particles = cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(bool) & ~closed
    around = ~cv2.dilate(inside, np.ones((5, 5), np.uint8)).astype(bool) & ~closed
    if particles.sum() < 1 or around.sum() < _SHADING_STEP**2:
        return 0.0, 0.0, 0.0
    level = smooth - _shading(smooth, around)
    left = level[particles].var() * particles.sum() + level[around].var() * around.sum()
    whole = level[particles | around].var() * (particles | around).sum()
    step = abs(float(level[particles].mean() - level[around].mean()))
    contrast = step / max(float(level[around].std()), 1e-30)
    relative = step / max(abs(float(smooth[around].mean())), 1e-30)
    return (float(1 - left / whole) if whole > 0 else 0.0), contrast, relative


def _shading(picture: Image, where: Mask) -> FloatArray:
    """Return the surface of second degree that fits the picture where told, (Y, X)."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in picture.shape), indexing="ij")
    terms = np.stack([np.ones_like(y), y, x, y * y, x * x, y * x], axis=-1)
    chosen = np.flatnonzero(where)[::_SHADING_STEP]
    fitted, *_ = np.linalg.lstsq(terms.reshape(-1, 6)[chosen], picture.ravel()[chosen], rcond=None)
    return np.asarray(terms @ fitted, np.float64)
