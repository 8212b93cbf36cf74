"""Grains of a lamella: numbers, boundaries, what shows of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.simulate import HeatingScene
from tem_track.simulate.canvas import Canvas, canvas_of
from tem_track.simulate.heating_grains import Lamella, boundary_mask, distance_nm, lamella_of

SCENE = HeatingScene(height_px=200, width_px=240, grain_nm=90.0, seed=3)


def canvas_for(scene: HeatingScene) -> Canvas:
    return canvas_of(scene.height_px, scene.width_px, np.array([(0.0, 0.0), (4.0, -6.0)]))


def made(scene: HeatingScene) -> tuple[Canvas, Lamella]:
    canvas = canvas_for(scene)
    return canvas, lamella_of(scene, canvas)


def test_grains_of_frame_0_are_numbered_in_reading_order() -> None:
    canvas, lamella = made(SCENE)
    seen = canvas.of_frame_0(lamella.labels)
    numbers, first = np.unique(seen, return_index=True)
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert (np.diff(first) > 0).all()
    assert seen[0, 0] == 1


def test_grains_have_about_the_stated_size() -> None:
    _, lamella = made(replace(SCENE, height_px=400, width_px=400))
    area_nm2 = lamella.labels.size / len(np.unique(lamella.labels)) * SCENE.pixel_size_nm**2
    # Grains cut by the edge count as whole ones: the mean is a little small.
    assert np.sqrt(4 / np.pi * area_nm2) == pytest.approx(90, rel=0.15)


def test_boundaries_are_dark_lines_of_different_depth() -> None:
    _, lamella = made(replace(SCENE, hidden_walls=0.0))
    at_wall = lamella.boundary_nm <= 1
    assert lamella.line[at_wall].mean() > 0.15
    # A boundary just outside of the canvas darkens its edge.
    away = lamella.boundary_nm > 15
    assert lamella.line[30:-30, 30:-30][away[30:-30, 30:-30]].max() < 0.02
    assert lamella.line[at_wall].std() > 0.05
    assert lamella.line.max() <= SCENE.wall_contrast


def test_a_hidden_boundary_has_neither_line_nor_step() -> None:
    _, lamella = made(replace(SCENE, hidden_walls=0.3, wall_contrast=0.4))
    y, x = np.nonzero(lamella.labels[:, 1:] != lamella.labels[:, :-1])
    pairs = np.sort(np.stack([lamella.labels[y, x], lamella.labels[y, x + 1]]), axis=0)
    step = np.abs(lamella.brightness[y, x] - lamella.brightness[y, x + 1])
    line = lamella.line[y, x]
    hidden, shown = set(), set()
    for pair in {tuple(p) for p in pairs.T.tolist()}:
        on = (pairs == np.array(pair)[:, None]).all(axis=0)
        if on.sum() > 20:
            (hidden if np.median(step[on]) == 0 and np.median(line[on]) < 0.01 else shown).add(pair)
    assert len(hidden) >= 3
    assert len(shown) > len(hidden)
    # No grain has two of them: they cannot melt into one.
    assert len({grain for pair in hidden for grain in pair}) == 2 * len(hidden)


def test_platinum_and_vacuum_are_no_grains() -> None:
    canvas, lamella = made(replace(SCENE, pt_strip_nm=54.0, vacuum_nm=36.0))
    seen = canvas.of_frame_0(lamella.labels)
    assert (seen[:10] == 0).all()
    assert (seen[-5:] == 0).all()
    assert (seen[60:160] > 0).all()
    assert (seen == 0).mean() == pytest.approx((54 + 36) / 1.8 / 200, abs=0.05)
    # Their edges are no boundaries between grains.
    assert lamella.boundary_nm[lamella.labels > 0].max() > 20


def test_distance_counts_from_the_line_between_two_pixels() -> None:
    labels = np.ones((5, 10), np.int32)
    labels[:, 5:] = 2
    away = distance_nm(boundary_mask(labels, labels > 0), 2.0)
    assert away[2].tolist() == [9, 7, 5, 3, 1, 1, 3, 5, 7, 9]
    assert np.isinf(distance_nm(np.zeros((3, 3), bool), 1.0)).all()
