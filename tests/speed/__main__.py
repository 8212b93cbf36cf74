"""Time tem-track against what a user would otherwise run, in turn, in processes of their own.

    pip install ".[bench]" && python -m tests.speed

Frames/s are of the machine it runs on; the ratios within one run are what to compare. Every figure is the median of the
repeats, its range behind it; a row that takes long is repeated less often. ``--tables`` picks some of the tables.

A run has parts that are paid once (imports, the looks at a few frames, the fits of all frames together), so that short
movies are slower per frame: the whole runs are as long as a recording of some seconds. The limits are copying every
frame once, and reading it, binning it to 512 px and taking one Fourier transform, each in one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from tem_track.outcome import PICTURE_STAGES

from .movies import made_movie
from .timing import Timing, module, spread, timed

_Found = TypeVar("_Found")
LINKERS, REGISTRARS = ("trackpy", "laptrack"), ("phase", "pystackreg", "copy", "read")
LIBRARY = {"phase": "skimage", "copy": "numpy", "read": "scipy"}
LIMITS = ("copy", "read")
# Frames of whole runs, where not asked for otherwise: long enough that what is paid once does not count for much.
LENGTHS = {512: 200, 1024: 200, 2048: 100, 4096: 60}
# The others register a frame in up to three seconds: larger frames, fewer of them.
REGISTERED, REGISTERED_SIDE = 40, 1024
# No repeat is begun after a row has taken so many seconds.
ROW_S = 60.0


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description="Time tem-track against its alternatives.")
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048, 4096], help="edge of a frame, px")
    parser.add_argument("--frames", type=int, default=0, help="of whole runs; 0 = 200 to 60, fewer of larger frames")
    parser.add_argument("--particles", type=int, default=30)
    parser.add_argument("--sides-of-cores", type=int, nargs="+", default=[1024], help="the same, of the table of cores")
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 400, 2000], help="frames, at 256 px")
    parser.add_argument("--crowds", type=int, nargs="+", default=[3, 30, 300, 3000], help="particles to link")
    parser.add_argument("--linked", type=int, default=40, help="frames to link")
    parser.add_argument("--repeats", type=int, default=3, help="at most, of each row")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    asked = parser.parse_args()
    for name in asked.tables:
        title, table = TABLES[name]
        print(f"{title}\n")
        for line in table(asked):
            print(line, flush=True)
        print()


def whole_runs(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of whole runs against the plain script and the limits, and of where their time goes."""
    yield from _heading(
        "movie", "tem-track, all", "measuring", "MB/s", "processor s", "plain script", "ratio", "of copying",
        "of reading", "peak memory", "ms a frame",
    )  # fmt: skip
    for side in asked.sides:
        frames = asked.frames or LENGTHS.get(side, 100)
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            threshold = made_movie(movie, side, frames, asked.particles)
            runs = _repeated(asked, lambda: _Whole.of(movie, frames, threshold))  # noqa: B023 - called at once
        yield _row(
            f"{frames} x {side} x {side}",
            spread([frames / run.mine.seconds for run in runs]) + " frames/s",
            spread([run.rate for run in runs]) + " frames/s",
            spread([run.rate * side * side * 2e-6 for run in runs]),
            spread([run.mine.processor_s for run in runs]),
            spread([run.plain for run in runs]) + " frames/s",
            spread([run.rate / run.plain for run in runs]),
            *(spread([run.rate / run.limits[name] for run in runs], 2) for name in LIMITS),
            spread([run.mine.peak_mib for run in runs]) + " MiB",
            _stages(runs, frames),
        )


@dataclass(frozen=True)
class _Whole:
    """One repeat of a whole run: what it took with its stages, and frames/s of it, of the script and of the limits."""

    mine: Timing
    seconds: dict[str, float]
    rate: float
    plain: float
    limits: dict[str, float]

    @classmethod
    def of(cls, movie: Path, frames: int, threshold: float) -> _Whole:
        mine, seconds = _analysed(movie)
        plain = frames / timed(module("plain_script", movie, threshold)).worked_s
        limits = {name: frames / timed(module("registering", name, movie)).worked_s for name in LIMITS}
        return cls(mine, seconds, frames / _measuring_s(seconds), plain, limits)


