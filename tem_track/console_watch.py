"""What the person at the terminal sees of a watch: a line per recording, or lines of text or JSON as things happen."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType

import rich.box
import rich.console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from tem_track.visible import visible as printable
from tem_track.watch.recording import ANALYSING, DONE, FAILED, RECORDING, Watched
from tem_track.watch.state import LiveState

_COLOURS = {RECORDING: "bold red", ANALYSING: "cyan", DONE: "green", FAILED: "bold red"}
# Recordings listed: those last written to; the page lists all.
_LISTED = 12
# Without a terminal a line per recording this often is enough, s.
_QUIET_S = 10.0
# Two-sided 95 % of a normal distribution.
_TWO_SIDED_95 = 1.96


class WatchConsole:
    """Shows a watch on stderr; for programs, lines of JSON on stdout.

    Parameters
    ----------
    as_json : bool
        ``{"event": ..., "movie": ..., "state": ..., "message": ...}``; `update` events hold the live state as well.
        Events: `found`, `recording`, `update`, `complete`, `analysing`, `done`, `failed`, `note`.
    quiet : bool
        Failures only.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False):
        self._json, self._quiet = as_json, quiet
        self._err = rich.console.Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._is_live = self._err.is_terminal and not as_json and not quiet
        # Lines that are cut at the edge, not wrapped: what is drawn over them must know how many there are.
        screen = rich.console.Console(file=sys.stderr, highlight=False)
        self._live = Live(console=screen, auto_refresh=False, transient=False)
        self._told: dict[str, float] = {}

    def __enter__(self) -> WatchConsole:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._live.stop()

    def show(self, recordings: Sequence[Watched]) -> None:
        """Show where all recordings stand."""
        if self._is_live:
            self._live.update(_table(recordings), refresh=True)

    def changed(self, recording: Watched, event: str) -> None:
        """Say what happened with a recording, one line."""
        if self._json:
            facts = {"event": event, "movie": recording.name, "state": recording.state, "message": recording.message}
            live = asdict(recording.live) if event == "update" and recording.live else {}
            self._line({**live, **facts})
            return
        if self._is_live or (self._quiet and event != FAILED) or event == "found":
            return
        if event == "update" and time.monotonic() - self._told.get(recording.name, -_QUIET_S) < _QUIET_S:
            return
        self._told[recording.name] = time.monotonic()
        words = live_words(recording.live) if event == "update" and recording.live else recording.message
        self._err.print(escape(printable(f"{recording.name}: {recording.state}: {words}")))

    def note(self, text: str) -> None:
        """Say something about the whole folder."""
        if self._json:
            self._line({"event": "note", "message": text})
        elif not self._quiet:
            self._err.print(f"[dim]{escape(printable(text))}[/dim]")

    def summary(self, recordings: Sequence[Watched]) -> None:
        """Say which recordings failed, and which are not analysed yet."""
        if self._json:
            return
        for one in recordings:
            if one.state == FAILED:
                self._err.print(f"[red]failed[/red] {escape(printable(f'{one.name}: {one.message}'))}")
            elif one.state != DONE and not self._quiet:
                self._err.print(f"[yellow]not analysed[/yellow] {escape(printable(f'{one.name}: {one.message}'))}")

    def _line(self, facts: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def live_words(live: LiveState) -> str:
    """Return a live view in one line.

    >>> live_words(LiveState(frames=12, measured=12, newest_frame=11, volume_ratio=1.5, volume_ratio_sd=0.01))
    'V/V0 1.500 ± 0.020, 12 frames, none behind'
    """
    parts = []
    if live.volume_ratio is not None:
        half = f" ± {_TWO_SIDED_95 * live.volume_ratio_sd:.3f}" if live.volume_ratio_sd else ""
        parts.append(f"V/V0 {live.volume_ratio:.3f}{half}")
    if live.darkened_share is not None:
        parts.append(f"{live.darkened_share:.1%} darker")
    if live.temperature_c is not None:
        parts.append(f"{live.temperature_c:.0f} °C")
    if live.drift_y_px is not None and live.drift_x_px is not None:
        parts.append(f"drift {live.drift_y_px:+.1f} {live.drift_x_px:+.1f} px")
    parts.append(f"{live.frames} frames")
    if live.newest_frame is not None:
        parts.append(f"{live.behind or 'none'} behind")
    if live.warnings:
        parts.append(f"{len(live.warnings)} warning{'s' * (len(live.warnings) > 1)}")
    return ", ".join(parts)


def _table(recordings: Sequence[Watched]) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
    for one in recordings[:_LISTED]:
        colour = _COLOURS.get(one.state, "dim")
        table.add_row(escape(printable(one.name)), f"[{colour}]{one.state}[/{colour}]", escape(printable(_words(one))))
    if len(recordings) > _LISTED:
        table.add_row(f"[dim]and {len(recordings) - _LISTED} more[/dim]", "", "")
    if not recordings:
        table.add_row("[dim]nothing has been recorded yet[/dim]", "", "")
    return table


def _words(one: Watched) -> str:
    if one.state == RECORDING and one.live is not None and one.live.newest_frame is not None:
        return live_words(one.live)
    return one.message
