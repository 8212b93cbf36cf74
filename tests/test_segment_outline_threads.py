"""What the outlines are does not depend on how many threads work on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pictures import ball_thickness, disc

from tem_track.movie import Image, Labels
from tem_track.segment import Outlines, outline_particles
from tem_track.segment.side_by_side import share_between

PITCH, ROWS, FRAMES = 40, 4, 4


@pytest.fixture
def _one_thread_afterwards() -> Iterator[None]:
    yield
    share_between(1)


def crowd(seed: int) -> tuple[Image, Labels]:
    """Sixteen balls side by side, so many that a few frames of them are shared out."""
    rng = np.random.default_rng(seed)
    shape = (ROWS * PITCH, ROWS * PITCH)
    picture, labels = np.zeros(shape, np.float64), np.zeros(shape, np.int32)
    for n in range(ROWS**2):
        y, x = (place * PITCH + PITCH / 2 for place in divmod(n, ROWS))
        picture += 0.03 * ball_thickness(shape, y, x, 11 + 0.2 * n)
        labels[disc(shape, y, x, 11) > 0.5] = n + 1
    return rng.poisson(100 * np.exp(-picture)).astype(np.float32), labels


def outlined(threads: int) -> Outlines:
    share_between(threads)
    frames, labels = zip(*(crowd(seed) for seed in range(FRAMES)), strict=True)
    return outline_particles(
        list(frames), list(labels), drift_px=np.zeros((FRAMES, 2)), measured=set(),
        usable=np.ones(FRAMES, np.bool_), polarity="dark",
    )  # fmt: skip


@pytest.mark.usefixtures("_one_thread_afterwards")
def test_any_number_of_threads_finds_the_same_to_the_last_bit() -> None:
    alone, shared = outlined(1), outlined(3)
    assert len(alone.area_px) == FRAMES * ROWS**2
    assert alone.kinds == shared.kinds
    for name in ("area_px", "area_sd_px", "y_px", "x_px", "core_diameter_px", "void_diameter_px", "quality"):
        assert np.array_equal(getattr(alone, name), getattr(shared, name), equal_nan=True), name
    assert all(np.array_equal(a, b) for a, b in zip(alone.points, shared.points, strict=True))
