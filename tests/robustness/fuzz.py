"""Thousands of damaged and hostile inputs, each read in a process of its own: none may do more than be refused.

``python -m tests.robustness.fuzz --count 10000 --seed 0`` prints a table, and for every input that failed the number
with which ``--only NUMBER --keep FOLDER`` makes it again. A failure is a traceback, an unexpected exception, more than
one line of complaint, a sign that a terminal would obey, a crash, 20 s of processor time, or 1 GiB of memory more than
before.
"""

from __future__ import annotations

import argparse
import collections
import gc
import importlib
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.robustness.isolate import GROWTH_BYTES, Ended, Running, finished, start
from tests.robustness.mutate import damaged
from tests.robustness.mutate_text import WORDS, attacked
from tests.robustness.seeds import Seed, all_seeds

# Every so many inputs one is analysed rather than inspected.
ANALYZE_EVERY = 40
# A line longer than this is no line for a terminal.
LONGEST_LINE = 600
# What a terminal obeys instead of showing: control characters and the marks that turn the direction of writing.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Kinds with many seeds come more often, but not as much more often.
_MOST_SHARES = 8


@dataclass(frozen=True)
class Case:
    """An input that is certain to be the same for the same seed and number."""

    number: int
    kind: str
    files: dict[str, bytes]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of an input: ``read``, ``refused``, or the kind of failure, with what was said."""

    outcome: str
    words: str = ""

    @property
    def failed(self) -> bool:
        """Return whether this must not happen."""
        return self.outcome not in ("read", "refused")


def case(seeds: list[Seed], base: int, number: int) -> Case:
    """Return the input of a number."""
    rng = np.random.default_rng([base, number])
    kinds = collections.Counter(seed.kind for seed in seeds)
    shares = np.array([1 + min(count, _MOST_SHARES) for count in kinds.values()], float)
    kind = list(kinds)[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    of_kind = [seed for seed in seeds if seed.kind == kind]
    seed = of_kind[int(rng.integers(len(of_kind)))]
    files = dict(seed.files)
    target = seed.target or list(files)[int(rng.integers(len(files)))]
    harm = attacked if kind in ("text", "json") else lambda body, r: damaged(body, kind, r)
    files[target] = harm(files[target], rng)
    asked = seed.analyze if seed.analyze and number % ANALYZE_EVERY == 0 else seed.arguments
    if rng.random() < 0.05:
        files, asked = _renamed(files, asked, target, rng)
    if asked[0] == "analyze":
        asked = (*asked, "-o", "{}/run", "-q", "--set", "output.figures=false", "--set", "output.overlay=false")
    return Case(number, kind, files, asked)


def _renamed(
    files: dict[str, bytes], asked: tuple[str, ...], target: str, rng: np.random.Generator
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return the input with a hostile name for the damaged file."""
    words = [word.replace("/", "_").replace("\0", "_")[:60] for word in WORDS]
    place, _, name = target.rpartition("/")
    new = words[int(rng.integers(len(words)))] + name
    new = f"{place}/{new}" if place else new
    return {new if n == target else n: b for n, b in files.items()}, tuple(a.replace(target, new) for a in asked)


def work_of(one: Case, folder: Path) -> Callable[[], int]:
    """Return what the forked process does with an input whose files are in `folder`."""
    arguments = [argument.replace("{}", str(folder)) for argument in one.arguments]

    def run() -> int:
        if arguments[0] == "labels":
            return _read_labels(*map(Path, arguments[1:]))
        from tem_track.cli import main

        return main(arguments)

    return run


def _read_labels(movie: Path, labels: Path) -> int:
    """Read label images as ``analyze --labels`` does, without the analysis."""
    from tem_track.errors import TemTrackError
    from tem_track.read import open_movie, read_labels

    try:
        read_labels(labels, open_movie(movie).shape)
    except TemTrackError as error:
        sys.stderr.write(f"tem-track: {error}\n")
        return 1
    return 0


def verdict(ended: Ended) -> Verdict:
    """Return what became of an input."""
    last = ended.complained.strip().splitlines()[-1:] or [""]
    if ended.hung:
        return Verdict("hang", f"after {ended.seconds:.0f} s")
    if ended.status < 0:
        return Verdict("crash", f"signal {-ended.status}")
    if ended.grown_bytes > GROWTH_BYTES or "not enough memory" in ended.complained:
        return Verdict("memory", f"{ended.grown_bytes / 2**20:.0f} MiB more; {last[0]}")
    lines = ended.complained.removesuffix("\n").split("\n") if ended.complained else []
    if ended.status not in (0, 1) or "Traceback" in ended.complained or "tem-track: unexpected " in ended.complained:
        return Verdict("traceback", last[0] or f"exit code {ended.status}")
    if OBEYED.search(ended.said + ended.complained):
        return Verdict("control characters", repr(last[0] or ended.said[:200]))
    if ended.status == 0:
        noise = [line for line in lines if not line.startswith("warning: ")]
        return Verdict("noise", noise[0]) if noise else Verdict("read")
    if len(lines) != 1 or not lines[0].startswith("tem-track: ") or len(lines[0]) > LONGEST_LINE:
        return Verdict("not one line", f"{len(lines)} lines, {len(ended.complained)} letters: {lines[:2]}")
    return Verdict("refused", lines[0])


