"""`python -m tests.accuracy`: run the movies, score them, print the tables, put them into the README."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from .pairs import MARKERS, pair_table
from .scenes import SCENES, TIERS
from .score import Figures, Share
from .stages import stage_alone_figures
from .table import ALONE, COST, FINDING, HOLDING, MEASURING, markdown, put_into
from .truth import TrueMovie, public_cases, simulated
from .whole import RunFailedError, run_tool, whole_figures

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "exam" / "cases"
PUBLIC = "independent generator"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, help="Movies whose name begins with this; may be repeated.")
@click.option("--stages", is_flag=True, help="Score each stage alone as well, on the truth of the stage before.")
@click.option("--stages-only", is_flag=True, help="Score each stage alone and do not run the whole tool.")
@click.option("--pairs", is_flag=True, help="Score the ex situ sets through `pair` instead of the movies.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder that keeps the movies and run folders.")
@click.option("--reuse", is_flag=True, help="Score the finished runs that --keep holds instead of running again.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every figure to this file.")
@click.option("--readme", is_flag=True, help="Replace the tables in README.md.")
def main(
    only: tuple[str, ...],
    stages: bool,
    stages_only: bool,
    pairs: bool,
    keep: Path | None,
    reuse: bool,
    json_file: Path | None,
    readme: bool,
) -> None:
    """Run simulated movies through the whole tool and score what it finds against their truth."""
    if readme and (only or stages_only):
        raise click.UsageError(
            "--readme publishes the whole set through the whole tool: leave --only, --stages-only out"
        )
    if pairs:
        text = pair_table(lambda name: _chosen(name, only), lambda words: click.echo(words, err=True))
        click.echo(text)
        if readme:
            page = ROOT / "README.md"
            page.write_text(put_into(page.read_text(encoding="utf-8"), text, MARKERS), encoding="utf-8")
        return
    results: dict[str, dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as aside:
        folder = keep or Path(aside)
        folder.mkdir(parents=True, exist_ok=True)
        for tier, movie in _movies(only, folder):
            figures = {} if stages_only else _whole(movie, folder / f"{movie.name}_run", reuse)
            if stages or stages_only:
                figures |= stage_alone_figures(movie)
            results.setdefault(tier, {})[movie.name] = figures
            click.echo(f"{movie.name} ({movie.what}): done", err=True)
    if not results:
        raise click.UsageError(f"no movie is called so; there are {', '.join(scene.name for scene in SCENES)}")
    text = report(results)
    click.echo(text)
    if json_file:
        json_file.write_text(json.dumps(results, indent=1, default=_plain) + "\n", encoding="utf-8")
    if readme:
        page = ROOT / "README.md"
        page.write_text(put_into(page.read_text(encoding="utf-8"), report(results, published=True)), encoding="utf-8")


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


def _emptied(place: Path) -> Path:
    """Return the folder of a simulation without what an earlier run of the benchmark left in it."""
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return place


def _chosen(name: str, only: tuple[str, ...]) -> bool:
    return not only or name.startswith(only)


def _whole(movie: TrueMovie, run: Path, reuse: bool) -> Figures:
    """Run and score one movie; a run that fails has no figures and its words are shown."""
    cost: Figures = {}
    try:
        if not (reuse and (run / "run.json").exists()):
            spent = run_tool(movie, run)
            cost = {
                "seconds": spent.seconds,
                "frames_per_s": len(movie.times_s) / spent.seconds,
                "peak_mb": spent.peak_bytes / 2**20,
            }
        return whole_figures(movie, run) | cost
    except RunFailedError as error:
        click.echo(f"{movie.name}: {error}", err=True)
        return {}


def report(results: dict[str, dict[str, Figures]], published: bool = False) -> str:
    """Return all tables; the published ones hold nothing that depends on the machine."""
    parts = []
    for words, headings in (
        ("Finding: drift, detection, identity, events.", FINDING),
        ("Measuring: errors against the truth.", MEASURING),
        ("Holding: how often the stated 95 % interval holds the truth, and what was measured.", HOLDING),
        ("Each stage alone, on the truth of the stage before.", ALONE),
        ("Cost.", () if published else COST),
    ):
        if any(h.figure in f for tier in results.values() for f in tier.values() for h in headings):
            parts += [words, markdown(headings, results)]
    return "\n\n".join(parts)


def _plain(value: object) -> object:
    if isinstance(value, Share):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main()
