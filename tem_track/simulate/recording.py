"""What every simulated movie shares: size, microscope, camera, everything that goes wrong; values and their checks."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, TypeVar

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
class Recording:
    """How a movie is recorded, whatever it shows. Frames count from 0, positions and motion are in px.

    Raises
    ------
    SettingsError
        Values that are not allowed.
    """

    height_px: int = setting(384, "height of a frame", "px", low=32)
    width_px: int = setting(384, "width of a frame", "px", low=32)
    frames: int = setting(80, "frames recorded", low=1)
    frame_interval_s: float = setting(12.0, "time between frames", "s", low=1e-9)
    pixel_size_nm: float = setting(1.3, "edge of a pixel", "nm", low=1e-6)
    seed: int = setting(1, "everything random follows from it", low=0)
    dose_per_px: float = setting(250.0, "electrons per px at the reference brightness", "e/px", low=1e-3)
    noise: bool = setting(True, "count statistics and camera noise; false gives the expected picture")
    counts_per_electron: float = setting(1.0, "camera counts per electron", low=1e-6)
    offset_counts: float = setting(4.0, "camera counts without any electron", low=0.0)
    read_noise_counts: float = setting(1.0, "standard deviation of the camera's own noise", low=0.0)
    psf_px: float = setting(0.8, "standard deviation of the point spread", "px", low=0.0)
    background: float = setting(0.06, "share of the dose that arrives everywhere (inelastic, detector offset)", low=0.0)
    fixed_pattern: float = setting(0.004, "relative standard deviation of the camera's pixel gain", low=0.0)
    vignetting: float = setting(0.06, "relative loss of brightness in the corners", low=0.0)
    drift_px: float = setting(0.3, "root mean square of the drift per frame", "px", low=0.0)
    jumps: Rows = field(default=(), metadata=rows("stage jumps", "frame", "dy_px", "dx_px"))
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
        check(self)

    def check_row(self, name: str, values: Mapping[str, float]) -> None:
        """Raise SettingsError where one row of a list of events (``{column: value}``) is not allowed."""
        where = f"{name} {list(values.values())}"
        # A fracture or a repeat needs a frame before it, so frame 0 is out.
        if "frame" in values and not 1 <= values["frame"] < max(self.frames, 2):
            raise SettingsError(f"{where}: frame must be 1 to {self.frames - 1}")
        if values.get("sigma_px", 0) < 0 or values.get("factor", 0) < 0 or values.get("count", 1) < 1:
            raise SettingsError(f"{where}: must not be negative")


SceneT = TypeVar("SceneT", bound=Recording)


def scene_changed(start: SceneT, values: Mapping[str, Any], source: str = "scene") -> SceneT:
    """Return a scene with the given values put over `start`.

    Parameters
    ----------
    start : a Recording
    values : mapping of str to value
        Field names of the scene; lists of rows as lists of lists (JSON and TOML have no tuples).
    source : str
        Who gave the values, for the error.

    Raises
    ------
    SettingsError
        An unknown name (with the nearest known one), a wrong type, or a value that is not allowed.
    """
    declared = {f.name: f for f in fields(start)}
    clean = {}
    for name, value in values.items():
        if name not in declared:
            # A unit left out is the likeliest slip: dose for dose_per_px.
            near = [known for known in declared if known.startswith(f"{name}_")]
            near = near or difflib.get_close_matches(name, list(declared), n=1, cutoff=0.4)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{source}: unknown name {name!r}{guess}")
        clean[name] = _checked(value, declared[name], f"{source}: {name}")
    return dataclasses.replace(start, **clean)


def scene_dict(scene: Recording) -> dict[str, Any]:
    """Return ``{name: value}`` of a scene, which `scene_changed` turns back into it."""
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


def check(scene: Recording) -> None:
    """Raise SettingsError where a field is not allowed."""
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
            scene.check_row(declared.name, row_values(declared, line))
    if max(scene.height_px, scene.width_px) > MAX_SIDE_PX:
        raise SettingsError(f"frames of {scene.height_px} x {scene.width_px} px: at most {MAX_SIDE_PX} px a side")


def row_values(declared: dataclasses.Field[Any], line: Any) -> dict[str, float]:
    """Return one row of a list of events as ``{column: value}``."""
    columns = declared.metadata["columns"]
    return dict(zip(columns, line if len(columns) > 1 else (line,), strict=True))
