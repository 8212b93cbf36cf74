"""The particles of a scene before anything happens to them: kind, size, shape, and how they swell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.curves import KINDS, Kind, ratio_at
from tem_track.simulate.outline import faceted_outline, unit_outline, wavy_outline
from tem_track.simulate.scene import LithiationScene

BALL = 4 * np.pi / 3

# Attenuation and annular dark-field signal follow mass and Z^1.7 per volume: CuO 6.31 against NiO 6.67 g/cm3, and
# (29^1.7 + 8^1.7) / 20.3 A3 against (28^1.7 + 8^1.7) / 18.2 A3; both ratios are 0.95.
CUO_OVER_NIO = 0.95


@dataclass(frozen=True)
class Swelling:
    """Sizes and contrast of a particle in every frame; all arrays (T,).

    Radii are equivalent radii in nm; a volume is 4/3 pi radius^2 height, so `height_nm` equals `radius_nm` where growth is
    the same in all directions. Densities are attenuation per nm over that of NiO before lithiation: mass is conserved, so
    they fall as the part swells. Crystallinity falls from 1 to 0 as the part is converted.
    """

    radius_nm: FloatArray
    height_nm: FloatArray
    core_radius_nm: FloatArray
    void_radius_nm: FloatArray
    shell_density: FloatArray
    core_density: FloatArray
    shell_crystallinity: FloatArray
    core_crystallinity: FloatArray

    @property
    def volume_nm3(self) -> FloatArray:
        """Volume of the envelope."""
        return BALL * self.radius_nm**2 * self.height_nm


@dataclass(frozen=True)
class Particle:
    """A particle: what it is, how it looks, how it swells.

    Attributes
    ----------
    number : int
        From 1.
    kind : Kind
    material : str
        ``"NiO"``, ``"CuO"``, ``"NiO@CuO"``.
    outline, core_outline : (ANGLES,) float64
        Unit outlines.
    top : float
        Flat top, see `outline.profile`.
    onset_s, stage_change_s, end_s : float
        Times at which the (unblurred) curve bends; NaN where it does not.
    final_ratio : float
        V/V0 when complete; 1 for an inert particle.
    swelling : Swelling
    """

    number: int
    kind: Kind
    material: str
    outline: FloatArray
    core_outline: FloatArray
    top: float
    onset_s: float
    stage_change_s: float
    end_s: float
    final_ratio: float
    swelling: Swelling

    @property
    def form(self) -> str:
        """``"solid"``, ``"core-shell"`` or ``"hollow"``, as in particles.csv."""
        if self.kind.core_fraction > 0:
            return "core-shell"
        return "hollow" if self.swelling.void_radius_nm[0] > 0 else "solid"


def particles_of(scene: LithiationScene, seen_s: FloatArray) -> list[Particle]:
    """Return the particles of a scene with their sizes at the times (T,) in s."""
    names = ["NiO"] * scene.nio + ["CuO"] * scene.cuo + ["NiO@CuO"] * scene.core_shell
    return [_particle(scene, number, name, seen_s) for number, name in enumerate(names, 1)]


def _particle(scene: LithiationScene, number: int, name: str, seen_s: FloatArray) -> Particle:
    rng = chance(scene.seed, "particle", number)
    kind = KINDS[name]
    mean_nm = {"NiO": scene.nio_diameter_nm, "CuO": scene.cuo_diameter_nm, "NiO@CuO": scene.core_shell_diameter_nm}
    # Two standard deviations either way: nobody measures the speck or the giant of the tail.
    diameter = mean_nm[name] * max(1 + scene.diameter_spread * np.clip(rng.normal(), -2, 2), 0.2)
    onset = rng.uniform(scene.onset_low_s, scene.onset_high_s)
    pace = max(1 + scene.duration_spread * np.clip(rng.normal(), -2, 2), 0.3)
    final = kind.envelope[-1][1] + scene.final_spread * np.clip(rng.normal(), -2, 2)
    faceted = bool(rng.random() < scene.faceted)
    outline = (faceted_outline if faceted else wavy_outline)(rng, scene.roughness)
    reacts = number <= scene.particles - scene.inert
    bends = [onset + pace * t for t, _ in kind.envelope] if reacts else []
    since = (seen_s - onset) / pace if reacts else np.full(len(seen_s), -np.inf)
    return Particle(
        number=number,
        kind=kind,
        material=name,
        outline=outline,
        # The core follows its shell half way (a void left by the Kirkendall effect is rounder than its shell).
        core_outline=unit_outline((1 + outline) / 2),
        top=float(rng.uniform(0.86, 0.97)) if faceted else 1.0,
        onset_s=bends[0] if bends else np.nan,
        stage_change_s=bends[1] if len(bends) > 2 else np.nan,
        end_s=bends[-1] if bends else np.nan,
        final_ratio=final if reacts else 1.0,
        swelling=_swelling(scene, kind, diameter / 2, final, np.maximum(since, -1e9), scene.stage_blur_s / pace),
    )


def _swelling(
    scene: LithiationScene, kind: Kind, radius: float, final: float, since: FloatArray, blur_s: float
) -> Swelling:
    """Sizes from volumes: the envelope follows the kind's curve, wall and void theirs, the shell is what is left."""
    stretch = (final - 1) / (kind.envelope[-1][1] - 1)
    envelope = 1 + stretch * (ratio_at(kind.envelope, since, blur_s) - 1)
    share, hole = _shares(scene, kind)
    wall_ratio, void_ratio = ratio_at(kind.wall, since, blur_s), ratio_at(kind.void, since, blur_s)
    if kind.core_fraction == 0:
        # A hollow solid keeps its void while its wall does the swelling.
        share, wall_ratio = hole, np.ones_like(envelope)
    wall = (share - hole) * (1 + stretch * (wall_ratio - 1))
    void = hole * void_ratio
    shell = envelope - wall - void
    radius_nm = radius * envelope ** ((1 - scene.growth_anisotropy) / 3)
    height_nm = radius * envelope ** ((1 + 2 * scene.growth_anisotropy) / 3)
    squash = radius_nm / height_nm
    core_is_nio = CUO_OVER_NIO if kind.name != "NiO" else 1.0
    return Swelling(
        radius_nm=radius_nm,
        height_nm=height_nm,
        core_radius_nm=radius * np.cbrt((wall + void) * squash) if kind.core_fraction else np.zeros_like(envelope),
        void_radius_nm=radius * np.cbrt(void * squash),
        shell_density=core_is_nio * shell[0] / shell if shell[0] else np.ones_like(envelope),
        core_density=scene.core_contrast * (share - hole) / np.where(wall > 0, wall, 1),
        shell_crystallinity=_crystallinity(shell),
        core_crystallinity=_crystallinity(wall),
    )


def _shares(scene: LithiationScene, kind: Kind) -> tuple[float, float]:
    """Return the shares of the particle's first volume taken by the core with its void, and by the void."""
    if kind.core_fraction == 0:
        return 0.0, scene.nio_void**3 if kind.name == "NiO" else 0.0
    void = kind.void_fraction if scene.hollow else 0.0
    return kind.core_fraction**3, (kind.core_fraction * void) ** 3


def _crystallinity(volume: FloatArray) -> FloatArray:
    """Return 1 before a part swells, 0 when it is done; products are nanocrystalline and diffract no longer."""
    last, first = float(volume.max()), float(volume[0])
    return 1 - (volume - first) / (last - first) if last > first else np.ones_like(volume)