def registration(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of frame judging and registration against other registration and the limits of the machine."""
    names = [name for name in REGISTRARS if _installed(LIBRARY.get(name, name))]
    yield from _heading("movie", "tem-track", *names, *(f"tem-track / {name}" for name in names))
    for side in asked.sides:
        frames = asked.frames or max(6, REGISTERED * REGISTERED_SIDE**2 // max(side, REGISTERED_SIDE) ** 2)
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, side, frames, asked.particles)

            def rates_of(frames: int = frames, movie: Path = movie) -> dict[str, float]:
                return {n: frames / timed(module("registering", n, movie)).worked_s for n in ("tem-track", *names)}

            rates = _repeated(asked, rates_of)
        yield _row(
            f"{frames} x {side} x {side}",
            *(spread([rate[name] for rate in rates]) + " frames/s" for name in ("tem-track", *names)),
            *(spread([rate["tem-track"] / rate[name] for rate in rates], 2) for name in names),
        )


def linking(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of linking against other linkers."""
    names = ["tem-track", *(name for name in LINKERS if _installed(name))]
    yield from _heading("particles", *names, "peak memory, tem-track")
    for particles in asked.crowds:

        def timings(particles: int = particles) -> dict[str, Timing]:
            return {name: timed(module("linking", name, particles, asked.linked)) for name in names}

        runs = _repeated(asked, timings)
        rates = [spread([asked.linked / run[name].worked_s for run in runs]) + " frames/s" for name in names]
        yield _row(particles, *rates, spread([run["tem-track"].peak_mib for run in runs]) + " MiB")


def lengths(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of time and memory against the length of a movie."""
    yield from _heading("frames of 256 x 256", "measuring, ms a frame", "peak memory")
    for frames in asked.lengths:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, 256, frames, 3)
            runs = _repeated(asked, lambda: _analysed(movie))  # noqa: B023 - called at once
        spent = [1e3 * _measuring_s(seconds) / frames for _, seconds in runs]
        yield _row(frames, spread(spent), spread([mine.peak_mib for mine, _ in runs]) + " MiB")


def cores(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the table of speed against the number of cores."""
    yield from _heading("movie", "one core", "two cores", "gain")
    for side in asked.sides_of_cores:
        frames = asked.frames or LENGTHS.get(side, 100)
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            made_movie(movie, side, frames, asked.particles)

            def rates_of(frames: int = frames, movie: Path = movie) -> list[float]:
                return [frames / _measuring_s(_analysed(movie, count)[1]) for count in (1, 2)]

            rates = _repeated(asked, rates_of)
        one, two = ([rate[i] for rate in rates] for i in (0, 1))
        gain = spread([b / a for a, b in rates])
        yield _row(f"{frames} x {side} x {side}", f"{spread(one)} frames/s", f"{spread(two)} frames/s", gain)


TABLES = {
    "whole": ("Whole runs; measuring is without overlay movie, figures and report.", whole_runs),
    "registration": ("Judging and registering frames; copy and read are the limits of the machine.", registration),
    "linking": ("Linking.", linking),
    "lengths": ("Against the length of the movie.", lengths),
    "cores": ("Against the number of cores.", cores),
}


def _repeated(asked: argparse.Namespace, once: Callable[[], _Found]) -> list[_Found]:
    """Return what several repeats of a row gave; fewer where the row takes long."""
    start, found = time.perf_counter(), [once()]
    while len(found) < asked.repeats and time.perf_counter() - start < ROW_S:
        found.append(once())
    return found


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


def _stages(runs: list[_Whole], frames: int) -> str:
    """Return the median ms a frame of every stage of measuring, the largest first; those below 1 % left out."""
    spent = {
        stage: 1e3 * float(np.median([run.seconds.get(stage, 0.0) for run in runs])) / frames
        for stage in runs[0].seconds
        if stage not in PICTURE_STAGES
    }
    largest = [
        stage for stage in sorted(spent, key=lambda one: -spent[one]) if spent[stage] > 0.01 * sum(spent.values())
    ]
    return ", ".join(f"{stage} {spent[stage]:.3g}" for stage in largest)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _heading(*words: str) -> Iterator[str]:
    yield _row(*words)
    yield "|" + "---|" * len(words)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
