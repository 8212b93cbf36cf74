"""Which movies stand in a folder: every kind of file, folders of frames and trees as one, nothing that is no movie."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from tem_track.batch.discover import find_movies
from tem_track.batch.tiff_pages import holds_several
from tem_track.errors import InputError

FRAME = np.arange(16 * 20, dtype=np.uint16).reshape(16, 20)


def stack(path: Path, frames: int = 4, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.repeat(FRAME[None], frames, 0), photometric="minisblack", **options)  # type: ignore[arg-type]
    return path


def frame(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        assert cv2.imwrite(str(path), FRAME)
    else:
        tifffile.imwrite(path, FRAME)


def test_stacks_are_found_in_natural_order(tmp_path: Path) -> None:
    for name in ("b/movie10.tif", "b/movie9.tif", "a.avi", "c.dm4"):
        stack(tmp_path / name)
    assert find_movies(tmp_path).movies == ("a.avi", "b/movie9.tif", "b/movie10.tif", "c.dm4")


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_folder_of_numbered_frames_is_one_movie(suffix: str, tmp_path: Path) -> None:
    for k in range(5):
        frame(tmp_path / "series" / f"frame_{k:03d}{suffix}")
    assert find_movies(tmp_path).movies == ("series",)


def test_numbered_stacks_are_many_movies(tmp_path: Path) -> None:
    for k in range(5):
        stack(tmp_path / "runs" / f"movie_{k:03d}.tif")
    assert len(find_movies(tmp_path).movies) == 5


def test_images_that_belong_to_no_series_are_no_movies(tmp_path: Path) -> None:
    for name in ("before.tif", "after.tif", "overview.png"):
        frame(tmp_path / "places" / name)
    found = find_movies(tmp_path)
    assert found.movies == ()
    assert found.single_images == ("places/after.tif", "places/before.tif", "places/overview.png")


def test_a_gatan_tree_is_one_movie(tmp_path: Path) -> None:
    for second in range(2):
        frame(tmp_path / "tree" / "Hour_00" / "Minute_00" / f"Second_{second:02d}" / "x_Frame_0000.tif")
    assert find_movies(tmp_path).movies == ("tree",)


def test_what_should_have_been_a_movie_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "wrong.mp4").write_text("hello")
    (tmp_path / "picture.png").write_text("hello")
    whole = stack(tmp_path / "cut.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "gone.tif").symlink_to("nowhere")
    assert len(find_movies(tmp_path).movies) == 6


def test_side_files_results_and_hidden_files_are_no_movies(tmp_path: Path) -> None:
    for name in (".hidden.tif", "truth/labels.tif", "run/labels.tif", "results/runs/x/labels.tif", "~$a.tif"):
        stack(tmp_path / name)
    for name in ("movie.csv", "movie.toml", "notes.txt", "data.npy"):
        (tmp_path / name).write_text("x")
    (tmp_path / "run" / ".unfinished").write_text("tem-track")
    (tmp_path / "results" / "batch.json").write_text("{}")
    stack(tmp_path / "out" / "movie.tif")
    assert find_movies(tmp_path, skip=(tmp_path / "out",)).movies == ()
    assert find_movies(tmp_path).movies == ("out/movie.tif",)


def test_loops_of_links_end_and_a_movie_is_found_once(tmp_path: Path) -> None:
    stack(tmp_path / "z" / "movie.tif")
    (tmp_path / "z" / "back").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert find_movies(tmp_path).movies == ("z/movie.tif",)


def test_movies_behind_links_are_found(tmp_path: Path) -> None:
    other = stack(tmp_path / "disk" / "movie.tif")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked").symlink_to(other.parent)
    (tmp_path / "here" / "one.tif").symlink_to(other)
    assert find_movies(tmp_path / "here").movies == ("linked/movie.tif", "one.tif")


def test_a_stack_without_a_suffix_is_found_by_its_content(tmp_path: Path) -> None:
    stack(tmp_path / "x.tif").rename(tmp_path / "recording.bin")
    assert find_movies(tmp_path).movies == ("recording.bin",)


def test_parts_of_one_recording_are_one_movie(tmp_path: Path) -> None:
    for name in ("a.emi", "a_1.ser", "b_000.tvips", "b_001.tvips", "lone.emi"):
        (tmp_path / name).write_bytes(b"x")
    assert find_movies(tmp_path).movies == ("a_1.ser", "b_000.tvips", "lone.emi")


def test_no_folder_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_movies(tmp_path / "none")


@pytest.mark.parametrize(
    "options", [{}, {"bigtiff": True}, {"imagej": True}, {"ome": True}, {"compression": "zlib"}, {"byteorder": ">"}]
)
def test_stacks_of_every_layout_hold_several(options: dict[str, object], tmp_path: Path) -> None:
    assert holds_several(stack(tmp_path / "a.tif", **options)) is True
    tifffile.imwrite(tmp_path / "one.tif", FRAME, **options)  # type: ignore[arg-type]
    assert holds_several(tmp_path / "one.tif") is False


def test_damaged_heads_do_not_tell(tmp_path: Path) -> None:
    whole = stack(tmp_path / "a.tif").read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(200):
        cut = bytearray(whole[: rng.integers(0, 400)])
        for place in rng.integers(0, max(len(cut), 1), 8):
            if cut:
                cut[place] = rng.integers(256)
        (tmp_path / "b.tif").write_bytes(cut)
        assert holds_several(tmp_path / "b.tif") in (True, False, None)
