from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.read import read_labels

SHAPE = (2, 10, 12)


@pytest.fixture
def labels() -> np.ndarray[Any, Any]:
    images = np.zeros(SHAPE, np.uint16)
    images[:, 1:4, 1:4], images[:, 6:9, 2:5], images[1, 1:4, 8:11] = 3, 700, 9
    return images


def test_stack_folder_and_array_give_the_same(tmp_path: Path, labels: np.ndarray[Any, Any]) -> None:
    tifffile.imwrite(tmp_path / "l.tif", labels, compression="zlib", photometric="minisblack")
    np.save(tmp_path / "l.npy", labels.astype(np.float64))
    folder = tmp_path / "folder"
    folder.mkdir()
    for k in range(2):
        (folder / f"{k}.png").write_bytes(imagecodecs.png_encode(labels[k]))
    for path in (tmp_path / "l.tif", tmp_path / "l.npy", folder):
        stack = read_labels(path, SHAPE)
        assert len(stack) == 2
        assert all(np.array_equal(stack[k], labels[k]) for k in range(2))
        assert stack.notes == ()


def test_a_palette_does_not_change_the_numbers(tmp_path: Path, labels: np.ndarray[Any, Any]) -> None:
    small = np.minimum(labels[0], 200).astype(np.uint8)
    colormap = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "l.tif", small, photometric="palette", colormap=colormap)
    assert np.array_equal(read_labels(tmp_path / "l.tif", (1, 10, 12))[0], small)


def test_a_binary_mask_is_labelled_by_its_parts_and_said(tmp_path: Path, labels: np.ndarray[Any, Any]) -> None:
    tifffile.imwrite(tmp_path / "m.tif", (labels > 0).astype(np.uint8) * 255, photometric="minisblack")
    stack = read_labels(tmp_path / "m.tif", SHAPE)
    assert [len(np.unique(stack[k])) - 1 for k in range(2)] == [2, 3]
    assert "binary mask" in stack.notes[0]


def test_one_image_belongs_to_a_movie_of_one_frame(tmp_path: Path, labels: np.ndarray[Any, Any]) -> None:
    tifffile.imwrite(tmp_path / "l.tif", labels[0])
    assert np.array_equal(read_labels(tmp_path / "l.tif", (1, 10, 12))[0], labels[0])
    with pytest.raises(InputError, match="1 label images, but the movie has 2"):
        read_labels(tmp_path / "l.tif", SHAPE)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (np.zeros((2, 10, 11), np.uint8), "10 x 11 pixels"),
        (np.full(SHAPE, -1, np.int16), "negative"),
        (np.full(SHAPE, 0.5, np.float32), "not whole"),
        (np.full(SHAPE, np.nan), "not whole"),
        (np.full(SHAPE, 2**31, np.int64), "above"),
        (np.zeros(SHAPE, np.uint8), "empty"),
        (np.zeros(SHAPE, np.complex64), "complex64"),
        (np.zeros((1, *SHAPE), np.uint8), "shape"),
    ],
)
def test_what_is_not_a_label_image_is_said(tmp_path: Path, stored: np.ndarray[Any, Any], why: str) -> None:
    np.save(tmp_path / "l.npy", stored)
    with pytest.raises(InputError, match=why):
        read_labels(tmp_path / "l.npy", SHAPE)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        read_labels(tmp_path / "l.npy", SHAPE)


def test_colours_and_other_files_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((10, 12, 3), np.uint8), photometric="rgb")
    (tmp_path / "l.txt").write_text("1 2 3")
    for name, why in (("c.tif", "colours"), ("l.txt", "must be"), ("none.tif", "no such file")):
        with pytest.raises(InputError, match=why):
            read_labels(tmp_path / name, (1, 10, 12))
