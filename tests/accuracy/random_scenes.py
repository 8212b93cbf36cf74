"""Movies drawn at random, one per seed: what nobody has looked at while the tool was made.

A fixed benchmark is looked at again and again, and what is built ends up fitting it. A seed that was never used is a
movie as a stranger brings it; each draw is repeatable by its seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tem_track.errors import TemTrackError
from tem_track.simulate import HeatingScene, LithiationScene, simulate_lithiation

from .heating_scenes import HeatingBenchmark
from .scenes import BenchmarkScene

TIER = "random"
# Draws whose particles do not fit into the field are drawn again, this often at most.
_TRIES = 20


def random_lithiation(seeds: range) -> Iterator[BenchmarkScene]:
    """Yield a lithiation movie per seed; how hard it is, is part of the draw.

    Examples
    --------
    >>> first, again = (next(random_lithiation(range(5, 6))) for _ in range(2))
    >>> first == again, first.name
    (True, 'random-5')
    """
    for seed in seeds:
        chance = np.random.default_rng(seed)
        scene = next(s for s in (_lithiation(chance, seed) for _ in range(_TRIES)) if s is not None)
        what = (
            f"{scene.mode}, {scene.dose_per_px:.0f} e/px, {scene.support}, {scene.particles} particles"
            f"{f', {scene.touching} in a chain' if scene.touching else ''}{', fracture' if scene.fracture else ''}"
        )
        yield BenchmarkScene(f"random-{seed}", TIER, what, scene)


def random_heating(seeds: range) -> Iterator[HeatingBenchmark]:
    """Yield a movie of a heated lamella per seed.

    Examples
    --------
    >>> next(random_heating(range(7, 8))).scene.seed
    7
    """
    for seed in seeds:
        chance = np.random.default_rng(seed)
        scene = HeatingScene(**_lamella(chance), **_heated_recording(chance), seed=seed)
        what = f"{scene.variant}, {scene.dose_per_px:.0f} e/px, grains of {scene.grain_nm:.0f} nm"
        yield HeatingBenchmark(f"random-{seed}", TIER, what, scene)


def _lithiation(chance: np.random.Generator, seed: int) -> LithiationScene | None:
    """Return one draw, or None where its particles do not fit."""
    particles = int(chance.integers(2, 7))
    core_shell = int(chance.integers(0, particles + 1))
    events = _events(chance, particles)
    specimen: dict[str, Any] = {
        "nio": particles - core_shell,
        "core_shell": core_shell,
        "hollow": bool(chance.integers(2)),
        "roughness": float(chance.uniform(0.01, 0.05)),
        "speckle": float(chance.uniform(0.0, 0.5)),
        "support": str(chance.choice(["none", "film", "lacey", "nanotubes"])),
        "fringe_nm": float(chance.choice([0.0, 0.0, 0.1, 0.3])),
    }
    try:
        scene = LithiationScene(**specimen, **events, **_recording(chance), seed=seed)
        simulate_lithiation(scene)
    except TemTrackError:
        return None
    return scene


def _events(chance: np.random.Generator, particles: int) -> dict[str, Any]:
    events: dict[str, Any] = {}
    if chance.random() < 0.4 and particles > 2:
        events["touching"] = int(chance.integers(2, min(particles, 4) + 1))
    if chance.random() < 0.3:
        events["inert"] = 1
    if chance.random() < 0.3:
        events["fracture"] = ((1.0, float(chance.integers(15, 35)), float(chance.integers(2, 5))),)
    return events


def _recording(chance: np.random.Generator) -> dict[str, Any]:
    side = int(chance.choice([320, 384, 448]))
    recording: dict[str, Any] = {
        "mode": str(chance.choice(["bright-field", "bright-field", "haadf"])),
        "height_px": side,
        "width_px": side,
        "frames": int(chance.integers(45, 70)),
        "frame_interval_s": float(chance.uniform(11.0, 17.0)),
        "pixel_size_nm": float(chance.uniform(1.2, 2.4)),
        "dose_per_px": float(np.exp(chance.uniform(np.log(15.0), np.log(600.0)))),
        "drift_px": float(chance.uniform(0.05, 0.6)),
        "vignetting": float(chance.choice([0.0, 0.0, 0.15])),
        "flicker": float(chance.choice([0.0, 0.01, 0.03])),
    }
    if recording["mode"] == "haadf":
        recording |= {"jitter_px": float(chance.uniform(0.0, 0.5)), "flutter": float(chance.uniform(0.0, 0.02))}
    if chance.random() < 0.3:
        recording["jumps"] = ((float(chance.integers(10, 30)), *map(float, chance.uniform(-30, 30, 2))),)
    return recording


def _lamella(chance: np.random.Generator) -> dict[str, Any]:
    variant = str(chance.choice(["aged", "aged", "pristine", "stable"]))
    pristine = {"onset_c": 520.0, "crossing_c": 0.0, "boundary_factor": float(chance.uniform(3.0, 8.0))}
    aged = {"crossing_c": float(chance.uniform(570.0, 620.0)), "boundary_factor": float(chance.uniform(1.5, 4.0))}
    return {
        "variant": variant,
        **(pristine if variant == "pristine" else aged),
        "speed_nm_per_s": float(chance.uniform(2.5, 8.0)),
        "grain_nm": float(chance.uniform(180.0, 320.0)),
        "grain_contrast": float(chance.uniform(0.05, 0.15)),
        "wall_contrast": float(chance.uniform(0.2, 0.5)),
        "texture": float(chance.uniform(0.02, 0.05)),
        "curtaining": float(chance.uniform(0.0, 0.04)),
        "cracks": int(chance.integers(0, 2)),
        "pt_strip_nm": float(chance.choice([0.0, 0.0, 60.0])),
        "darkening": float(chance.uniform(0.15, 0.4)),
        "fall_s": float(chance.uniform(1.0, 4.0)),
    }


def _heated_recording(chance: np.random.Generator) -> dict[str, Any]:
    recording: dict[str, Any] = {
        "frames": int(chance.integers(90, 130)),
        "frame_interval_s": float(chance.uniform(0.6, 1.1)),
        "dose_per_px": float(np.exp(chance.uniform(np.log(10.0), np.log(300.0)))),
        "settling_px": float(chance.uniform(0.0, 12.0)),
        "jitter_px": float(chance.choice([0.0, 0.0, 0.4])),
        "flicker": float(chance.choice([0.0, 0.02])),
        "vignetting": float(chance.choice([0.0, 0.1])),
    }
    if chance.random() < 0.3:
        recording["jumps"] = ((float(chance.integers(20, 80)), *map(float, chance.uniform(-15, 15, 2))),)
    return recording
