"""Lines through a grain that are no boundaries."""

from __future__ import annotations

import numpy as np

from tem_track.front.grains.cracks import without_cracks
from tem_track.front.grains.find import find_grains
from tests.fronts import film, honeycomb

SHAPE = (200, 240)


def cracked(depth: float, step: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a film of grains with one cut across, the grains, and the regions it is cut into.

    `depth` is that of the cut over that of the boundaries, `step` that of the brightness across it.
    """
    grains = honeycomb(SHAPE, 9)
    levels = 1 + 0.1 * np.random.default_rng(4).standard_normal(grains.max() + 1)
    picture = film(grains, levels, 0.02, 0.12)
    largest = int(np.bincount(grains.ravel())[1:].argmax()) + 1
    y, x = np.indices(SHAPE)
    inside = grains == largest
    away = (x - x[inside].mean()) + 0.4 * (y - y[inside].mean())
    picture = picture * (1 - inside * 0.12 * depth * np.exp(-0.5 * (away / 1.5) ** 2))
    picture = (picture * (1 + step * (inside & (away > 0)))).astype(np.float32)
    return picture, grains, np.where(inside & (away > 0), grains.max() + 1, grains).astype(np.int32)


def test_a_deep_line_between_equal_sides_divides_no_grain() -> None:
    picture, grains, cut = cracked(3.0)
    assert len(np.unique(without_cracks(cut, picture))) == len(np.unique(grains))
    assert len(find_grains(picture)) == len(np.unique(grains))


def test_a_line_as_deep_as_the_others_does() -> None:
    picture, _, cut = cracked(1.0)
    assert len(np.unique(without_cracks(cut, picture))) == len(np.unique(cut))


def test_a_deep_line_between_unequal_sides_does() -> None:
    picture, _, cut = cracked(3.0, step=0.1)
    assert len(np.unique(without_cracks(cut, picture))) == len(np.unique(cut))


def test_a_few_lines_do_not_say_what_is_usual() -> None:
    picture, grains, cut = cracked(3.0)
    largest = int(np.bincount(grains.ravel())[1:].argmax()) + 1
    two = np.where(grains == largest, cut, 0).astype(np.int32)
    assert len(np.unique(without_cracks(two, picture))) == len(np.unique(two))
    assert (without_cracks(np.ones(SHAPE, np.int32), picture) == 1).all()
