"""A small run of the damaged inputs; `python -m tests.robustness.fuzz --count 10000` is the large one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.robustness.fuzz import OBEYED, verdict
from tests.robustness.isolate import GROWTH_BYTES, Ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of processes are set and read as Linux does")
ROOT = Path(__file__).resolve().parents[1]


def ended(status: int = 0, said: str = "", complained: str = "", grown: int = 0, hung: bool = False) -> Ended:
    return Ended(status, 0.1, grown, said, complained, hung)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (ended(said="frames 3"), "read"),
        (ended(1, complained="tem-track: m.tif: truncated\n"), "refused"),
        (ended(1, complained="tem-track: a\ntem-track: b\n"), "not one line"),
        (ended(1, complained="something else\n"), "not one line"),
        (ended(1, complained="tem-track: " + "x" * 5000 + "\n"), "not one line"),
        (
            ended(1, complained="tem-track: unexpected KeyError: 'x'; run again\n"),
            "traceback",
        ),
        (ended(70, complained="Traceback (most recent call last):\n"), "traceback"),
        (ended(complained="PNG warning: x\n"), "noise"),
        (ended(said="\x1b[31m"), "control characters"),
        (ended(-11), "crash"),
        (ended(-9, hung=True), "hang"),
        (ended(grown=GROWTH_BYTES + 1), "memory"),
        (ended(1, complained="tem-track: m.tif: not enough memory\n"), "memory"),
    ],
)
def test_what_counts_as_a_failure(end: Ended, outcome: str) -> None:
    assert verdict(end).outcome == outcome
    assert verdict(end).failed == (outcome not in ("read", "refused"))


def test_what_a_terminal_obeys_is_known() -> None:
    assert OBEYED.search("a\x1bb")
    assert not OBEYED.search("NiO 3 µm\n")


def test_damaged_inputs_are_read_or_refused() -> None:
    command = [sys.executable, "-m", "tests.robustness.fuzz", "--count", "80", "--seed", "7", "--jobs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| **all** | 80 |" in done.stdout
