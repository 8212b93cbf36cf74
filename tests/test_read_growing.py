"""Recordings that are still being written: only complete frames count, and they are those of the finished file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from recorders import FolderRecorder, MrcRecorder, PagesRecorder, Recorder, TifffileRecorder, tree_name

from tem_track.errors import InputError
from tem_track.read import open_movie
from tem_track.read.growing.opening import movie_so_far, open_growing
from tem_track.settings import InputSettings

SHAPE = (24, 32)
FRAMES = [np.random.default_rng(k).integers(100, 4000, SHAPE, np.uint16) for k in range(7)]

KINDS: dict[str, Callable[[Path], Recorder]] = {
    "classic": lambda folder: PagesRecorder(folder / "movie.tif"),
    "big": lambda folder: PagesRecorder(folder / "movie.tif", big=True),
    "tifffile": lambda folder: TifffileRecorder(folder / "movie.tif"),
    "deflate": lambda folder: TifffileRecorder(folder / "movie.tif", compression="zlib"),
    "bigtiff": lambda folder: TifffileRecorder(folder / "movie.tif", bigtiff=True),
    "contiguous": lambda folder: TifffileRecorder(folder / "movie.tif", contiguous=True),
    "imagej": lambda folder: TifffileRecorder(folder / "movie.tif", contiguous=True, imagej=True),
    "mrc": lambda folder: MrcRecorder(folder / "movie.mrc", SHAPE),
    "folder": lambda folder: FolderRecorder(folder / "movie", lambda k: f"f{k}.tif"),
    "tree": lambda folder: FolderRecorder(folder / "movie", tree_name(3)),
}


def read(frames: Any, count: int) -> list[NDArray[Any]]:
    return [frames[k] for k in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_counts_once_it_is_complete(kind: str, tmp_path: Path) -> None:
    recorder = KINDS[kind](tmp_path)
    recorder.write(FRAMES[0])
    growing = open_growing(recorder.path)
    assert growing is not None
    for k in range(1, len(FRAMES)):
        recorder.write(FRAMES[k])
        assert growing.look() == k + 1
        np.testing.assert_array_equal(growing[k], FRAMES[k])
    recorder.close()
    assert growing.look() == len(FRAMES)
    finished = open_movie(recorder.path)
    for seen, whole, true in zip(read(growing, 7), read(finished.frames, 7), FRAMES, strict=True):
        np.testing.assert_array_equal(seen, true)
        np.testing.assert_array_equal(whole, true)
        assert seen.dtype == whole.dtype


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_halfway_is_what_the_finished_file_says(kind: str, tmp_path: Path) -> None:
    recorder = KINDS[kind](tmp_path)
    for frame in FRAMES[:4]:
        recorder.write(frame)
    growing = open_growing(recorder.path)
    assert growing is not None
    growing.look()
    so_far = movie_so_far(growing, recorder.path, InputSettings(frame_interval_s=0.5), None, None)
    for frame in FRAMES[4:]:
        recorder.write(frame)
    recorder.close()
    finished = open_movie(recorder.path, frame_interval_s=0.5)
    assert so_far.shape == (4, *SHAPE)
    assert so_far.calibration == finished.calibration
    assert so_far.times_s.tolist() == finished.times_s[:4].tolist()
    assert so_far.dtype == finished.dtype
    np.testing.assert_array_equal(so_far.frames[3], FRAMES[3])


def test_a_half_written_page_is_left_for_the_next_look(tmp_path: Path) -> None:
    recorder = PagesRecorder(tmp_path / "movie.tif")
    recorder.write(FRAMES[0])
    growing = open_growing(recorder.path)
    assert growing is not None
    recorder.write_pixels(FRAMES[1], share=0.5)
    assert growing.look() == 1
    with pytest.raises(IndexError):
        growing[1]


def test_a_page_that_is_linked_before_its_pixels_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.stack(FRAMES[:3]), photometric="minisblack", metadata=None, contiguous=False)
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as tif:
        cuts = [page.dataoffsets[0] + page.databytecounts[0] for page in tif.pages]
    path.write_bytes(whole[: cuts[1] - 1])
    growing = open_growing(path)
    assert growing is not None
    assert growing.look() == 1
    path.write_bytes(whole)
    assert growing.look() == 3


def test_space_reserved_with_zeros_is_no_page(tmp_path: Path) -> None:
    recorder = PagesRecorder(tmp_path / "movie.tif")
    recorder.write(FRAMES[0])
    growing = open_growing(recorder.path)
    assert growing is not None
    with recorder.path.open("ab") as stream:
        stream.write(bytes(5000))
    assert growing.look() == 1


def test_the_newest_frame_of_a_folder_waits_until_it_can_be_read(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path / "movie")
    recorder.write(FRAMES[0])
    growing = open_growing(recorder.path)
    assert growing is not None
    recorder.write(FRAMES[1])
    half = recorder.path / "frame_00001.tif"
    whole = half.read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    assert growing.look() == 1
    half.write_bytes(whole)
    assert growing.look() == 2


def test_a_look_costs_the_same_however_long_the_stack_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = PagesRecorder(tmp_path / "movie.tif")
    for k in range(200):
        recorder.write(FRAMES[k % 7])
    growing = open_growing(recorder.path)
    assert growing is not None
    growing.look()
    asked: list[int] = []
    entries = type(growing)._entries  # type: ignore[attr-defined]
    monkeypatch.setattr(
        type(growing), "_entries", lambda self, offset, size: asked.append(offset) or entries(self, offset, size)
    )
    recorder.write(FRAMES[0])
    assert growing.look() == 201
    assert len(asked) < 5


def test_only_the_newest_second_of_a_tree_is_entered(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path / "movie", tree_name(2))
    for frame in FRAMES:
        recorder.write(frame)
    growing = open_growing(recorder.path)
    assert growing is not None
    assert growing.look() == 7
    # A look that entered the first second would now miss its frames, or fail.
    shutil.rmtree(recorder.path / "Hour_00" / "Minute_00" / "Second_00")
    recorder.write(FRAMES[0])
    assert growing.look() == 8
    np.testing.assert_array_equal(growing[7], FRAMES[0])


def test_closed_containers_say_that_they_must_be_closed(tmp_path: Path) -> None:
    movie = tmp_path / "movie.avi"
    movie.write_bytes(b"RIFF\0\0\0\0AVI " + bytes(600))
    assert open_growing(movie) is None


@pytest.mark.parametrize(
    ("name", "content"), [("a.tif", b"II*\0"), ("a.mrc", bytes(100)), ("a.tif", b"II*\0\x08\0\0\0")]
)
def test_a_header_that_is_not_complete_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        open_growing(path)


def test_a_stack_that_is_written_anew_is_noticed(tmp_path: Path) -> None:
    recorder = MrcRecorder(tmp_path / "movie.mrc", SHAPE)
    for frame in FRAMES:
        recorder.write(frame)
    growing = open_growing(recorder.path)
    assert growing is not None
    growing.look()
    MrcRecorder(recorder.path, SHAPE)
    with pytest.raises(InputError, match="replaced"):
        growing.look()


def test_times_that_do_not_reach_yet_are_left_out_with_a_word(tmp_path: Path) -> None:
    recorder = PagesRecorder(tmp_path / "movie.tif")
    for frame in FRAMES:
        recorder.write(frame)
    growing = open_growing(recorder.path)
    assert growing is not None
    growing.look()
    times = tmp_path / "times.csv"
    times.write_text("frame,time_s\n0,0\n1,2\n", encoding="utf-8")
    movie = movie_so_far(growing, recorder.path, InputSettings(), times, None)
    assert any("times left out" in text for text in movie.warnings)
    assert not movie.timed
