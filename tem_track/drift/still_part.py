"""Drift on the part of the specimen that stays as it is, every frame against one picture of it.

Strategy: where something grows on a specimen that otherwise stands still, its own picture from before is a reference
that leaves nothing to accumulate, and finds the way back where a rough path went astray by many px. Every frame is
moved onto it by Gauss-Newton steps on the band-passed pixels that never changed; what disagrees all the same (a bright
object not yet known) loses its weight. A coarse band sees far, but an object that grows may pull it along: the fine one
starts from the rough path, from the coarse result and from the frame before, and keeps what fits the texture best.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tem_track.drift.path import Drift, FrameQuality
from tem_track.movie import FloatArray, Frames, Image, Mask, Progress, finite, no_progress

# Longer side of the binned frames, px: as in `refine`, a few hundredths of a px of a 4096 px frame are left.
_LONGEST_PX = 768
# Frames at the start that make up the first picture: this share of the movie, within these numbers.
_FIRST_SHARE, _FIRST_LEAST, _FIRST_MOST = 0.06, 3, 40
# Band-pass (inner, outer width of the Gaussians, px): the coarse one sees 8 px far, the fine one goes by the texture of
# the matrix, since the edges of a void may move while something grows in it.
_COARSE, _FINE = (4.0, 24.0), (1.2, 4.0)
_STEPS = 12
# Starts nearer to each other than this lead to the same place, px.
_SAME_PX = 0.5
# A step shorter than this is the last, px.
_CLOSE_PX = 0.003
# Residuals of this many robust deviations have half of the weight (Cauchy; 95 % efficient on normal errors).
_CAUCHY = 2.385
# The band-pass carries a change this far, in inner widths; a frame's border likewise, but no more than this share of it
# is given up.
_CARRIED, _MOST_OF_A_FRAME = 3.0, 0.08
# Frames that share too little of the picture, or none of its structure, are left where they were.
_LEAST_SHARE = 0.05


def refine_on_still_part(
    frames: Frames,
    drift: Drift,
    quality: FrameQuality,
    *,
    changed: Mask | None = None,
    fixed: Mask | None = None,
    progress: Progress = no_progress,
) -> Drift:
    """Return the drift of every frame against the specimen as it was before.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded.
    drift : Drift
        A rough path, px; may be several px off.
    quality : FrameQuality
    changed : (Y, X) bool, optional
        Pixels of the specimen frame that ever changed; not used for the registration.
    fixed : (Y, X) bool, optional
        Pixels of the camera.
    progress : callable, optional

    Returns
    -------
    Drift
        Displacement of the frames that could be registered; the others as they were.
    """
    members = [int(k) for k in np.flatnonzero(quality.usable & drift.registered)]
    if len(members) < 2:
        return drift
    pictures = _Pictures(frames, changed, fixed)
    path, sd = drift.displacement_px / pictures.binning, drift.sd_px.copy()
    first = members[: min(max(_FIRST_LEAST, int(_FIRST_SHARE * len(members))), _FIRST_MOST)]
    rough = path.copy()
    for number, band in enumerate((_COARSE, _FINE)):
        # The first frames onto the very first one, then all onto their mean.
        for chosen, reference in ((first, members[:1]), (members, first)):
            picture = pictures.reference(reference, path, band)
            _onto(pictures, path, sd, chosen, picture, band, [rough, path.copy()])
            progress(number + 1, 2)
    path = path - path[members[0]] + drift.displacement_px[members[0]] / pictures.binning
    repeats = quality.repeats
    path, sd = path[repeats], sd[repeats]
    moved = np.where(drift.registered[:, None], path * pictures.binning, drift.displacement_px)
    return Drift(moved, np.where(drift.registered, sd, drift.sd_px), list(drift.reason))


class _Pictures:
    """Binned, band-passed frames, and the mask of what stays as it is."""

    def __init__(self, frames: Frames, changed: Mask | None, fixed: Mask | None):
        self._frames = frames
        self.binning = -(-max(frames[0].shape) // _LONGEST_PX)
        shape = frames[0].shape
        self._shown = self._binned(np.ones(shape, np.float32) if fixed is None else (~fixed).astype(np.float32)) > 0.99
        still = np.zeros(shape, np.float32) if changed is None else changed.astype(np.float32)
        self._still = self._binned(still) == 0

    def __call__(self, k: int, band: tuple[float, float]) -> Image:
        """Return frame k, binned and band-passed, in its own coordinates."""
        image = self._binned(finite(self._frames[k]))
        level = float(np.median(image[self._shown])) if self._shown.any() else 0.0
        image = np.where(self._shown, image, np.float32(level))
        inner, outer = (cv2.GaussianBlur(image, (0, 0), width, borderType=cv2.BORDER_REFLECT) for width in band)
        return np.asarray(inner - outer, np.float32)

    def reference(self, members: Sequence[int], path: FloatArray, band: tuple[float, float]) -> tuple[Image, Mask]:
        """Return the mean of some frames in specimen coordinates, and where it may be compared."""
        total = np.zeros(self._still.shape, np.float32)
        for k in members:
            total += placed(self(k, band), path[k])
        good = self._eroded(self._still, band, 1)
        for k in members:
            good &= self.seen(path[k], band)
        return np.asarray(total / len(members), np.float32), good

    def seen(self, shift: FloatArray, band: tuple[float, float]) -> Mask:
        """Return where a frame shows the specimen, the reach of the band-pass from its border left out."""
        inner = self._eroded(self._shown, band, 0)
        return np.asarray(placed(inner.astype(np.float32), shift, cv2.INTER_LINEAR) > 0.999)

    def _eroded(self, mask: Mask, band: tuple[float, float], beyond: int) -> Mask:
        reach = round(min(_CARRIED * band[0], _MOST_OF_A_FRAME * min(mask.shape)))
        around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        return np.asarray(cv2.erode(mask.astype(np.uint8), around, borderValue=beyond) > 0)

    def _binned(self, image: Image) -> Image:
        if self.binning == 1:
            return image
        rows, columns = (n // self.binning for n in image.shape)
        part = image[: rows * self.binning, : columns * self.binning]
        return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def placed(image: Image, shift: FloatArray, how: int = cv2.INTER_CUBIC) -> Image:
    """Return an image (Y, X) of a frame in specimen coordinates; zero beyond its border."""
    dy, dx = (float(d) for d in shift)
    # OpenCV speaks (x, y); with the inverse map a sample at (y, x) is read at (y + dy, x + dx).
    matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[::-1], flags=how | cv2.WARP_INVERSE_MAP), np.float32)


def _onto(
    pictures: _Pictures,
    path: FloatArray,
    sd: FloatArray,
    members: Sequence[int],
    reference: tuple[Image, Mask],
    band: tuple[float, float],
    starts: Sequence[FloatArray],
) -> None:
    """Move frames onto the reference, from several starts and the frame before; path and sd are changed in place."""
    before: list[FloatArray] = []
    for k in members:
        picture = pictures(k, band)
        tried = _apart([*(start[k] for start in starts), *before])
        found = [_moved(picture, start, reference, pictures, band) for start in tried]
        shift, error, _ = min(found, key=lambda one: one[2])
        if np.isfinite(shift).all():
            path[k], sd[k] = shift, error * pictures.binning
            before = [shift]


def _apart(starts: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the starts that are not nearly the same as one before them."""
    found: list[FloatArray] = []
    for start in starts:
        if all(np.abs(start - other).max() > _SAME_PX for other in found):
            found.append(start)
    return found


