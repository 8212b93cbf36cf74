"""The dark share of a film whose contrast changes both ways."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tem_track.front import Scale, dark_summary, dark_table
from tem_track.front.dark import dark_places, distinct_mask
from tests.pictures import disc

SHAPE = (200, 240)
EVERYWHERE = np.ones(SHAPE, bool)
TI = Path(__file__).resolve().parents[2] / "shared" / "data" / "ti_heating" / "frames"


def foil(spots: int, contrast: float = 0.5, noise: float = 0.05) -> np.ndarray:
    """Return a foil of uneven thickness with round dark spots of radius 6 px."""
    x = np.indices(SHAPE)[1]
    image = 100 * (1 + 0.3 * x / SHAPE[1])
    for k in range(spots):
        image = image * (1 - contrast * (disc(SHAPE, 15 + 30 * (k // 7), 15 + 33 * (k % 7), 6) > 0.5))
    return (image * (1 + noise * np.random.default_rng(9).standard_normal(SHAPE))).astype(np.float32)


@pytest.mark.parametrize("spots", [0, 7, 30])
def test_the_dark_share_is_the_spots_share(spots: int) -> None:
    found = dark_places(foil(spots), EVERYWHERE, 0.25)
    assert found.places == spots
    assert found.fraction == pytest.approx(spots * np.pi * 36 / EVERYWHERE.size, rel=0.1, abs=2e-4)
    assert np.isnan(found.diameter_px) if spots == 0 else abs(found.diameter_px - 12) < 1


def test_places_are_counted_alike_whatever_the_diffraction_condition() -> None:
    strong, weak = (dark_places(foil(30, contrast=c), EVERYWHERE, 0.25) for c in (0.8, 0.4))
    assert strong.places == weak.places == 30
    assert strong.contrast > 1.7 * weak.contrast
    # A bridge half as dark as the places it joins does not join them.
    joined = foil(30, contrast=0.8)
    joined[13:18, 15:48] *= 0.65
    assert dark_places(joined, EVERYWHERE, 0.25).places == 30


def test_the_places_drawn_are_those_counted() -> None:
    picture = foil(12)
    shown = np.ones(picture.shape, bool)
    mask = distinct_mask(picture, shown, 0.25)
    assert mask.shape == picture.shape
    assert cv2.connectedComponents(mask.astype(np.uint8))[0] - 1 == dark_places(picture, shown, 0.25).places == 12
    assert not distinct_mask(picture, ~shown, 0.25).any()


def test_what_is_too_faint_for_the_contrast_asked_for_is_not_dark() -> None:
    assert dark_places(foil(30, contrast=0.15), EVERYWHERE, 0.25).fraction < 0.002
    assert dark_places(foil(30, contrast=0.15), EVERYWHERE, 0.08).places > 25


def test_brightness_does_not_matter_and_what_is_hidden_does_not_count() -> None:
    image = foil(30)
    assert dark_places(image * 40, EVERYWHERE, 0.25).fraction == dark_places(image, EVERYWHERE, 0.25).fraction
    shown = EVERYWHERE.copy()
    shown[:90] = False
    image[:90] = 0
    hidden = dark_places(image, shown, 0.25)
    assert hidden.places == 7 + 2
    assert np.isnan(dark_places(image, ~EVERYWHERE, 0.25).fraction)


def test_the_table_and_its_trend() -> None:
    frames = [foil(k) for k in (30, 30, 21, 14, 0, 7)]
    scale = Scale(np.arange(6.0), True, 20 + 100 * np.arange(6.0), 0.5)
    table = dark_table(frames, np.array([1, 1, 1, 1, 0, 1], bool), lambda frame: frame < 0, 0.25, scale)
    assert np.isnan(table["dark_fraction"]).tolist() == [False] * 4 + [True, False]
    assert table["dark_places"][:2].tolist() == [30, 30]
    assert table["median_diameter_nm"][0] == pytest.approx(6, abs=0.5)
    summary = dark_summary(table)
    assert summary["dark_fraction_first"] > 3 * summary["dark_fraction_last"]  # type: ignore[operator]
    assert summary["dark_fraction_rank_correlation"] == pytest.approx(-0.97, abs=0.03)
    assert summary["dark_places_first"] == 30
    assert summary["dark_places_rank_correlation"] == pytest.approx(-0.97, abs=0.03)
    assert dark_summary({name: column[:2] for name, column in table.items()})["dark_fraction_first"] is None


@pytest.mark.skipif(not TI.exists(), reason="shared/data/ti_heating is not there")
def test_the_defects_of_heated_titanium_become_fewer() -> None:
    # Its annotators drew 493 defects in the first and 179 in the last frame, fewer and fewer in between.
    paths = sorted(TI.glob("*.jpg"), key=lambda p: int(re.findall(r"\d+", p.stem)[-1]))
    everywhere = np.ones((2048, 2048), bool)
    found = [
        dark_places(cv2.imread(str(p), cv2.IMREAD_GRAYSCALE).astype(np.float32), everywhere, 0.25) for p in paths[::3]
    ]
    places = np.array([f.places for f in found])
    assert found[-1].fraction < 0.7 * found[0].fraction
    assert 0.2 < places[-1] / places[0] < 0.6
    assert np.corrcoef(np.argsort(np.argsort(places)), np.arange(len(places)))[0, 1] < -0.85
