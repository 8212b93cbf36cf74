"""What a command is told about its input: the options that become settings, and the files beside the movie.

Each option is declared once; what a command gets is one `Given` with the settings that were said and the files.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tem_track.errors import TemTrackError

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


_PIXEL_SIZE = click.option(
    "--pixel-size", type=Quantity("LENGTH", "parse_length"), help="Edge of a pixel, such as 0.5nm."
)
_INPUT = (
    _PIXEL_SIZE,
    click.option(
        "--frame-interval", type=Quantity("DURATION", "parse_duration"), help="Time from frame to frame, such as 400ms."
    ),
    click.option("--times", type=FILE, help="CSV with the columns frame,time_s: the time of every frame."),
    click.option("--allow-truncated", is_flag=True, help="Use what can be read of a truncated file."),
    click.option(
        "--temperature", type=FILE, metavar="LOG", help="Log of the heating holder, or a table of time and temperature."
    ),
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
    click.option("--labels", type=FILE, help="Label images made elsewhere; skips the detection of particles."),
    click.option(
        "--sensitivity", is_flag=True, help="Repeat the curves under shifted settings: how far does the answer move?"
    ),
    click.option("--grains", type=FILE, help="Label image of a film's grains made elsewhere, as in frame 0."),
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

    for option in reversed(options):
        collected = option(collected)
    return collected
