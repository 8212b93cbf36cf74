"""The lines for other programs: JSON, one event each, whatever a movie is called."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tem_track import status
from tem_track.errors import InputError
from tem_track.outcome import Outcome
from tem_track.status import FIELDS, StatusLines
from tem_track.stopping import Stopped


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_event_is_a_line_of_the_schema() -> None:
    stream = io.StringIO()
    with StatusLines(Path("a\nb\udcff.tif"), Path("run"), stream) as told:
        report = told.stage("outlining", 3)
        report(1, 3)
        report(3, 3)
        told.note("particles")
        told.warn("no pixel size")
        told.summary(Outcome("a", Path("run"), (("particles", "2"),), ("look at this",)))
    found = lines(stream)
    assert [line["event"] for line in found] == ["started", "stage", "progress", "note", "warning", "finished"]
    assert stream.getvalue().isascii()
    assert found[0]["movie"] == "a\nb\udcff.tif"
    assert (found[2]["done"], found[2]["total"]) == (3, 3)
    assert (found[5]["status"], found[5]["facts"]) == ("done", {"particles": "2"})
    assert [line["event"] for line in found] == list(FIELDS)[: len(found)]
    for line in found:
        assert set(line) == {"event", "time", *FIELDS[str(line["event"])]}


def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, moments = io.StringIO(), iter([0.0, 0.1, 0.6, 0.7, 0.8])
    monkeypatch.setattr(status.time, "monotonic", lambda: next(moments))
    report = StatusLines(Path("a"), Path("run"), stream).stage("outlining", 9)
    for done in (1, 2, 3, 9):
        report(done, 9)
    assert [line.get("done") for line in lines(stream)] == [None, 2, 9]


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (InputError("a.tif: is\nempty"), "a.tif: is empty", 1),
        (Stopped(15), "stopped", 143),
        (Stopped(2), "stopped", 130),
        (ValueError("odd"), "unexpected ValueError: odd; run again with --debug and report it", 1),
    ],
    ids=str,
)
def test_a_failure_is_the_last_line(error: BaseException, reason: str, code: int) -> None:
    stream = io.StringIO()
    with pytest.raises(type(error)), StatusLines(Path("a"), Path("run"), stream):
        raise error
    last = lines(stream)[-1]
    assert (last["event"], last["reason"], last["code"]) == ("failed", reason, code)
    assert set(last) == {"event", "time", *FIELDS["failed"]}


def test_an_unchanged_run_says_so() -> None:
    stream = io.StringIO()
    StatusLines(Path("a"), Path("run"), stream).summary(Outcome("a", Path("run"), unchanged=True))
    assert lines(stream)[-1]["status"] == "unchanged"
