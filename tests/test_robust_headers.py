"""Headers that claim what a file cannot hold are refused before anything is believed; valid ones are read."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read import open_movie
from tem_track.read.png import plain_png, png_size
from tem_track.read.vendor.dm_header import check_dm
from tem_track.read.vendor.mrc_header import check_mrc
from tem_track.read.vendor.ser_header import check_ser
from tests.robustness.bombs import bombs
from tests.robustness.hdf5_files import write_hspy
from tests.robustness.makers_files import DmWriter, dm_file, mrc_file, ser_file, tvips_file

FRAMES = np.random.default_rng(6).integers(0, 3000, (4, 12, 14)).astype(np.int16)


def test_makers_files_written_by_hand_are_read(tmp_path: Path) -> None:
    """The negative control of all that follows: what is refused below is refused for its damage."""
    contents = {
        "m.dm3": dm_file(FRAMES, 3),
        "m.dm4": dm_file(FRAMES, 4),
        "m.mrc": mrc_file(FRAMES),
        "m_1.ser": ser_file(FRAMES),
        "m_000.tvips": tvips_file(FRAMES.astype(np.uint16)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert open_movie(tmp_path / name).shape == FRAMES.shape, name


def refused(path: Path, content: bytes, check: Callable[[Path], None]) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        check(path)
    return str(caught.value)


@pytest.mark.parametrize("version", [3, 4])
def test_dm_tags_that_claim_too_much(tmp_path: Path, version: int) -> None:
    dm, path = DmWriter(version), tmp_path / "m.dm"
    endless = dm.value("x", [20, 15, 0, 0, 2**31 - 1], b"")
    assert "elements of 0 bytes" in refused(path, dm.file([endless]), check_dm)
    assert "more than the file has left" in refused(path, dm.file([dm.value("x", [20, 6, 10**6], b"")]), check_dm)
    assert "bytes" in refused(path, dm.file([dm.value("x", [20, 6, -5], b"")]), check_dm)
    many = dm.file([])[: -8 - len(dm.size(0))] + dm.size(2**31 - 1) + bytes(8)
    assert "a group of" in refused(path, many, check_dm)
    nested = dm.group("g", [])
    for _ in range(70):
        nested = dm.group("g", [nested])
    assert "without end" in refused(path, dm.file([nested]), check_dm)
    sizes = dm.group("ImageData", [dm.group("Dimensions", [dm.long("", 2**20), dm.long("", 2**20)])])
    assert "1048576 x 1048576 pixels" in refused(path, dm.file([sizes]), check_dm)
    whole = dm_file(FRAMES, version)
    assert "truncated" in refused(path, whole[: len(whole) // 2], check_dm)
    path.write_bytes(whole)
    check_dm(path)


def test_ser_headers_that_claim_too_much(tmp_path: Path) -> None:
    path, whole = tmp_path / "m_1.ser", ser_file(FRAMES)
    for place, value in ((18, 2**32 - 1), (14, 2**31), (22, 2**31), (26, 2**31), (6, 7)):
        content = bytearray(whole)
        struct.pack_into("<I", content, place, value)
        if place == 14:
            content = bytearray(whole)
            struct.pack_into("<I", content, 18, value)
        assert refused(path, bytes(content), check_ser)
    assert "complete frames: 2 of 4" in refused(path, whole[: -len(whole) // 3], check_ser)
    assert "no complete header" in refused(path, whole[:20], check_ser)
    path.write_bytes(whole)
    check_ser(path)


def test_mrc_headers_that_claim_too_much(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.mrc", mrc_file(FRAMES)

    def check(one: Path) -> None:
        check_mrc(one, False)

    for word, value in ((0, -1), (1, 2**31 - 1), (2, 10**8), (2, 0), (3, 77)):
        content = bytearray(whole)
        struct.pack_into("<i", content, 4 * word, value)
        assert refused(path, bytes(content), check)
    swapped = np.frombuffer(whole[:1024], "<i4").astype(">i4").tobytes() + whole[1024:]
    assert "old workstations" in refused(path, swapped, check)
    path.write_bytes(whole)
    check(path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_a_plain_png_holds_the_same_picture(mode: str) -> None:
    import imagecodecs
    from PIL import Image

    noise = np.random.default_rng(2).integers(0, 255, (21, 33)).astype(np.uint8)
    image = Image.fromarray(noise).convert(mode) if mode != "I;16" else Image.fromarray(noise.astype(np.uint16) * 200)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    stored = stream.getvalue()
    np.testing.assert_array_equal(imagecodecs.png_decode(plain_png(stored)), imagecodecs.png_decode(stored))
    assert png_size(stored)[:2] == (21, 33)


def test_a_damaged_png_is_refused_without_a_word_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import imagecodecs

    stored = bytes(imagecodecs.png_encode(FRAMES[0].astype(np.uint16)))
    at = stored.index(b"IDAT")
    (length,) = struct.unpack_from(">I", stored, at - 4)
    body = stored[at + 4 : at + 4 + length]
    for harm in (body[:-4] + b"\0\0\0\0", body[: length // 2], b"\x78\x9c" + b"\xff" * 50):
        chunk = struct.pack(">I", len(harm)) + b"IDAT" + harm + struct.pack(">I", zlib.crc32(b"IDAT" + harm))
        (tmp_path / "m.png").write_bytes(stored[: at - 4] + chunk + stored[at + 8 + length :])
        with pytest.raises(InputError, match="cannot be decoded"):
            open_movie(tmp_path / "m.png")
    (tmp_path / "m.png").write_bytes(stored[: at + 9] + b"\x55" + stored[at + 10 :])
    with pytest.raises(InputError):
        open_movie(tmp_path / "m.png")
    assert capfd.readouterr().err == ""


def test_trees_without_end_in_hdf5_are_refused(tmp_path: Path) -> None:
    write_hspy(tmp_path / "deep.hspy", FRAMES)
    with h5py.File(tmp_path / "deep.hspy", "r+") as file:
        file.create_group("/".join("d" * 100))
    with pytest.raises(InputError, match="nested without end"):
        open_movie(tmp_path / "deep.hspy")
    write_hspy(tmp_path / "loop.hspy", FRAMES)
    with h5py.File(tmp_path / "loop.hspy", "r+") as file:
        file["Experiments/loop"] = file["/"]
    assert open_movie(tmp_path / "loop.hspy").shape == FRAMES.shape


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_video_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    import av

    path = tmp_path / "m.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for k in range(5):
            picture = np.full((48, 64), 40 * k, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "gray").reformat(format="yuvj420p")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    other = tmp_path / os.fsdecode(b"latin-\xe4.avi")
    path.rename(other)
    movie = open_movie(other)
    assert movie.shape == (5, 48, 64)
    assert abs(int(movie.frames[3].mean()) - 120) < 4


def test_bombs_are_refused_before_they_go_off(tmp_path: Path) -> None:
    """What is left of the address space would not hold them; see `tests.robustness.fuzz` for their memory."""
    harmless = {"bomb-laughs.ome.tif"}
    for name, content in bombs(tmp_path):
        path = tmp_path / name
        path.write_bytes(content)
        if name in harmless:
            assert open_movie(path).shape[0] == 3
        elif not name.endswith(".npy"):
            with pytest.raises(InputError, match=r"refused|no image in it|in a circle"):
                open_movie(path)
