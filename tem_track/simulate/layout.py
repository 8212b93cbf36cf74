"""Where the particles lie: apart, in touching chains, cut by the border, or outside until drift brings them in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tem_track.errors import SettingsError
from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.outline import ANGLES
from tem_track.simulate.particles import Particle
from tem_track.simulate.scene import LithiationScene

ATTEMPTS = 150
RESTARTS = 40
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
    groups = [_group(members, particles, rng) for members in _groups(scene)]
    # The largest first: what is left over then only has to take smaller ones.
    groups.sort(key=lambda group: -sum(radius**2 for radius in group.radii))
    for restart in range(RESTARTS):
        ease = max(0.0, 1 - restart / (0.7 * RESTARTS))
        centres = _placed(scene, groups, drift_px, ease, rng)
        if centres is not None:
            return np.stack([centres[n] for n in range(len(particles))]) if centres else np.zeros((0, len(drift_px), 2))
    raise SettingsError(
        f"{scene.particles} particles of this size do not fit apart from each other into "
        f"{scene.height_px} x {scene.width_px} px; give a larger field, larger pixels or fewer particles"
    )


@dataclass(frozen=True)
class _Group:
    """Particles (from 0) that lie together, their offsets (T, 2) from the anchor, first and largest radii, nm."""

    members: list[int]
    offsets: list[FloatArray]
    first_radii: list[float]
    radii: list[float]

    def ends(self, anchor: FloatArray) -> list[tuple[FloatArray, float]]:
        """Return (first and last centre, radius) of each member."""
        return [(anchor + offset[[0, -1]], radius) for offset, radius in zip(self.offsets, self.radii, strict=True)]


def _group(members: list[int], particles: list[Particle], rng: np.random.Generator) -> _Group:
    chosen = [particles[n] for n in members]
    first = [float(p.swelling.radius_nm[0] * p.outline.max()) for p in chosen]
    largest = [float(p.swelling.radius_nm.max() * p.outline.max()) for p in chosen]
    return _Group(members, _chain(chosen, rng), first, largest)


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
    for before, particle in pairwise(members):
        direction += rng.uniform(-0.8, 0.8)
        reach = _reach(before, direction) + _reach(particle, direction + np.pi)
        step = np.array([np.sin(direction), np.cos(direction)])
        offsets.append(offsets[-1] + (1 - OVERLAP) * reach[:, None] * step)
    middle = np.mean(offsets, axis=0)
    return [offset - middle for offset in offsets]


def _reach(particle: Particle, direction: float) -> FloatArray:
    """Distance (T,) from the centre to the outline in one direction, nm."""
    index = round(direction / (2 * np.pi) * ANGLES) % ANGLES
    return np.asarray(particle.swelling.radius_nm * particle.outline[index])


def _placed(
    scene: LithiationScene, groups: list[_Group], drift_px: FloatArray, ease: float, rng: np.random.Generator
) -> dict[int, FloatArray] | None:
    """Place group after group where it is free; None if one finds no place.

    What is asked for (space between, room to drift) grows with `ease`, 0 to 1.
    """
    gap = (3 + 9 * ease) * scene.pixel_size_nm
    taken: list[tuple[FloatArray, float]] = []
    centres: dict[int, FloatArray] = {}
    for group in groups:
        for _ in range(ATTEMPTS):
            anchor = _draw(scene, group, drift_px, ease, rng)
            if anchor is not None and all(_apart(a, b, gap) for a in group.ends(anchor) for b in taken):
                break
        else:
            return None
        taken += group.ends(anchor)
        centres |= {n: anchor + offset for n, offset in zip(group.members, group.offsets, strict=True)}
    return centres


def _apart(a: tuple[FloatArray, float], b: tuple[FloatArray, float], gap: float) -> bool:
    return bool(np.hypot(*(a[0] - b[0]).T).min() > a[1] + b[1] + gap)


def _draw(
    scene: LithiationScene, group: _Group, drift_px: FloatArray, ease: float, rng: np.random.Generator
) -> FloatArray | None:
    """Draw an anchor; None where the field leaves no room at this ease."""
    field = np.array([scene.height_px, scene.width_px]) * scene.pixel_size_nm
    border_from, first = scene.particles - scene.border, group.members[0]
    if first >= border_from - scene.outside and len(group.members) == 1:
        return _on_border(field, group.first_radii[0], drift_px * scene.pixel_size_nm, first >= border_from, rng)
    ends = group.ends(np.zeros(2))
    low = -np.min([places.min(axis=0) - radius for places, radius in ends], axis=0)
    high = field - np.max([places.max(axis=0) + radius for places, radius in ends], axis=0)
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
    # Some way out, so that drift and growth bring it in after part of the movie.
    inside = rng.uniform(-0.4, 0.4) * radius if cut else -radius - 0.3 * abs(towards_end)
    place = rng.uniform(0.1, 0.9, 2) * field
    place[axis] = inside if at_start else field[axis] - inside
    return np.asarray(place)
