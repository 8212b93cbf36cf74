from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.movie import Movie
from tem_track.read import open_movie


@pytest.fixture
def stack() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 4000, (7, 40, 32), dtype=np.uint16)


def same(movie: Movie, frames: np.ndarray[Any, Any]) -> bool:
    return (
        movie.shape == frames.shape
        and movie.dtype == frames.dtype
        and all(movie.frames[k].dtype == frames.dtype for k in range(len(frames)))
        and all(type(movie.frames[k]) is np.ndarray for k in range(len(frames)))
        and all(
            np.array_equal(movie.frames[k], frames[k], equal_nan=frames.dtype.kind == "f") for k in range(len(frames))
        )
    )


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
@pytest.mark.parametrize("big", [False, True])
def test_plain_stacks_of_every_compression(
    tmp_path: Path, stack: np.ndarray[Any, Any], compression: str | None, big: bool
) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, stack, compression=compression, bigtiff=big, photometric="minisblack", metadata=None)
    assert same(open_movie(path), stack)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">u2", "<u4", ">i4", "<f4", ">f4", "<f8", "<f2"])
def test_every_depth_and_byte_order_is_kept(tmp_path: Path, stack: np.ndarray[Any, Any], dtype: str) -> None:
    kind = np.dtype(dtype)
    frames = (stack.astype(np.float64) - 2000).astype(kind) if kind.kind != "u" else (stack % 256).astype(kind)
    if kind.kind == "f":
        frames[2, 3, 4], frames[3, 0, 0] = np.nan, -np.inf
    tifffile.imwrite(tmp_path / "m.tif", frames, photometric="minisblack", byteorder=">" if ">" in dtype else "<")
    assert same(open_movie(tmp_path / "m.tif"), frames.astype(kind.newbyteorder("=")))


def test_jpeg_frames_are_decoded(tmp_path: Path) -> None:
    yy, xx = np.mgrid[:64, :64]
    frames = np.stack([(yy + xx + 10 * k).astype(np.uint8) for k in range(3)])
    tifffile.imwrite(tmp_path / "m.tif", frames, compression="jpeg", photometric="minisblack")
    movie = open_movie(tmp_path / "m.tif")
    assert movie.shape == (3, 64, 64)
    assert np.abs(movie.frames[2].astype(int) - frames[2]).max() <= 4


