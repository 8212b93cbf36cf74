"""The stages of a run: what each is worked out after, and the settings and files it depends on. Nowhere else.

A stage sees no setting but its own and those of the stages before it (`seen_settings`), so that a result kept under its
key cannot depend on anything the key does not hold.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import tem_track
from tem_track.errors import SettingsError
from tem_track.settings import Settings
from tem_track.write.run import library_versions

_SEGMENT = ("segment.polarity", "segment.min_diameter_nm", "segment.max_diameter_nm", "input.pixel_size_nm")
_TEMPERATURE = ("input.ramp", "input.log_offset", "input.temperature_columns")
# What every stage stands on: reading, what travels, and the order of the stages.
_COMMON_CODE = ("movie.py", "labels.py", "tables", "settings.py", "read", "pipeline")
# What the files of a run are made by, beyond that.
_RUN_CODE = ("drift", "segment", "track", "expansion", "front", "theory", "write", "outcome.py")
# Libraries of the command line only: they are in no result.
_NO_RESULT = ("click", "rich")


@dataclass(frozen=True)
class Stage:
    """One step of a run whose result is kept.

    Attributes
    ----------
    name : str
        Of its file in the run folder; one of its own.
    called : str
        What ``--from`` and the seconds of a run call it; steps of one kind in different analyses share it.
    after : tuple of str
        Names of the stages whose results it takes. One that a run does not have is left out.
    settings : tuple of "group.name"
        What it depends on beyond what the stages before it depend on.
    files : tuple of str
        Which of the files read it depends on: ``movie times temperature labels grains phases``.
    rooms : tuple of str
        Packages of tem-track that do the work.
    """

    name: str
    called: str
    after: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()


_MEASURING = (
    Stage("survey", "survey", (), ("input.allow_truncated", "drift.enabled"), ("movie",), ("drift",)),
    Stage(
        "choice",
        "choice",
        ("survey",),
        ("analysis.what", "analysis.objects", "segment.polarity", *_TEMPERATURE),
        ("labels", "temperature"),
        ("segment",),
    ),
    # The front in a film.
    Stage("film-drift", "drift refinement", ("survey",), (), (), ("drift",)),
    Stage("first-grains", "grains", ("film-drift",), (), ("grains",), ("front", "drift")),
    Stage("first-arrival", "arrival", ("first-grains",), (), (), ("front", "drift")),
    Stage("grains", "grains", ("first-arrival",), (), (), ("front", "drift")),
    Stage("arrival", "arrival", ("grains",), (), (), ("front", "drift")),
    Stage(
        "front",
        "front",
        ("arrival",),
        (
            "front.boundary_zone_nm",
            "front.onset_fraction",
            "front.dark_contrast",
            "analysis.what",
            "input.pixel_size_nm",
            "input.frame_interval_s",
            *_TEMPERATURE,
        ),
        ("times", "temperature"),
        ("front", "drift"),
    ),
    # Separate particles; those in a film move as the film does.
    Stage("detection", "detection", ("survey",), _SEGMENT, ("labels",), ("segment",)),
    Stage("drift", "drift refinement", ("detection",), (), (), ("drift",)),
    Stage(
        "tracking",
        "tracking",
        ("detection", "drift", "film-drift"),
        ("track.max_gap_frames", "input.frame_interval_s"),
        ("times",),
        ("track",),
    ),
    Stage("outlines", "outlines", ("tracking",), (), (), ("segment", "drift")),
    Stage(
        "expansion",
        "expansion",
        ("outlines",),
        (
            "expansion.volume_model",
            "expansion.shared_edge_error",
            "expansion.outline_shift_px",
            "expansion.v0_frames",
            *_TEMPERATURE,
        ),
        ("temperature",),
        ("expansion",),
    ),
    Stage("sensitivity", "sensitivity", ("expansion",), (), (), ("segment", "track", "expansion")),
    # Objects that grow.
    Stage("still-part", "drift refinement", ("survey",), (), (), ("drift",)),
    Stage("growth-drift", "drift refinement", ("still-part",), (), (), ("drift",)),
    Stage("growth", "growth", ("growth-drift",), ("analysis.objects",), (), ("front",)),
    Stage("objects", "objects", ("growth",), (), (), ("front",)),
)

# What is drawn over the frames, with time, temperature and scale bar.
_OVERLAY = Stage(
    "overlay",
    "overlay movie",
    tuple(stage.name for stage in _MEASURING if stage.name != "sensitivity"),
    ("input.pixel_size_nm", "input.frame_interval_s", *_TEMPERATURE),
    ("times", "temperature"),
    ("write",),
)

STAGES = (*_MEASURING, _OVERLAY)
"""In the order in which they are worked out."""

OUTPUT = "output"
"""What ``--from`` calls the writing of tables, figures, overlay and report: it depends on everything."""

OUTPUT_SETTINGS = ("expansion.reaction", "output.overlay", "output.figures", "output.sensitivity")
"""Settings that change what is written and nothing that is measured."""

_BY_NAME = {stage.name: stage for stage in STAGES}


def stage_named(name: str) -> Stage:
    """Return the stage of a name.

    Raises
    ------
    KeyError
        There is none.
    """
    return _BY_NAME[name]


def seen_settings(name: str, settings: Settings) -> Settings:
    """Return the settings with everything at its default that the stage is not declared to depend on.

    >>> from tem_track.settings import settings_from
    >>> changed = settings_from({"track": {"max_gap_frames": 3}})
    >>> seen_settings("survey", changed).track.max_gap_frames, seen_settings("expansion", changed).track.max_gap_frames
    (10, 3)
    """
    seen = {entry for stage in (name, *stages_before(name)) for entry in _BY_NAME[stage].settings}
    groups = {}
    for group in fields(settings):
        values = getattr(settings, group.name)
        known = {f.name: getattr(values, f.name) for f in fields(values) if f"{group.name}.{f.name}" in seen}
        groups[group.name] = replace(getattr(Settings(), group.name), **known)
    return Settings(**groups)


def stages_before(name: str) -> frozenset[str]:
    """Return every stage that a stage stands on, however far back."""
    before = _BY_NAME[name].after
    return frozenset(before).union(*(stages_before(stage) for stage in before))


def stages_from(called: str) -> frozenset[str]:
    """Return the stages of that name and all that stand on them; none for ``""`` and for the output.

    Raises
    ------
    SettingsError
        No stage is called that; the message names them all.
    """
    if called in ("", OUTPUT):
        return frozenset()
    first = {stage.name for stage in STAGES if called in (stage.name, stage.called.split()[0])}
    if not first:
        known = dict.fromkeys(stage.called.split()[0] for stage in STAGES)
        raise SettingsError(f"--from {called}: no such stage; there are {', '.join([*known, OUTPUT])}")
    return frozenset(stage.name for stage in STAGES if stage.name in first or stages_before(stage.name) & first)


def stage_key(name: str, before: Mapping[str, str], settings: Settings, inputs: Mapping[str, str]) -> str:
    """Return what a stage's result is kept under: it changes when anything does that the result depends on.

    Parameters
    ----------
    name : str
    before : mapping of name to key
        Of the stages worked out so far in this run.
    settings : Settings
    inputs : mapping of file to str
        Hash of each file read.
    """
    stage = _BY_NAME[name]
    values = {f"{group}.{field}": value for group, field, value, _ in settings.items()}
    return _digest(
        [
            *_program(stage.rooms),
            name,
            [before.get(other, "") for other in stage.after],
            {entry: values[entry] for entry in stage.settings},
            [inputs.get(role, "") for role in stage.files],
        ]
    )


def run_key(settings: Settings, inputs: Mapping[str, str], movie_name: str) -> str:
    """Return what a whole run is known by: program, libraries, every setting, every file read, the movie's name."""
    values = {f"{group}.{field}": value for group, field, value, _ in settings.items()}
    return _digest([*_program(_RUN_CODE), movie_name, values, dict(inputs)])


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _program(rooms: tuple[str, ...]) -> tuple[Any, ...]:
    """Return version, code and libraries that the results of some rooms are made by."""
    libraries = {name: version for name, version in library_versions().items() if name not in _NO_RESULT}
    return tem_track.__version__, code_digest(rooms), libraries, platform.python_version()


@cache
def code_digest(rooms: tuple[str, ...]) -> str:
    """Return a hash of the source of some rooms and of what all stand on.

    A development version changes without its number; a kept result of other code must not be taken for this one's.
    """
    package, digest = Path(tem_track.__file__).parent, hashlib.sha256()
    for place in (*_COMMON_CODE, *rooms):
        standing = package / place
        for path in [standing] if standing.is_file() else sorted(standing.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
