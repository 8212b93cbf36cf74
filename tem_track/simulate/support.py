"""What carries the particles: uneven film, lacey carbon or nanotubes, as a map of carbon thickness.

Strategy: the map is drawn once over all places the drift can bring into the field, and cut out of it for each frame at
its sub-pixel drift with a cubic kernel.
"""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.simulate.chance import chance
from tem_track.simulate.scene import LithiationScene

# Supports are smooth: above this the map is drawn coarser and enlarged.
MAX_DRAWN_PX = 1500


class Support:
    """Carbon thickness in nm under every frame."""

    def __init__(self, scene: LithiationScene, drift_px: FloatArray):
        self._shape = (scene.height_px, scene.width_px)
        # The specimen point (y, x) stands at y + dy: frames see from -max(dy) to height - min(dy).
        self._origin = np.floor(-drift_px.max(axis=0)).astype(int) - 3
        end = np.ceil(np.array(self._shape) - drift_px.min(axis=0)).astype(int) + 3
        self._map = _drawn(scene, self._origin, tuple(int(n) for n in end - self._origin))

    def thickness_nm(self, drift: FloatArray) -> Image:
        """Return the (Y, X) carbon thickness in nm at drift (dy, dx) in px, a new array; 0 without support."""
        if self._map is None:
            return np.zeros(self._shape, np.float32)
        at = -drift - self._origin
        whole = np.floor(at).astype(int)
        (y, x), (height, width) = whole, self._shape
        cut = self._map[y - 1 : y + height + 3, x - 1 : x + width + 3]
        ky, kx = (_cubic(float(f)) for f in at - whole)
        shifted = cv2.sepFilter2D(cut, cv2.CV_32F, kx, ky, anchor=(1, 1), borderType=cv2.BORDER_REPLICATE)
        return np.array(shifted[1 : height + 1, 1 : width + 1])


def _cubic(f: float) -> FloatArray:
    """Weights of samples -1, 0, 1, 2 for the value at f (Catmull and Rom)."""
    return np.array(
        [
            -0.5 * f + f**2 - 0.5 * f**3,
            1 - 2.5 * f**2 + 1.5 * f**3,
            0.5 * f + 2 * f**2 - 1.5 * f**3,
            -0.5 * f**2 + 0.5 * f**3,
        ]
    )


