"""The command that watches a folder: reads what was asked, calls the watch, says what came out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import click

from tem_track.options import FILE, Given, Quantity, batch_options, said_layers, settings_file_layer


@click.command()
@click.argument("folder", type=FILE)
@click.option("-o", "--output", type=FILE, help="Folder of the results. [default: FOLDER_batch beside you]")
@click.option(
    "--every",
    type=Quantity("DURATION", "parse_duration"),
    default="2s",
    show_default=True,
    help="Time between updates of curve and picture.",
)
@click.option(
    "--settle",
    type=Quantity("DURATION", "parse_duration"),
    default="5s",
    show_default=True,
    help="Without growth for so long, and three times its longest pause, a recording counts as finished.",
)
@click.option(
    "--idle", type=Quantity("DURATION", "parse_duration"), help="End when nothing was recorded for so long, 10min say."
)
@click.option("--new-only", is_flag=True, help="Leave alone what is complete already.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Analyses at a time.")
@click.option("--memory", type=Quantity("SIZE", "parse_bytes"), help="Memory that one analysis may take, 4GiB say.")
@click.option("--timeout", type=Quantity("DURATION", "parse_duration"), help="Time that one analysis may take.")
@batch_options
def watch(
    folder: Path,
    output: Path | None,
    every: float,
    settle: float,
    idle: float | None,
    new_only: bool,
    jobs: int,
    memory: float | None,
    timeout: float | None,
    settings_file: Path | None,
    changes: tuple[str, ...],
    reaction: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    given: Given,
) -> None:
    """Show V/V0 while movies are recorded into FOLDER, and analyse each when it is complete.

    FOLDER may also be one movie, or the folder that its frames go to. The page live.html in the results shows the
    newest frame with outlines and the curve so far, a preview; the analysis that follows is that of analyze. Ctrl-C
    ends the watch; `tem-track batch FOLDER` then puts the results together.

    \b
    tem-track watch recordings
    tem-track watch recordings -o results --pixel-size 0.26nm --frame-interval 500ms
    tem-track watch recordings --idle 30min --json
    """
    from tem_track.batch import BatchRequest
    from tem_track.batch.isolate import Limits
    from tem_track.console_watch import WatchConsole
    from tem_track.watch.folder import WatchedFolder
    from tem_track.watch.page import PAGE
    from tem_track.watch.watching import Watching, WatchOptions

    if reaction:
        given.settings["expansion"] = {"reaction": "; ".join(reaction)}
    request = BatchRequest(
        folder=folder,
        output=output or Path(f"{folder.resolve().stem}_batch"),
        below=tuple(settings_file_layer(settings_file)),
        above=tuple(said_layers(changes, given.settings)),
        phases=given.files["phases"],
    )
    watched = WatchedFolder(request, Limits(int(memory or 0), timeout or 0.0))
    console = WatchConsole(as_json, quiet)
    options = WatchOptions(every, settle, idle or 0.0, new_only, jobs)
    watching = Watching(
        folder.resolve().name, request.output, watched.find, watched.analyse, console, watched.report_of, options
    )
    with watched.held(), console:
        console.note(f"live page: {(request.output / PAGE).absolute()}")
        signal_number = _until_told(watching.run)
    console.summary(watching.sorted())
    if signal_number:
        console.note("the watch has ended; run the same command again to go on")
        raise click.exceptions.Exit(128 + signal_number)
    if watching.failed:
        raise click.exceptions.Exit(1)


def _until_told(run: Callable[[threading.Event], None]) -> int:
    """Run until it ends or the system or the user asks for an end; return the signal that did, 0 for none."""
    stop, told = threading.Event(), []

    def take(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        told.append(number)
        stop.set()

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        run(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return int(told[0]) if told else 0