def test_ome_calibration_and_times(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    metadata = {
        "axes": "TYX",
        "PhysicalSizeX": 1.3,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 1.3,
        "PhysicalSizeYUnit": "nm",
        "TimeIncrement": 400.0,
        "TimeIncrementUnit": "ms",
    }
    tifffile.imwrite(tmp_path / "m.ome.tif", stack, metadata=metadata, photometric="minisblack")
    movie = open_movie(tmp_path / "m.ome.tif")
    assert same(movie, stack)
    assert movie.calibration.pixel_size_nm == pytest.approx(1.3)
    assert movie.calibration.source == "OME PhysicalSize"
    assert movie.timed
    np.testing.assert_allclose(movie.times_s, 0.4 * np.arange(7))


def test_ome_plane_times_come_before_the_increment(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    delta = [0.5, 1.5, 2.0, 4.0, 5.0, 6.0, 9.0]
    metadata = {"axes": "TYX", "TimeIncrement": 1.0, "Plane": {"DeltaT": delta, "DeltaTUnit": ["s"] * 7}}
    tifffile.imwrite(tmp_path / "m.ome.tif", stack, metadata=metadata, photometric="minisblack")
    movie = open_movie(tmp_path / "m.ome.tif")
    np.testing.assert_allclose(movie.times_s, np.array(delta) - 0.5)
    assert movie.time_source == "OME DeltaT"


@pytest.mark.parametrize(("unit", "nm"), [("nm", 0.5), ("\\u00B5m", 500.0), ("micron", 500.0), ("A", 0.05)])
def test_imagej_units_and_interval(tmp_path: Path, stack: np.ndarray[Any, Any], unit: str, nm: float) -> None:
    tifffile.imwrite(
        tmp_path / "m.tif",
        stack,
        imagej=True,
        resolution=(2.0, 2.0),
        metadata={"axes": "TYX", "unit": unit, "finterval": 2.5},
    )
    movie = open_movie(tmp_path / "m.tif")
    assert same(movie, stack)
    assert movie.calibration.pixel_size_nm == pytest.approx(nm, rel=1e-6)
    assert movie.times_s[-1] == pytest.approx(15.0)


@pytest.mark.parametrize(("axes", "word"), [("ZYX", "slices"), ("CYX", "channels")])
def test_slices_and_channels_are_taken_as_time_and_said(
    tmp_path: Path, stack: np.ndarray[Any, Any], axes: str, word: str
) -> None:
    tifffile.imwrite(tmp_path / "m.tif", stack, imagej=True, metadata={"axes": axes})
    movie = open_movie(tmp_path / "m.tif")
    assert same(movie, stack)
    assert any(word in note for note in movie.notes)


def test_of_two_channels_the_first_is_measured_and_said(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 99, (4, 2, 20, 24), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "m.ome.tif", frames, metadata={"axes": "TCYX"}, photometric="minisblack")
    movie = open_movie(tmp_path / "m.ome.tif")
    assert same(movie, frames[:, 0])
    assert any("channels" in warning for warning in movie.warnings)


def test_time_and_slices_together_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.ome.tif", np.zeros((4, 3, 20, 24), np.uint8), metadata={"axes": "TZYX"})
    with pytest.raises(InputError, match="more than one axis"):
        open_movie(tmp_path / "m.ome.tif")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_grey_saved_as_colour_comes_out_exactly(tmp_path: Path, stack: np.ndarray[Any, Any], planar: str) -> None:
    colour = np.repeat(stack[..., None], 3, -1) if planar == "contig" else np.repeat(stack[:, None], 3, 1)
    tifffile.imwrite(tmp_path / "m.tif", colour, photometric="rgb", planarconfig=planar)
    assert same(open_movie(tmp_path / "m.tif"), stack)


def test_colour_becomes_luma_without_alpha(tmp_path: Path) -> None:
    colour = np.zeros((2, 8, 8, 4), np.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2], colour[..., 3] = 100, 50, 200, 7
    tifffile.imwrite(tmp_path / "m.tif", colour, photometric="rgb", extrasamples=["unassalpha"])
    assert set(open_movie(tmp_path / "m.tif").frames[1].ravel()) == {round(29.9 + 29.35 + 22.8)}


def test_palettes_become_grey(tmp_path: Path) -> None:
    indices = np.arange(64, dtype=np.uint8).reshape(8, 8)
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(tmp_path / "ramp.tif", indices, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(open_movie(tmp_path / "ramp.tif").frames[0], indices)
    tifffile.imwrite(tmp_path / "turned.tif", indices, photometric="palette", colormap=ramp[:, ::-1])
    np.testing.assert_array_equal(
        open_movie(tmp_path / "turned.tif").frames[0], (255 - indices.astype(np.uint16)) * 257
    )


def test_inverted_grey_is_turned_back(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    tifffile.imwrite(tmp_path / "m.tif", 65535 - stack, photometric="miniswhite")
    assert same(open_movie(tmp_path / "m.tif"), stack)


def test_digitalmicrograph_tags(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    tags = [(65003, "s", 0, "nm", True), (65004, "s", 0, "nm", True), (65005, "s", 0, "s", True)]
    tags += [(code, "d", 1, value, True) for code, value in ((65009, 0.25), (65010, 0.25), (65011, 0.1))]
    tifffile.imwrite(tmp_path / "m.tif", stack, photometric="minisblack", metadata=None, extratags=tags)
    movie = open_movie(tmp_path / "m.tif")
    assert movie.calibration.pixel_size_nm == 0.25
    assert movie.times_s[-1] == pytest.approx(0.6)


def test_resolution_tags_count_only_where_a_microscope_is_possible(tmp_path: Path) -> None:
    frame = np.zeros((20, 20), np.uint8)
    tifffile.imwrite(tmp_path / "print.tif", frame, resolution=(300, 300), resolutionunit="INCH", metadata=None)
    tifffile.imwrite(tmp_path / "tem.tif", frame, resolution=(2e7, 2e7), resolutionunit="CENTIMETER", metadata=None)
    assert open_movie(tmp_path / "print.tif").calibration.pixel_size_nm is None
    assert open_movie(tmp_path / "tem.tif").calibration.pixel_size_nm == pytest.approx(0.5)


@pytest.mark.parametrize("how", ["contiguous", "imagej", "pages", "ome"])
def test_a_truncated_stack_is_refused_or_shortened(tmp_path: Path, stack: np.ndarray[Any, Any], how: str) -> None:
    path = tmp_path / "m.tif"
    options: dict[str, Any] = {
        "contiguous": {"photometric": "minisblack"},
        "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
        "pages": {"photometric": "minisblack", "compression": "zlib", "metadata": None},
        "ome": {"photometric": "minisblack", "compression": "zlib", "ome": True, "metadata": {"axes": "TYX"}},
    }[how]
    tifffile.imwrite(path, stack, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.6 * len(whole))])
    with pytest.raises(InputError, match=r"truncated.*--allow-truncated"):
        open_movie(path)
    movie = open_movie(path, allow_truncated=True)
    assert 3 <= len(movie) <= 4
    assert same(movie, stack[: len(movie)])
    assert any("truncated" in warning for warning in movie.warnings)


def test_absurd_claims_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression="zlib", photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["ImageWidth"].overwrite(60_000)
        tif.pages.first.tags["ImageLength"].overwrite(60_000)
    with pytest.raises(InputError, match="refused"):
        open_movie(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression="zlib", photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["ImageWidth"].overwrite(20_000)
        tif.pages.first.tags["ImageLength"].overwrite(20_000)
    with pytest.raises(InputError, match="stored bytes"):
        open_movie(path)


def test_damage_inside_a_frame_is_one_line(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, stack, compression="zlib", photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tif:
        offset, count = tif.pages[3].dataoffsets[0], tif.pages[3].databytecounts[0]
    whole = bytearray(path.read_bytes())
    whole[offset : offset + count] = bytes(count)
    path.write_bytes(bytes(whole))
    movie = open_movie(path)
    np.testing.assert_array_equal(movie.frames[2], stack[2])
    with pytest.raises(InputError, match="frame 3 cannot be read") as caught:
        movie.frames[3]
    assert "\n" not in str(caught.value)


def test_frames_read_from_many_threads_are_right(tmp_path: Path) -> None:
    frames = np.random.default_rng(2).integers(0, 4000, (24, 64, 64), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "m.tif", frames, compression="zlib", photometric="minisblack", metadata=None)
    movie = open_movie(tmp_path / "m.tif")
    wrong: list[int] = []

    def read(start: int) -> None:
        wrong.extend(k for k in range(start, 24, 3) for _ in range(3) if not np.array_equal(movie.frames[k], frames[k]))

    threads = [threading.Thread(target=read, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_frames_outside_the_movie_are_an_index_error(tmp_path: Path, stack: np.ndarray[Any, Any]) -> None:
    tifffile.imwrite(tmp_path / "m.tif", stack, photometric="minisblack")
    movie = open_movie(tmp_path / "m.tif")
    for k in (-1, 7):
        with pytest.raises(IndexError):
            movie.frames[k]


def test_a_sparse_file_larger_than_memory_opens(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, shape=(1300, 2048, 4096), dtype=np.uint16, photometric="minisblack", bigtiff=True)
    movie = open_movie(path)
    assert movie.shape == (1300, 2048, 4096)
    assert movie.frames[1299].max() == 0


def test_a_page_of_another_size_among_the_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.tif"
    with tifffile.TiffWriter(path) as writer:
        for k in range(6):
            size = (32, 40) if k == 3 else (40, 40)
            writer.write(np.full(size, k, np.uint8), contiguous=False, metadata=None)
    with pytest.raises(InputError, match="page 3"):
        open_movie(path)


def test_frames_written_call_by_call_with_tifffile_are_one_movie(tmp_path: Path) -> None:
    stack = np.arange(4 * 6 * 8, dtype=np.uint16).reshape(4, 6, 8)
    with tifffile.TiffWriter(tmp_path / "calls.tif") as writer:
        for frame in stack:
            writer.write(frame, photometric="minisblack")
    movie = open_movie(tmp_path / "calls.tif")
    assert movie.shape == (4, 6, 8)
    np.testing.assert_array_equal(movie.frames[3], stack[3])
    with tifffile.TiffWriter(tmp_path / "two.tif") as writer:
        writer.write(stack[:3], photometric="minisblack")
        writer.write(stack[0, :2], photometric="minisblack")
    assert open_movie(tmp_path / "two.tif").shape == (3, 6, 8)