def _moved(
    picture: Image, start: FloatArray, reference: tuple[Image, Mask], pictures: _Pictures, band: tuple[float, float]
) -> tuple[FloatArray, float, float]:
    """Return the displacement of a frame, its standard uncertainty, and how badly it fits (infinity: not at all)."""
    mean, good = reference
    slope_y, slope_x = (np.gradient(mean, axis=axis) for axis in (0, 1))
    shift = start.copy()
    error, misfit = float("nan"), float("inf")
    for _ in range(_STEPS):
        counted = good & pictures.seen(shift, band)
        if counted.mean() < _LEAST_SHARE:
            return np.full(2, np.nan), error, float("inf")
        here, there = placed(picture, shift)[counted], mean[counted]
        basis = np.stack([slope_y[counted], slope_x[counted], there], axis=1).astype(np.float64)
        left = (here - there).astype(np.float64)
        deviation = 1.4826 * float(np.median(np.abs(left))) + 1e-12
        weight = 1 / (1 + (left / (_CAUCHY * deviation)) ** 2)
        normal = basis.T @ (basis * weight[:, None])
        if np.linalg.cond(normal) > 1e12:
            return np.full(2, np.nan), error, float("inf")
        step = np.linalg.solve(normal, basis.T @ (weight * left))[:2]
        # Two widths of the band at most: beyond that the linear picture means nothing.
        shift = shift - np.clip(step, -2 * band[0], 2 * band[0])
        # Pixels within about two inner widths err together.
        error = float(np.sqrt(np.trace(np.linalg.inv(normal)[:2, :2]) / 2) * deviation * 2 * np.sqrt(np.pi) * band[0])
        misfit = float(np.log1p((left / (_CAUCHY * float(np.std(there)) + 1e-12)) ** 2).mean())
        if np.abs(step).max() < _CLOSE_PX:
            break
    return shift, error, misfit
