"""What a run reads is known by its hash, and hashed anew whenever its size or time of last change is another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tem_track.errors import InputError
from tem_track.pipeline import inputs
from tem_track.pipeline.inputs import identify, identify_at_once, movie_of, remember, stamp_of
from tem_track.read import hash_input

LONG_AGO = (1.6e9, 1.6e9)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "movie.tif"
    path.write_bytes(b"frames")
    os.utime(path, LONG_AGO)
    return path


@pytest.fixture
def run(movie: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    remember(identify({"movie": movie, "times": None}, folder), folder)
    return folder


def test_an_identity_is_name_size_and_hash(movie: Path, run: Path) -> None:
    found = identify({"movie": movie, "labels": None}, run)
    assert list(found) == ["movie"]
    assert (found["movie"].size, found["movie"].sha256) == hash_input(movie)
    assert movie_of(run) == found["movie"].sha256
    assert movie_of(movie.parent) is None


def test_a_remembered_file_is_not_read_again(movie: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = identify({"movie": movie}, run)

    def refuse(path: Path) -> tuple[int, str]:
        raise AssertionError(path)

    monkeypatch.setattr(inputs, "hash_input", refuse)
    assert identify({"movie": movie}, run) == identify_at_once({"movie": movie}, run) == expected
    os.utime(movie, (1.5e9, 1.5e9))
    assert identify_at_once({"movie": movie}, run) is None
    with pytest.raises(AssertionError):
        identify({"movie": movie}, run)


@pytest.mark.parametrize("change", ["size", "time", "name", "gone"])
def test_a_changed_file_is_not_trusted(change: str, movie: Path, run: Path) -> None:
    if change == "size":
        movie.write_bytes(b"frames and more")
        os.utime(movie, LONG_AGO)
    elif change == "time":
        os.utime(movie, (1.6e9, 1.6e9 + 1e-6))
    elif change == "name":
        movie = movie.rename(movie.with_name("other.tif"))
    else:
        movie.unlink()
    assert identify_at_once({"movie": movie}, run) is None


def test_a_file_changed_a_moment_ago_is_hashed_again(movie: Path, tmp_path: Path) -> None:
    os.utime(movie)
    folder = tmp_path / "late"
    folder.mkdir()
    remember(identify({"movie": movie}, folder), folder)
    assert identify_at_once({"movie": movie}, folder) is None
    assert movie_of(folder) is not None


def test_a_folder_is_known_by_all_its_files(tmp_path: Path) -> None:
    frames = tmp_path / "frames" / "Hour_00"
    frames.mkdir(parents=True)
    for k in range(3):
        (frames / f"{k}.tif").write_bytes(b"frame")
        os.utime(frames / f"{k}.tif", LONG_AGO)
    before = stamp_of(tmp_path / "frames")
    os.utime(frames / "1.tif")
    assert stamp_of(tmp_path / "frames") != before
    assert stamp_of(tmp_path / "nothing") == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"movie": 3}', '{"movie": {"name": "movie.tif"}}'])
def test_damaged_memory_is_no_memory(content: str, movie: Path, run: Path) -> None:
    for name in (inputs.STAMPS_FILE, inputs.INPUTS_FILE):
        (run / name).write_text(content, encoding="utf-8")
    assert identify_at_once({"movie": movie}, run) is None
    assert movie_of(run) is None


def test_what_takes_long_to_hash_is_told(movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    identify({"movie": movie}, tmp_path, told.append)
    assert told == []
    monkeypatch.setattr(inputs, "_SLOW_BYTES", 5)
    identify({"movie": movie}, tmp_path, told.append)
    assert told == ["reading 0 GB once to know movie.tif again"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.tif: cannot be read"):
        identify({"movie": tmp_path / "none.tif"}, tmp_path)
