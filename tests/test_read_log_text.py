from __future__ import annotations

from pathlib import Path

import pytest

from tem_track.errors import InputError
from tem_track.read.heating.text import find_delimiter, read_log_lines, split_lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("time_s,T (°C)\r\n0,20\r\n".encode(encoding))
    assert read_log_lines(path) == ["time_s,T (°C)", "0,20"]


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"II*\0\x08\0\0\0", b"\x93NUMPY\x01\0v\0"])
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"log\.csv: "):
        read_log_lines(path)


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        read_log_lines(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        read_log_lines(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b", "1,2"], ","),
        (["a;b", "1,5;2,5"], ";"),
        (["a\tb", "1,5\t2,5"], "\t"),
        (["a b", "1,5 2,5"], None),
        (["a, b", "1.5, 2.5"], ","),
        (["a,b,c", "1,0; 0; 0,2", "2,0; 0; 0,3"], ","),
        (["a;b;c", "1,5;2,5;3,5"], ";"),
        (["a|b", "1|2"], "|"),
    ],
)
def test_delimiters(lines: list[str], delimiter: str | None) -> None:
    assert find_delimiter(lines) == delimiter


def test_quotes_hold_a_delimiter() -> None:
    assert list(split_lines(['"1,5","2,5"'], ",")) == [["1,5", "2,5"]]
    assert list(split_lines(['"1,5', "2,3"], ","))[1] == ["2", "3"]
