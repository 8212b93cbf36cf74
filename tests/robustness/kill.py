"""A batch that is killed at random moments, and run again: nothing is lost, doubled or otherwise than undisturbed.

``python -m tests.robustness.kill --kills 100 --seed 0`` simulates six movies (four that lithiate, two that are heated),
analyses them once undisturbed, and then again and again with ``kill -9``: of the batch alone, whose workers must then
end by themselves; of everything at once, as when the power fails; or of one worker. After every kill the same command
is given again. Some of these reruns are killed as well; those that are not must leave the undisturbed results, byte for
byte but for readings of the clock, and whatever run folder calls itself finished in between must be whole.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tests.robustness.same_run import differences

# Files of the batch that consist of clock readings.
CLOCK_FILES = ("log.txt", "timings.csv")
# Of 20 kills: of everything, of the batch alone, of one worker.
MODES = ("all",) * 9 + ("parent",) * 9 + ("worker",) * 2
# A rerun is killed too with this chance; else it is left to finish and compared.
AGAIN = 0.75
# Batches that begin with nothing; the others with some movies done, which saves their time.
FRESH = 0.2
# s after which a worker without its batch must have noticed.
ORPHAN_SECONDS = 30.0
RUNS = "runs"
# Pictures take most of the time of movies this small: one of each kind has them.
_TABLES_ONLY = "[output]\nfigures = false\noverlay = false\n"
_OFFSET = '[input]\nlog_offset = "37.4s"\n'


def make_movies(folder: Path) -> None:
    """Write six tiny movies with what stands beside them."""
    from tem_track.simulate import HeatingScene, LithiationScene, simulate_heating, simulate_lithiation
    from tem_track.write.simulation import write_simulation

    small = {"height_px": 96, "width_px": 96, "dose_per_px": 200.0}
    lithiated = {"nio": 2, "core_shell": 0, "nio_diameter_nm": 60.0, "support": "none", "pixel_size_nm": 2.4}
    heated = {"grain_nm": 100.0, "start_c": 470.0, "pixel_size_nm": 2.2, "settling_px": 1.0, "frame_interval_s": 8.0}
    folder.mkdir()
    with tempfile.TemporaryDirectory() as aside:
        for seed in range(1, 7):
            place = Path(aside) / str(seed)
            if seed < 5:
                scene = LithiationScene(**small, **lithiated, frames=10, frame_interval_s=30.0, seed=seed)  # type: ignore[arg-type]
                write_simulation(simulate_lithiation(scene), place)
                shutil.copy(place / "movie.tif", folder / f"lithiated-{seed}.tif")
                (folder / f"lithiated-{seed}.toml").write_text(_TABLES_ONLY if seed > 1 else "")
            else:
                heating = HeatingScene(**small, **heated, frames=14, seed=seed)  # type: ignore[arg-type]
                write_simulation(simulate_heating(heating), place)
                shutil.copy(place / "movie.tif", folder / f"heated-{seed}.tif")
                shutil.copy(place / "temperature.csv", folder / f"heated-{seed}.csv")
                (folder / f"heated-{seed}.toml").write_text(_OFFSET + (_TABLES_ONLY if seed > 5 else ""))


def begun(movies: Path, results: Path, jobs: int) -> subprocess.Popen[bytes]:
    """Start the batch in a session of its own."""
    command = [sys.executable, "-m", "tem_track", "batch", str(movies), "-o", str(results), "--jobs", str(jobs), "-q"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def descendants(number: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    children = Counter[int]()
    parents: dict[int, int] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                # Behind the name in brackets, which may hold anything: state, parent.
                parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, searched = [], [number]
    while searched:
        here = searched.pop()
        mine = [child for child, parent in parents.items() if parent == here]
        children[here] = len(mine)
        found += mine
        searched += mine
    return found


def kill(process: subprocess.Popen[bytes], mode: str, rng: np.random.Generator) -> str:
    """Kill as the mode says; return what is wrong about it in words, "" for nothing."""
    below = descendants(process.pid)
    if mode == "worker" and below:
        _end(below[int(rng.integers(len(below)))])
        _, complaint = process.communicate()
        # A batch that lost a worker fails and names it, or had the movie done already.
        return "" if process.returncode in (0, 1) else f"batch ended with {process.returncode}: {complaint[-300:]!r}"
    for number in [process.pid, *(below if mode == "all" else [])]:
        _end(number)
    process.communicate()
    return _orphans(below) if mode == "parent" else ""


def _end(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def _orphans(numbers: list[int]) -> str:
    """Wait until the workers of a killed batch have ended."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while alive := [number for number in numbers if _is_alive(number)]:
        if time.monotonic() > deadline:
            for number in alive:
                _end(number)
            return f"{len(alive)} workers still ran {ORPHAN_SECONDS:g} s after their batch was killed"
        time.sleep(0.05)
    return ""


