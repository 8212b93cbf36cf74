"""The benchmark's own helpers."""

from __future__ import annotations

import sys

import pytest

from tests.speed.timing import spread, timed


def test_a_process_is_timed_with_what_it_printed() -> None:
    spent = timed([sys.executable, "-c", "print('words', 1.5)"])
    assert spent.worked_s == 1.5
    assert spent.seconds > 0
    assert 1 < spent.peak_mib < 500


def test_a_process_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="exit code 3"):
        timed([sys.executable, "-c", "raise SystemExit(3)"])


def test_spread_is_median_and_range() -> None:
    assert spread([1.0, 9.0, 3.0]) == "3 (1-9)"
    assert spread([2.0]) == "2"
