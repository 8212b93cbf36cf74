"""Lithium dendrites that grow in from a border: branching needles, thicker at the root."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.simulate.chance import chance
from tem_track.simulate.scene import LithiationScene

# Sub-pixel bits of OpenCV's line drawing: 1/16 px.
SHIFT = 4


@dataclass(frozen=True)
class _Branch:
    start: FloatArray
    direction: float
    born: float
    length: float
    width: float


class Dendrite:
    """A dendrite's thickness in a frame."""

    def __init__(self, scene: LithiationScene):
        self._scene = scene
        self._branches = _grown(scene)

    def thickness_nm(self, time_s: float, drift: FloatArray) -> Image | None:
        """Return the (Y, X) thickness of lithium in nm at a time in s and drift (dy, dx) in px, or None before it."""
        scene = self._scene
        grown = (time_s - scene.dendrite_frame * scene.frame_interval_s) * scene.dendrite_speed_nm_per_s
        if grown <= 0:
            return None
        cover = np.zeros((scene.height_px, scene.width_px), np.uint8)
        for branch in self._branches:
            length = min(grown - branch.born, branch.length)
            if length > 0:
                _draw(cover, scene, branch, length, drift)
        # The needles are round: full thickness on the axis, none at the rim.
        sigma = max(0.6, 8.0 / scene.pixel_size_nm / 2)
        return np.asarray(cv2.GaussianBlur(cover.astype(np.float32), (0, 0), sigma) * np.float32(60 / 255))


def _draw(cover: NDArray[np.uint8], scene: LithiationScene, branch: _Branch, length: float, drift: FloatArray) -> None:
    way = np.array([np.sin(branch.direction), np.cos(branch.direction)])
    ends = np.array([branch.start, branch.start + length * way]) / scene.pixel_size_nm + drift
    # OpenCV speaks (x, y).
    (x0, y0), (x1, y1) = (tuple(round(v * 2**SHIFT) for v in end[::-1]) for end in ends)
    cv2.line(cover, (x0, y0), (x1, y1), 255, max(1, round(branch.width / scene.pixel_size_nm)), cv2.LINE_AA, SHIFT)


def _grown(scene: LithiationScene) -> list[_Branch]:
    """Trunk from a border towards the middle, with side branches and theirs; widths as of needles in the movies."""
    rng = chance(scene.seed, "dendrite")
    height, width = scene.height_px * scene.pixel_size_nm, scene.width_px * scene.pixel_size_nm
    side = int(rng.integers(4))
    along = rng.uniform(0.2, 0.8)
    root = [(0, along * width), (along * height, width), (height, along * width), (along * height, 0)][side]
    inwards = [np.pi / 2, np.pi, -np.pi / 2, 0.0][side]
    size = 0.45 * min(height, width)
    branches: list[_Branch] = []
    _branch(rng, branches, np.array(root, dtype=np.float64), inwards + rng.uniform(-0.3, 0.3), 0.0, size, 14.0)
    return branches


def _branch(
    rng: np.random.Generator,
    branches: list[_Branch],
    start: FloatArray,
    direction: float,
    born: float,
    length: float,
    width: float,
) -> None:
    if length < 15 or width < 4:
        return
    branches.append(_Branch(start, direction, born, length, width))
    for part in np.arange(0.25, 0.95, 0.2) + rng.uniform(-0.05, 0.05):
        at = start + part * length * np.array([np.sin(direction), np.cos(direction)])
        turn = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.6, 1.1))
        _branch(rng, branches, at, direction + turn, born + part * length, 0.5 * (1 - part / 2) * length, 0.65 * width)
