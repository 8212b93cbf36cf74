"""Evidence of a change in the grey values of one pixel."""

from __future__ import annotations

import numpy as np

from tem_track.front.arrival.change_point import change_evidence


def falling(change: float, frames: int = 60, depth: float = 0.2, noise: float = 0.04, pixels: int = 400) -> np.ndarray:
    """Return levels (K, 1, pixels) that fall at `change` and go on darkening slowly."""
    rng = np.random.default_rng(3)
    number = np.arange(frames)
    after = (number >= change) * (depth + 0.05 * (1 - np.exp(-np.maximum(number - change, 0) / 20)))
    return (-after[:, None, None] + noise * rng.standard_normal((frames, 1, pixels))).astype(np.float32)


def evidence_of(levels: np.ndarray, noise: float = 0.04) -> np.ndarray:
    return change_evidence(levels, np.ones_like(levels), noise)


def test_the_change_is_found_where_it_is() -> None:
    best = evidence_of(falling(25)).argmax(axis=0)
    assert np.median(best) == 25
    assert np.abs(best - 25).mean() < 0.3


def test_slow_darkening_does_not_make_it_late() -> None:
    assert abs(evidence_of(falling(8)).argmax(axis=0).mean() - 8) < 0.2


def test_nothing_is_no_change() -> None:
    assert np.mean(evidence_of(falling(99)).max(axis=0) > 3) < 0.05


def test_a_faint_change_says_little_either_way() -> None:
    faint = evidence_of(falling(30, depth=0.0)).max(axis=0)
    assert np.abs(np.median(faint)) < 6


def test_frames_that_do_not_show_the_pixel_do_not_count() -> None:
    levels = falling(25)
    weight = np.ones_like(levels)
    weight[20:24] = 0
    levels[20:24] = 0
    best = change_evidence(levels, weight, 0.04).argmax(axis=0)
    assert np.isin(best, range(20, 28)).mean() > 0.95


def test_earlier_samples_may_come_as_their_sum() -> None:
    levels = falling(40)
    whole = evidence_of(levels)
    part = change_evidence(
        levels[15:],
        np.ones_like(levels[15:]),
        0.04,
        before_count=np.full(levels.shape[1:], 15, np.float32),
        before_total=levels[:15].sum(axis=0),
    )
    assert np.allclose(part[1:], whole[16:], atol=0.02)
