"""What a simulated lithiation movie shows: one frozen dataclass, checked when it is made."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from tem_track.errors import SettingsError
from tem_track.settings import setting

Rows: TypeAlias = tuple[tuple[float, ...], ...]
Numbers: TypeAlias = tuple[int, ...]

# A frame beyond this is no camera's (the largest in use are 16k); the limit stops a slip of the keyboard.
MAX_SIDE_PX = 16384


def rows(meaning: str, *columns: str) -> dict[str, Any]:
    """Say what a list of events holds: one row of numbers per event, columns named; one column = a plain list."""
    return {"meaning": meaning, "columns": columns, "unit": "", "choices": (), "low": None}


@dataclass(frozen=True)
class LithiationScene:
    """A lithiation movie to simulate: specimen, microscope, camera and everything that goes wrong.

    Frames count from 0, particles from 1 in the order NiO, CuO, NiO@CuO. Positions, motion and widths of the picture
    are in px, the specimen in nm. The field declarations below are the documentation.

    Raises
    ------
    SettingsError
        Values that contradict each other (a fracture of a particle that does not exist).
    """

    mode: str = setting("bright-field", "kind of image", choices=("bright-field", "haadf"))
    height_px: int = setting(384, "height of a frame", "px", low=32)
    width_px: int = setting(384, "width of a frame", "px", low=32)
    frames: int = setting(80, "frames recorded", low=1)
    frame_interval_s: float = setting(12.0, "time between frames", "s", low=1e-9)
    pixel_size_nm: float = setting(1.3, "edge of a pixel", "nm", low=1e-6)
    seed: int = setting(1, "everything random follows from it", low=0)

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
    noise: bool = setting(True, "count statistics and camera noise; false gives the expected picture")
    counts_per_electron: float = setting(1.0, "camera counts per electron", low=1e-6)
    offset_counts: float = setting(4.0, "camera counts without any electron", low=0.0)
    read_noise_counts: float = setting(1.0, "standard deviation of the camera's own noise", low=0.0)
    psf_px: float = setting(0.8, "standard deviation of the point spread", "px", low=0.0)
    attenuation_per_nm: float = setting(0.013, "bright field: ln(I0/I) per nm of NiO", "1/nm", low=0.0)
    core_contrast: float = setting(1.3, "attenuation of the core over that of an equally dense shell", low=0.0)
    background: float = setting(0.06, "share of the dose that arrives everywhere (inelastic, detector offset)", low=0.0)
    speckle: float = setting(0.3, "strength of diffraction contrast, bright field; fades with lithiation", low=0.0)
    fringe_nm: float = setting(0.0, "bright field: defocus fringe per curvature of thickness; 0.3 is gentle", "nm")
    fixed_pattern: float = setting(0.004, "relative standard deviation of the camera's pixel gain", low=0.0)
    vignetting: float = setting(0.06, "relative loss of brightness in the corners", low=0.0)

    support: str = setting("nanotubes", "what carries the particles", choices=("none", "film", "lacey", "nanotubes"))
    support_contrast: float = setting(1.0, "factor on the thickness of the support", low=0.0)
    touching: int = setting(0, "particles, counted from the first, that lie in one touching chain", low=0)
    border: int = setting(0, "particles, counted from the last, cut by the border of frame 0", low=0)
    outside: int = setting(0, "particles before those, outside the field until drift brings them in", low=0)

    drift_px: float = setting(0.3, "root mean square of the drift per frame", "px", low=0.0)
    jumps: Rows = field(default=(), metadata=rows("stage jumps", "frame", "dy_px", "dx_px"))
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

    flicker: float = setting(0.004, "relative standard deviation of the brightness between frames", low=0.0)
    illumination_steps: Rows = field(
        default=(), metadata=rows("brightness changes to a factor from a frame on", "frame", "factor")
    )
    defocus_wander: float = setting(0.25, "relative standard deviation of the point spread between frames", low=0.0)
    blurred: Rows = field(default=(), metadata=rows("frames out of focus", "frame", "sigma_px"))
    blank: Numbers = field(default=(), metadata=rows("frames without beam", "frame"))
    duplicate: Numbers = field(default=(), metadata=rows("frames that repeat the one before", "frame"))
    dropped: Rows = field(default=(), metadata=rows("frames never recorded just before a frame", "frame", "count"))
    jitter_px: float = setting(0.0, "HAADF: standard deviation of a scan line's displacement", "px", low=0.0)
    flutter: float = setting(0.0, "HAADF: relative standard deviation of a scan line's brightness", low=0.0)
    scale_bar: bool = setting(False, "a burned-in scale bar")
    timestamp: bool = setting(False, "a burned-in time")

    def __post_init__(self) -> None:
        _check(self)

    @property
    def particles(self) -> int:
        """Particles in all."""
        return self.nio + self.cuo + self.core_shell


def scene_from(
    values: Mapping[str, Any], start: LithiationScene | None = None, source: str = "scene"
) -> LithiationScene:
    """Return a scene with the given values put over `start` (the defaults if None).

    Parameters
    ----------
    values : mapping of str to value
        Field names of `LithiationScene`; lists of rows as lists of lists (JSON and TOML have no tuples).
    start : LithiationScene, optional
    source : str
        Who gave the values, for the error.

    Raises
    ------
    SettingsError
        An unknown name (with the nearest known one), a wrong type, or a value that is not allowed.

    >>> scene_from({"drift_px": 0.5, "jumps": [[30, 12, -7]]}).jumps
    ((30.0, 12.0, -7.0),)
    """
    declared = {f.name: f for f in fields(LithiationScene)}
    clean = {}
    for name, value in values.items():
        if name not in declared:
            # A unit left out is the likeliest slip: dose for dose_per_px.
            near = [known for known in declared if known.startswith(f"{name}_")]
            near = near or difflib.get_close_matches(name, list(declared), n=1, cutoff=0.4)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{source}: unknown name {name!r}{guess}")
        clean[name] = _checked(value, declared[name], f"{source}: {name}")
    return dataclasses.replace(start or LithiationScene(), **clean)


def scene_dict(scene: LithiationScene) -> dict[str, Any]:
    """Return ``{name: value}`` of a scene, which `scene_from` turns back into it."""
    return dataclasses.asdict(scene)


def _checked(value: Any, declared: dataclasses.Field[Any], where: str) -> Any:
    columns = declared.metadata.get("columns")
    if columns:
        return _checked_rows(value, columns, where)
    wanted = type(declared.default)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[wanted]
        raise SettingsError(f"{where}: {value!r} should be {kind}")
    return value


def _checked_rows(value: Any, columns: tuple[str, ...], where: str) -> tuple[Any, ...]:
    shape = f"a list of [{', '.join(columns)}]" if len(columns) > 1 else "a list of frames"
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{where}: {value!r} should be {shape}")
    lines = [line if len(columns) > 1 else [line] for line in value]
    for line in lines:
        if not isinstance(line, list | tuple) or len(line) != len(columns) or not all(map(_is_number, line)):
            raise SettingsError(f"{where}: {line!r} should be {shape}")
        if any(c in _WHOLE and n != int(n) for c, n in zip(columns, line, strict=True)):
            raise SettingsError(f"{where}: {line!r}: frames, particles and pieces are whole numbers")
    if len(columns) == 1:
        return tuple(int(line[0]) for line in lines)
    return tuple(tuple(float(n) for n in line) for line in lines)


_WHOLE = {"frame", "particle", "other_particle", "pieces", "count"}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300


def _check(scene: LithiationScene) -> None:
    """Raise SettingsError where a field is not allowed or two of them contradict each other."""
    for declared in fields(scene):
        value = getattr(scene, declared.name)
        choices, low = declared.metadata["choices"], declared.metadata["low"]
        if choices and value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.4)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{declared.name}: {value!r} is not one of {', '.join(choices)}{guess}")
        if _is_number(value) and low is not None and value < low:
            raise SettingsError(f"{declared.name}: {value!r} is below the lowest sensible value {low:g}")
        if type(value) is float and not abs(value) < 1e300:
            raise SettingsError(f"{declared.name}: {value!r} is not a finite number")
        for line in value if declared.metadata.get("columns") else ():
            _check_row(scene, declared, line)
    _check_counts(scene)


def _check_row(scene: LithiationScene, declared: dataclasses.Field[Any], line: Any) -> None:
    columns = declared.metadata["columns"]
    values = dict(zip(columns, line if len(columns) > 1 else (line,), strict=True))
    where = f"{declared.name} {list(values.values())}"
    # A fracture or a repeat needs a frame before it, so frame 0 is out.
    if not 1 <= values["frame"] < max(scene.frames, 2):
        raise SettingsError(f"{where}: frame must be 1 to {scene.frames - 1}")
    for name in ("particle", "other_particle"):
        if name in values and not 1 <= values[name] <= scene.particles:
            raise SettingsError(f"{where}: there are particles 1 to {scene.particles}")
    if values.get("particle") == values.get("other_particle", 0):
        raise SettingsError(f"{where}: a particle cannot merge with itself")
    if not 2 <= values.get("pieces", 2) <= 4:
        raise SettingsError(f"{where}: a particle breaks into 2, 3 or 4 pieces")
    if values.get("sigma_px", 0) < 0 or values.get("factor", 0) < 0 or values.get("count", 1) < 1:
        raise SettingsError(f"{where}: must not be negative")


def _check_counts(scene: LithiationScene) -> None:
    if max(scene.height_px, scene.width_px) > MAX_SIDE_PX:
        raise SettingsError(f"frames of {scene.height_px} x {scene.width_px} px: at most {MAX_SIDE_PX} px a side")
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
