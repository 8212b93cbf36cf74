from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.read import describe, open_movie

SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the real recordings are not on this machine")

# Reads each file given, at most 1 GiB of address space, and prints one line for each.
READER = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from tem_track.errors import InputError
from tem_track.read import describe, open_movie
for name in sys.argv[1:]:
    try:
        movie = open_movie(Path(name))
        describe(movie)
        for k in {0, len(movie) - 1}:
            frame = movie.frames[k]
            assert frame.shape == movie.shape[1:] and frame.dtype == movie.dtype, name
        print("read")
    except InputError as error:
        assert "\\n" not in str(error), name
        print("refused", error)
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def test_importing_the_reader_costs_nothing() -> None:
    code = "import sys, tem_track.read; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(run_python(code).stdout.split())
    assert loaded.isdisjoint({"numpy", "tifffile", "cv2", "rsciio", "dask", "matplotlib"})
    assert "tem_track" in loaded


def test_an_ordinary_tiff_needs_no_heavy_library(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((3, 8, 8), np.uint16), photometric="minisblack", compression="zlib")
    code = (
        "import sys; from pathlib import Path; from tem_track.read import open_movie, describe;"
        "movie = open_movie(Path(sys.argv[1])); describe(movie); movie.frames[0];"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = set(run_python(code, str(tmp_path / "m.tif")).stdout.split())
    assert "tifffile" in loaded
    assert loaded.isdisjoint({"cv2", "rsciio", "dask", "matplotlib", "h5py", "scipy", "skimage"})


def test_missing_empty_and_foreign_files_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.tif").write_text("no image")
    (tmp_path / "header.tif").write_bytes(b"II*\0")
    (tmp_path / "far.tif").write_bytes(b"II*\0\xff\xff\xff\x7f")
    for name, why in (
        ("none.tif", "no such file"),
        ("empty.tif", "is empty"),
        ("text.tif", "not an image or movie"),
        ("header.tif", "truncated or damaged"),
        ("far.tif", "truncated or damaged"),
    ):
        with pytest.raises(InputError, match=rf"^{name}: .*{why}") as caught:
            open_movie(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_file_without_permission_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    (tmp_path / "m.tif").write_bytes(b"II*\0")
    (tmp_path / "m.tif").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        open_movie(tmp_path / "m.tif")


def test_without_calibration_and_times_there_is_one_warning_each(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((3, 8, 8), np.uint16), photometric="minisblack")
    movie = open_movie(tmp_path / "m.tif")
    assert len(movie.warnings) == 2
    assert not movie.timed
    assert open_movie(tmp_path / "m.tif", pixel_size_nm=0.5, frame_interval_s=0.1).warnings == ()
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((8, 8), np.uint16))
    assert len(open_movie(tmp_path / "one.tif").warnings) == 1


def test_two_sources_of_times_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not both"):
        open_movie(tmp_path / "m.tif", frame_interval_s=1.0, times=tmp_path / "t.csv")


def test_complex_frames_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((3, 8, 8), np.complex64), photometric="minisblack")
    with pytest.raises(InputError, match="only real grey values"):
        open_movie(tmp_path / "m.tif")


def test_the_description_is_plain_json(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((3, 8, 9), np.uint16), photometric="minisblack")
    (tmp_path / "t.csv").write_text("frame,time_s\n0,1\n1,2\n2,4\n")
    movie = open_movie(tmp_path / "m.tif", pixel_size_nm=0.5, times=tmp_path / "t.csv")
    facts = json.loads(json.dumps(describe(movie)))
    assert facts["frames"] == 3
    assert (facts["height_px"], facts["width_px"], facts["field_nm"]) == (8, 9, [4.0, 4.5])
    assert (facts["interval_s"], facts["interval_range_s"], facts["duration_s"]) == (1.5, [1.0, 2.0], 3.0)
    assert facts["temperature_range_c"] is None
    assert json.loads(json.dumps(describe(open_movie(tmp_path / "m.tif"))))["interval_s"] is None


@needs_shared
def test_odd_files_are_read_or_refused_quietly_in_little_memory() -> None:
    odd = sorted(file for file in (SHARED / "data" / "odd").rglob("*") if file.is_file())
    done = run_python(READER, *(str(file) for file in odd))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(odd)
    assert 100 < lines.count("read") < len(odd)


@needs_shared
def test_vendor_files_give_what_their_makers_wrote() -> None:
    formats = SHARED / "data" / "formats"
    stack = open_movie(formats / "emd" / "fei_example_tem_stack.emd")
    assert stack.shape == (2, 3, 3)
    assert stack.times_s.tolist() == [0, 0.8]
    assert stack.calibration.pixel_size_nm == pytest.approx(0.00817288)
    assert open_movie(formats / "tia" / "old" / "03_Scanning Preview.emi").shape == (5, 128, 128)
    known = np.load(formats / "tia" / "old" / "64x64_TEM_images_acquire.npy")
    np.testing.assert_array_equal(
        open_movie(formats / "tia" / "old" / "64x64_TEM_images_acquire_1.ser").frames[0], known
    )
    image = open_movie(formats / "tiff" / "test_dm_image_um_unit.dm3")
    exported = open_movie(formats / "tiff" / "test_loading_image_saved_with_DM.tif")
    np.testing.assert_array_equal(image.frames[0], exported.frames[0])
    assert image.calibration.pixel_size_nm == pytest.approx(exported.calibration.pixel_size_nm)


@needs_shared
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hspy/example2_v3.1.hspy", "diffraction"),
        ("hspy/example1_v1.0.hdf5", "spectrum"),
        ("digitalmicrograph/3D/EELS_SI.dm4", "spectrum"),
        ("digitalmicrograph/2D/test_fft_packed_complex8.dm4", "complex"),
        ("digitalmicrograph/2D/test_diffraction_pattern.dm3", "diffraction"),
        ("tia/old/64x64_diffraction_acquire_1.ser", "diffraction"),
        ("emd/Si100_4D.emd", "4-D"),
        ("tvips/test_tvips_2345_split_001.tvips", "part 000"),
    ],
)
def test_what_is_no_movie_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        open_movie(SHARED / "data" / "formats" / name)


@needs_shared
def test_real_recordings_are_read() -> None:
    frames = open_movie(
        SHARED / "data" / "ti_heating" / "frames", times=SHARED / "data/ti_heating/frames_time_temp.csv"
    )
    assert frames.shape == (25, 2048, 2048)
    assert frames.times_s[1] == 49
    video = open_movie(SHARED / "data" / "ti_heating" / "videos" / "Figure-4-Line-Motion.mp4")
    assert video.shape == (23, 660, 660)
    assert set(video.unusable) == {1, 2, 3, 20, 21, 22}
