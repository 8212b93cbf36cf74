"""What the person at the terminal sees: progress while it runs, a summary at the end. Quiet where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

import rich.box
import rich.console
from rich.markup import escape as escape_markup
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tem_track import movie
from tem_track.outcome import Outcome
from tem_track.visible import visible


class Console:
    """Shows the stages of a run on stderr and its summary on stdout.

    Progress bars, and warnings as they arise, appear only where stderr is a terminal. The summary repeats the
    warnings; a quiet run prints them alone, on stderr, once it has succeeded: a failed one says one line only.
    """

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._err = rich.console.Console(file=sys.stderr, highlight=False, emoji=False, soft_wrap=True)
        self._out = rich.console.Console(file=sys.stdout, highlight=False, emoji=False)
        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:>5.0f}/{task.total:.0f} frames"),
            _FramesPerSecond(),
            TimeRemainingColumn(compact=True),
            console=self._err,
            disable=quiet or not self._err.is_terminal,
        )

    def __enter__(self) -> Console:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def stage(self, name: str, frames: int) -> movie.Progress:
        """Open the progress bar of a stage and return what the stage calls with (frames done, frames in all)."""
        task: TaskID = self._bars.add_task(escape(name), total=max(frames, 1))

        def report(done: int, total: int) -> None:
            self._bars.update(task, completed=done, total=max(total, 1))

        return report

    def note(self, text: str) -> None:
        """Say what was decided, one line; silent when quiet or when nobody looks."""
        if not self._quiet and self._err.is_terminal:
            self._err.print(f"[dim]{escape(text)}[/dim]")

    def warn(self, text: str) -> None:
        """Say at once what needs attention, one line, where somebody looks."""
        if not self._quiet and self._err.is_terminal:
            self._err.print(f"[yellow]warning:[/yellow] {escape(text)}")

    def summary(self, outcome: Outcome) -> None:
        """Print the closing table: what was found, what needs attention, where it is."""
        self._bars.stop()
        if outcome.unchanged:
            if not self._quiet:
                self._out.print(f"{escape(str(outcome.folder))}: up to date, nothing to do", soft_wrap=True)
            return
        if self._quiet:
            for line in outcome.attention:
                self._err.print(f"[yellow]warning:[/yellow] {escape(line)}")
            return
        table = _table(f"{outcome.movie_name}", outcome.facts)
        self._out.print(table)
        if outcome.attention:
            self._out.print("[yellow]needs attention[/yellow]")
            for line in outcome.attention:
                self._out.print(f"  - {escape(line)}", soft_wrap=True)
        self._out.print(f"run folder: {escape(str(outcome.folder))}", soft_wrap=True)


class _FramesPerSecond(ProgressColumn):
    """Speed of a stage in frames/s."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:7.1f} frames/s" if speed else " " * 16)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print what `inspect` found as a two-column table on stdout."""
    rows = [(name.replace("_", " "), _words(value)) for name, value in facts.items()]
    rich.console.Console(highlight=False, emoji=False).print(_table(None, rows))


def print_reaction(facts: Mapping[str, Any]) -> None:
    """Print one reaction: its levels, what it assumes, the phases it stands on."""
    rows = [(name, facts[name]) for name in ("path", "source", "note") if facts[name]]
    rows += [(f"V/V0, {level['label']}", _level_words(level)) for level in facts["levels"]]
    rich.console.Console(highlight=False, emoji=False).print(_table(facts["reaction"], rows))
    _print_phases(facts["phases"])


def print_reactions(reactions: Iterable[Mapping[str, Any]], phases: Iterable[Mapping[str, Any]]) -> None:
    """Print every reaction with its V/V0, and every phase with its volume and source."""
    out = rich.console.Console(highlight=False, emoji=False)
    for facts in reactions:
        rows = [(f"V/V0, {level['label']}", f"{level['volume_ratio']:.4f}") for level in facts["levels"]]
        out.print(_table(facts["reaction"], [("path", facts["path"]), *rows, ("source", facts["source"])]))
    _print_phases(phases)


def _level_words(level: Mapping[str, Any]) -> str:
    sd = level["volume_ratio_sd"]
    taken = ", ".join(f"{n:+.3g} {ion}" for ion, n in level["taken_up_per_formula_unit"].items())
    words = [
        f"{level['volume_ratio']:.4f}",
        "(uncertainty of the cells not known)" if sd is None else f"± {sd:.2g} (standard uncertainty)",
        level["phases"],
    ]
    return "  ".join(words) + (f"  [{taken} per formula unit]" if taken else "")


def _print_phases(phases: Iterable[Mapping[str, Any]]) -> None:
    """Print volumes of phases, and where they are from as notes below."""
    out = rich.console.Console(highlight=False, emoji=False)
    table = Table(title="Phases", title_justify="left", box=rich.box.SIMPLE)
    table.add_column("name", no_wrap=True)
    table.add_column("cell", overflow="fold")
    for heading in ("Z", "Å³ per formula unit", "cm³/mol", "source"):
        table.add_column(heading, justify="right")
    notes: dict[str, int] = {}
    for phase in phases:
        name, formula, sd = phase["name"], phase["formula"], phase["volume_sd_angstrom3"]
        named = name if name == formula else f"{name} ({formula})"
        volume = f"{phase['volume_angstrom3']:.4f}" + (f" ± {sd:.2g}" if sd else "")
        note = notes.setdefault(phase["source"], 1 + len(notes))
        numbers = (f"{phase['formula_units']:g}", volume, f"{phase['molar_volume_cm3_per_mol']:.4f}", f"({note})")
        table.add_row(*map(escape, (named, phase["cell"], *numbers)))
    out.print(table)
    for source, note in notes.items():
        out.print(f"  ({note}) {escape(source)}", soft_wrap=True)


def escape(text: str) -> str:
    """Return words from outside as rich and the terminal show them: neither markup nor control characters count."""
    return escape_markup(visible(text))


def _table(title: str | None, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(title=escape(title) if title else None, title_justify="left", show_header=False, box=rich.box.SIMPLE)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        # Lines of their own are for lists; a line end within a name is spelt out.
        table.add_row(escape(name), "\n".join(map(escape, value.split("\n"))))
    return table


def _words(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_words(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "\n".join(_words(inner) for inner in value) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return visible(str(value))
