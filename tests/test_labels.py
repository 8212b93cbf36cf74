"""The compressed label stack gives back what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.labels import LabelStack, Runs, boxes, runs, sizes


def test_gives_back_every_image() -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, high, (31, 47)).astype(np.int32) for high in (1, 2, 70000)]
    stack = LabelStack((31, 47))
    for image in images:
        stack.append(image)
    assert len(stack) == 3
    assert all(np.array_equal(a, b) for a, b in zip(stack, images, strict=True))
    assert np.array_equal(stack[1:][1], images[2])
    stack[0] = images[2]
    assert np.array_equal(stack[0], images[2])
    assert stack[0].flags.writeable


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        LabelStack((3, 4)).append(np.zeros((4, 3), np.int32))
    with pytest.raises(IndexError):
        LabelStack((3, 4))[0]


def test_runs_hold_every_pixel_once_and_stop_at_the_end_of_a_row() -> None:
    labels = np.random.default_rng(4).integers(0, 3, (13, 7)).astype(np.int32)
    start, length, number = runs(labels)
    assert np.array_equal(np.repeat(number, length).reshape(labels.shape), labels)
    assert ((start % 7) + length <= 7).all()


@pytest.mark.parametrize("high", [1, 3, 70000])
def test_the_runs_of_a_kept_image_are_those_of_the_image_and_are_kept_alike(high: int) -> None:
    labels = np.random.default_rng(5).integers(0, high, (13, 7)).astype(np.int32)
    labels[3:7] = high
    stack, again = LabelStack((13, 7)), LabelStack((13, 7))
    stack.append(labels)
    found, direct = stack.runs(0), Runs.of(labels)
    for mine, its in zip((found.start, found.length, found.number), runs(labels), strict=True):
        assert np.array_equal(mine, its)
    again.append_runs(direct)
    again.append_runs(direct.under(np.zeros_like(direct.number)))
    assert again.packed()[0] == stack.packed()[0]
    assert not again[1].any()
    with pytest.raises(ValueError, match="shape"):
        LabelStack((7, 13)).append_runs(direct)


def test_a_run_longer_than_16_bits_hold_comes_back() -> None:
    stack = LabelStack((300, 400))
    stack.append(np.full((300, 400), 9, np.int32))
    assert (stack[0] == 9).all()


def test_sizes_and_boxes_are_those_of_the_pixels() -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[3:9, 5:20], labels[20:22, :4], labels[8, 19] = 70000, 2, 0
    assert [values.tolist() for values in sizes(labels)] == [[2, 70000], [8, 89]]
    assert boxes(labels) == {2: np.s_[20:22, 0:4], 70000: np.s_[3:9, 5:20]}
    assert boxes(np.zeros((3, 4), np.int32)) == {}
    assert [len(values) for values in sizes(np.zeros((3, 4), np.int32))] == [0, 0]
