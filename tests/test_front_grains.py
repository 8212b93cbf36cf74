"""Grains found in pictures of films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tem_track.front.grains.find import find_grains
from tests.accuracy.grain_images import SECTIONS, boundary_f1, iron_section, iron_sections
from tests.fronts import OPENS, film, held_front, honeycomb, two_grains

IRON = Path(__file__).resolve().parents[2] / "shared" / "data" / "iron_grains"


def found_share(found: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the true grains that a found one overlaps with at IoU 0.7."""
    hits = 0
    numbers = [k for k in np.unique(true) if (true == k).sum() >= 400]
    for k in numbers:
        here = true == k
        best = np.bincount(found[here]).argmax()
        hits += (here & (found == best)).sum() / (here | (found == best)).sum() >= 0.7
    return hits / len(numbers)


def test_grains_are_found_by_lines_and_steps() -> None:
    labels = honeycomb((200, 240), 9)
    levels = 1 + 0.1 * np.random.default_rng(4).standard_normal(labels.max() + 1)
    grains = find_grains(film(labels, levels, 0.03, 0.15))
    assert found_share(grains.territory, labels) == 1
    assert boundary_f1(grains.territory, labels) > 0.95


def test_scale_and_offset_of_the_grey_values_do_not_matter() -> None:
    labels = honeycomb((160, 160), 6)
    image = film(labels, np.ones(labels.max() + 1), 0.02, 0.3)
    assert (find_grains(image).labels == find_grains(image * 4096).labels).all()


def test_a_film_without_boundaries_is_one_grain() -> None:
    rng = np.random.default_rng(6)
    y = np.linspace(0.9, 1.1, 200)[:, None]
    grains = find_grains((y + 0.05 * rng.standard_normal((200, 200))).astype(np.float32))
    assert len(grains) == 1
    assert not grains.boundary.any()


def test_marks_of_the_camera_and_unseen_pixels_are_outside() -> None:
    labels = honeycomb((160, 160), 5)
    image = film(labels, np.ones(labels.max() + 1), 0.02, 0.3)
    image[:, -12:] = np.nan
    fixed = np.zeros(image.shape, bool)
    fixed[140:150, 10:60] = True
    image[fixed] = 50
    grains = find_grains(image, fixed=fixed)
    assert grains.outside[:, -12:].all()
    assert grains.outside[fixed].all()
    assert np.bincount(grains.territory[~grains.outside]).size <= 7


def test_large_pictures_are_worked_on_smaller_ones() -> None:
    labels = np.kron(honeycomb((160, 200), 6), np.ones((8, 8), np.int32))
    rng = np.random.default_rng(7)
    levels = 1 + 0.15 * rng.standard_normal(labels.max() + 1)
    image = (levels[labels] + 0.1 * rng.standard_normal(labels.shape)).astype(np.float32)
    grains = find_grains(image[:1270, :1590])
    assert grains.labels.shape == (1270, 1590)
    assert found_share(grains.territory, labels[:1270, :1590]) == 1


def test_a_boundary_without_contrast_shows_where_it_held_a_front() -> None:
    labels = two_grains()
    image = film(labels, np.ones(3), 0.03)
    assert len(find_grains(image)) == 1
    arrival = held_front(noise=0.3).astype(np.float32)
    grains = find_grains(image, arrival_frame=arrival)
    assert len(grains) == 2
    assert boundary_f1(grains.territory, labels) > 0.9
    never_held = (10 + np.arange(120) / 2 + np.zeros((80, 1))).astype(np.float32)
    assert never_held.max() < OPENS + 1
    assert len(find_grains(image, arrival_frame=never_held)) == 1


def test_fronts_that_meet_are_no_boundary() -> None:
    image = film(two_grains(), np.ones(3), 0.03)
    x = np.arange(120) + np.zeros((80, 1))
    meeting = 50 - np.abs(x - 59.5) / 1.5 + 0.3 * np.random.default_rng(8).standard_normal((80, 120))
    assert len(find_grains(image, arrival_frame=meeting.astype(np.float32))) == 1


def test_boundary_f1_can_fail() -> None:
    labels = two_grains()
    assert boundary_f1(labels, labels) == 1
    assert boundary_f1(np.ones_like(labels), labels) == 0
    assert boundary_f1(np.roll(labels, 10, axis=1), labels) < 0.6


@pytest.mark.skipif(not IRON.exists(), reason="shared/data/iron_grains is not there")
def test_boundaries_of_real_iron_grains() -> None:
    assert len(iron_sections(IRON)) == SECTIONS
    image, true = iron_section(IRON, "003")
    assert boundary_f1(find_grains(image).territory, true) >= 0.85