def _is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def batch_differences(one: Path, other: Path) -> list[str]:
    """Return in words what differs between the results of two batches; an empty list for the same."""
    names = [_outside_runs(folder) for folder in (one, other)]
    found = [f"{name}: only in one" for name in sorted(names[0] ^ names[1])]
    both = sorted(names[0] & names[1])
    found += [f"{name}: other bytes" for name in both if (one / name).read_bytes() != (other / name).read_bytes()]
    runs = [sorted(path.name for path in (folder / RUNS).glob("*")) for folder in (one, other)]
    if runs[0] != runs[1]:
        return [*found, f"run folders {runs[0]} and {runs[1]}"]
    return found + [
        f"{name}: {words}" for name in runs[0] for words in differences(one / RUNS / name, other / RUNS / name)
    ]


def _outside_runs(folder: Path) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return {name for name in names if not name.startswith(f"{RUNS}/") and name not in CLOCK_FILES}


def wrong_rows(results: Path, movies: Path) -> list[str]:
    """Return in words which movies have no row, or more than one, or are not done."""
    if not (results / "batch.csv").is_file():
        return ["no batch.csv"]
    with (results / "batch.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    counts = Counter(row["movie"] for row in rows)
    wanted = sorted(path.name for path in movies.glob("*.tif"))
    found = [f"{name}: {counts[name]} rows" for name in wanted if counts[name] != 1]
    return found + [f"{row['movie']}: {row['status']}" for row in rows if row["status"] not in ("done", "unchanged")]


def half_done(results: Path, whole: Path) -> list[str]:
    """Return in words which run folders call themselves finished and are not what they are when undisturbed."""
    from tem_track.write.files import is_finished

    folders = sorted((results / RUNS).iterdir()) if (results / RUNS).is_dir() else []
    return [
        f"{folder.name}: {words}"
        for folder in folders
        if is_finished(folder)
        for words in differences(folder, whole / RUNS / folder.name)
    ]


def main() -> int:
    """Run as asked on the command line; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as top:
        return _kill_all(Path(top), asked.kills, np.random.default_rng(asked.seed), asked.jobs)


def _kill_all(top: Path, wanted: int, rng: np.random.Generator, jobs: int) -> int:
    movies, whole, results = top / "movies", top / "whole", top / "results"
    make_movies(movies)
    began = time.monotonic()
    if begun(movies, whole, jobs).wait() or wrong_rows(whole, movies):
        print("the undisturbed batch failed:", *wrong_rows(whole, movies))
        return 1
    lasts = time.monotonic() - began
    print(f"undisturbed: {lasts:.0f} s")
    kills, compared, failures = Counter[str](), 0, 0
    while kills.total() < wanted:
        left = lasts * _begin(whole, results, rng)
        while kills.total() < wanted:
            process, moment = begun(movies, results, jobs), float(rng.uniform(0, left))
            try:
                process.wait(moment)
                break
            except subprocess.TimeoutExpired:
                mode = MODES[int(rng.integers(len(MODES)))]
            wrong = list(filter(None, [kill(process, mode, rng)])) + half_done(results, whole)
            kills[mode] += 1
            failures += _told(f"kill {kills.total()} ({mode}, after {moment:.1f} s)", wrong)
            left = max(0.15 * lasts, left - 0.7 * moment)
            if rng.uniform() > AGAIN:
                break
        last = begun(movies, results, jobs)
        _, complaint = last.communicate()
        wrong = [f"exit code {last.returncode}: {complaint[-300:]!r}"] if last.returncode else []
        compared += 1
        failures += _told(
            f"finished after {kills.total()} kills",
            wrong + wrong_rows(results, movies) + batch_differences(whole, results),
        )
    words = ", ".join(f"{count} of {_MEANT[mode]}" for mode, count in sorted(kills.items()))
    print(f"{kills.total()} kills ({words}), {compared} batches brought to their end and compared, {failures} failures")
    return int(failures > 0)


def _begin(whole: Path, results: Path, rng: np.random.Generator) -> float:
    """Leave nothing, or a batch that was interrupted before: some movies done; return what share is still to do."""
    shutil.rmtree(results, ignore_errors=True)
    if rng.uniform() < FRESH:
        return 1.0
    shutil.copytree(whole, results)
    folders = sorted((results / RUNS).iterdir())
    missing = rng.choice(len(folders), size=int(rng.integers(1, 4)), replace=False)
    for k in missing:
        shutil.rmtree(folders[int(k)])
    return 0.2 + 0.8 * len(missing) / len(folders)


_MEANT = {"all": "everything", "parent": "the batch alone", "worker": "one worker"}


def _told(what: str, wrong: list[str]) -> int:
    print(f"{what}: {'; '.join(wrong[:20]) or 'as it should be'}")
    sys.stdout.flush()
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