def _drawn(scene: LithiationScene, origin: FloatArray, shape: tuple[int, ...]) -> Image | None:
    """Return the map in nm over the given canvas (px), or None for no support."""
    if scene.support == "none":
        return None
    draw = {"film": _film, "lacey": _lacey, "nanotubes": _nanotubes}[scene.support]
    coarse = max(1.0, max(shape) / MAX_DRAWN_PX)
    size = tuple(max(8, round(n / coarse)) for n in shape)
    y = ((np.arange(size[0]) + 0.5) * shape[0] / size[0] - 0.5 + origin[0]) * scene.pixel_size_nm
    x = ((np.arange(size[1]) + 0.5) * shape[1] / size[1] - 0.5 + origin[1]) * scene.pixel_size_nm
    thickness = draw(scene, y[:, None].astype(np.float32), x[None, :].astype(np.float32))
    thickness = cv2.GaussianBlur(thickness * np.float32(scene.support_contrast), (0, 0), 0.6)
    return np.asarray(cv2.resize(thickness, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def _field_nm(scene: LithiationScene) -> tuple[float, float]:
    return scene.height_px * scene.pixel_size_nm, scene.width_px * scene.pixel_size_nm


def _waves(rng: np.random.Generator, y: Image, x: Image, wavelength_nm: float) -> Image:
    """Smooth random relief of unit standard deviation with waves no shorter than `wavelength_nm`."""
    relief = np.zeros((y.shape[0], x.shape[1]), np.float32)
    for _ in range(12):
        direction, phase, longer = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi), rng.uniform(1, 3)
        k = 2 * np.pi / (longer * wavelength_nm)
        relief += np.cos(y * np.float32(k * np.sin(direction)) + x * np.float32(k * np.cos(direction)) + phase)
    return relief / np.float32(np.sqrt(6))


def _film(scene: LithiationScene, y: Image, x: Image) -> Image:
    """Return a carbon film about 20 nm thick, uneven, with the edges of a few folded or torn layers."""
    rng = chance(scene.seed, "film")
    side = max(_field_nm(scene))
    film = 20 + 3 * _waves(rng, y, x, side / 2)
    for _ in range(3):
        direction = rng.uniform(0, 2 * np.pi)
        along = y * np.float32(np.sin(direction)) + x * np.float32(np.cos(direction))
        edge = (np.sin(direction) + np.cos(direction)) * side / 2 + rng.uniform(0.1, 0.5) * side
        bent = along + np.float32(0.04 * side) * _waves(rng, y, x, side / 2)
        film += np.float32(rng.uniform(8, 16)) * _ramp(bent - np.float32(edge), 4.0)
    return np.clip(film, 2, None)


def _ramp(distance_nm: Image, width_nm: float) -> Image:
    return np.asarray(np.clip(distance_nm / np.float32(width_nm) + np.float32(0.5), 0, 1), dtype=np.float32)


def _lacey(scene: LithiationScene, y: Image, x: Image) -> Image:
    """Net of carbon strands: thick where the two nearest of scattered holes are about equally far."""
    rng = chance(scene.seed, "lacey")
    pitch = max(2.2 * scene.core_shell_diameter_nm, min(_field_nm(scene)) / 5)
    low, high = (y.min(), x.min()), (y.max(), x.max())
    first = np.full((y.shape[0], x.shape[1]), np.inf, np.float32)
    second = first.copy()
    for row in np.arange(low[0] - pitch, high[0] + 2 * pitch, pitch):
        for column in np.arange(low[1] - pitch, high[1] + 2 * pitch, pitch):
            centre = np.array([row, column]) + rng.uniform(-0.42, 0.42, 2) * pitch
            away = np.sqrt((y - np.float32(centre[0])) ** 2 + (x - np.float32(centre[1])) ** 2)
            second = np.minimum(second, np.maximum(first, away))
            first = np.minimum(first, away)
    strand: Image = np.float32(0.10 * pitch) * (1 + 0.45 * _waves(rng, y, x, pitch))
    solid = _ramp(np.asarray(strand - (second - first) / 2, np.float32), 0.08 * pitch)
    return np.asarray(110 * solid * (1 + 0.12 * _waves(rng, y, x, 0.6 * pitch)), np.float32)


def _nanotubes(scene: LithiationScene, y: Image, x: Image) -> Image:
    """Multi-walled nanotubes that cross the field, gently bent, hollow inside."""
    rng = chance(scene.seed, "nanotubes")
    height, width = _field_nm(scene)
    # About the tubes of the paper (Fig. 4) per particle diameter of field, at most eight so that film stays seen.
    tubes = int(np.clip(round(max(height, width) / (0.9 * scene.core_shell_diameter_nm)), 3, 8))
    thickness = np.zeros((y.shape[0], x.shape[1]), np.float32)
    for _ in range(tubes):
        outer, direction = rng.uniform(9, 16), rng.uniform(0, np.pi)
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        s, c = np.float32(np.sin(direction)), np.float32(np.cos(direction))
        along, across = (y - cy) * s + (x - cx) * c, (y - cy) * c - (x - cx) * s
        away, slope = across.copy(), np.zeros_like(across)
        for bend in (1.0, 0.45):
            k = np.float32(2 * np.pi / (bend * rng.uniform(1.0, 2.0) * max(height, width)))
            swing, phase = np.float32(rng.uniform(0.2, 0.45) / k), np.float32(rng.uniform(0, 2 * np.pi))
            away -= swing * np.sin(k * along + phase)
            slope -= swing * k * np.cos(k * along + phase)
        thickness += _tube(away / np.sqrt(1 + slope**2), outer)
    return thickness


def _tube(away_nm: Image, outer_nm: float) -> Image:
    """Projected wall of a tube of outer radius `outer_nm` at a distance from its axis; the bore is half as wide."""
    square = away_nm**2
    wall = np.sqrt(np.clip(outer_nm**2 - square, 0, None)) - np.sqrt(np.clip((outer_nm / 2) ** 2 - square, 0, None))
    return np.asarray(2 * wall, np.float32)
