"""The similarity: there and back, fitted exactly, mirrored or not."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.pair import Similarity, fit_similarity

POINTS = np.array([[3.0, 4.0], [100.0, 7.0], [40.0, 200.0], [-20.0, 60.0]])


@pytest.mark.parametrize("mirrored", [False, True])
def test_there_and_back_is_where_it_was(mirrored: bool) -> None:
    similarity = Similarity(1.3, 2.2, (12.0, -40.0), mirrored)
    assert similarity.inverse().apply(similarity.apply(POINTS)) == pytest.approx(POINTS)
    assert similarity.apply(similarity.inverse().apply(POINTS)) == pytest.approx(POINTS)


def test_a_quarter_turn_takes_right_to_down() -> None:
    assert Similarity(2.0, np.pi / 2, (0.0, 0.0)).apply(np.array([[0.0, 1.0]])) == pytest.approx(np.array([[2.0, 0.0]]))


def test_mirrored_turns_x_round_and_keeps_areas_reversed() -> None:
    assert np.linalg.det(Similarity(2.0, 0.7, (0.0, 0.0)).matrix()[:, :2]) == pytest.approx(4.0)
    assert np.linalg.det(Similarity(2.0, 0.7, (0.0, 0.0), True).matrix()[:, :2]) == pytest.approx(-4.0)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_fit_finds_what_was_applied(mirrored: bool) -> None:
    true = Similarity(0.8, -1.1, (5.0, 300.0), mirrored)
    found = fit_similarity(POINTS, true.apply(POINTS), None, mirrored)
    assert (found.scale, found.rotation_rad) == pytest.approx((0.8, -1.1))
    assert found.apply(POINTS) == pytest.approx(true.apply(POINTS))
    # A control: the other handedness does not fit.
    other = fit_similarity(POINTS, true.apply(POINTS), None, not mirrored)
    assert np.abs(other.apply(POINTS) - true.apply(POINTS)).max() > 20


def test_points_without_weight_do_not_count() -> None:
    target = Similarity(1.2, 0.4, (1.0, 2.0)).apply(POINTS)
    target[3] += 50
    found = fit_similarity(POINTS, target, np.array([1.0, 1.0, 1.0, 0.0]))
    assert found.scale == pytest.approx(1.2)
    assert abs(fit_similarity(POINTS, target).scale - 1.2) > 0.05


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="two points"):
        fit_similarity(POINTS[:1], POINTS[:1])
    with pytest.raises(ValueError, match="two places"):
        fit_similarity(POINTS[[0, 0]], POINTS[[0, 1]])
