"""Diffraction contrast: grains of a crystal that turn dark and bright as it bends, and fade as it is converted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.simulate.chance import chance
from tem_track.simulate.scene import LithiationScene

# Side of the map of grains over the unit disc: finer than a pixel for particles up to some 100 px across.
MAP_PX = 144
# Grains of a particle at the two sizes seen in the paper's images (Fig. 4b,c): patches, and fine mottling.
GRAINS = (16, 90)
# The mean of exp(2.5 (sin a + sin b) / 2) over both phases is the square of the Bessel function I0(1.25).
MEAN_STRENGTH = float(np.i0(1.25)) ** 2


class Speckle:
    """How strongly each place of a particle diffracts at a time; zero mean, about -1 to 2."""

    def __init__(self, scene: LithiationScene, number: int):
        rng = chance(scene.seed, "grains", number)
        at = (np.indices((MAP_PX, MAP_PX)) + 0.5) / MAP_PX * 2 - 1
        self._maps = [_nearest(rng.uniform(-1, 1, (count, 2)), at) for count in GRAINS]
        self._rates = [rng.uniform(0.2, 1.0, (count, 2)) for count in GRAINS]
        self._phases = [rng.uniform(0, 2 * np.pi, (count, 2)) for count in GRAINS]
        # Rocking of a grain takes some ten frames; no grain keeps its contrast for the whole movie.
        self._period_s = 12 * scene.frame_interval_s

    def at(self, time_s: float, u: Image, theta: Image) -> Image:
        """Return the contrast (Y, X) at shares u of the radius and directions theta."""
        contrast = np.zeros((MAP_PX, MAP_PX), np.float32)
        for weight, grains, rates, phases in zip((0.75, 0.5), self._maps, self._rates, self._phases, strict=True):
            contrast += np.float32(weight) * self._strength(time_s, rates, phases)[grains]
        contrast = cv2.GaussianBlur(contrast, (0, 0), 1.6)
        half = np.float32(MAP_PX / 2)
        x = (u * np.cos(theta) + 1) * half - np.float32(0.5)
        y = (u * np.sin(theta) + 1) * half - np.float32(0.5)
        return np.asarray(cv2.remap(contrast, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def _strength(self, time_s: float, rates: FloatArray, phases: FloatArray) -> Image:
        swing = np.sin(2 * np.pi * time_s / self._period_s * rates + phases).mean(axis=1)
        # Near a Bragg condition a grain is very dark, else a little bright: a skewed distribution of zero mean.
        sharp = np.exp(2.5 * swing)
        return np.asarray(sharp / MEAN_STRENGTH - 1, dtype=np.float32)


def _nearest(points: FloatArray, at: FloatArray) -> NDArray[np.int64]:
    away = (at[0][..., None] - points[:, 0]) ** 2 + (at[1][..., None] - points[:, 1]) ** 2
    return np.asarray(np.argmin(away, axis=-1), dtype=np.int64)
