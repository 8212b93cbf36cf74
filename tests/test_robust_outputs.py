"""Words from outside in what is written: spreadsheets, browsers, figures and terminals show them and do no more."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.cli import main
from tem_track.tables import Column
from tem_track.write.figure_style import drawn_words, journal_style, new_figure, save_figure
from tem_track.write.lettering import Lettering
from tem_track.write.report_page import escaped
from tem_track.write.tables import harmless, write_table

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")

NAMES = (
    "=cmd|' _C calc'!A0.tif",
    "<script>alert(1)<_script>.tif",
    "new\nline\x1b[31mred.tif",
    "quote\"'$x$\\frac{.tif",
    "\u202egnp.exe.tif",
    "latin-\udce4.tif",
    "[bold]:bomb:[_bold].tif",
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'=1+1"),
        ("\t=1+1", "'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1", "a\\n=1"),
        ("\x1b[31m", "\\x1b[31m"),
        ("-0.5", "-0.5"),
        ("+2", "+2"),
        ("-1e-3", "-1e-3"),
        ("-0,5", "-0,5"),
        ("NiO-3 a=b", "NiO-3 a=b"),
        ("0.5 V", "0.5 V"),
        ("", ""),
    ],
)
def test_cells_are_neither_formulas_nor_changed_numbers(text: str, cell: str) -> None:
    assert harmless(text) == cell


def test_numbers_of_a_table_keep_their_sign(tmp_path: Path) -> None:
    columns = [Column("image", "text", ""), Column("dy_px", "float", "")]
    table = {"image": np.array(["=1", "-2"], object), "dy_px": np.array([-1.5, 2.0])}
    write_table(tmp_path / "t.csv", columns, table, foreign=("image",))
    assert (tmp_path / "t.csv").read_text() == "image,dy_px\n'=1,-1.5\n-2,2\n"


def test_html_shows_and_obeys_nothing() -> None:
    assert escaped("<b>\u202e'\"&\x1b") == "&lt;b&gt;\\u202e&#x27;&quot;&amp;\\x1b"


@pytest.mark.parametrize("name", NAMES)
def test_figures_take_any_words(tmp_path: Path, name: str) -> None:
    with journal_style():
        figure = new_figure(40, 30)
        figure.subplots().set_title(f"{drawn_words(name)}  V/V$_0$ 1.2", parse_math=True)
    _, svg = save_figure(figure, tmp_path / "f")
    # Beside a formula every letter is a piece of its own.
    words = "".join("".join(ElementTree.parse(svg).getroot().itertext()).split())
    assert not OBEYED.search(words)
    assert "".join(drawn_words(name).replace("\\$", "$").split()) in words


@pytest.mark.parametrize("name", [*NAMES, "\0", "\n"])
def test_lettering_takes_any_words(name: str) -> None:
    lettering, picture = Lettering(), np.zeros((40, 400, 3), np.uint8)
    lettering.draw(picture, lettering.cut(name, 380), (4, 4), (255, 255, 255))
    assert picture.any()


@pytest.fixture(scope="module")
def movie_bytes() -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.random.default_rng(3).integers(0, 99, (3, 24, 24), np.uint8), photometric="minisblack")
    return stream.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_inspecting_a_movie_of_any_name(
    tmp_path: Path, movie_bytes: bytes, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table, as JSON, and in the line of an error."""
    path = tmp_path / name
    path.write_bytes(movie_bytes)
    assert main(["inspect", str(path)]) == 0
    table = capsys.readouterr().out
    assert not OBEYED.search(table)
    assert main(["inspect", str(path), "--json"]) == 0
    text = capsys.readouterr().out
    assert not OBEYED.search(text)
    assert json.loads(text)["name"] == name
    path.write_bytes(b"")
    assert main(["inspect", str(path)]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert not OBEYED.search(line)


def test_the_negative_control_has_teeth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("\x1b[31m")
    assert OBEYED.search(capsys.readouterr().out)


def test_images_of_any_name_are_compared(tmp_path: Path, movie_bytes: bytes) -> None:
    """Refused or not, whatever is written reads back and no cell begins a formula."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:160, :160]
    ground = rng.normal(1000, 12, (160, 160))
    for at_y, at_x, radius in ((40, 50, 14), (100, 60, 11), (70, 120, 13), (125, 120, 9)):
        ground -= 400 / (1 + np.exp(np.hypot(y - at_y, x - at_x) - radius))
    for name in NAMES[:4]:
        tifffile.imwrite(tmp_path / name, (ground + rng.normal(0, 10, ground.shape)).astype(np.float32), imagej=True,
                         resolution=(1.0, 1.0), metadata={"unit": "nm"})  # fmt: skip
    images = [str(tmp_path / name) for name in NAMES[:4]]
    with (tmp_path / "s.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([["image", "state"], *zip(NAMES[:4], ("$\\frac{", "=1+1", "<b>\x1b[1m", "a\nb"), strict=True)])
    assert main(["pair", *images, "--states", str(tmp_path / "s.csv"), "-o", str(tmp_path / "run"), "-q"]) == 0
    for table in ("pairs.csv", "images.csv"):
        with (tmp_path / "run" / table).open(newline="", encoding="utf-8") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@")) or OBEYED.search(cell)]
    for figure in (tmp_path / "run" / "figures").glob("*.svg"):
        ElementTree.parse(figure)
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["program"] == "tem-track"
