"""Areas and volumes of bodies, against closed forms and pixel counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tem_track.simulate.outline import (
    ANGLES,
    Sector,
    angles,
    elliptic_outline,
    faceted_outline,
    profile,
    profile_volume,
    radius_at,
    sector_share,
    wavy_outline,
)


def area_of(outline: np.ndarray) -> float:
    return float(np.sum(outline**2) / 2 * 2 * np.pi / ANGLES)


@pytest.mark.parametrize("seed", range(3))
def test_outlines_have_the_area_of_the_unit_disc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for outline in (wavy_outline(rng, 0.05), faceted_outline(rng, 0.03), elliptic_outline(1.7, 0.4, np.ones(ANGLES))):
        assert area_of(outline) == pytest.approx(np.pi, rel=1e-9)
        assert outline.min() > 0.6


def test_roughness_zero_is_the_circle() -> None:
    assert wavy_outline(np.random.default_rng(0), 0.0) == pytest.approx(np.ones(ANGLES))


def test_ellipse_has_its_axes() -> None:
    outline = elliptic_outline(4.0, 0.0, np.ones(ANGLES))
    assert outline[0] == pytest.approx(2.0, rel=1e-3)
    assert outline[ANGLES // 4] == pytest.approx(0.5, rel=1e-3)


def test_profile_is_the_balls_chord() -> None:
    u = np.linspace(0, 1.2, 7, dtype=np.float32)
    assert profile(u, 1.0) == pytest.approx(np.sqrt(np.clip(1 - u**2, 0, None)))


@pytest.mark.parametrize("top", [1.0, 0.9, 0.5])
def test_every_profile_holds_the_balls_volume(top: float) -> None:
    u = (np.arange(200000, dtype=np.float64) + 0.5) / 200000
    volume = 3 * np.sum(profile(u.astype(np.float32), top).astype(np.float64) * u) / len(u)
    assert volume == pytest.approx(1.0, rel=1e-4)
    assert profile_volume(top) <= 1


def test_volume_of_a_rough_body_is_that_of_its_thickness_map() -> None:
    outline, radius = faceted_outline(np.random.default_rng(5), 0.03), 80.0
    y, x = np.indices((260, 260), dtype=np.float32) - np.float32(130)
    theta = np.mod(np.arctan2(y, x), np.float32(2 * np.pi))
    u = np.hypot(y, x) / (radius * radius_at(outline, theta))
    thickness = 2 * radius * profile(u, 0.9)
    assert thickness.sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=2e-3)
    assert (u < 1).sum() == pytest.approx(np.pi * radius**2, rel=2e-3)


def test_a_half_disc_has_half_the_area_and_its_centroid() -> None:
    share = sector_share(Sector(0.0, np.pi, 0.0, 0.0), np.ones(ANGLES), 1.0)
    assert (share.area, share.volume) == pytest.approx((0.5, 0.5), rel=1e-3)
    # Centroid of a half disc: 4 / (3 pi) from the diameter.
    assert (share.y, share.x) == pytest.approx((4 / (3 * np.pi), 0.0), abs=2e-3)


@pytest.mark.parametrize("pieces", [2, 3, 4])
def test_pieces_conserve_area_and_volume(pieces: int) -> None:
    outline = faceted_outline(np.random.default_rng(pieces), 0.05)
    cracks = 0.3 + np.concatenate(
        [[0], np.sort(np.random.default_rng(1).uniform(0, 2 * np.pi, pieces - 1)), [2 * np.pi]]
    )
    shares = [sector_share(Sector(float(a), float(b), 0.2, 1.0), outline, 0.9) for a, b in pairwise(cracks)]
    assert sum(s.area for s in shares) == pytest.approx(1, abs=1e-5)
    assert sum(s.volume for s in shares) == pytest.approx(1, abs=1e-5)


def test_directions_run_from_x_towards_y() -> None:
    assert np.argmin(np.abs(angles() - np.pi / 2)) == ANGLES // 4
    outline = np.ones(ANGLES)
    outline[ANGLES // 4] = 3.0
    assert radius_at(outline, np.array([[np.pi / 2]], np.float32))[0, 0] == 3.0
