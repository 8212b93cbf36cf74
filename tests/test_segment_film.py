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


def odd_grain(seed: int) -> Image:
    """Grains of nearly one brightness, and one much brighter: it has the outline of a particle."""
    rng = np.random.default_rng(seed)
    yy, xx = np.indices(SHAPE)
    centres = np.array([(75, 95), (20, 30), (25, 110), (30, 180), (90, 20), (140, 50), (140, 120), (100, 180)])
    away = np.hypot(yy[..., None] - centres[:, 0], xx[..., None] - centres[:, 1])
    level = np.array([1.3, 0.96, 1.04, 1.0, 1.05, 0.92, 0.97, 1.02])[away.argmin(axis=-1)]
    far = np.sort(away, axis=-1)
    return rng.poisson(200 * level * (1 - 0.2 * np.exp(-(((far[..., 1] - far[..., 0]) / 3) ** 2)))).astype(np.float32)


def test_a_grain_much_brighter_than_the_others_differs_less_than_a_particle_does() -> None:
    seen = particle_evidence([odd_grain(k) for k in range(3)], NOTHING)
    assert seen.like * seen.explained > 0.45
    assert 0.2 < seen.relative < 0.35
    assert seen.whole > 0.9
    assert particle_evidence([particles(k) for k in range(3)], NOTHING).relative > 0.38


def test_a_strip_along_the_edge_is_no_whole_particle() -> None:
    strip = np.where(np.arange(SHAPE[0])[:, None] < 30, 3.0, 1.0)
    seen = particle_evidence([np.asarray(grains(k) * strip, np.float32) for k in range(3)], NOTHING)
    assert seen.whole < 0.2
    assert particle_evidence([particles(k) for k in range(3)], NOTHING).whole > 0.9


def test_noise_alone_shows_no_particles() -> None:
    rng = np.random.default_rng(3)
    assert particle_evidence([rng.poisson(30, SHAPE).astype(np.float32)], NOTHING).explained < 0.4
