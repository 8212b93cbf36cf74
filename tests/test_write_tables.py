"""Tables as CSV: exact bytes, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.tables import EVENTS, TRACKS, Column, Table, blank_table, select_rows
from tem_track.write.tables import harmless, read_table, table_cells, write_table

COLUMNS = (
    Column("frame", "int", "frame"),
    Column("time_s", "float", "time", 12),
    Column("area_px", "float", "area", 4),
    Column("reason", "text", "why"),
)


def small_table() -> Table:
    return {
        "frame": np.array([0, 1, 2]),
        "time_s": np.array([0.0, 0.1 + 0.2, 123456.789]),
        "area_px": np.array([np.nan, 12345.678, -np.inf]),
        "reason": np.array(["", 'a "b", c', "two\nlines"], object),
    }


def test_the_bytes_are_exactly_these(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", COLUMNS, small_table())
    expected = 'frame,time_s,area_px,reason\n0,0,,\n1,0.3,1.235e+04,"a ""b"", c"\n2,123456.789,,"two\nlines"\n'
    assert (tmp_path / "a.csv").read_bytes() == expected.encode()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", COLUMNS, small_table())
    table = read_table(tmp_path / "a.csv", COLUMNS)
    assert table["frame"].dtype == np.int64
    assert table["reason"].tolist() == small_table()["reason"].tolist()
    np.testing.assert_allclose(table["area_px"], [np.nan, 12350.0, np.nan])


def test_a_whole_number_that_is_not_known_is_no_zero(tmp_path: Path) -> None:
    table = blank_table(COLUMNS, 2)
    table["frame"] = np.array([np.nan, 3.0])
    write_table(tmp_path / "a.csv", COLUMNS, table)
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == [",,,", "3,,,"]
    np.testing.assert_array_equal(read_table(tmp_path / "a.csv", COLUMNS)["frame"], [np.nan, 3.0])


def test_missing_columns_are_empty_and_unknown_ones_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", COLUMNS, {"frame": np.arange(2)})
    assert (tmp_path / "a.csv").read_text() == "frame,time_s,area_px,reason\n0,,,\n1,,,\n"
    with pytest.raises(ValueError, match="aera_px"):
        write_table(tmp_path / "b.csv", COLUMNS, {"aera_px": np.zeros(2)})
    with pytest.raises(ValueError, match="length"):
        write_table(tmp_path / "b.csv", COLUMNS, {"frame": np.zeros(2), "time_s": np.zeros(3)})
    assert not (tmp_path / "b.csv").exists()


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    write_table(tmp_path / "events.csv", EVENTS, blank_table(EVENTS, 0))
    assert (tmp_path / "events.csv").read_text().startswith("frame,time_s,event,")
    assert len(read_table(tmp_path / "events.csv", EVENTS)["frame"]) == 0


def test_negative_zero_is_zero(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", COLUMNS, {"area_px": np.array([-0.0])})
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == ",,0,"


def test_only_foreign_words_are_made_harmless(tmp_path: Path) -> None:
    assert harmless('=HYPERLINK("x")').startswith("'=")
    assert harmless("movie.tif") == "movie.tif"
    table = {"reason": np.array(["+3*4"], object)}
    write_table(tmp_path / "a.csv", COLUMNS, table)
    write_table(tmp_path / "b.csv", COLUMNS, table, foreign=("reason",))
    assert [(tmp_path / n).read_text().splitlines()[1] for n in ("a.csv", "b.csv")] == [",,,+3*4", ",,,'+3*4"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"frame,time_s\n0\n", "line 2 has 1 cells"),
        (b"frame,time_s\n0,soon\n", "time_s"),
        (b"frame,time_s\n0.5,1\n", "frame"),
        (b"frame\n\xff\xfe\n", "UTF-8"),
    ],
)
def test_a_bad_table_is_refused_in_words(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_table(tmp_path / "a.csv", COLUMNS)
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.csv", COLUMNS)


def test_more_rows_than_are_turned_into_text_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    table = blank_table(TRACKS, 60_000)
    table["track_id"][:] = np.arange(60_000)
    table["volume_ratio"][:] = rng.normal(1.5, 0.1, 60_000)
    table["volume_ratio"][50_001] = np.nan
    kept = {name: table[name] for name in ("track_id", "volume_ratio")}
    write_table(tmp_path / "tracks.csv", TRACKS, kept)
    back = read_table(tmp_path / "tracks.csv", TRACKS)
    np.testing.assert_array_equal(back["track_id"], table["track_id"])
    np.testing.assert_allclose(back["volume_ratio"], table["volume_ratio"], rtol=5e-6)


def test_cells_of_a_few_rows(tmp_path: Path) -> None:
    assert table_cells(COLUMNS, select_rows(small_table(), np.array([1]))) == [("1", "0.3", "1.235e+04", 'a "b", c')]
