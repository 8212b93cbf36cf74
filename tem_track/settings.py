"""Settings: one frozen dataclass per stage, and their way to TOML and back.

Every field says its default, unit and meaning where it is declared; `tem-track settings` prints exactly that. A value
travels with where it came from (``default``, ``settings file``, ``command line``), and both are in ``run.json``. An
unknown name or a wrong type is an error with a guess at what was meant.

Sizes of the specimen are in nm, widths of filters in px.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from tem_track.errors import SettingsError

# The record of a run with its tables is a few hundred kB.
_LARGEST_BYTES = 64 * 2**20


def setting(default: Any, meaning: str, unit: str = "", choices: tuple[str, ...] = (), low: float | None = None) -> Any:
    """Declare a settings field: default, one line of meaning, unit, allowed words or lowest allowed number."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "choices": choices, "low": low})


@dataclass(frozen=True)
class InputSettings:
    """What is said about the movie instead of the file's own word."""

    pixel_size_nm: float = setting(0.0, "edge of a pixel; 0 = from the file", "nm", low=0.0)
    frame_interval_s: float = setting(0.0, "time from frame to frame; 0 = from the file", "s", low=0.0)
    allow_truncated: bool = setting(False, "analyse what can be read of a truncated file")
    ramp: str = setting("", "temperature of a constant ramp from frame 0 on, such as 450C+2C/s; empty = none")
    log_offset: str = setting(
        "", "the temperature log's time at frame 0, such as 37.4s or 12:55:20.5; empty = from the clocks of both"
    )
    temperature_columns: str = setting(
        "", "the log's columns with time and temperature, such as time_s,temp_C or 2,4; empty = by their names"
    )


@dataclass(frozen=True)
class AnalysisSettings:
    """What of the specimen is analysed."""

    what: str = setting(
        "auto",
        "separate particles, the front in a film that fills the field, or both; auto = by what the frames show",
        choices=("auto", "particles", "front", "both"),
    )
    objects: str = setting(
        "none",
        "follow what grows brighter or darker than it was before, such as a precipitate in a void, and nothing else",
        choices=("none", "bright", "dark"),
    )


@dataclass(frozen=True)
class DriftSettings:
    """How the frames are judged and registered."""

    enabled: bool = setting(True, "register the frames; false takes the specimen as not moving")


@dataclass(frozen=True)
class SegmentSettings:
    """How particles are found and outlined in a frame."""

    polarity: str = setting(
        "auto", "particles darker or brighter than their surroundings", choices=("auto", "dark", "bright")
    )
    min_diameter_nm: float = setting(
        0.0, "smallest equivalent diameter of a particle; 0 = from the data", "nm", low=0.0
    )
    max_diameter_nm: float = setting(0.0, "largest equivalent diameter of a particle; 0 = from the data", "nm", low=0.0)

    def __post_init__(self) -> None:
        if 0 < self.max_diameter_nm < self.min_diameter_nm:
            raise SettingsError(
                f"segment.max_diameter_nm {self.max_diameter_nm:g} is below min_diameter_nm {self.min_diameter_nm:g}"
            )


@dataclass(frozen=True)
class TrackSettings:
    """How particles keep their identity."""

    max_gap_frames: int = setting(10, "frames a particle may be missing before it is lost", "frames", low=0)


@dataclass(frozen=True)
class ExpansionSettings:
    """How an outline becomes a volume and a volume curve its stages."""

    volume_model: str = setting(
        "sphere", "how a projected area becomes a volume", choices=("sphere", "spheroid", "film")
    )
    shared_edge_error: float = setting(
        0.5, "share of the outline's edge error that a fully reacted particle has in common with its own V0", low=0.0
    )
    outline_shift_px: float = setting(
        0.0,
        "distance by which every outer outline is moved outwards before its area is taken (negative: inwards)",
        "px",
    )
    v0_frames: int = setting(
        0, "frames at the start of a track whose median is V0; 0 = the level before the onset", "frames", low=0
    )
    reaction: str = setting(
        "", "expected reaction (see tem-track theory) to compare V/V0 with, or KIND=REACTION; ... ; empty = none"
    )


