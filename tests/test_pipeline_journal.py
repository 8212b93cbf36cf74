"""The log of a run: one line an entry, whatever it is about; nothing about it ends a run."""

from __future__ import annotations

import re
from pathlib import Path

from tem_track.movie import Progress, no_progress
from tem_track.pipeline.journal import Journal
from tem_track.pipeline.reporter import Clock, Silence

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  (\w+) +(.*)")


class Told(Silence):
    def __init__(self) -> None:
        self.told: list[str] = []

    def stage(self, name: str, frames: int) -> Progress:
        self.told.append(name)
        return no_progress

    def note(self, text: str) -> None:
        self.told.append(text)

    def warn(self, text: str) -> None:
        self.told.append(text)


def entries(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    return [(match[1], match[2]) for match in found if match]


def test_what_is_told_is_passed_on_and_written_down(tmp_path: Path) -> None:
    told = Told()
    journal = Journal(told, tmp_path)
    journal.stage("outlining", 3)(1, 3)
    journal.note("particles")
    journal.warn("no pixel size")
    journal.stage_done("survey: 1.0 s")
    assert told.told == ["outlining", "particles", "no pixel size"]
    assert entries(tmp_path) == [
        ("begins", "outlining, 3 frames"),
        ("note", "particles"),
        ("warning", "no pixel size"),
        ("stage", "survey: 1.0 s"),
    ]


def test_a_later_attempt_adds_to_the_log(tmp_path: Path) -> None:
    for text in ("first", "second"):
        Journal(Silence(), tmp_path).note(text)
    assert entries(tmp_path) == [("note", "first"), ("note", "second")]


def test_a_name_cannot_break_a_line_or_steer_a_terminal(tmp_path: Path) -> None:
    Journal(Silence(), tmp_path).note("a\nb\r\x1b[31mc\udcff\u202e.tif")
    assert entries(tmp_path) == [("note", "a b  [31mc\\udcff .tif")]


def test_an_error_is_written_with_its_place(tmp_path: Path) -> None:
    try:
        raise ValueError("odd")
    except ValueError as error:
        Journal(Silence(), tmp_path).failed(error)
    found = entries(tmp_path)
    assert found[0] == ("failed", "ValueError: odd")
    assert any("test_an_error_is_written_with_its_place" in text for kind, text in found if kind == "trace")


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    journal = Journal(Told(), tmp_path / "gone")
    journal.note("particles")
    assert not (tmp_path / "gone").exists()


def test_a_clock_counts_a_stage_within_itself_once() -> None:
    clock = Clock()
    with clock.stage("survey"), clock.stage("survey"), clock.stage("detection"):
        pass
    clock.add("survey", 5.0)
    assert list(clock.seconds) == ["survey", "detection"]
    assert 5.0 <= clock.seconds["survey"] < 6.0
