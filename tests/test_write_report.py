"""The report: one page, nothing from outside, every foreign word escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from tem_track.tables import DRIFT, EVENTS, PARTICLES, blank_table
from tem_track.write.files import prepare_run_folder, write_text
from tem_track.write.report import ReportFigure, report_html, write_report

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1004).to_bytes(4, "big") + (700).to_bytes(4, "big")
HOSTILE = '<script>alert("x")</script>'


def record(**changes: Any) -> dict[str, Any]:
    return {
        "version": "0.1.0",
        "finished": "2026-01-01T00:00:00+00:00",
        "command": ["tem-track", "analyze", "movie.tif"],
        "input": {"name": "movie.tif", "bytes": 1234567, "sha256": "ab" * 32, "notes": ["slices taken as time"]},
        "movie": {"shape": [80, 320, 640], "duration_s": 948.0, "dtype": "uint16", "time_source": "OME"},
        "calibration": {"pixel_size_nm": 1.3, "source": "OME PhysicalSizeX"},
        "settings": {"drift": {"enabled": {"value": True, "source": "default"}}},
        "outcome": {"particles": 4, "polarity_reason": "particles are darker than what surrounds them"},
        "warnings": [],
        **changes,
    }


def tables() -> dict[str, Any]:
    particles = blank_table(PARTICLES, 250)
    particles["track_id"][:] = np.arange(1, 251)
    particles["final_volume_ratio"][:] = 1.76123456
    particles["fate"][:] = "whole"
    drift = blank_table(DRIFT, 3)
    drift["frame"][:], drift["usable"][:] = np.arange(3), [1, 0, 1]
    drift["reason"][1] = "blank"
    return {"particles.csv": particles, "drift.csv": drift, "events.csv": blank_table(EVENTS, 0)}


class _Tags(HTMLParser):
    """Checks that tags close in order, and gathers what a page refers to."""

    _SINGLE = frozenset({"meta", "img", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.refers += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in self._SINGLE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_the_page_is_whole_and_needs_nothing_from_outside() -> None:
    page = report_html(record(), tables(), [ReportFigure("drift", PNG)], "overlay.webm")
    tags = read(page)
    assert {"video", "figure", "table", "img"} <= tags.seen
    assert "script" not in tags.seen
    assert not re.search(r"https?://", page)
    assert all(r.startswith("data:image/png;base64,") or "/" not in r for r in tags.refers)
    for fact in ("80", "640 × 320", "948 s", "1.3 nm", "OME PhysicalSizeX", "blank", "1.761", "slices taken as time"):
        assert fact in page


def test_every_foreign_word_is_escaped() -> None:
    hostile = record(
        input={"name": HOSTILE, "format": HOSTILE, "notes": [HOSTILE]},
        warnings=[HOSTILE],
        command=[HOSTILE],
        calibration={"pixel_size_nm": None, "source": HOSTILE},
        settings={HOSTILE: {HOSTILE: {"value": HOSTILE, "source": HOSTILE}}},
        outcome={HOSTILE: HOSTILE},
    )
    found = tables()
    found["drift.csv"]["reason"][1] = HOSTILE
    page = report_html(hostile, found, [ReportFigure(HOSTILE, PNG)], 'a".webm')
    assert "script" not in read(page).seen
    assert "<script" not in page


def test_warnings_come_first_and_only_when_there_are_any() -> None:
    page = report_html(record(warnings=["no pixel size"]), tables())
    assert page.index("no pixel size") < page.index("<h2>Particles")
    assert "Needs your attention" not in report_html(record(), tables())


def test_long_tables_are_cut_and_say_so() -> None:
    page = report_html(record(), tables())
    assert "the first 200 of 250 rows" in page
    assert page.count("<td>whole</td>") == 200


def test_empty_columns_and_sections_are_left_out() -> None:
    page = report_html(record(), tables())
    assert "stage change" not in page
    assert "<h2>Events" not in page
    assert "<video" not in page
    assert read(report_html({}, {})).seen >= {"html", "main"}


def test_the_report_shows_what_the_folder_holds(tmp_path: Path) -> None:
    folder = prepare_run_folder(tmp_path / "run")
    folder.file("figures/drift.png").write_bytes(PNG)
    write_text(folder.file("overlay.webm"), "a movie")
    write_report(folder, record(), tables())
    tags = read((folder.path / "report.html").read_text(encoding="utf-8"))
    assert "overlay.webm" in tags.refers
    assert sum(r.startswith("data:") for r in tags.refers) == 1
