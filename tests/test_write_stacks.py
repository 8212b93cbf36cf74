"""Label stacks: what was measured comes back, calibrated, as time, in the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.labels import LabelStack
from tem_track.write.stacks import write_label_stack


def stack_of(largest: int) -> LabelStack:
    stack = LabelStack((20, 30))
    for k in range(4):
        labels = np.zeros((20, 30), np.int32)
        labels[2 + k : 8 + k, 5:15] = 1
        labels[12:18, 20:28] = largest
        stack.append(labels)
    return stack


def test_the_labels_come_back_calibrated_and_as_time(tmp_path: Path) -> None:
    labels = stack_of(7)
    path = tmp_path / "labels.tif"
    write_label_stack(path, labels, shape=(4, 20, 30), pixel_size_nm=1.3, frame_interval_s=0.4)
    with tifffile.TiffFile(path) as tiff:
        np.testing.assert_array_equal(tiff.asarray(), np.stack(list(labels)))
        assert tiff.series[0].axes == "TYX"
        assert tiff.pages[0].dtype == np.uint16
        assert tiff.imagej_metadata is not None
        assert tiff.imagej_metadata["unit"] == "nm"
        assert tiff.imagej_metadata["finterval"] == 0.4
        per_nm = tiff.pages[0].tags["XResolution"].value
        assert per_nm[1] / per_nm[0] == pytest.approx(1.3, rel=1e-6)


def test_many_tracks_need_and_get_wider_pages(tmp_path: Path) -> None:
    write_label_stack(tmp_path / "a.tif", stack_of(70_000), shape=(4, 20, 30))
    pages = tifffile.imread(tmp_path / "a.tif")
    assert pages.dtype == np.uint32
    assert pages.max() == 70_000


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_label_stack(tmp_path / name, stack_of(7), shape=(4, 20, 30), pixel_size_nm=1.3)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_single_image_is_a_stack_of_one(tmp_path: Path) -> None:
    write_label_stack(tmp_path / "a.tif", [stack_of(3)[0]], shape=(1, 20, 30))
    assert tifffile.imread(tmp_path / "a.tif").shape == (20, 30)


@pytest.mark.parametrize(
    ("shape", "largest", "says"),
    [((3, 20, 30), 7, "for 3 frames"), ((4, 30, 20), 7, "shape"), ((4, 20, 30), 6, "outside 0 to 6")],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, shape: tuple[int, int, int], largest: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        write_label_stack(tmp_path / "a.tif", stack_of(7), shape=shape, largest=largest)
    assert not any(tmp_path.iterdir())


def test_progress_is_told_frame_by_frame(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_label_stack(
        tmp_path / "a.tif", stack_of(2), shape=(4, 20, 30), progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
