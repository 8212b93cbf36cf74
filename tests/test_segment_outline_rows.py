from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from test_segment_outline import SIZE, ball_frame, labels_of, outline

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.rows import unroundness


def polygon(radius: FloatArray) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, len(radius), endpoint=False)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)[None]


def test_an_ellipse_departs_little_and_a_broken_ball_much() -> None:
    angle = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    circle, wavy = polygon(np.full(128, 30.0)), polygon(30 * (1 + 0.2 * np.cos(3 * angle)))
    ellipse = polygon(30 / np.sqrt(np.cos(angle) ** 2 + (1.3 * np.sin(angle)) ** 2))
    assert unroundness(circle) == pytest.approx(0.0, abs=1e-12)
    assert unroundness(ellipse) < 0.1 * unroundness(wavy)
    # An amplitude of 20 % has a root mean square of 14 %, and the product is its square.
    assert unroundness(wavy) == pytest.approx(0.02, rel=0.15)


def broken_frame(seed: int) -> Image:
    """Half a ball, broken along a line: no profile common to all directions."""
    thick = np.zeros(SIZE)
    rows, columns = np.indices(SIZE)
    inside = 900 - (rows - 60.0) ** 2 - (columns - 60.0) ** 2
    thick[inside > 0] = 2 * np.sqrt(inside[inside > 0])
    thick[columns > 62] = 0.0
    return np.random.default_rng(seed).poisson(200 * gaussian_filter(np.exp(-0.015 * thick), 1.0)).astype(np.float32)


def test_a_broken_piece_is_known_less_well_than_a_ball_and_within_what_is_stated() -> None:
    rows, columns = np.indices(SIZE)
    inside = (np.hypot(rows - 60, columns - 60) < 30) & (columns <= 62)
    piece = outline([broken_frame(s) for s in range(4)], [inside.astype(np.int32)] * 4)
    ball = outline([ball_frame(22, seed=s) for s in range(4)], [labels_of(SIZE, (60, 60, 22))] * 4)
    assert (piece.area_sd_px / piece.area_px).min() > 2 * (ball.area_sd_px / ball.area_px).max()
    assert np.abs((piece.area_px - inside.sum()) / piece.area_sd_px).max() < 2
    assert piece.quality.max() < ball.quality.min()


def test_what_the_border_hides_is_not_known() -> None:
    whole = outline([ball_frame(30)], [labels_of(SIZE, (60, 60, 29))])
    cut = outline([ball_frame(30, centre=(2.0, 60.0))], [labels_of(SIZE, (2, 60, 29))])
    assert cut.area_sd_px[0] > 3 * whole.area_sd_px[0]
    assert abs(cut.area_px[0] / (np.pi * 900) - 1) < 2 * cut.area_sd_px[0] / cut.area_px[0]
    assert cut.quality[0] < 0.7 < whole.quality[0]


def test_shared_noise_raises_the_uncertainty_and_leaves_the_outline_smooth() -> None:
    shape = (260, 260)
    rng = np.random.default_rng(5)
    clean = ball_frame(30, dose=1e6, centre=(130.0, 130.0), shape=shape) / 1e6
    white = rng.normal(0, 0.05, shape)
    shared = gaussian_filter(rng.normal(0, 0.05, shape), 1.2)
    shared *= 0.05 / shared.std()
    labels = [labels_of(shape, (130, 130, 29))]
    one, other = (outline([(100 * (clean + n)).astype(np.float32)], labels) for n in (white, shared))
    assert other.area_sd_px[0] > 1.3 * one.area_sd_px[0]
    for found in (one, other):
        assert abs(found.area_px[0] - np.pi * 900) < 3 * found.area_sd_px[0]
    radius = np.hypot(*(other.outline(0) - 130).T)
    assert radius.std() / 30 < 0.04
