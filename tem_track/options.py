"""What a command is told about its input: the options that become settings, and the files beside the movie.

Each option is declared once; what a command gets is one `Given` with the settings that were said and the files.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tem_track.errors import SettingsError, TemTrackError

# Whether a file can be read is found by opening it, and said in one line.
FILE = click.Path(path_type=Path, readable=False)
# Options that are a setting, and which.
_SETTINGS = {
    "pixel_size": ("input", "pixel_size_nm"),
    "frame_interval": ("input", "frame_interval_s"),
    "allow_truncated": ("input", "allow_truncated"),
    "ramp": ("input", "ramp"),
    "log_offset": ("input", "log_offset"),
    "temperature_columns": ("input", "temperature_columns"),
    "analysis": ("analysis", "what"),
    "objects": ("analysis", "objects"),
    "sensitivity": ("output", "sensitivity"),
}
# Files that are read beside the movie; a run that was given one is only repeated with it.
_FILES = ("times", "temperature", "labels", "grains", "phases", "states")


@dataclass
class Given:
    """What was said on the command line.

    Attributes
    ----------
    settings : {stage: {name: value}}
        Only what was said.
    files : {option: Path or None}
    """

    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, Path | None] = field(default_factory=dict)


class Quantity(click.ParamType[float]):
    """A number with its unit, ``0.5nm`` or ``400ms``; the unit is never guessed."""

    def __init__(self, name: str, parser: str):
        self.name = name
        self._parser = parser

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the quantity in nm or s, or end with a usage error that says what is accepted."""
        if isinstance(value, float):
            return value
        from tem_track.read import units

        try:
            return float(getattr(units, self._parser)(value))
        except TemTrackError as error:
            self.fail(str(error), param, ctx)


PHASES = click.option("--phases", type=FILE, help="TOML with phases and reactions of your own, with their source.")
CHANGES = click.option(
    "--set", "changes", multiple=True, metavar="STAGE.NAME=VALUE", help="Change one setting; may be repeated."
)
DEBUG = click.option(
    "--debug", is_flag=True, expose_value=False, help="On an error, show where in the program it happened."
)
_PIXEL_SIZE = click.option(
    "--pixel-size", type=Quantity("LENGTH", "parse_length"), help="Edge of a pixel, such as 0.5nm."
)
_TIMES = click.option("--times", type=FILE, help="CSV with the columns frame,time_s: the time of every frame.")
_TEMPERATURE = click.option(
    "--temperature", type=FILE, metavar="LOG", help="Log of the heating holder, or a table of time and temperature."
)
_LABELS = click.option("--labels", type=FILE, help="Label images made elsewhere; skips the detection of particles.")
_GRAINS = click.option("--grains", type=FILE, help="Label image of a film's grains made elsewhere, as in frame 0.")
# Files that fit one movie only.
_OF_ONE_MOVIE = (_TIMES, _TEMPERATURE, _LABELS, _GRAINS)
_INPUT = (
    _PIXEL_SIZE,
    click.option(
        "--frame-interval", type=Quantity("DURATION", "parse_duration"), help="Time from frame to frame, such as 400ms."
    ),
    _TIMES,
    click.option("--allow-truncated", is_flag=True, help="Use what can be read of a truncated file."),
    _TEMPERATURE,
    click.option("--ramp", metavar="RAMP", help="A constant ramp instead of a log, such as 450C+2C/s."),
    click.option("--log-offset", metavar="TIME", help="The log's time at frame 0, such as 37.4s or 12:55:20.5."),
    click.option(
        "--temperature-columns",
        metavar="TIME,TEMPERATURE",
        help="The log's columns by name or number, where their names do not tell.",
    ),
)
_ANALYSIS = (
    click.option(
        "--analysis",
        type=click.Choice(["auto", "particles", "front", "both"]),
        help="Separate particles, or the front in a film that fills the field. [default: by what the frames show]",
    ),
    click.option(
        "--objects",
        type=click.Choice(["bright", "dark"]),
        help="Follow what grows brighter or darker than it was, such as a precipitate in a void.",
    ),
    _LABELS,
    click.option(
        "--sensitivity", is_flag=True, help="Repeat the curves under shifted settings: how far does the answer move?"
    ),
    _GRAINS,
)
# Of the commands about many movies: before and after the options about their input.
_SETTINGS_OF_ALL = (
    click.option("--settings", "settings_file", type=FILE, help="TOML settings for every movie."),
    CHANGES,
)
_REPORT_OF_ALL = (
    click.option("--reaction", multiple=True, metavar="[KIND=]REACTION", help="Reaction to compare V/V0 with."),
    PHASES,
    click.option("--json", "as_json", is_flag=True, help="Tell what happens in lines of JSON, for other programs."),
    click.option("-q", "--quiet", is_flag=True, help="Print failures only."),
    DEBUG,
)

_PAIR = (
    click.option(
        "--states",
        type=FILE,
        help="CSV with the column image and state, voltage_v, time_h or pixel_size_nm of each image.",
    ),
    _PIXEL_SIZE,
)


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options about its input; it gets them as ``given``."""
    return _with(_INPUT, command)


def analysis_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options about its input and about what is analysed; it gets them as ``given``."""
    return _with((*_INPUT, *_ANALYSIS), command)


def batch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that hold for many movies; it gets those about its input as ``given``."""
    of_many = tuple(option for option in (*_INPUT, *_ANALYSIS) if option not in _OF_ONE_MOVIE)
    return _stacked(_SETTINGS_OF_ALL, _with(of_many, _stacked(_REPORT_OF_ALL, command)))


def pair_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options about a few images of one place; it gets them as ``given``."""
    return _with(_PAIR, command)


def _with(options: tuple[Callable[..., Any], ...], command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def collected(**values: Any) -> Any:
        given = Given(files={name: values.pop(name) for name in _FILES if name in values})
        for name in [name for name in _SETTINGS if name in values]:
            value = values.pop(name)
            # A flag that is not set says nothing; a settings file may.
            if value is not None and value is not False:
                stage, setting = _SETTINGS[name]
                given.settings.setdefault(stage, {})[setting] = value
        return command(given=given, **values)

    return _stacked(options, collected)


def _stacked(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command several options; the first one stands first in its help."""
    for option in reversed(options):
        command = option(command)
    return command


def said_settings(
    file: Path | None, changes: tuple[str, ...], given: dict[str, Any]
) -> tuple[Any, dict[str, dict[str, str]]]:
    """Return the settings in force and where each value came from: defaults < settings file < command line."""
    from tem_track.settings import layered_settings

    return layered_settings(*settings_file_layer(file), *said_layers(changes, given))


def settings_file_layer(file: Path | None) -> list[tuple[str, dict[str, Any]]]:
    """Return the settings of a file with its name, nothing for no file."""
    from tem_track.settings import read_settings_file

    return [] if file is None else [(file.name, read_settings_file(file))]


def said_layers(changes: tuple[str, ...], given: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the settings of the command line: every ``--set``, then the options that are settings."""
    layers: list[tuple[str, dict[str, Any]]] = []
    for text in changes:
        name, value = assignment(text)
        stage, dot, setting = name.partition(".")
        if not dot:
            raise SettingsError(f"--set {text}: write STAGE.NAME=VALUE, such as track.max_gap_frames=5")
        layers.append(("command line", {stage: {setting: value}}))
    if given:
        layers.append(("command line", given))
    return layers


def assignment(text: str) -> tuple[str, Any]:
    """Return (name, value) of ``name=value``; the value is TOML, a bare word is text."""
    import tomllib

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"--set {text}: write NAME=VALUE")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return name.strip(), value.strip()
