"""Lines to draw: borders of regions, without what follows the edge of the field."""

from __future__ import annotations

import numpy as np

from tem_track.write.contours import grain_lines, region_lines


def test_a_disc_inside_the_field_has_one_closed_line() -> None:
    yy, xx = np.indices((60, 80))
    lines = region_lines(np.hypot(yy - 30, xx - 40) < 15)
    assert len(lines) == 1
    assert (lines[0][0] == lines[0][-1]).all()
    np.testing.assert_allclose(np.hypot(*(lines[0] - (30, 40)).T), 14.5, atol=0.8)


def test_the_edge_of_the_field_is_no_border() -> None:
    yy, xx = np.indices((60, 80))
    lines = region_lines(yy + xx // 7 < 25)
    assert len(lines) == 1
    inner = lines[0][1:-1]
    assert ((inner[:, 1] > 0) & (inner[:, 1] < 79) & (inner[:, 0] > 0)).all()


def test_a_full_or_empty_field_has_no_line() -> None:
    assert region_lines(np.ones((20, 30), bool)) == []
    assert region_lines(np.zeros((20, 30), bool)) == []


def test_two_grains_share_the_line_between_them() -> None:
    labels = np.ones((40, 50), np.int32)
    labels[:, 25] = 0
    labels[:, 26:] = 2
    lines = grain_lines(labels)
    assert len(lines) == 2
    assert all(set(line[:, 1].tolist()) == {25.0} for line in lines)
