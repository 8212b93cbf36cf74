"""The profile common to all rays of a particle, in units that do not depend on the picture's scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.average import masked_median, running_mean
from tem_track.segment.outline.chord import RadialProfiles
from tem_track.segment.outline.rays import Rays

# Blur of a TEM picture of a sharp edge, px (point spread, defocus, scan jitter), and how well that is known.
BLUR_PX, BLUR_SD_PX = 1.2, 0.6
# Steps between neighbouring rays from which shot noise can be told.
_ENOUGH_STEPS = 50


@dataclass(frozen=True)
class View:
    """How a picture is looked at.

    Attributes
    ----------
    dark : bool
        Bright-field contrast.
    binning : int
        Image px per working px.
    information : float
        How many independent pixels a pixel is.
    fringe_px2, fringe_sd_px2 : float
        Strength of the defocus fringe (outline/chord.py), image px^2, and how well it is known; NaN: there is none.
    plain : bool
        The bodies show no core and no void (outline/plain.py).
    """

    dark: bool
    binning: int
    information: float
    fringe_px2: float = np.nan
    fringe_sd_px2: float = np.nan
    plain: bool = False

    @property
    def fringed(self) -> bool:
        """Whether there is a defocus fringe to be reckoned with."""
        return self.dark and np.isfinite(self.fringe_px2)


def normalised(rays: Rays, background: FloatArray, dark: bool) -> tuple[Image, FloatArray]:
    """Return (P, N, J) grey values in units of the background (dark) or above it in units of the height (bright).

    Parameters
    ----------
    rays : Rays
    background : (P, N) float64
    dark : bool

    Returns
    -------
    level : (P, N, J) float32
    unit : (P,) float64
        The height, grey values; 1 in bright field.
    """
    if dark:
        floor = np.maximum(1e-3 * np.abs(background).max(axis=1, keepdims=True), 1e-9)
        per_background = (1 / np.maximum(background, floor))[:, :, None].astype(np.float32)
        return rays.level * per_background, np.ones(len(background))
    above = rays.level - background[:, :, None].astype(np.float32)
    inside = (rays.rho < 0.8)[:, None, :] & (rays.seen > 0)
    largest = np.abs(above).max(axis=(1, 2)).astype(np.float64)
    height = np.where(inside.any(axis=(1, 2)), masked_median(above, inside), largest)
    height = np.maximum(height, np.maximum(1e-3 * largest, 1e-9))
    return above / height[:, None, None].astype(np.float32), height


def radial_profiles(rays: Rays, level: Image, view: View) -> tuple[RadialProfiles, FloatArray]:
    """Return the profiles common to all rays, and the (P, J) variance of a pixel about them.

    The variance is measured (spread between directions), so that it holds shot noise, speckle and strands alike. The
    weight of a bin counts pixels that are independent of each other, not samples.
    """
    total = rays.seen.sum(axis=1, dtype=np.float64)
    safe = np.maximum(total, 1e-9)
    mean = np.einsum("pnj,pnj->pj", rays.seen, level) / safe
    about = level - mean[:, None, :].astype(np.float32)
    spread = np.einsum("pnj,pnj,pnj->pj", rays.seen, about, about) / safe
    known = running_mean(total > 1)
    variance = running_mean(np.where(total > 1, spread, 0.0)) / np.maximum(known, 0.2)
    floor = np.where((total > 1).any(axis=1), 0.05 * masked_median(variance, total > 1), 1.0)
    variance = np.maximum(variance, np.maximum(floor, 1e-8)[:, None])
    if view.dark:
        mean = mean * np.exp(-0.5 * _uneven_thickness(rays, level, mean, spread))
    share = (rays.seen > 0).mean(axis=1)
    weight = np.where(share > 0.1, view.information * total / variance, 0.0)
    radius = rays.radius.mean(axis=1)
    blur = np.hypot(BLUR_PX / view.binning, 0.3) / radius
    per_px2 = 1 / (view.binning * radius) ** 2
    fringe, fringe_sd = (view.fringe_px2 * per_px2, view.fringe_sd_px2 * per_px2) if view.fringed else (None, None)
    blur_sd = BLUR_SD_PX / view.binning / radius
    return RadialProfiles(rays.step, mean, weight, view.dark, blur, blur_sd, fringe, fringe_sd, view.plain), variance


def _uneven_thickness(rays: Rays, level: Image, mean: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the (P, J) variance of the thickness between directions (bright field): speckle, facets, cores off-centre.

    Notes
    -----
    Where the thickness scatters by s about its mean, the mean intensity is exp(-thickness) exp(s^2 / 2): speckle looks
    like less thickness, most of all where there is most, and more so before lithiation than after. The scatter is the
    spread of the grey values less shot noise, whose size the background gives (differences of neighbouring rays; its
    variance is proportional to the level).
    """
    first = int(np.argmax(rays.rho > 1.05, axis=1).min())
    seen, outer = rays.seen[:, :, first:] > 0, level[:, :, first:]
    pairs = seen & np.roll(seen, 1, axis=1) & (rays.rho[:, first:] > 1.05)[:, None, :]
    steps = np.abs(outer - np.roll(outer, 1, axis=1))
    shot = 0.5 * (1.4826 * masked_median(steps, pairs)) ** 2
    share = (spread - shot[:, None] * np.maximum(mean, 0.0)) / np.maximum(mean, 0.02) ** 2
    smooth = running_mean(np.where(rays.rho < 1, share, 0.0))
    enough = pairs.sum(axis=(1, 2)) >= _ENOUGH_STEPS
    return np.where(enough[:, None], np.clip(smooth, 0.0, 0.5), 0.0)
