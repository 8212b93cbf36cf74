"""Scan and camera: what becomes of the expected picture of a frame, the same for every kind of specimen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import Image
from tem_track.simulate.chance import chance
from tem_track.simulate.recording import Recording

# Rows of a frame that go through the camera at a time.
BAND_ROWS = 256


class Camera:
    """Turns electrons expected per pixel into frames; frame k depends on the recording's values and k only."""

    def __init__(self, recording: Recording):
        self._recording = recording
        self._pixel_gain = _pixel_gain(recording)

    def frame(self, electrons: Image, k: int) -> NDArray[np.uint16]:
        """Return frame k (Y, X) from the electrons expected in it, which are overwritten."""
        counts = self._counts(electrons, k)
        counts += np.float32(0.5)
        frame: NDArray[np.uint16] = np.clip(counts, 0, 65535, out=counts).astype(np.uint16)
        return frame

    def scanned(self, share: Image, k: int) -> Image:
        """Displace and dim each scan line; the displacements of a frame have zero mean, so its drift stays true."""
        recording = self._recording
        if recording.jitter_px <= 0 and recording.flutter <= 0:
            return share
        rng = chance(recording.seed, "scan", k)
        shifts = rng.normal(size=recording.height_px)
        dimming = 1 + recording.flutter * rng.normal(size=recording.height_px)
        x = np.arange(recording.width_px, dtype=np.float32)[None, :]
        y = np.repeat(np.arange(recording.height_px, dtype=np.float32)[:, None], recording.width_px, axis=1)
        x = x + (recording.jitter_px * (shifts - shifts.mean())).astype(np.float32)[:, None]
        moved = cv2.remap(share, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(np.clip(moved * dimming.astype(np.float32)[:, None], 0, None))

    def _counts(self, electrons: Image, k: int) -> Image:
        """Return the counts (Y, X) of the camera: counting statistics, gain, fixed pattern, offset, its own noise."""
        recording = self._recording
        rng = chance(recording.seed, "noise", k)
        counts = electrons
        # Band by band: the generators return 8 bytes a pixel, too much at once for a 4096 px frame.
        for band in (slice(y, y + BAND_ROWS) for y in range(0, recording.height_px, BAND_ROWS)):
            if recording.noise:
                counts[band] = rng.poisson(electrons[band])
            counts[band] *= np.float32(recording.counts_per_electron)
            if self._pixel_gain is not None:
                counts[band] *= self._pixel_gain[band]
            if recording.noise and recording.read_noise_counts > 0:
                read = rng.standard_normal(counts[band].shape, dtype=np.float32)
                counts[band] += np.float32(recording.read_noise_counts) * read
        counts += np.float32(recording.offset_counts)
        return counts


def vignetted(share: Image, recording: Recording) -> Image:
    """Dim a frame towards its corners, in place: quadratic, `vignetting` in the corner."""
    if recording.vignetting > 0:
        y, x = ((np.arange(n) - (n - 1) / 2) / n for n in share.shape)
        # Corner distance squared is 1/4 + 1/4.
        fall = (2 * recording.vignetting) * (y[:, None] ** 2 + x[None, :] ** 2)
        share *= (1 - fall).astype(np.float32)
    return share


def _pixel_gain(recording: Recording) -> Image | None:
    if recording.fixed_pattern <= 0:
        return None
    rng = chance(recording.seed, "pixel gain")
    gain = rng.standard_normal((recording.height_px, recording.width_px), dtype=np.float32)
    gain *= np.float32(recording.fixed_pattern)
    gain += 1
    return gain
