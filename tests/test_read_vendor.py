from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read import open_movie

FRAMES = np.random.default_rng(4).integers(0, 3000, (5, 16, 20)).astype(np.int16)
AXES = [("time", "s", 0.4), ("y", "nm", 0.5), ("x", "nm", 0.5)]


def write_mrc(path: Path, frames: np.ndarray[Any, Any], angstrom: float) -> None:
    """Write an MRC2014 file by hand: mode 1 (int16), cell size in A."""
    count, height, width = frames.shape
    header = np.zeros(256, "<i4")
    header[[0, 1, 2, 3]] = width, height, count, 1
    header[[7, 8, 9]] = width, height, count
    header.view("<f4")[[10, 11, 12]] = width * angstrom, height * angstrom, count * angstrom
    header[52] = int.from_bytes(b"MAP ", "little")
    header[53] = 0x4444
    path.write_bytes(header.tobytes() + frames.astype("<i2").tobytes())


def write_hspy(path: Path, stored: np.ndarray[Any, Any], axes: list[tuple[str, str, float]], **general: Any) -> None:
    with h5py.File(path, "w") as file:
        file.attrs.update(file_format="HyperSpy", file_format_version="3.1")
        group = file.create_group("Experiments/movie")
        group.create_dataset("data", data=stored, chunks=(1, *stored.shape[1:]), compression="gzip")
        for k, (name, unit, scale) in enumerate(axes):
            group.create_group(f"axis-{k}").attrs.update(
                _type="UniformDataAxis",
                name=name,
                units=unit,
                scale=scale,
                offset=0.0,
                size=stored.shape[k],
                navigate=k < len(axes) - 2,
            )
        group.create_group("metadata/Signal").attrs.update(signal_type=general.get("signal_type", ""))
        group.create_group("metadata/General").attrs.update(title="movie")
        group.create_group("original_metadata")


def test_mrc_stack_with_its_scale(tmp_path: Path) -> None:
    write_mrc(tmp_path / "m.mrc", FRAMES, 2.5)
    movie = open_movie(tmp_path / "m.mrc")
    assert (movie.shape, movie.dtype) == (FRAMES.shape, FRAMES.dtype)
    assert all(np.array_equal(movie.frames[k], FRAMES[k]) for k in (4, 0, 2))
    assert movie.calibration.pixel_size_nm == pytest.approx(0.25)
    assert not movie.timed


def test_the_scale_that_mrc_writers_make_up_is_doubted(tmp_path: Path) -> None:
    write_mrc(tmp_path / "m.mrc", FRAMES, 1.0)
    assert any("exactly 1 A" in warning for warning in open_movie(tmp_path / "m.mrc").warnings)
    assert not any("exactly" in warning for warning in open_movie(tmp_path / "m.mrc", pixel_size_nm=0.5).warnings)


def test_a_truncated_mrc_is_refused_or_shortened(tmp_path: Path) -> None:
    write_mrc(tmp_path / "m.mrc", FRAMES, 2.5)
    whole = (tmp_path / "m.mrc").read_bytes()
    (tmp_path / "m.mrc").write_bytes(whole[:-400])
    with pytest.raises(InputError, match=r"m\.mrc: truncated.*4 of 5"):
        open_movie(tmp_path / "m.mrc")
    movie = open_movie(tmp_path / "m.mrc", allow_truncated=True)
    assert movie.shape == (4, 16, 20)
    np.testing.assert_array_equal(movie.frames[3], FRAMES[3])
    (tmp_path / "m.mrc").write_bytes(whole[:1100])
    with pytest.raises(InputError, match="nothing to analyse"):
        open_movie(tmp_path / "m.mrc", allow_truncated=True)


def test_hspy_movie_with_its_time_axis(tmp_path: Path) -> None:
    write_hspy(tmp_path / "m.hspy", FRAMES, AXES)
    movie = open_movie(tmp_path / "m.hspy")
    assert all(np.array_equal(movie.frames[k], FRAMES[k]) for k in range(5))
    assert movie.calibration.pixel_size_nm == 0.5
    np.testing.assert_allclose(movie.times_s, 0.4 * np.arange(5))


@pytest.mark.parametrize(
    ("shape", "axes", "why"),
    [
        ((5, 6, 7), [("y", "nm", 1.0), ("x", "nm", 1.0), ("Energy", "eV", 1.0)], "spectrum"),
        ((5, 6, 7), [("time", "s", 1.0), ("ky", "1/nm", 1.0), ("kx", "1/nm", 1.0)], "diffraction"),
        ((2, 3, 6, 7), [("y", "nm", 1.0), ("x", "nm", 1.0), ("ky", "1/nm", 1.0), ("kx", "1/nm", 1.0)], "4-D"),
    ],
)
def test_what_is_no_movie_is_refused_by_name(
    tmp_path: Path, shape: tuple[int, ...], axes: list[tuple[str, str, float]], why: str
) -> None:
    write_hspy(tmp_path / "m.hspy", np.ones(shape, np.float32), axes)
    with pytest.raises(InputError, match=why):
        open_movie(tmp_path / "m.hspy")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    write_hspy(tmp_path / "m.hspy", np.ones((3, 6, 7), np.complex64), AXES)
    with pytest.raises(InputError, match="complex"):
        open_movie(tmp_path / "m.hspy")


def test_paths_inside_a_file_are_not_followed(tmp_path: Path) -> None:
    write_hspy(tmp_path / "other.hspy", FRAMES, AXES)
    with h5py.File(tmp_path / "m.hspy", "w") as file:
        file.attrs["file_format"] = "HyperSpy"
        file["Experiments"] = h5py.ExternalLink(str(tmp_path / "other.hspy"), "/Experiments")
    with pytest.raises(InputError, match="another file"):
        open_movie(tmp_path / "m.hspy")


def test_an_hdf5_that_claims_far_more_than_it_stores_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.emd", "w") as file:
        file.create_dataset(
            "data", shape=(10, 30_000, 30_000), dtype="u2", chunks=(1, 30_000, 30_000), compression="gzip"
        )
    with pytest.raises(InputError, match="refused"):
        open_movie(tmp_path / "m.emd")


def test_pickled_zarr_is_never_run(tmp_path: Path) -> None:
    from tem_track.read.vendor.opening import _forbid_pickle

    numcodecs = pytest.importorskip("numcodecs")
    _forbid_pickle()
    with pytest.raises(ValueError, match="pickle"):
        numcodecs.get_codec({"id": "pickle"})


def test_an_mrc_that_claims_more_than_it_can_hold_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "absurd.mrc"
    path.write_bytes(np.array([30000, 30000, 100000, 1], "<i4").tobytes() + bytes(2000))
    for allow_truncated in (False, True):
        with pytest.raises(InputError, match="30000"):
            open_movie(path, allow_truncated=allow_truncated)