def verdicts(seeds: list[Seed], base: int, numbers: range, jobs: int) -> Iterator[tuple[Case, Ended, Verdict]]:
    """Yield every input with how it ended, as they end."""
    waiting, running = iter(numbers), dict[int, tuple[Case, Running]]()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        while True:
            while len(running) < jobs and (number := next(waiting, None)) is not None:
                one = case(seeds, base, number)
                running[number] = one, start(work_of(one, _folder(one, Path(top))), _words_folder(one, Path(top)))
            if not running:
                return
            for number, (one, process) in list(running.items()):
                if (ended := finished(process)) is not None:
                    del running[number]
                    yield one, ended, verdict(ended)
                    for folder in (Path(top) / str(number), process.folder):
                        shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.002)


def _folder(one: Case, top: Path) -> Path:
    """Return a new folder with the files of an input."""
    folder = top / str(one.number)
    for name, content in one.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _words_folder(one: Case, top: Path) -> Path:
    folder = top / f"{one.number}-words"
    folder.mkdir()
    return folder


def _seeds_and_modules() -> tuple[list[Seed], list[str]]:
    """Return the valid inputs, and the modules that reading them all takes; for a process of its own."""
    import contextlib
    import io

    with tempfile.TemporaryDirectory() as folder:
        seeds = all_seeds(Path(folder))
        for k, seed in enumerate(seed for seed in seeds if seed.kind != "bomb"):
            one = Case(k, seed.kind, seed.files, seed.arguments)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                work_of(one, _folder(one, Path(folder)))()
    return seeds, sorted(sys.modules)


def prepared() -> list[Seed]:
    """Return the valid inputs; this process, from which all others are forked, has then imported all they need."""
    from tem_track.environment import quiet_libraries

    quiet_libraries()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seeds, modules = pool.apply(_seeds_and_modules)
    for name in modules:
        if not name.startswith(("__", "tests.")):
            try:
                importlib.import_module(name)
            except Exception:
                continue
    # What is there now stays as it is: collecting garbage in a fork would copy all of it.
    gc.collect()
    gc.freeze()
    return seeds


def main() -> int:
    """Run as asked on the command line; 1 where an input failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))))
    parser.add_argument("--only", type=int, help="this input alone, and all it says")
    parser.add_argument("--keep", type=Path, help="folder for the files of --only")
    asked = parser.parse_args()
    seeds = prepared()
    if asked.only is not None:
        return _one(case(seeds, asked.seed, asked.only), asked.keep)
    return _many(verdicts(seeds, asked.seed, range(asked.first, asked.first + asked.count), asked.jobs))


def _one(one: Case, keep: Path | None) -> int:
    top = keep or Path(tempfile.mkdtemp())
    folder = _folder(one, top)
    print(" ".join(one.arguments).replace("{}", str(folder)))
    process = start(work_of(one, folder), _words_folder(one, top))
    while (ended := finished(process)) is None:
        time.sleep(0.01)
    print(ended.said, ended.complained, f"{ended.seconds:.1f} s, {ended.grown_bytes >> 20} MiB more", sep="\n")
    found = verdict(ended)
    print(found.outcome, found.words)
    return int(found.failed)


def _many(found: Iterator[tuple[Case, Ended, Verdict]]) -> int:
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    slowest, largest, failed = 0.0, 0, 0
    for number, (one, ended, result) in enumerate(found, 1):
        if number % 500 == 0:
            sys.stderr.write(f"{number} inputs, {failed} failed\n")
        counts[one.kind]["failed" if result.failed else result.outcome] += 1
        slowest, largest = max(slowest, ended.seconds), max(largest, ended.grown_bytes)
        failed += result.failed
        if result.failed:
            print(f"{one.number} {one.kind} {' '.join(one.arguments)[:80]!r}: {result.outcome}: {result.words[:300]}")
            sys.stdout.flush()
    print("| kind | inputs | read | refused in one line | failed |\n|---|---|---|---|---|")
    total: collections.Counter[str] = collections.Counter()
    for kind, row in sorted(counts.items()):
        total += row
        print(f"| {kind} | {_cells(row)} |")
    print(f"| **all** | {_cells(total)} |")
    print(f"slowest {slowest:.1f} s, most memory {largest / 2**20:.0f} MiB more than before")
    return int(failed > 0)


def _cells(row: collections.Counter[str]) -> str:
    return " | ".join(str(n) for n in (row.total(), row["read"], row["refused"], row["failed"]))


if __name__ == "__main__":
    sys.exit(main())
