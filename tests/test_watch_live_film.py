"""The darkened share of a film that is being heated."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from tem_track.watch.live_film import BEFORE, LiveFilm

SHAPE = (128, 160)
TEXTURE = 150 + 25 * gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), 3) * 10
NOTHING_FIXED = np.zeros(SHAPE, bool)


def frame(k: int, share: float, beam: float = 1.0, drift: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float32]:
    """The film with its left part degraded to 0.7 of its level."""
    picture = TEXTURE.copy()
    picture[:, : round(share * SHAPE[1])] *= 0.7
    moved = shift(picture, drift, order=1, mode="nearest")
    return np.random.default_rng(k).poisson(moved * beam).astype(np.float32)


def followed(shares: list[float], beam: float = 1.0, jump_at: int = -1) -> list[float]:
    film = LiveFilm(NOTHING_FIXED)
    for k, share in enumerate([0.0] * BEFORE + shares):
        level = beam ** (k / len(shares)) * (1.3 if 0 <= jump_at <= k else 1.0)
        film.add(frame(k, share, level), np.zeros(2))
    return film.share[BEFORE:]


def test_the_share_is_that_of_what_darkened() -> None:
    shares = [0.0, 0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.8]
    found = followed(shares)
    # Seen twice before it counts: a frame late.
    assert found[1:] == pytest.approx(shares[:-1], abs=0.03)


def test_a_beam_that_fades_or_jumps_darkens_nothing() -> None:
    assert max(followed([0.0] * 20, beam=0.6)) < 0.01
    assert max(followed([0.0] * 8, jump_at=BEFORE + 4)) < 0.01


def test_drift_darkens_nothing_when_it_is_known() -> None:
    film, blind = LiveFilm(NOTHING_FIXED), LiveFilm(NOTHING_FIXED)
    for k in range(24):
        drift = (0.0, 1.5 * max(0, k - 2 * BEFORE))
        film.add(frame(k, 0.0, drift=drift), np.array(drift))
        blind.add(frame(k, 0.0, drift=drift), np.zeros(2))
    assert film.share[-1] < 0.02
    assert blind.share[-1] > 0.1


def test_the_outline_lies_where_the_darkened_part_ends() -> None:
    film = LiveFilm(NOTHING_FIXED)
    for k in range(BEFORE + 3):
        film.add(frame(k, 0.25 if k >= BEFORE else 0.0), np.zeros(2))
    largest = max(film.outlines(np.array([2.0, 5.0])), key=len)
    assert largest[:, 1].max() == pytest.approx(0.25 * SHAPE[1] + 5, abs=3)


def test_there_is_no_share_before_there_is_a_picture_before() -> None:
    film = LiveFilm(NOTHING_FIXED)
    film.add(frame(0, 0.0), np.zeros(2))
    assert np.isnan(film.share).all()
    assert film.outlines(np.zeros(2)) == []
