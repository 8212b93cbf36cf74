"""The benchmark's own helpers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.speed.timing import spread, timed


def test_a_process_is_timed_with_what_it_printed() -> None:
    spent = timed([sys.executable, "-c", "print('words', 1.5)"])
    assert spent.worked_s == 1.5
    assert spent.seconds > 0
    assert spent.peak_mib > 1


def test_the_memory_of_a_process_is_its_own() -> None:
    # From a small process, as the benchmark is: a new process counts what the one that starts it holds at that moment.
    code = (
        "import sys; from tests.speed.timing import timed\n"
        "for mib in (0, 300):\n"
        "    print(timed([sys.executable, '-c', f'held = bytearray({2**20} * {mib}); print(1.0)']).peak_mib)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    little, much = map(float, said.split())
    assert 250 < much - little < 350


def test_a_process_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="exit code 3"):
        timed([sys.executable, "-c", "raise SystemExit(3)"])


def test_spread_is_median_and_range() -> None:
    assert spread([1.0, 9.0, 3.0]) == "3 (1-9)"
    assert spread([2.0]) == "2"


def test_a_movie_is_made_without_the_memory_of_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.speed.movies import made_movie; from tests.speed.timing import timed\n"
        "empty = timed([sys.executable, '-c', 'print(1.0)']).peak_mib\n"
        f"level = made_movie(Path({str(tmp_path / 'movie.tif')!r}), 1024, 12, 3)\n"
        "print(level, timed([sys.executable, '-c', 'print(1.0)']).peak_mib - empty)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    level, more = map(float, said.split())
    assert (tmp_path / "movie.tif").stat().st_size > 12 * 2 * 1024**2
    assert level > 0
    assert more < 5
