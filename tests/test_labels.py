"""The compressed label stack gives back what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.labels import LabelStack


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
