"""Grains and their boundary network from label images."""

from __future__ import annotations

import numpy as np

from tem_track.front.grains.network import grains_from_labels, nearest_label


def test_two_halves_have_one_straight_boundary() -> None:
    labels = np.ones((6, 10), np.int32)
    labels[:, 5:] = 2
    grains = grains_from_labels(labels)
    assert len(grains) == 2
    assert grains.boundary.sum() == 6
    assert (grains.labels[:, 4] == 0).all()
    assert (grains.territory == labels).all()
    # The boundary runs at x = 4.5.
    assert np.allclose(grains.distance_px[2], np.abs(np.arange(10) - 4.5), atol=0.05)
    assert len(grains.junctions) == 0


def test_three_grains_meet_in_one_junction() -> None:
    labels = np.ones((20, 20), np.int32)
    labels[:, 10:] = 2
    labels[10:, 10:] = 3
    junctions = grains_from_labels(labels).junctions
    assert junctions.shape == (1, 2)
    assert np.allclose(junctions[0], (9.5, 9.5))


def test_drawn_lines_go_to_the_grains_and_wide_zeros_stay_outside() -> None:
    labels = np.ones((40, 40), np.int32)
    labels[:, 20:] = 7
    labels[:, 19:21] = 0
    labels[30:] = 0
    grains = grains_from_labels(labels)
    assert grains.outside[31:].all()
    assert not grains.outside[:28].any()
    assert (grains.territory[:28, 19] > 0).all()
    assert len(grains) == 2


def test_a_number_used_twice_becomes_two_grains_numbered_in_reading_order() -> None:
    labels = np.full((5, 30), 2, np.int32)
    labels[:, :10] = labels[:, 20:] = 5
    grains = grains_from_labels(labels)
    assert grains.territory[0, [0, 15, 29]].tolist() == [1, 2, 3]


def test_one_grain_has_no_boundary_and_no_grain_none_either() -> None:
    one = grains_from_labels(np.ones((5, 5), np.int32))
    assert len(one) == 1
    assert not one.boundary.any()
    assert np.isinf(one.distance_px).all()
    none = grains_from_labels(np.zeros((5, 5), np.int32))
    assert len(none) == 0
    assert none.outside.all()


def test_the_nearest_label_fills_gaps() -> None:
    assert nearest_label(np.array([[1, 0, 0, 0, 2]], np.int32)).tolist()[0][::4] == [1, 2]
