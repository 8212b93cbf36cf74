"""What a batch says at the terminal and to programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tem_track.batch.order import Ending
from tem_track.batch.run import BatchOutcome
from tem_track.console_batch import BatchConsole

ODD = "a[red]\x1b[31m\n.tif"
EVENTS = (
    {"event": "started"},
    {"event": "stage", "stage": "finding particles", "frames": 0},
    {"event": "progress", "stage": "finding particles", "done": 3, "total": 10},
    {"event": "warning", "text": "x"},
)
OUTCOME = BatchOutcome(Path("out"), 1, 0, ((ODD, "is [bold]empty"),))


def told(console: BatchConsole) -> None:
    with console:
        console.begin(2)
        for event in EVENTS:
            console.event(ODD, event)
            console._bars.refresh()
        console.ended("b.tif", Ending("done", "", 3.0, 2**28))
        console.ended(ODD, Ending("failed", "is [bold]empty"))
        console.note("left out: c.png")
    console.summary(OUTCOME)


def test_every_event_is_shown_where_somebody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    told(BatchConsole())
    words = capsys.readouterr().err
    assert "finding particles" in words
    assert "\x1b[31m\n" not in words


def test_lines_say_how_each_movie_ended_and_the_failures_last(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchConsole())
    seen = capsys.readouterr()
    assert "2 movies: 1 done, 0 unchanged, 1 failed" in seen.out
    lines = seen.err.splitlines()
    assert "1/2 done" in lines[0]
    assert lines[-1] == r"failed a[red]\x1b[31m\n.tif: is [bold]empty"


def test_a_quiet_batch_names_failures_only(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchConsole(quiet=True))
    seen = capsys.readouterr()
    assert seen.out == ""
    assert len(seen.err.splitlines()) == 1


def test_programs_get_nothing_but_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchConsole(as_json=True))
    seen = capsys.readouterr()
    assert seen.err == ""
    lines = [json.loads(line) for line in seen.out.splitlines()]
    assert [line["event"] for line in lines] == [
        "started",
        *(e["event"] for e in EVENTS),
        "ended",
        "ended",
        "note",
        "finished",
    ]
    assert lines[-1]["failed"] == [{"movie": ODD, "reason": "is [bold]empty"}]
