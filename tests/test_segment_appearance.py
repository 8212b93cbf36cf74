"""What particles look like in a movie: the polarity where what weighs most is no particle."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tem_track.movie import Image
from tem_track.segment import appearance, learn_appearance, segment_frame
from tem_track.settings import SegmentSettings

SIDE, PITCH = 400, 36


def monolayer(seed: int, depth: float = 0.2, shade: float = 50.0) -> Image:
    """Return packed bright discs whose seams are darker by a share of their level, on slow shading, (SIDE, SIDE)."""
    y, x = np.indices((SIDE, SIDE))
    row_px = PITCH * np.sqrt(3) / 2
    away = np.full((SIDE, SIDE), np.inf)
    for row in range(-1, int(SIDE / row_px) + 2):
        for column in range(-1, SIDE // PITCH + 2):
            away = np.minimum(away, np.hypot(y - row * row_px, x - (column + 0.5 * (row % 2)) * PITCH))
    seam = np.clip((away - (PITCH / 2 - 2.5)) / 2.5, 0, 1)
    level = 100 + shade * ((y - SIDE / 2) ** 2 + (x - SIDE / 2) ** 2) / (SIDE / 2) ** 2
    picture = cv2.GaussianBlur((level * (1 - depth * seam)).astype(np.float32), (0, 0), 1.0)
    return np.asarray(picture + np.random.default_rng(seed).normal(0, 3, picture.shape), np.float32)


def learnt(picture: Image, polarity: str = "auto") -> appearance.Appearance:
    settings = SegmentSettings(polarity=polarity)
    return learn_appearance([picture], usable=None, fixed=None, pixel_size_nm=None, settings=settings)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_other_polarity_is_asked_where_what_weighs_most_is_no_particle(seed: int) -> None:
    picture = monolayer(seed)
    found = learnt(picture)
    assert found.polarity == "bright"
    assert "only the bright ones look like particles" in found.polarity_reason
    assert found.particle_like >= appearance.PARTICLES
    sizes = np.bincount(segment_frame(picture, found, fixed=None).ravel())[1:]
    disc_px = np.pi / 4 * PITCH**2
    assert np.count_nonzero((sizes > 0.6 * disc_px) & (sizes < 1.3 * disc_px)) > 40


def test_without_asking_the_shading_would_have_been_taken_for_a_particle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appearance, "NO_PARTICLES", -1.0)
    found = learnt(monolayer(1))
    assert found.polarity == "dark"
    assert found.particle_like < 0.3


def test_what_the_user_sets_is_not_asked_about() -> None:
    assert learnt(monolayer(1), "dark").polarity == "dark"
