"""Tiny pictures and movies with closed-form answers, shared by the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> NDArray[np.float64]:
    """Return coverage (0 to 1) of each pixel by a disc, edge softened over one pixel."""
    yy, xx = np.indices(shape)
    return np.clip(radius + 0.5 - np.hypot(yy - y, xx - x), 0.0, 1.0)


def ball_thickness(shape: tuple[int, int], y: float, x: float, radius: float) -> NDArray[np.float64]:
    """Return the projected thickness of a ball in px: 2 sqrt(R^2 - r^2) inside, 0 outside."""
    yy, xx = np.indices(shape)
    return 2 * np.sqrt(np.clip(radius**2 - (yy - y) ** 2 - (xx - x) ** 2, 0.0, None))


def bright_field(
    thickness: NDArray[np.float64], dose: float, rng: np.random.Generator, attenuation: float = 0.02
) -> NDArray[np.uint16]:
    """Return a bright-field count image of a thickness map in px, Poisson noise included."""
    return rng.poisson(dose * np.exp(-attenuation * thickness)).astype(np.uint16)
