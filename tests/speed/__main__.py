"""Time tem-track against what a user would otherwise run, in turn, in processes of their own.

    pip install ".[bench]" && python -m tests.speed

Frames/s are of the machine it runs on; the ratios within one run are what to compare. Every figure is the median of the
repeats, its range behind it. ``--tables`` picks some of the tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tem_track.outcome import PICTURE_STAGES

from .movies import made_movie
from .timing import Timing, module, spread, timed

LINKERS, REGISTRARS = ("trackpy", "laptrack"), ("phase", "pystackreg", "copy", "read")
LIBRARY = {"phase": "skimage", "copy": "numpy", "read": "scipy"}


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description="Time tem-track against its alternatives.")
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048, 4096], help="edge of a frame, px")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--particles", type=int, default=12)
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 400, 2000], help="frames, at 256 px")
    parser.add_argument("--crowds", type=int, nargs="+", default=[3, 30, 300, 3000], help="particles to link")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    asked = parser.parse_args()
    for name in asked.tables:
        title, table = TABLES[name]
        print(f"{title}\n")
        for line in table(asked):
            print(line, flush=True)
        print()


def whole_runs(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of whole runs against the plain script, and of where their time goes."""
    yield from _heading(
        "frame", "tem-track, all", "measuring", "MB/s", "plain script", "ratio", "peak memory", "stages"
    )
    for side in asked.sides:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            threshold = made_movie(movie, side, asked.frames, asked.particles)
            runs = [(_analysed(movie), timed(module("plain_script", movie, threshold))) for _ in range(asked.repeats)]
        measuring = [asked.frames / _measuring_s(seconds) for (_, seconds), _ in runs]
        plain = [asked.frames / script.worked_s for _, script in runs]
        yield _row(
            f"{side} x {side}",
            spread([asked.frames / mine.seconds for (mine, _), _ in runs]) + " frames/s",
            spread(measuring) + " frames/s",
            spread([rate * side * side * 2e-6 for rate in measuring]),
            spread(plain) + " frames/s",
            spread([m / p for m, p in zip(measuring, plain, strict=True)]),
            spread([mine.peak_mib for (mine, _), _ in runs]) + " MiB",
            _shares([seconds for (_, seconds), _ in runs]),
        )


def registration(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of frame judging and registration against other registration and the limits of the machine."""
    names = [name for name in REGISTRARS if _installed(LIBRARY.get(name, name))]
    yield from _heading("frame", "tem-track", *names, *(f"tem-track / {name}" for name in names))
    for side in asked.sides:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, side, asked.frames, asked.particles)
            rates = [
                {n: asked.frames / timed(module("registering", n, movie)).worked_s for n in ("tem-track", *names)}
                for _ in range(asked.repeats)
            ]
        yield _row(
            f"{side} x {side}",
            *(spread([rate[name] for rate in rates]) + " frames/s" for name in ("tem-track", *names)),
            *(spread([rate["tem-track"] / rate[name] for rate in rates], 2) for name in names),
        )


def linking(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of linking against other linkers."""
    names = ["tem-track", *(name for name in LINKERS if _installed(name))]
    yield from _heading("particles", *names, "peak memory, tem-track")
    for particles in asked.crowds:
        runs = [
            {name: timed(module("linking", name, particles, asked.frames)) for name in names}
            for _ in range(asked.repeats)
        ]
        rates = [spread([asked.frames / run[name].worked_s for run in runs]) + " frames/s" for name in names]
        yield _row(particles, *rates, spread([run["tem-track"].peak_mib for run in runs]) + " MiB")


def lengths(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of time and memory against the length of a movie."""
    yield from _heading("frames of 256 x 256", "measuring, ms a frame", "peak memory")
    for frames in asked.lengths:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, 256, frames, 3)
            runs = [_analysed(movie) for _ in range(asked.repeats)]
        spent = [1e3 * _measuring_s(seconds) / frames for _, seconds in runs]
        yield _row(frames, spread(spent), spread([mine.peak_mib for mine, _ in runs]) + " MiB")


def cores(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of speed against the number of cores."""
    yield from _heading("frame", "one core", "two cores", "gain")
    for side in asked.sides:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, side, asked.frames, asked.particles)
            rates = [
                [asked.frames / _measuring_s(_analysed(movie, count)[1]) for count in (1, 2)]
                for _ in range(asked.repeats)
            ]
        one, two = ([rate[i] for rate in rates] for i in (0, 1))
        gain = spread([b / a for a, b in rates])
        yield _row(f"{side} x {side}", f"{spread(one)} frames/s", f"{spread(two)} frames/s", gain)


TABLES = {
    "whole": ("Whole runs; measuring is without overlay movie, figures and report.", whole_runs),
    "registration": ("Judging and registering frames; copy and read are the limits of the machine.", registration),
    "linking": ("Linking.", linking),
    "lengths": ("Against the length of the movie.", lengths),
    "cores": ("Against the number of cores.", cores),
}


def _analysed(movie: Path, cores: int = 0) -> tuple[Timing, dict[str, float]]:
    """Return what a whole run took, and its seconds per stage."""
    folder = movie.parent / "run"
    command = [sys.executable, "-m", "tem_track", "analyze", str(movie), "-o", str(folder), "--overwrite", "-q"]
    spent = timed(command, cores)
    seconds = json.loads((folder / "run.json").read_text(encoding="utf-8"))["seconds"]
    # Nothing of this run is left for the next: what is kept would make it look faster.
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    return spent, seconds


def _measuring_s(seconds: dict[str, float]) -> float:
    return sum(spent for stage, spent in seconds.items() if stage not in PICTURE_STAGES)


def _shares(runs: Sequence[dict[str, float]]) -> str:
    """Return the largest stages with their share of the measuring time of the first run."""
    stages = {stage: spent for stage, spent in runs[0].items() if stage not in PICTURE_STAGES}
    largest = sorted(stages, key=lambda stage: -stages[stage])[:4]
    return ", ".join(f"{stage} {stages[stage] / sum(stages.values()):.0%}" for stage in largest)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _heading(*words: str) -> Iterator[str]:
    yield _row(*words)
    yield "|" + "---|" * len(words)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
