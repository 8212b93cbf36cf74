"""The live page and its charts: well-formed, self-contained, harmless whatever a movie is called."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from tem_track.write.live_chart import Line, line_chart, nice_ticks
from tem_track.write.live_page import LiveMovie, live_page

SVG = "{http://www.w3.org/2000/svg}"
X = np.arange(50.0)


def drawn(*lines: Line, level: float | None = None) -> ET.Element:
    return ET.fromstring(line_chart(lines, "Time (s)", "V/V0", level))


def corners(element: ET.Element) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[float(v) for v in pair.split(",")] for pair in element.attrib["points"].split()])


def test_a_rising_line_rises() -> None:
    chart = drawn(Line(X, 1 + X / 50, "#fff"))
    path = corners(next(one for one in chart.iter(f"{SVG}polyline") if one.attrib["stroke"] == "#fff"))
    assert (np.diff(path[:, 0]) > 0).all()
    assert (np.diff(path[:, 1]) < 0).all()


def test_the_band_lies_around_the_line() -> None:
    chart = drawn(Line(X, np.sin(X / 9), "#fff", band=np.full(50, 0.2)))
    line = corners(next(one for one in chart.iter(f"{SVG}polyline") if one.attrib["stroke"] == "#fff"))
    band = corners(next(chart.iter(f"{SVG}polygon")))
    upper, lower = band[:50], band[:49:-1]
    assert (upper[:, 1] < line[:, 1]).all()
    assert (lower[:, 1] > line[:, 1]).all()


def test_a_million_points_make_a_small_chart() -> None:
    x = np.arange(1e6)
    assert len(line_chart([Line(x, np.sin(x / 1e5), "#fff")], "x", "y")) < 20_000


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan], [2.0, 2.0, 2.0]])
def test_few_and_equal_values_are_drawn(values: list[float]) -> None:
    assert drawn(Line(np.arange(len(values), dtype=float), np.array(values), "#fff"), level=1.0) is not None


def test_nothing_known_is_no_chart() -> None:
    assert line_chart([Line(X, np.full(50, np.nan), "#fff")], "x", "y") == ""
    assert line_chart([], "x", "y") == ""


def test_labels_do_not_cover_each_other() -> None:
    chart = drawn(*(Line(X, np.full(50, 1 + 1e-6 * k), "#fff", label=str(k)) for k in range(5)), Line(X, X, "#000"))
    heights = [float(t.attrib["y"]) for t in chart.iter(f"{SVG}text") if t.attrib["fill"] == "#fff"]
    assert np.diff(sorted(heights)).min() >= 12.9


def test_ticks_are_round_numbers() -> None:
    assert nice_ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert nice_ticks(0.998, 1.002) == [0.998, 0.999, 1.0, 1.001, 1.002]


class Tags(HTMLParser):
    """Collects tags, and complains about one that is not closed."""

    VOID = frozenset({"meta", "img", "td", "li", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    return parser.seen


def page(ended: str = "", name: str = "movie.tif") -> str:
    chart = line_chart([Line(X, X, "#fff")], "x", "y")
    movies = [
        LiveMovie(name, "recording", "preview on every frame", numbers=[("V/V0", "1.5")], warnings=[f"about {name}"],
                  picture=b"\xff\xd8", charts=[("so far", chart)]),
        LiveMovie("before.tif", "done", "analysed", report="runs/before/report.html"),
    ]  # fmt: skip
    return live_page("beam <week>", movies, updated="12:00:00", updated_unix=1.0, every_s=2.0, ended=ended)


def test_the_page_needs_nothing_but_itself() -> None:
    sources = [a.get("src") or a.get("href") or "" for _, a in tags(page()) if "src" in a or "href" in a]
    assert sources == ["data:image/jpeg;base64,/9g=", "runs/before/report.html"]
    assert "http" not in page().replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_names_from_outside_do_no_harm() -> None:
    wild = page(name='<script>alert(1)</script>"onload=".tif')
    assert [tag for tag, _ in tags(wild)].count("script") == 1
    assert not any("onload" in attributes for _, attributes in tags(wild))


def test_a_page_of_a_running_watch_reads_itself_anew_and_an_ended_one_does_not() -> None:
    assert "location.reload" in page()
    assert "http-equiv=refresh" in page()
    still = page(ended="ended: nothing new was recorded")
    assert "reload" not in still
    assert "refresh" not in still
    assert "ended: nothing new was recorded" in still


def test_a_finished_recording_is_a_row_with_its_report() -> None:
    rows = re.findall(r"<tr>.*?</tr>", page())
    assert len(rows) == 2
    assert 'href="runs/before/report.html"' in rows[1]
