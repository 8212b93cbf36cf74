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

# Times long before any onset and long after any end.
BEFORE_S = -1e9
AFTER_S = 1e9


@dataclass(frozen=True)
class Swelling:
    """Sizes and contrast of a particle in every frame; all arrays (T,).

    Radii are equivalent radii in nm; a volume is 4/3 pi radius^2 height, so `height_nm` equals `radius_nm` where growth
    is the same in all directions. Densities are attenuation per nm over that of NiO before lithiation: mass is
    conserved, so they fall as the part swells. Crystallinity falls from 1 to 0 as the part is converted.
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
    v0_nm3 : float
        Volume before lithiation.
    core_share, void_share : float
        Of that volume: the core with its void, and the void.
    max_rate_per_s : float
        Steepest rate of V/V0 of the (unblurred) curve; NaN for an inert particle.
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
    v0_nm3: float
    core_share: float
    void_share: float
    max_rate_per_s: float
    swelling: Swelling

    @property
    def form(self) -> str:
        """``"solid"``, ``"core-shell"`` or ``"hollow"``, as in particles.csv."""
        if self.core_share > 0:
            return "core-shell"
        return "hollow" if self.void_share > 0 else "solid"


def particles_of(scene: LithiationScene, seen_s: FloatArray) -> list[Particle]:
    """Return the particles of a scene with their sizes at the times (T,) in s."""
    names = ["NiO"] * scene.nio + ["CuO"] * scene.cuo + ["NiO@CuO"] * scene.core_shell
    return [_particle(scene, number, name, seen_s) for number, name in enumerate(names, 1)]


def _particle(scene: LithiationScene, number: int, name: str, seen_s: FloatArray) -> Particle:
    rng = chance(scene.seed, "particle", number)
    kind = KINDS[name]
    mean_nm = {"NiO": scene.nio_diameter_nm, "CuO": scene.cuo_diameter_nm, "NiO@CuO": scene.core_shell_diameter_nm}
    radius = mean_nm[name] / 2 * max(1 + scene.diameter_spread * _within_two(rng), 0.2)
    onset = rng.uniform(scene.onset_low_s, scene.onset_high_s)
    pace = max(1 + scene.duration_spread * _within_two(rng), 0.3)
    final = kind.envelope[-1][1] + scene.final_spread * _within_two(rng)
    stretch = (final - 1) / (kind.envelope[-1][1] - 1)
    faceted = bool(rng.random() < scene.faceted)
    outline = (faceted_outline if faceted else wavy_outline)(rng, scene.roughness)
    reacts = number <= scene.particles - scene.inert
    bends = [onset + pace * t for t, _ in kind.envelope] if reacts else []
    since = (seen_s - onset) / pace if reacts else np.full(len(seen_s), BEFORE_S)
    shares = _shares(scene, kind)
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
        v0_nm3=BALL * radius**3,
        core_share=shares[0],
        void_share=shares[1],
        max_rate_per_s=stretch / pace * _steepest(kind) if reacts else np.nan,
        swelling=_swelling(scene, kind, radius, stretch, shares, since, scene.stage_blur_s / pace),
    )


def _within_two(rng: np.random.Generator) -> float:
    """Draw from the normal distribution within two standard deviations; the tails would not fit the field."""
    return float(np.clip(rng.normal(), -2, 2))


def _steepest(kind: Kind) -> float:
    corners = np.array(kind.envelope)
    return float((np.diff(corners[:, 1]) / np.diff(corners[:, 0])).max())


def _swelling(
    scene: LithiationScene,
    kind: Kind,
    radius: float,
    stretch: float,
    shares: tuple[float, float],
    since: FloatArray,
    blur_s: float,
) -> Swelling:
    """Sizes from volumes: the envelope follows the kind's curve, wall and void theirs, the shell is what is left."""
    core_share, hole = shares
    # One row past the movie's end shows how far conversion goes; it is cut off below.
    since = np.append(since, AFTER_S)
    envelope = 1 + stretch * (ratio_at(kind.envelope, since, blur_s) - 1)
    wall = max(core_share - hole, 0.0) * (1 + stretch * (ratio_at(kind.wall, since, blur_s) - 1))
    void = hole * ratio_at(kind.void, since, blur_s)
    shell = envelope - wall - void
    radius_nm = radius * envelope ** ((1 - scene.growth_anisotropy) / 3)
    height_nm = radius * envelope ** ((1 + 2 * scene.growth_anisotropy) / 3)
    # Volumes are shares of V0; a radius r stands for 4/3 pi r^3 height / radius.
    squash = radius_nm / height_nm
    before = (1 - max(core_share, hole), max(core_share - hole, 0.0))
    density = CUO_OVER_NIO if kind.name != "NiO" else 1.0
    every = Swelling(
        radius_nm=radius_nm,
        height_nm=height_nm,
        core_radius_nm=radius * np.cbrt((wall + void) * squash) if core_share else np.zeros_like(envelope),
        void_radius_nm=radius * np.cbrt(void * squash),
        shell_density=density * before[0] / shell,
        core_density=scene.core_contrast * before[1] / np.where(wall > 0, wall, 1),
        shell_crystallinity=_crystallinity(shell, before[0]),
        core_crystallinity=_crystallinity(wall, before[1]),
    )
    return Swelling(**{name: values[:-1] for name, values in vars(every).items()})


def _shares(scene: LithiationScene, kind: Kind) -> tuple[float, float]:
    """Return the shares of the particle's first volume taken by the core with its void, and by the void."""
    if kind.core_fraction == 0:
        return 0.0, scene.nio_void**3 if kind.name == "NiO" else 0.0
    void = kind.void_fraction if scene.hollow else 0.0
    return kind.core_fraction**3, (kind.core_fraction * void) ** 3


def _crystallinity(volume: FloatArray, before: float) -> FloatArray:
    """Return 1 before a part swells, 0 when it is done; products are nanocrystalline and diffract no longer."""
    done = float(volume[-1])
    return np.clip((done - volume) / (done - before), 0, 1) if done > before else np.ones_like(volume)
