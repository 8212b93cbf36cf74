from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.growth.spans import SpanFinder, evidence


def spans_of(rows: list[list[float]], noise: float = 0.1) -> tuple[list[float], list[float]]:
    """Return start and stop of each row of evidence, a pixel per row."""
    values = np.array(rows, np.float32)
    finder = SpanFinder((len(rows),))
    for k in range(values.shape[1]):
        finder.add(k, values[:, k])
    start, stop = finder.spans(np.full(len(rows), noise, np.float32))
    return start.tolist(), stop.tolist()


UP, DOWN = 0.5, -0.5


def test_spans_of_plain_courses() -> None:
    start, stop = spans_of(
        [
            [DOWN] * 4 + [UP] * 6,
            [DOWN] * 10,
            [UP] * 10,
            [DOWN] * 2 + [UP] * 5 + [DOWN] * 8,
            [DOWN] * 9 + [UP],
        ][:3]
    )
    assert start == [4, np.inf, 0]
    assert stop == [np.inf] * 3
    start, stop = spans_of([[DOWN] * 2 + [UP] * 5 + [DOWN] * 8])
    assert (start, stop) == ([2], [7])


def test_one_frame_back_is_no_end() -> None:
    assert spans_of([[DOWN] * 4 + [UP] * 5 + [DOWN] + [UP] * 5])[0] == [4]
    assert spans_of([[DOWN] * 4 + [UP] * 8 + [DOWN] * 2])[1] == [np.inf]


def test_a_bright_flash_is_worth_no_more_than_a_few_frames() -> None:
    start, _ = spans_of([[DOWN] * 4 + [50.0] + [DOWN] * 6])
    assert start == [np.inf]


def test_frames_that_do_not_show_a_pixel_say_nothing() -> None:
    assert spans_of([[DOWN] * 3 + [0.0] * 4 + [UP] * 5])[0][0] in (3, 4, 5, 6, 7)
    assert spans_of([[0.0] * 12])[0] == [np.inf]


def test_noise_gives_the_right_start_on_average_and_hardly_any_false_ones() -> None:
    rng = np.random.default_rng(5)
    noise, frames, first = 0.33, 60, 30
    finder = SpanFinder((2, 4000))
    for k in range(frames):
        truth = np.full((2, 4000), DOWN)
        truth[0] += 1.0 if k >= first else 0.0
        finder.add(k, (truth + rng.normal(0, noise, truth.shape)).astype(np.float32))
    start, _ = finder.spans(np.full((2, 4000), noise, np.float32))
    assert np.isfinite(start[0]).mean() > 0.99
    assert np.mean(start[0][np.isfinite(start[0])]) == pytest.approx(first, abs=0.1)
    assert np.isfinite(start[1]).mean() < 0.002


def test_evidence_is_zero_where_nothing_is_known() -> None:
    image, before = np.full((1, 4), 10.0, np.float32), np.array([[0, 10, np.nan, 0]], np.float32)
    rise, seen = np.array([[10, 10, 10, -1]], np.float32), np.array([[True, True, True, True]])
    assert evidence(image, seen, before, rise).tolist() == [[0.5, -0.5, 0.0, 0.0]]
    assert evidence(image, ~seen, before, rise).tolist() == [[0.0, 0.0, 0.0, 0.0]]
