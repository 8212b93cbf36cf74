"""Maps in specimen coordinates: values, NaN and calibration survive; the same map gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from tem_track.write.maps import write_map


def test_values_nan_and_scale_survive(tmp_path: Path) -> None:
    image = np.array([[0.0, 1.5], [np.nan, 2.25]], np.float32)
    write_map(tmp_path / "a.tif", image, pixel_size_nm=0.5, unit="s")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        np.testing.assert_array_equal(tiff.asarray(), image)
        assert tiff.imagej_metadata is not None
        assert tiff.imagej_metadata["unit"] == "nm"
        across, per = tiff.pages.first.tags["XResolution"].value
        assert across / per == 2.0


def test_labels_take_the_smallest_type_that_holds_them(tmp_path: Path) -> None:
    for largest, dtype in ((65_535, np.uint16), (65_536, np.int32)):
        write_map(tmp_path / "labels.tif", np.array([[0, largest]], np.int32))
        read = tifffile.imread(tmp_path / "labels.tif")
        assert read.dtype == dtype
        assert read.max() == largest


def test_a_map_without_any_value_is_written(tmp_path: Path) -> None:
    write_map(tmp_path / "never.tif", np.full((3, 4), np.nan, np.float32))
    assert np.isnan(tifffile.imread(tmp_path / "never.tif")).all()


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    for name in ("a", "b"):
        write_map(tmp_path / f"{name}.tif", image, pixel_size_nm=1.8)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
