from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.outline.choice import difference, hull_of, radii_about, second_is_better
from tem_track.segment.outline.polygon import polygon_area
from tem_track.segment.outline.rays import ray_angles, ray_points
from tem_track.segment.outline.stage import _Stage, outline_particles
from tem_track.segment.outline.table import Outlines

SIZE = (110, 110)
CENTRE = np.array([55.0, 55.0])
# Rays towards +x, where grains are pale and labels have their bites.
BITE = np.abs((ray_angles(96) + np.pi) % (2 * np.pi) - np.pi) < 0.45


def circle(radius: float, bite: float = 0.0) -> FloatArray:
    return ray_points(CENTRE, np.where(BITE, radius - bite, radius))


def picture(notched: bool, pale: float = 1.0, seed: int = 0) -> Image:
    """Bright-field ball of radius 30 whose grain towards +x is pale, or missing."""
    y, x = np.indices(SIZE) - 55.0
    grain = (np.abs(np.arctan2(y, x)) < 0.45) & (np.hypot(y, x) > 20)
    thick = 0.016 * ball_thickness(SIZE, 55, 55, 30) * np.where(grain, 0.0 if notched else pale, 1.0)
    return np.random.default_rng(seed).poisson(150 * gaussian_filter(np.exp(-thick), 1.0)).astype(np.float32)


def bitten_label() -> Labels:
    y, x = np.indices(SIZE) - 55.0
    whole = disc(SIZE, 55, 55, 29) > 0.5
    return (whole & ~((np.abs(np.arctan2(y, x)) < 0.45) & (np.hypot(y, x) > 20))).astype(np.int32)


def nothing_barred(box: tuple[slice, slice]) -> Mask:
    return np.zeros(SIZE, bool)[box]


def outline(frames: list[Image], labels: list[Labels]) -> Outlines:
    count = len(frames)
    return outline_particles(
        frames,
        labels,
        drift_px=np.zeros((count, 2)),
        measured=set(),
        usable=np.ones(count, bool),
        polarity="dark",
    )


def test_outlines_are_compared_by_their_radii() -> None:
    assert radii_about(circle(20), CENTRE, 48) == pytest.approx(20, abs=1e-9)
    assert difference(circle(20), circle(20)) == pytest.approx(0, abs=1e-9)
    assert difference(circle(20), circle(21)) == pytest.approx(np.log(21 / 20), abs=1e-4)


def test_a_hull_has_no_bite() -> None:
    hull = hull_of(circle(30, bite=9))
    # What the hull leaves out is the segment beyond the chord across the bite.
    segment = 0.5 * 30**2 * (0.9 - np.sin(0.9))
    assert polygon_area(hull) == pytest.approx(np.pi * 900 - segment, rel=0.01)
    assert difference(circle(30), hull_of(circle(30))) < 0.002


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_the_picture_decides_whether_a_bite_is_one(polarity: float) -> None:
    pale, notch = (polarity * picture(notched, pale=0.4) for notched in (False, True))
    bitten, whole = circle(30, bite=9), circle(30)
    assert second_is_better(pale, nothing_barred, bitten, whole)
    assert not second_is_better(pale, nothing_barred, whole, bitten)
    assert second_is_better(notch, nothing_barred, whole, bitten)
    assert not second_is_better(notch, nothing_barred, bitten, whole)
    assert not second_is_better(pale, lambda box: np.ones(SIZE, bool)[box], bitten, whole)


def test_a_bite_in_the_label_leaves_no_bite_in_the_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, labels = [picture(notched=False, pale=0.6)], [bitten_label()]
    with_hull = outline(frames, labels).area_px[0]
    assert with_hull == pytest.approx(np.pi * 900, rel=0.03)
    monkeypatch.setattr("tem_track.segment.outline.stage.without_bites", lambda scene, members: None)
    assert outline(frames, labels).area_px[0] < with_hull - 0.02 * np.pi * 900


def test_a_notch_stays_a_notch() -> None:
    found = outline([picture(notched=True)], [bitten_label()])
    assert found.area_px[0] < 0.96 * np.pi * 900


def test_a_later_frame_shows_what_the_first_one_hardly_does() -> None:
    whole = (disc(SIZE, 55, 55, 29) > 0.5).astype(np.int32)
    half = whole * (np.indices(SIZE)[1] < 62)
    x = np.indices(SIZE)[1] - 55.0
    thick = 0.02 * ball_thickness(SIZE, 55, 55, 30)
    faint = thick * np.where(x > 6, 0.25, 1.0)
    frames = [
        np.random.default_rng(seed).poisson(60 * gaussian_filter(np.exp(-t), 1.0)).astype(np.float32)
        for seed, t in enumerate((faint, thick, thick, thick))
    ]
    together = outline(frames, [half, whole, whole, whole]).area_px[0]
    assert together == pytest.approx(np.pi * 900, rel=0.03)


def test_an_outline_that_runs_away_when_fitted_again_replaces_none(monkeypatch: pytest.MonkeyPatch) -> None:
    forward_only = _Stage.look_back

    def strict(self: _Stage, *given: object) -> None:
        # From here on every outline counts as run away.
        monkeypatch.setattr("tem_track.segment.outline.stage._RUNAWAY_PX", -100.0)
        forward_only(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(_Stage, "look_back", strict)
    monkeypatch.setattr("tem_track.segment.outline.again._ANOTHER", 0.0)
    monkeypatch.setattr("tem_track.segment.outline.again.second_is_better", lambda *given: True)
    frames, whole = [picture(False, seed=s) for s in range(3)], (disc(SIZE, 55, 55, 29) > 0.5).astype(np.int32)
    assert outline(frames, [whole] * 3).area_px == pytest.approx(np.pi * 900, rel=0.03)
