"""Separate particles or a film: the share of the contrast that particles on a background explain."""

from __future__ import annotations

import numpy as np
from pictures import ball_thickness, bright_field

from tem_track.movie import Image
from tem_track.segment import particle_evidence

SHAPE = (160, 200)
NOTHING = np.zeros(SHAPE, bool)


def particles(seed: int, dose: float = 60.0) -> Image:
    rng = np.random.default_rng(seed)
    thickness = sum(ball_thickness(SHAPE, y, x, r) for y, x, r in ((40, 50, 18), (110, 60, 24), (80, 145, 30)))
    return bright_field(np.asarray(thickness), dose, rng).astype(np.float32)


def grains(seed: int, dose: float = 60.0) -> Image:
    """Voronoi grains, each of its own grey level, with dark walls: no background anywhere."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((0, 0), SHAPE, (12, 2))
    yy, xx = np.indices(SHAPE)
    far = np.sort(np.hypot(yy[..., None] - centres[:, 0], xx[..., None] - centres[:, 1]), axis=-1)
    nearest = np.argmin(np.hypot(yy[..., None] - centres[:, 0], xx[..., None] - centres[:, 1]), axis=-1)
    level = rng.uniform(0.8, 1.2, len(centres))[nearest]
    wall = 1 - 0.3 * np.exp(-(((far[..., 1] - far[..., 0]) / 3) ** 2))
    return rng.poisson(dose * level * wall).astype(np.float32)


def test_particles_explain_most_of_what_a_particle_movie_shows() -> None:
    assert particle_evidence([particles(k) for k in range(3)], NOTHING).explained > 0.75


def test_shading_does_not_hide_the_particles() -> None:
    slope = np.linspace(0.6, 1.4, SHAPE[1], dtype=np.float32)
    assert particle_evidence([particles(k) * slope for k in range(3)], NOTHING).explained > 0.7


def test_patches_between_grains_explain_little_of_a_film() -> None:
    seen = particle_evidence([grains(k) for k in range(3)], NOTHING)
    assert seen.like * seen.explained < 0.4
    assert seen.contrast < 3.6


def test_noise_alone_shows_no_particles() -> None:
    rng = np.random.default_rng(3)
    assert particle_evidence([rng.poisson(30, SHAPE).astype(np.float32)], NOTHING).explained < 0.4
