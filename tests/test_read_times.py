from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read.recording import ReadFrames, Recording
from tem_track.read.times import read_times, timed


def recording(numbers: list[int] | None = None, times_s: list[float] | None = None) -> Recording:
    shape = (3, 4, 4)
    frames = ReadFrames(shape, lambda k: np.zeros((4, 4)), "m", serial=False)
    found = Recording(frames, shape, np.dtype(float), "test", time_source="file")
    found.numbers = None if numbers is None else np.array(numbers)
    found.times_s = None if times_s is None else np.array(times_s)
    return found


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_source_in_its_order(tmp_path: Path) -> None:
    path = written(tmp_path, "frame,time_s\n0,0\n1,5\n2,7.5\n")
    times_s, source, is_timed = timed("m", recording(times_s=[0, 1, 2]), None, path)
    assert (times_s.tolist(), source, is_timed) == ([0, 5, 7.5], "--times t.csv", True)
    times_s, source, is_timed = timed("m", recording(times_s=[0, 1, 2]), 0.5, None)
    assert (times_s.tolist(), source, is_timed) == ([0, 0.5, 1], "--frame-interval", True)
    times_s, source, is_timed = timed("m", recording(times_s=[4, 5, 6]), None, None)
    assert (times_s.tolist(), source, is_timed) == ([0, 1, 2], "file", True)
    times_s, source, is_timed = timed("m", recording(), None, None)
    assert (times_s.tolist(), source, is_timed) == ([0, 1, 2], "frame number", False)


def test_numbers_in_the_names_times_the_interval() -> None:
    found = recording(numbers=[10, 12, 20])
    times_s, _, _ = timed("m", found, 2.0, None)
    assert times_s.tolist() == [0, 4, 20]
    assert any("number in the file name" in note for note in found.notes)


def test_times_of_a_file_that_do_not_increase_are_not_used() -> None:
    found = recording(times_s=[0, 0, 0])
    assert timed("m", found, None, None)[2] is False
    assert found.warnings


def test_a_spreadsheets_csv_in_any_order_with_more_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffframe, Time_s ,temp_C\n2,9,1\n\n0,1,1\n1,4,1\n")
    assert read_times(path, 3).tolist() == [1, 4, 9]


def test_the_numbers_of_the_file_names_may_stand_in_the_csv(tmp_path: Path) -> None:
    path = written(tmp_path, "frame,time_s\n2,0\n47,49\n124,125\n")
    assert read_times(path, 3, np.array([2, 47, 124])).tolist() == [0, 49, 125]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "columns frame,time_s"),
        ("frame,time\n0,0\n", "columns frame,time_s"),
        ("frame,time_s\n0,0\n1,1\n", "no time for frame 2"),
        ("frame,time_s\n0,0\n1,1\n2,2\n3,3\n", "frame 3"),
        ("frame,time_s\n0,0\n1,1\n1,1\n2,2\n", "appears twice"),
        ("frame,time_s\n0,0\n1,2\n2,2\n", "must increase"),
        ("frame,time_s\n0,0\n1,x\n2,2\n", "line 3"),
        ("frame,time_s\n0,0\n1.5,1\n2,2\n", "line 3"),
        ("frame,time_s\n0,0\n1\n2,2\n", "line 3"),
        ("frame,time_s\n0,nan\n1,1\n2,2\n", "line 2"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_times(written(tmp_path, text), 3)


def test_a_missing_or_binary_csv(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_times(tmp_path / "none.csv", 3)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="CSV"):
        read_times(tmp_path / "b.csv", 3)
