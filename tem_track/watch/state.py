"""What is known of a recording while it goes on: written as ``state.json`` for the page, the terminal and others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tem_track.write.files import write_text

STATE_FILE, PICTURE_FILE, CURVE_FILE = "state.json", "newest.jpg", "curve.csv"
CHARTS = {"curve": "curve.svg", "film": "film.svg", "drift": "drift.svg"}
LIVE_FILES = (STATE_FILE, PICTURE_FILE, CURVE_FILE, *CHARTS.values())
"""Every file of a live view: what is removed when the analysis of the finished recording stands."""


@dataclass(frozen=True)
class LiveState:
    """A live view in numbers and words. None is not known, or not yet.

    Attributes
    ----------
    frames : int
        Complete in the recording.
    measured : int
        Of these, measured by the preview.
    newest_frame : int or None
        The last one measured, counted from 0.
    behind : int
        Complete frames after it.
    particles : int or None
        Whole particles in the mean of the newest frame.
    volume_ratio, volume_ratio_sd : float or None
        Mean V/V0 in the newest measured frame and the standard uncertainty of that mean.
    curve_frame : int or None
        The frame that these are of.
    darkened_share : float or None
        Share of the field of a film that is darker than it was.
    drift_y_px, drift_x_px : float or None
    time_s, temperature_c : float or None
        Of the newest measured frame.
    message : str
        What is going on, in words.
    warnings : tuple of str
    update_s : float
        How long the last update took.
    updated : float
        When it was, seconds since 1970.
    """

    frames: int = 0
    measured: int = 0
    newest_frame: int | None = None
    behind: int = 0
    particles: int | None = None
    volume_ratio: float | None = None
    volume_ratio_sd: float | None = None
    curve_frame: int | None = None
    darkened_share: float | None = None
    drift_y_px: float | None = None
    drift_x_px: float | None = None
    time_s: float | None = None
    temperature_c: float | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    update_s: float = 0.0
    updated: float = 0.0


def write_state(folder: Path, state: LiveState) -> None:
    """Write the state, whole or not at all.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    write_text(folder / STATE_FILE, json.dumps(asdict(state), indent=1) + "\n")


def read_state(folder: Path) -> LiveState | None:
    """Return the state as last written, None where there is none that can be read."""
    try:
        found = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    known = {one.name for one in fields(LiveState)}
    values = {name: value for name, value in found.items() if name in known}
    return LiveState(**values | {"warnings": tuple(values.get("warnings", ()))})
