from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.read import open_movie
from tem_track.read.folder import natural_key, numbers_of

FRAMES = np.random.default_rng(3).integers(0, 255, (12, 24, 30), dtype=np.uint8)


def write_png(path: Path, frame: np.ndarray[Any, Any]) -> None:
    path.write_bytes(imagecodecs.png_encode(frame))


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_single_frames_in_natural_order(tmp_path: Path, suffix: str) -> None:
    for k, frame in enumerate(FRAMES):
        path = tmp_path / f"run-2-frame-{k}.{suffix}"
        tifffile.imwrite(path, frame) if suffix == "tif" else write_png(path, frame)
    (tmp_path / "notes.txt").write_text("left alone")
    (tmp_path / ".hidden.png").write_bytes(b"left alone")
    movie = open_movie(tmp_path)
    assert movie.shape == FRAMES.shape
    assert movie.format == f"folder of {'TIFF' if suffix == 'tif' else 'PNG'} frames"
    assert all(np.array_equal(movie.frames[k], FRAMES[k]) for k in range(12))


def test_jpeg_frames_are_close(tmp_path: Path) -> None:
    flat = np.full((3, 32, 32), 90, np.uint8)
    for k, frame in enumerate(flat):
        (tmp_path / f"f{k}.jpg").write_bytes(imagecodecs.jpeg_encode(frame, level=95))
    movie = open_movie(tmp_path)
    assert movie.shape == (3, 32, 32)
    assert np.abs(movie.frames[2].astype(int) - 90).max() <= 1


def test_sixteen_bit_png_keeps_its_depth(tmp_path: Path) -> None:
    frame = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    write_png(tmp_path / "a.png", frame)
    movie = open_movie(tmp_path / "a.png")
    assert (movie.shape, movie.dtype) == ((1, 20, 30), np.dtype(np.uint16))
    np.testing.assert_array_equal(movie.frames[0], frame)


def test_gaps_are_said_and_make_the_times(tmp_path: Path) -> None:
    for k in (2, 9, 10):
        write_png(tmp_path / f"Chip-4-Frame-{k}.png", FRAMES[k])
    movie = open_movie(tmp_path, frame_interval_s=0.5)
    assert movie.times_s.tolist() == [0, 3.5, 4.0]
    np.testing.assert_array_equal(movie.frames[1], FRAMES[9])
    assert any("gaps" in note for note in movie.notes)
    assert open_movie(tmp_path).times_s.tolist() == [0, 1, 2]


def test_numbers_of_names() -> None:
    numbers = numbers_of(["c4_f2_x1", "c4_f7_x1", "c4_f30_x1"])
    assert numbers is not None
    assert numbers.tolist() == [2, 7, 30]
    assert numbers_of(["a", "b"]) is None
    assert numbers_of(["f2", "f1"]) is None
    assert sorted(["f10", "f9", "F1"], key=natural_key) == ["F1", "f9", "f10"]


def test_mixed_sizes_are_refused_at_once(tmp_path: Path) -> None:
    write_png(tmp_path / "f0.png", FRAMES[0])
    write_png(tmp_path / "f1.png", FRAMES[0][:-1])
    with pytest.raises(InputError, match=r"f1\.png: 23 x 30 pixels, but f0\.png has 24 x 30"):
        open_movie(tmp_path)


def test_mixed_depths_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "f0.png", FRAMES[0])
    write_png(tmp_path / "f1.png", FRAMES[0].astype(np.uint16))
    with pytest.raises(InputError, match="uint16"):
        open_movie(tmp_path).frames[1]


def test_a_change_of_magnification_is_refused(tmp_path: Path) -> None:
    for k, pixels_per_nm in enumerate((2.0, 2.0, 4.0)):
        resolution = (pixels_per_nm, pixels_per_nm)
        tifffile.imwrite(tmp_path / f"{k}.tif", FRAMES[k], imagej=True, resolution=resolution, metadata={"unit": "nm"})
    with pytest.raises(InputError, match="one magnification"):
        open_movie(tmp_path)


def test_several_kinds_a_stack_among_frames_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frames in this folder"):
        open_movie(tmp_path)
    tifffile.imwrite(tmp_path / "a0.tif", FRAMES[:3], photometric="minisblack")
    assert open_movie(tmp_path).shape == (3, 24, 30)
    tifffile.imwrite(tmp_path / "a1.tif", FRAMES[:3], photometric="minisblack")
    with pytest.raises(InputError, match="holds 3 frames"):
        open_movie(tmp_path)
    write_png(tmp_path / "a0.png", FRAMES[0])
    write_png(tmp_path / "a1.png", FRAMES[0])
    with pytest.raises(InputError, match="keep one kind"):
        open_movie(tmp_path)


def test_links_that_lead_to_themselves_end(tmp_path: Path) -> None:
    write_png(tmp_path / "f0.png", FRAMES[0])
    write_png(tmp_path / "f1.png", FRAMES[1])
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "Hour_xx").symlink_to(tmp_path)
    assert open_movie(tmp_path).shape == (2, 24, 30)


def test_truncated_and_false_pictures_are_one_line(tmp_path: Path) -> None:
    whole = imagecodecs.png_encode(FRAMES[0])
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    jpeg = imagecodecs.jpeg_encode(FRAMES[0])
    (tmp_path / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "bomb.png").write_bytes(whole[:16] + (50_000).to_bytes(4, "big") * 2 + whole[24:])
    for name, why in (("cut.png", "truncated"), ("cut.jpg", "truncated"), ("bomb.png", "refused")):
        with pytest.raises(InputError, match=why):
            open_movie(tmp_path / name)
    folder = tmp_path / "folder"
    folder.mkdir()
    write_png(folder / "f0.png", FRAMES[0])
    (folder / "f1.png").write_text("no picture")
    with pytest.raises(InputError, match="not an image, although"):
        open_movie(folder)


def test_a_cut_frame_of_a_folder_is_left_out_only_where_that_was_asked_for(tmp_path: Path) -> None:
    for k in range(4):
        write_png(tmp_path / f"f{k}.png", FRAMES[0])
    whole = (tmp_path / "f2.png").read_bytes()
    (tmp_path / "f2.png").write_bytes(whole[: len(whole) // 2])
    movie = open_movie(tmp_path)
    with pytest.raises(InputError, match=r"f2\.png: truncated"):
        movie.frames[2]
    movie = open_movie(tmp_path, allow_truncated=True)
    assert dict(movie.unusable) == {2: "truncated or damaged file"}
    assert not movie.frames[2].any()
    assert np.array_equal(movie.frames[3], FRAMES[0])
