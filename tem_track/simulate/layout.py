"""Where the particles lie: apart, in touching chains, cut by the border, or outside until drift brings them in."""

from __future__ import annotations

import numpy as np

from tem_track.errors import SettingsError
from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.outline import ANGLES
from tem_track.simulate.particles import Particle
from tem_track.simulate.scene import LithiationScene

ATTEMPTS = 6000
# Particles that touch share this much of the sum of their radii, so that their outlines meet at a neck.
OVERLAP = 0.03


def centres_of(scene: LithiationScene, particles: list[Particle], drift_px: FloatArray) -> FloatArray:
    """Return the centres (particles, T, 2), nm (y, x) in the specimen frame, drift not added.

    Touching particles are pushed apart as they swell, each staying in contact with the one before it in its chain.

    Raises
    ------
    SettingsError
        The particles do not fit into the field.
    """
    rng = chance(scene.seed, "layout")
    groups = _groups(scene)
    centres = np.zeros((len(particles), len(drift_px), 2))
    placed: list[tuple[FloatArray, float]] = []
    for group in sorted(groups, key=len, reverse=True):
        offsets = _chain([particles[n] for n in group], rng)
        radii = [float(particles[n].swelling.radius_nm.max() * particles[n].outline.max()) for n in group]
        anchor = _free_place(scene, group[0], offsets, radii, placed, drift_px, rng)
        for n, offset, radius in zip(group, offsets, radii, strict=True):
            centres[n] = anchor + offset
            placed.append((centres[n][[0, -1]], radius))
    return centres


def _groups(scene: LithiationScene) -> list[list[int]]:
    """Particles (from 0) that lie together; a coalescing pair that is in no chain is one of its own."""
    chain = list(range(scene.touching))
    groups = [chain] if chain else []
    for first, second, _ in scene.coalescence:
        i, j = sorted((int(first) - 1, int(second) - 1))
        if j < scene.touching and j == i + 1:
            continue
        if i < scene.touching:
            raise SettingsError(f"coalescence: particles {i + 1} and {j + 1} do not lie side by side in the chain")
        groups.append([i, j])
    together = {n for group in groups for n in group}
    return groups + [[n] for n in range(scene.particles) if n not in together]


def _chain(members: list[Particle], rng: np.random.Generator) -> list[FloatArray]:
    """Return the offset (T, 2) in nm of each member from the middle of its chain."""
    direction = rng.uniform(0, 2 * np.pi)
    offsets = [np.zeros((len(members[0].swelling.radius_nm), 2))]
    for before, particle in zip(members[:-1], members[1:], strict=True):
        direction += rng.uniform(-0.8, 0.8)
        reach = _reach(before, direction) + _reach(particle, direction + np.pi)
        step = np.array([np.sin(direction), np.cos(direction)])
        offsets.append(offsets[-1] + (1 - OVERLAP) * reach[:, None] * step)
    middle = np.mean(offsets, axis=0)
    return [offset - middle for offset in offsets]


def _reach(particle: Particle, direction: float) -> FloatArray:
    """Distance (T,) from the centre to the outline in one direction, nm."""
    index = round(direction / (2 * np.pi) * ANGLES) % ANGLES
    return particle.swelling.radius_nm * particle.outline[index]


def _free_place(
    scene: LithiationScene,
    first: int,
    offsets: list[FloatArray],
    radii: list[float],
    placed: list[tuple[FloatArray, float]],
    drift_px: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw places until one is free; what is asked for (space between, room to drift) shrinks with every attempt."""
    for attempt in range(ATTEMPTS):
        ease = max(0.0, 1 - attempt / (0.7 * ATTEMPTS))
        anchor = _draw(scene, first, offsets, radii, drift_px, ease, rng)
        if anchor is None:
            continue
        gap = (3 + 9 * ease) * scene.pixel_size_nm
        mine = [(anchor + offset[[0, -1]], radius) for offset, radius in zip(offsets, radii, strict=True)]
        if all(_apart(a, b, gap) for a in mine for b in placed):
            return anchor
    raise SettingsError(
        f"{scene.particles} particles of this size do not fit apart from each other into "
        f"{scene.height_px} x {scene.width_px} px; give a larger field, larger pixels or fewer particles"
    )


def _apart(a: tuple[FloatArray, float], b: tuple[FloatArray, float], gap: float) -> bool:
    return bool(np.hypot(*(a[0] - b[0]).T).min() > a[1] + b[1] + gap)


def _draw(
    scene: LithiationScene,
    first: int,
    offsets: list[FloatArray],
    radii: list[float],
    drift_px: FloatArray,
    ease: float,
    rng: np.random.Generator,
) -> FloatArray | None:
    """Draw an anchor; None where the field leaves no room at this ease."""
    field = np.array([scene.height_px, scene.width_px]) * scene.pixel_size_nm
    border_from = scene.particles - scene.border
    if first >= border_from - scene.outside and len(radii) == 1:
        return _on_border(field, radii[0], drift_px * scene.pixel_size_nm, first >= border_from, rng)
    extent = [(offset[[0, -1]], radius) for offset, radius in zip(offsets, radii, strict=True)]
    low = -np.min([ends.min(axis=0) - radius for ends, radius in extent], axis=0)
    high = field - np.max([ends.max(axis=0) + radius for ends, radius in extent], axis=0)
    room = 4 * scene.pixel_size_nm
    low = low + room + ease * np.clip(-drift_px.min(axis=0), 0, None) * scene.pixel_size_nm
    high = high - room - ease * np.clip(drift_px.max(axis=0), 0, None) * scene.pixel_size_nm
    return None if (high <= low).any() else np.asarray(rng.uniform(low, high))


def _on_border(
    field: FloatArray, radius: float, drift_nm: FloatArray, cut: bool, rng: np.random.Generator
) -> FloatArray:
    """Draw a place across the border, or outside on the side from which the drift comes."""
    axis = int(rng.integers(2)) if cut else int(np.argmax(np.abs(drift_nm).max(axis=0)))
    towards_end = float(drift_nm[np.argmax(np.abs(drift_nm[:, axis])), axis])
    at_start = bool(rng.integers(2)) if cut else towards_end > 0
    inside = rng.uniform(-0.4, 0.4) * radius if cut else -radius - 0.3 * abs(towards_end)
    place = rng.uniform(0.1, 0.9, 2) * field
    place[axis] = inside if at_start else field[axis] - inside
    return np.asarray(place)
