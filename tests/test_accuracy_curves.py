"""The rates that the benchmark of curves prints, on fewer of them."""

from __future__ import annotations

import numpy as np
import pytest
from accuracy.curves import CURVES, FRAMES, NOISES, Noise, noise_of, rates

FEW = 12


def share(figures: dict[str, object], name: str) -> float:
    return figures[name].value  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_nothing_is_invented(noise: Noise) -> None:
    inert, one = rates(CURVES["inert"], noise, FEW), rates(CURVES["NiO, one stage"], noise, FEW)
    assert share(inert, "too many stages") == 0
    assert share(inert, "invented") == 0
    assert share(one, "too many stages") == 0
    assert share(one, "onset missed") == 0


def test_two_stages_are_found_and_timed() -> None:
    for name in ("CuO, two stages", "NiO@CuO, two stages"):
        figures = rates(CURVES[name], NOISES[0], FEW)
        assert share(figures, "too few") == 0
        assert share(figures, "change held") >= 0.9
        assert figures["change, frames"] < 1  # type: ignore[operator]


@pytest.mark.parametrize("name", ["parabola, one stage", "begun before the movie", "NiO, one stage"])
def test_laws_are_named_and_finals_held(name: str) -> None:
    figures = rates(CURVES[name], NOISES[1], FEW)
    assert share(figures, "law wrong") < 0.1
    assert share(figures, "law right") > 0.7
    assert share(figures, "final held") >= 0.8


@pytest.mark.parametrize("noise", [NOISES[1], NOISES[3]], ids=lambda noise: noise.name)
def test_a_parabola_keeps_its_onset_and_is_one_stage(noise: Noise) -> None:
    figures = rates(CURVES["parabola, one stage"], noise, 2 * FEW, seed=11)
    assert share(figures, "onset missed") == 0
    assert share(figures, "too many stages") <= 0.05
    assert share(figures, "final held") >= 0.9


def test_the_noise_is_what_it_says() -> None:
    random = np.random.default_rng(1)
    rows = np.array([noise_of(Noise("", 0.01, 0.5), random) for _ in range(200)])
    assert rows.std() == pytest.approx(0.01, rel=0.05)
    assert np.mean(rows[:, 1:] * rows[:, :-1]) == pytest.approx(0.5e-4, rel=0.1)
    slow = np.array([noise_of(Noise("", 0.0, 0.0, 0.01), random) for _ in range(200)])
    assert slow.std() == pytest.approx(0.01, rel=0.1)
    assert rows.shape == (200, FRAMES)
