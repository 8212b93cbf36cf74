"""The commands about many movies: read what was asked, call the batch, say what came out."""

from __future__ import annotations

from pathlib import Path

import click

from tem_track.options import FILE, Given, Quantity, batch_options, said_layers, settings_file_layer
from tem_track.stopping import stops_promptly


@click.command()
@click.argument("folder", type=FILE)
@click.option("-o", "--output", type=FILE, help="Folder of the results. [default: FOLDER_batch beside you]")
@click.option("--manifest", type=FILE, help="CSV table of the movies, as --dry-run writes it; conditions as columns.")
@click.option("--dry-run", is_flag=True, help="Print the manifest (CSV) and end; nothing is analysed.")
@click.option("--jobs", type=click.IntRange(min=1), help="Movies at a time on this machine. [default: one per core]")
@click.option(
    "--memory",
    type=Quantity("SIZE", "parse_bytes"),
    help="Memory that one movie may take, such as 4GiB. [default: its share of the machine's]",
)
@click.option(
    "--timeout",
    type=Quantity("DURATION", "parse_duration"),
    help="Time that one movie may take, such as 30min. [default: none; one that neither speaks nor works for "
    "10min is ended]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="A running dask.distributed scheduler, such as tcp://host:8786, or its scheduler file; see the README.",
)
@click.option(
    "--from", "from_stage", default="", metavar="STAGE", help="Work out STAGE and all after it anew, in every movie."
)
@click.option("--by", multiple=True, metavar="CONDITION", help="Condition that parts the curves; may be repeated.")
@batch_options
def batch(
    folder: Path,
    output: Path | None,
    manifest: Path | None,
    dry_run: bool,
    jobs: int | None,
    memory: float | None,
    timeout: float | None,
    scheduler: str | None,
    from_stage: str,
    by: tuple[str, ...],
    settings_file: Path | None,
    changes: tuple[str, ...],
    reaction: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    given: Given,
) -> None:
    """Analyse every movie in FOLDER and put the results together.

    A movie is a file of any microscope or camera, a folder of single frames, or a Gatan in-situ tree. movie.toml beside
    movie.tif holds settings of its own, movie.csv its temperature log. Run again, it does what is missing.

    \b
    tem-track batch beamweek --dry-run > movies.csv
    tem-track batch beamweek -o results --manifest movies.csv
    tem-track batch beamweek -o results --jobs 4 --memory 4GiB --timeout 2h
    """
    if reaction:
        given.settings["expansion"] = {"reaction": "; ".join(reaction)}
    with stops_promptly("stopped; run the same command again to go on", lambda: None):
        from tem_track import batch as many
        from tem_track.batch.isolate import Limits
        from tem_track.console_batch import BatchConsole

        request = many.BatchRequest(
            folder=folder,
            output=output or Path(f"{folder.resolve().name}_batch"),
            manifest=manifest,
            below=tuple(settings_file_layer(settings_file)),
            above=tuple(said_layers(changes, given.settings)),
            phases=given.files["phases"],
            by=by,
            from_stage=from_stage,
        )
        plan = many.plan_batch(request)
        console = BatchConsole(as_json=as_json, quiet=quiet)
        if dry_run:
            console.manifest(plan)
            return
        with console:
            console.left_out(plan)
            engine = many.on_cluster(scheduler, request.output) if scheduler else many.on_this_machine(jobs or 0)
            outcome = many.run_batch(plan, console, Limits(int(memory or 0), timeout or 0.0), engine)
        console.summary(outcome)
    if outcome.failed:
        raise click.exceptions.Exit(1)
