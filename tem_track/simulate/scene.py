"""What a simulated lithiation movie shows: one frozen dataclass, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tem_track.errors import SettingsError
from tem_track.settings import setting
from tem_track.simulate.recording import Recording, Rows, rows, scene_changed


@dataclass(frozen=True)
class LithiationScene(Recording):
    """A lithiation movie to simulate: specimen, microscope, camera and everything that goes wrong.

    Frames count from 0, particles from 1 in the order NiO, CuO, NiO@CuO. Positions, motion and widths of the picture
    are in px, the specimen in nm. The field declarations below are the documentation.

    Raises
    ------
    SettingsError
        Values that contradict each other (a fracture of a particle that does not exist).
    """

    mode: str = setting("bright-field", "kind of image", choices=("bright-field", "haadf"))

    nio: int = setting(1, "NiO particles", low=0)
    cuo: int = setting(0, "CuO particles", low=0)
    core_shell: int = setting(3, "NiO@CuO core-shell particles", low=0)
    nio_diameter_nm: float = setting(81.8, "mean diameter of NiO (lithiation paper)", "nm", low=1e-3)
    cuo_diameter_nm: float = setting(948.0, "mean diameter of CuO (lithiation paper)", "nm", low=1e-3)
    core_shell_diameter_nm: float = setting(129.3, "mean diameter of NiO@CuO (lithiation paper)", "nm", low=1e-3)
    diameter_spread: float = setting(0.14, "standard deviation of the diameters over their mean", low=0.0)
    hollow: bool = setting(True, "cores of NiO@CuO are hollow")
    nio_void: float = setting(0.0, "diameter of a void inside NiO over the particle's", low=0.0)
    roughness: float = setting(0.03, "relative height of the outline's waviness", low=0.0)
    faceted: float = setting(0.5, "share of particles with facets", low=0.0)
    inert: int = setting(0, "particles, counted from the last, that never react", low=0)

    onset_low_s: float = setting(40.0, "earliest onset", "s")
    onset_high_s: float = setting(60.0, "latest onset", "s")
    duration_spread: float = setting(0.06, "relative standard deviation of how long a particle takes", low=0.0)
    final_spread: float = setting(0.01, "standard deviation of the final V/V0", low=0.0)
    stage_blur_s: float = setting(15.0, "how long a stage takes to set in", "s", low=0.0)
    growth_anisotropy: float = setting(0.0, "share of the growth taken from the image plane and put along the beam")

    dose_per_px: float = setting(
        250.0, "electrons per px: bright field in vacuum, HAADF behind 100 nm of NiO", "e/px", low=1e-3
    )
    attenuation_per_nm: float = setting(0.013, "bright field: ln(I0/I) per nm of NiO", "1/nm", low=0.0)
    core_contrast: float = setting(1.3, "attenuation of the core over that of an equally dense shell", low=0.0)
    speckle: float = setting(0.3, "strength of diffraction contrast, bright field; fades with lithiation", low=0.0)
    fringe_nm: float = setting(0.0, "bright field: defocus fringe per curvature of thickness; 0.3 is gentle", "nm")

    support: str = setting("nanotubes", "what carries the particles", choices=("none", "film", "lacey", "nanotubes"))
    support_contrast: float = setting(1.0, "factor on the thickness of the support", low=0.0)
    touching: int = setting(0, "particles, counted from the first, that lie in one touching chain", low=0)
    border: int = setting(0, "particles, counted from the last, cut by the border of frame 0", low=0)
    outside: int = setting(0, "particles before those, outside the field until drift brings them in", low=0)

    fracture: Rows = field(default=(), metadata=rows("particles that break", "particle", "frame", "pieces"))
    coalescence: Rows = field(
        default=(), metadata=rows("touching pairs that merge", "particle", "other_particle", "frame")
    )
    detachment: Rows = field(
        default=(), metadata=rows("particles that jump by a radius and stay there", "particle", "frame")
    )
    leaving: Rows = field(default=(), metadata=rows("particles that let go and leave the field", "particle", "frame"))
    dendrite_frame: int = setting(-1, "frame from which lithium dendrites grow in from a border; -1 = none", low=-1)
    dendrite_speed_nm_per_s: float = setting(1.0, "growth of a dendrite's tips", "nm/s", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_counts(self)

    def check_row(self, name: str, values: Mapping[str, float]) -> None:
        """Raise SettingsError where one row of a list of events is not allowed."""
        super().check_row(name, values)
        where = f"{name} {list(values.values())}"
        for column in ("particle", "other_particle"):
            if column in values and not 1 <= values[column] <= self.particles:
                raise SettingsError(f"{where}: there are particles 1 to {self.particles}")
        if values.get("particle") == values.get("other_particle", 0):
            raise SettingsError(f"{where}: a particle cannot merge with itself")
        if not 2 <= values.get("pieces", 2) <= 4:
            raise SettingsError(f"{where}: a particle breaks into 2, 3 or 4 pieces")

    @property
    def particles(self) -> int:
        """Particles in all."""
        return self.nio + self.cuo + self.core_shell


def scene_from(
    values: Mapping[str, Any], start: LithiationScene | None = None, source: str = "scene"
) -> LithiationScene:
    """Return a lithiation scene with the given values put over `start` (the defaults if None), see `scene_changed`.

    >>> scene_from({"drift_px": 0.5, "jumps": [[30, 12, -7]]}).jumps
    ((30.0, 12.0, -7.0),)
    """
    return scene_changed(start or LithiationScene(), values, source)


def _check_counts(scene: LithiationScene) -> None:
    if scene.onset_high_s < scene.onset_low_s:
        raise SettingsError("onset_high_s is before onset_low_s")
    if scene.touching == 1:
        raise SettingsError("touching: one particle alone touches nothing; give 0 or at least 2")
    if scene.touching + scene.border + scene.outside > scene.particles:
        raise SettingsError(f"touching + border + outside are more than the {scene.particles} particles")
    if scene.inert > scene.particles:
        raise SettingsError(f"inert: there are only {scene.particles} particles")
    if not scene.nio_void < 0.9 or not -0.9 < scene.growth_anisotropy < 0.9 or not scene.roughness <= 0.15:
        raise SettingsError("nio_void and growth_anisotropy must stay below 0.9, roughness below 0.15")
    # A particle that breaks, merges or leaves is gone under its number: one such end each.
    ends = [int(row[0]) for row in (*scene.fracture, *scene.coalescence, *scene.leaving)]
    ends += [int(row[1]) for row in scene.coalescence]
    if len(set(ends)) < len(ends):
        raise SettingsError("a particle can break, merge or leave only once")
