"""Sets of ex situ images of one place, fixed and seeded: what `tem-track pair` is measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tem_track.simulate import LithiationScene, View, simulate_lithiation

# States: before the onset, in the middle of the reaction, after it (frames of 40 s; onset at 40 s, complete at 760 s).
STATES = (0, 10, 21)
# Side of the specimen: no view looks beyond it, however it is turned.
FIELD_NM = 900.0
# Furthest that the middle of a view lies from the middle of the specimen, along each axis.
WANDER_NM = 25.0


@dataclass(frozen=True)
class PairSet:
    """One set: its name, what is in it, the specimen, and the images of it."""

    name: str
    what: str
    scene: LithiationScene
    views: tuple[View, ...]


def _specimen(seed: int, field_nm: float = FIELD_NM, **changes: object) -> LithiationScene:
    side = round(field_nm / 0.95)
    scene = LithiationScene(
        height_px=side,
        width_px=side,
        pixel_size_nm=0.95,
        frames=22,
        frame_interval_s=40.0,
        onset_low_s=40.0,
        nio=4,
        core_shell=14,
        drift_px=0.0,
        core_shell_diameter_nm=95.0,
        nio_diameter_nm=70.0,
        seed=seed,
    )
    return replace(scene, **changes)  # type: ignore[arg-type]


def _views(
    seed: int,
    *,
    middle_nm: tuple[float, float] = (FIELD_NM / 2, FIELD_NM / 2),
    side_px: int = 448,
    sizes_nm: tuple[float, float] = (1.0, 1.3),
    stated_sd: float | None = 0.01,
    modes: tuple[str, ...] = ("bright-field",) * 3,
    dose: float = 200.0,
    mirrored: tuple[bool, ...] = (False,) * 3,
) -> tuple[View, ...]:
    """Return views at random magnification, rotation and place; each states its pixel size with a random error."""
    rng = np.random.default_rng(seed)
    views = []
    for k, frame in enumerate(STATES):
        size, error = float(rng.uniform(*sizes_nm)), float(rng.normal())
        y, x = (float(m + rng.uniform(-WANDER_NM, WANDER_NM)) for m in middle_nm)
        views.append(
            View(
                frame=frame,
                height_px=side_px,
                width_px=side_px,
                pixel_size_nm=size,
                centre_nm=(y, x),
                rotation_deg=float(rng.uniform(-180, 180)),
                mirrored=mirrored[k],
                mode=modes[k],
                dose_per_px=dose * (0.4 if modes[k] == "haadf" else 1.0),
                stated_pixel_size_nm=None if stated_sd is None else size * (1 + stated_sd * error),
                seed=seed + k,
            )
        )
    return tuple(views)


def _place_nm(scene: LithiationScene, particle: int) -> tuple[float, float]:
    """Return where a particle of the specimen lies."""
    tracks = simulate_lithiation(scene).truth.tracks
    row = int(np.flatnonzero(tracks["track_id"] == particle)[0])
    return float(tracks["y_px"][row]) * scene.pixel_size_nm, float(tracks["x_px"][row]) * scene.pixel_size_nm


def _set(name: str, what: str, seed: int, specimen: dict[str, object], **views: object) -> PairSet:
    return PairSet(name, what, _specimen(seed, **specimen), _views(seed + 100, **views))  # type: ignore[arg-type]


_LARGE: dict[str, object] = {"core_shell_diameter_nm": 129.3, "nio_diameter_nm": 90.0}
_ALONE = _specimen(427, nio=0, core_shell=1, core_shell_diameter_nm=129.3)

PAIR_SETS = (
    _set("calibrated", "bright field, nanotubes, calibrations to 1 %", 401, {}),
    _set("uncalibrated", "bright field, nothing said of the pixels", 402, {}, stated_sd=None),
    _set("badly-calibrated", "bright field, calibrations to 6 %", 403, {}, stated_sd=0.06),
    _set("film", "bright field, uneven film", 404, {"support": "film"}),
    _set(
        "bf-then-haadf",
        "bright field before, HAADF after, lacey carbon",
        405,
        {"support": "lacey"},
        modes=("bright-field", "haadf", "haadf"),
    ),
    _set(
        "zoom",
        "magnifications up to twice apart",
        406,
        {"field_nm": 1290.0, "core_shell": 28},
        middle_nm=(645.0, 645.0),
        sizes_nm=(0.95, 1.9),
        stated_sd=0.02,
    ),
    _set("turned-over", "the grid put in upside down", 407, {}, mirrored=(False, True, True)),
    _set("few", "a few large particles", 408, {"nio": 1, "core_shell": 6, **_LARGE}),
    _set("bare", "no support to hold on to", 409, {"support": "none"}, stated_sd=0.02),
    _set("low-dose", "bright field, 20 e/px, film", 410, {"support": "film"}, dose=20.0),
    _set("crowd", "five particles touching among many", 411, {"core_shell": 20, "touching": 5}),
    PairSet(
        "one",
        "one particle, nanotubes",
        _ALONE,
        _views(512, middle_nm=_place_nm(_ALONE, 1), side_px=320, sizes_nm=(0.95, 1.2)),
    ),
)
