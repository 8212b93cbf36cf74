"""`live.html` put together from what the live views have written."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tem_track.watch.recording import DONE, Watched
from tem_track.watch.state import CHARTS, PICTURE_FILE, LiveState
from tem_track.write.files import write_text
from tem_track.write.live_page import LiveMovie, live_page

if TYPE_CHECKING:
    from tem_track.watch.watching import Watching

PAGE = "live.html"
# Two-sided 95 % of a normal distribution.
_TWO_SIDED_95 = 1.96
_CAPTIONS = {
    "curve": "V/V0 so far: each particle in the colour of its outline; white: their mean with its 95 % band.",
    "film": "Share of the field that is darker than in the first frames: a quick look, faint damage reads low.",
    "drift": "Where the specimen sits, minus where it sat in frame 0.",
}


def write_page(watching: Watching, ended: str = "") -> None:
    """Write the page of a watch, whole or not at all.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    now = time.time()
    page = live_page(
        watching.title,
        [_on_page(watching, recording) for recording in watching.sorted()],
        updated=datetime.fromtimestamp(now).strftime("%H:%M:%S"),
        updated_unix=now,
        every_s=watching.options.every_s,
        ended=ended,
    )
    write_text(watching.output / PAGE, page)


def _on_page(watching: Watching, recording: Watched) -> LiveMovie:
    """Return what the page shows of a recording; pictures only until its analysis stands."""
    folder = watching.live_folder(recording)
    shown = recording.state != DONE and recording.live is not None
    live = recording.live if shown else None
    return LiveMovie(
        name=recording.name,
        state=recording.state,
        message=recording.message,
        report=watching.report_of(recording) if recording.state == DONE else "",
        numbers=state_numbers(live) if live else (),
        warnings=live.warnings if live else (),
        picture=_bytes(folder / PICTURE_FILE) if shown else b"",
        charts=[(_CAPTIONS[name], _bytes(folder / file).decode()) for name, file in CHARTS.items()] if shown else (),
    )


def state_numbers(live: LiveState) -> list[tuple[str, str]]:
    """Return what a live view says, as names and values for people; what is not known is left out."""
    found = []
    if live.volume_ratio is not None:
        half = "" if not live.volume_ratio_sd else f" ± {_TWO_SIDED_95 * live.volume_ratio_sd:.3f}"
        of = f", mean of {live.particles}" if live.particles else ""
        found.append((f"V/V0 so far{of} (95 %)", f"{live.volume_ratio:.3f}{half}"))
    if live.darkened_share is not None:
        found.append(("darker than at the start (quick look)", f"{live.darkened_share:.1%} of the field"))
    if live.temperature_c is not None:
        found.append(("temperature", f"{live.temperature_c:.1f} °C"))
    if live.time_s is not None:
        found.append(("time of the newest frame", _clock(live.time_s)))
    if live.drift_y_px is not None and live.drift_x_px is not None:
        found.append(("drift down, right", f"{live.drift_y_px:+.1f}, {live.drift_x_px:+.1f} px"))
    found.append(("frames recorded", f"{live.frames}"))
    if live.newest_frame is not None:
        found.append(("behind", "none" if not live.behind else f"{live.behind} frame{'s' * (live.behind > 1)}"))
        found.append(("measured by the preview", f"{live.measured}"))
    return found


def _clock(seconds: float) -> str:
    """Return a time as a person reads it off a clock.

    >>> _clock(7.26), _clock(3725.0)
    ('7.3 s', '1:02:05')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02d} min"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