@dataclass(frozen=True)
class FrontSettings:
    """How a degradation front in a film is measured."""

    boundary_zone_nm: float = setting(
        0.0, "width of the boundary zone to either side of a grain boundary; 0 = from the data", "nm", low=0.0
    )
    # The smallest patches are smoothed away: at half of the fraction that rises out of noise (1e-4) simulated onsets
    # come out neither early nor late.
    onset_fraction: float = setting(0.00005, "degraded fraction of the field that is the onset", low=1e-6)
    dark_contrast: float = setting(
        0.25,
        "how much darker than the foil around it a place is that counts as dark, where contrast changes both ways",
        low=0.01,
    )


@dataclass(frozen=True)
class OutputSettings:
    """What is written besides the tables."""

    overlay: bool = setting(True, "write the overlay movie")
    figures: bool = setting(True, "write the figures")
    sensitivity: bool = setting(False, "repeat the volume curves under shifted settings and write sensitivity.csv")


@dataclass(frozen=True)
class Settings:
    """Every setting in force, one group per stage."""

    input: InputSettings = field(default_factory=InputSettings)
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    segment: SegmentSettings = field(default_factory=SegmentSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    expansion: ExpansionSettings = field(default_factory=ExpansionSettings)
    front: FrontSettings = field(default_factory=FrontSettings)
    output: OutputSettings = field(default_factory=OutputSettings)

    def items(self) -> Iterator[tuple[str, str, Any, dataclasses.Field[Any]]]:
        """Yield (stage, name, value, declaration) of every setting."""
        for group in fields(self):
            stage = getattr(self, group.name)
            for declared in fields(stage):
                yield group.name, declared.name, getattr(stage, declared.name), declared


def settings_from(values: Mapping[str, Any], start: Settings | None = None, source: str = "settings") -> Settings:
    """Return settings with the given ``{stage: {name: value}}`` put over `start` (the defaults if None).

    Raises
    ------
    SettingsError
        An unknown stage or name (with the nearest known one), a wrong type or a value that is not allowed.
    """
    settings = start or Settings()
    stages = {f.name: getattr(settings, f.name) for f in fields(settings)}
    for stage, changes in values.items():
        if stage not in stages:
            raise SettingsError(f"{source}: unknown group [{stage}]{_guess(stage, stages)}")
        if not isinstance(changes, Mapping):
            raise SettingsError(f"{source}: {stage} must be a group of settings, [{stage}]")
        stages[stage] = _changed(stages[stage], stage, changes, source)
    return Settings(**stages)


def read_settings_file(path: Path) -> dict[str, Any]:
    """Return the ``{stage: {name: value}}`` of a TOML file, or of the ``run.json`` of an earlier run.

    Raises
    ------
    SettingsError
        The file cannot be read or is neither. Names and types are checked by `layered_settings`.
    """
    text = settings_text(path)
    if path.suffix != ".json":
        return parsed_toml(text, path.name)
    try:
        record = json.loads(text)
        return {
            stage: {name: entry["value"] for name, entry in names.items()}
            for stage, names in record["settings"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path.name}: not the run.json of a tem-track run") from error


def settings_text(path: Path) -> str:
    """Return the text of a settings file.

    Raises
    ------
    SettingsError
        Missing, not text in UTF-8, or absurdly large.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST_BYTES:
        raise SettingsError(f"{path.name}: too large for settings")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: not valid TOML or JSON: no text in UTF-8") from error


def parsed_toml(text: str, source: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Parameters
    ----------
    text : str
    source : str
        Name of the file, for messages.

    Raises
    ------
    SettingsError
        Not TOML, or nested beyond reason.
    """
    try:
        return tomllib.loads(text)
    # Besides its own error: numbers of thousands of digits, brackets nested a thousand deep.
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting beyond reason"
        raise SettingsError(f"{source}: not valid TOML: {reason}") from error


def files_of_run(path: Path) -> dict[str, str]:
    """Return ``{option: file name}`` of the files that the run of a ``run.json`` was given beside its movie.

    Empty for any other settings file.

    Raises
    ------
    SettingsError
        Not the record of a run.
    """
    if path.suffix != ".json":
        return {}
    names = ("times", "labels", "phases", "grains", "temperature", "states")
    try:
        read = json.loads(path.read_text(encoding="utf-8")).get("input", {})
        return {name: str(read[name]["name"]) for name in names if read.get(name)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path.name}: not the run.json of a tem-track run") from error


def layered_settings(*layers: tuple[str, Mapping[str, Any]]) -> tuple[Settings, dict[str, dict[str, str]]]:
    """Return the settings of several layers, later ones first in rank, and where each value came from.

    Parameters
    ----------
    *layers : (source, {stage: {name: value}})
        For example ``("movie.toml", {...})`` and ``("command line", {...})``.

    Returns
    -------
    settings : Settings
    sources : {stage: {name: source}}
        ``"default"`` for a value that no layer gave.

    Raises
    ------
    SettingsError
        As `settings_from`.
    """
    settings = Settings()
    sources = {stage: dict.fromkeys(names, "default") for stage, names in settings_dict(settings).items()}
    for source, values in layers:
        settings = settings_from(values, settings, source)
        for stage, changes in values.items():
            sources[stage].update(dict.fromkeys(changes, source))
    return settings, sources


def settings_toml(settings: Settings | None = None) -> str:
    """Return the settings as commented TOML that `read_settings` reads back."""
    settings = settings or Settings()
    lines: list[str] = []
    stage_before = ""
    for stage, name, value, declared in settings.items():
        if stage != stage_before:
            heading = (getattr(settings, stage).__doc__ or "").splitlines()[0]
            lines += ([""] if lines else []) + [f"# {heading}", f"[{stage}]"]
            stage_before = stage
        meta = declared.metadata
        notes = [meta["meaning"]]
        if meta["unit"]:
            notes.append(f"[{meta['unit']}]")
        if meta["choices"]:
            notes.append(f"({' | '.join(meta['choices'])})")
        lines += [f"# {' '.join(notes)}", f"{name} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def settings_dict(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return ``{stage: {name: value}}`` of every setting in force."""
    return dataclasses.asdict(settings)


def _changed(stage: Any, stage_name: str, changes: Mapping[str, Any], source: str) -> Any:
    declared = {f.name: f for f in fields(stage)}
    types = get_type_hints(type(stage))
    clean = {}
    for name, value in changes.items():
        where = f"{source}: {stage_name}.{name}"
        if name not in declared:
            raise SettingsError(f"{where}: unknown setting{_guess(name, declared)}")
        clean[name] = _checked(value, types[name], declared[name], where)
    return dataclasses.replace(stage, **clean)


def _checked(value: Any, wanted: type, declared: dataclasses.Field[Any], where: str) -> Any:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not wanted:
        raise SettingsError(f"{where}: {value!r} is {_kind(type(value))}, should be {_kind(wanted)}")
    choices, low = declared.metadata["choices"], declared.metadata["low"]
    if choices and value not in choices:
        raise SettingsError(f"{where}: {value!r} is not one of {', '.join(choices)}{_guess(str(value), choices)}")
    if isinstance(value, float) and not -1e300 < value < 1e300:
        raise SettingsError(f"{where}: {value!r} is not a finite number")
    if low is not None and value < low:
        raise SettingsError(f"{where}: {value!r} is below the lowest sensible value {low:g}")
    return value


def _kind(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}.get(
        kind, f"a {kind.__name__}"
    )


def _guess(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # TOML's escapes are those of JSON, but for the delete sign, which it wants escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
