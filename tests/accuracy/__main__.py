"""`python -m tests.accuracy`: run the movies, score them, print the tables, put them into the README."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from .dissolving import measure_dissolving
from .heating_scenes import HEATING_SCENES
from .heating_truth import TrueHeating, public_heating_cases, simulated_heating
from .heating_whole import heating_figures, run_heating
from .pairs import MARKERS, pair_table
from .random_scenes import random_heating, random_lithiation
from .real import measure_real
from .scenes import SCENES, TIERS
from .score import Figures, Share
from .stages import stage_alone_figures
from .table import (
    ALONE,
    BEGIN,
    COST,
    CRYSTAL,
    END,
    EVENTS,
    FINDING,
    FRONT,
    HEATING_BEGIN,
    HEATING_END,
    HOLDING,
    MEASURING,
    Heading,
    markdown,
    put_into,
)
from .truth import TrueMovie, public_cases, simulated
from .whole import RunFailedError, run_tool, whole_figures

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "exam" / "cases"
PUBLIC = "independent generator"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, help="Movies whose name begins with this; may be repeated.")
@click.option("--stages", is_flag=True, help="Score each stage alone as well, on the truth of the stage before.")
@click.option("--stages-only", is_flag=True, help="Score each stage alone and do not run the whole tool.")
@click.option("--heating", is_flag=True, help="The heating movies instead of the lithiation movies.")
@click.option("--pairs", is_flag=True, help="Score the ex situ sets through `pair` instead of the movies.")
@click.option(
    "--random",
    "seeds",
    metavar="FIRST-LAST",
    callback=lambda *given: _seeds(given[-1]),
    help="Movies drawn at random from these seeds instead of the fixed set, such as 200-219.",
)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder that keeps the movies and run folders.")
@click.option("--reuse", is_flag=True, help="Score the finished runs that --keep holds instead of running again.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every figure to this file.")
@click.option("--readme", is_flag=True, help="Replace the tables in README.md.")
@click.option(
    "--real", is_flag=True, help="Measure real images with hand-drawn masks instead (not in this repository)."
)
def main(
    only: tuple[str, ...],
    stages: bool,
    stages_only: bool,
    heating: bool,
    pairs: bool,
    seeds: range | None,
    keep: Path | None,
    reuse: bool,
    json_file: Path | None,
    readme: bool,
    real: bool,
) -> None:
    """Run simulated movies through the whole tool and score what it finds against their truth."""
    if readme and (only or stages_only or seeds):
        raise click.UsageError(
            "--readme publishes the whole set through the whole tool: leave --only, --stages-only, --random out"
        )
    if heating and (stages or stages_only):
        raise click.UsageError("--stages are those of the lithiation movies")
    if pairs:
        text = pair_table(lambda name: _chosen(name, only), lambda words: click.echo(words, err=True))
        click.echo(text)
        if readme:
            page = ROOT / "README.md"
            page.write_text(put_into(page.read_text(encoding="utf-8"), text, *MARKERS), encoding="utf-8")
        return
    if real:
        data = CASES.parents[1] / "data"
        click.echo(measure_real(data))
        click.echo("\n" + measure_dissolving(data / "autolcet_pd_au"))
        return
    results: dict[str, dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as aside:
        folder = keep or Path(aside)
        folder.mkdir(parents=True, exist_ok=True)
        fixed = _heating_movies(only, folder) if heating else _movies(only, folder)
        for tier, movie in _random_movies(seeds, heating, folder) if seeds else fixed:
            figures = {} if stages_only else _whole(movie, folder / f"{movie.name}_run", reuse)
            if isinstance(movie, TrueMovie) and (stages or stages_only):
                figures |= stage_alone_figures(movie)
            results.setdefault(tier, {})[movie.name] = figures
            click.echo(f"{movie.name} ({movie.what}): done", err=True)
    if not results:
        known = ", ".join(scene.name for scene in (HEATING_SCENES if heating else SCENES))
        raise click.UsageError(f"no movie is called so; there are {known}")
    text = report(results, heating=heating)
    click.echo(text)
    if json_file:
        json_file.write_text(json.dumps(results, indent=1, default=_plain) + "\n", encoding="utf-8")
    if readme:
        page = ROOT / "README.md"
        marks = (HEATING_BEGIN, HEATING_END) if heating else (BEGIN, END)
        tables = report(results, published=True, heating=heating)
        page.write_text(put_into(page.read_text(encoding="utf-8"), tables, *marks), encoding="utf-8")


def _seeds(text: str | None) -> range | None:
    """Return the seeds that FIRST-LAST names."""
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()) or int(last or first) < int(first):
        raise click.BadParameter(f"{text!r} is not FIRST-LAST, such as 200-219")
    return range(int(first), int(last or first) + 1)


def _random_movies(seeds: range, heating: bool, folder: Path) -> Iterator[tuple[str, TrueMovie | TrueHeating]]:
    """Yield (tier, movie) of every seed, each simulated when its turn comes."""
    if heating:
        for lamella in random_heating(seeds):
            yield lamella.tier, simulated_heating(lamella, _emptied(folder / f"{lamella.name}_movie"))
    else:
        for particles in random_lithiation(seeds):
            yield particles.tier, simulated(particles, _emptied(folder / f"{particles.name}_movie"))


def _movies(only: tuple[str, ...], folder: Path) -> Iterator[tuple[str, TrueMovie]]:
    """Yield (tier, movie), each simulated when its turn comes."""
    for tier in TIERS:
        for benchmark in SCENES:
            if benchmark.tier == tier and _chosen(benchmark.name, only):
                yield tier, simulated(benchmark, _emptied(folder / f"{benchmark.name}_movie"))
    if not CASES.is_dir():
        click.echo(
            f"The movies of the independent generator are left out: no {CASES.parent.name}/{CASES.name}", err=True
        )
        return
    for movie in public_cases(CASES, lambda name: _chosen(name, only)):
        yield PUBLIC, movie


def _heating_movies(only: tuple[str, ...], folder: Path) -> Iterator[tuple[str, TrueHeating]]:
    """Yield (tier, movie) of the heating movies, each simulated when its turn comes."""
    for tier in TIERS:
        for benchmark in HEATING_SCENES:
            if benchmark.tier == tier and _chosen(benchmark.name, only):
                yield tier, simulated_heating(benchmark, _emptied(folder / f"{benchmark.name}_movie"))
    if not CASES.is_dir():
        click.echo(
            f"The movies of the independent generator are left out: no {CASES.parent.name}/{CASES.name}", err=True
        )
        return
    for movie in public_heating_cases(CASES, lambda name: _chosen(name, only)):
        yield PUBLIC, movie


def _emptied(place: Path) -> Path:
    """Return the folder of a simulation without what an earlier run of the benchmark left in it."""
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return place


def _chosen(name: str, only: tuple[str, ...]) -> bool:
    return not only or name.startswith(only)


def _whole(movie: TrueMovie | TrueHeating, run: Path, reuse: bool) -> Figures:
    """Run and score one movie; a run that fails has no figures and its words are shown."""
    cost: Figures = {}
    try:
        if not (reuse and (run / "run.json").exists()):
            spent = run_heating(movie, run) if isinstance(movie, TrueHeating) else run_tool(movie, run)
            cost = {
                "seconds": spent.seconds,
                "frames_per_s": len(movie.times_s) / spent.seconds,
                "peak_mb": spent.peak_bytes / 2**20,
            }
        return (heating_figures(movie, run) if isinstance(movie, TrueHeating) else whole_figures(movie, run)) | cost
    except RunFailedError as error:
        click.echo(f"{movie.name}: {error}", err=True)
        return {}


def report(results: dict[str, dict[str, Figures]], published: bool = False, heating: bool = False) -> str:
    """Return all tables; the published ones hold nothing that depends on the machine."""
    fronts, crystals = (_with_any(results, "crystal_area", wanted) for wanted in (False, True))
    tables: tuple[tuple[str, Sequence[Heading], dict[str, dict[str, Figures]]], ...] = (
        ("The front: errors against the truth.", FRONT if heating else (), fronts),
        ("Grain by grain: what was found, and how much of what was found is true.", EVENTS if heating else (), fronts),
        ("The precipitate: errors against the truth.", CRYSTAL if heating else (), crystals),
        ("Finding: drift, detection, identity, events.", () if heating else FINDING, results),
        ("Measuring: errors against the truth.", () if heating else MEASURING, results),
        (
            "Holding: how often the stated 95 % interval holds the truth, and what was measured.",
            () if heating else HOLDING,
            results,
        ),
        ("Each stage alone, on the truth of the stage before.", () if heating else ALONE, results),
        ("Cost.", () if published else COST, results),
    )
    parts = []
    for words, headings, rows in tables:
        if any(h.figure in f for tier in rows.values() for f in tier.values() for h in headings):
            parts += [words, markdown(headings, rows)]
    return "\n\n".join(parts)


def _with_any(results: dict[str, dict[str, Figures]], figure: str, wanted: bool) -> dict[str, dict[str, Figures]]:
    """Return the movies that have (or lack) a figure; one that failed has none and stays with those that lack it."""
    kept = {tier: {n: f for n, f in rows.items() if (figure in f) == wanted} for tier, rows in results.items()}
    return {tier: rows for tier, rows in kept.items() if rows}


def _plain(value: object) -> object:
    if isinstance(value, Share):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main()
