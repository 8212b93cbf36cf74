"""What the background leaves open of a drift that particles helped to find."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness
from test_drift_survey import walk

from tem_track.drift import refine_drift, survey_frames
from tem_track.drift.vouch import background_share, widened


def chain_on_vacuum(film: bool, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frames, labels and path of four touching balls that grow unevenly, on a film or on nothing."""
    rng = np.random.default_rng(seed)
    path = np.round(walk(30, step=0.5))
    texture = 1 + 0.25 * np.kron(rng.standard_normal((40, 40)), np.ones((4, 4))) * film
    frames, labels = [], []
    for k, (dy, dx) in enumerate(path):
        thickness = np.zeros((160, 160))
        for i in range(4):
            radius = 13 + 0.22 * max(0, k - 3 * i)
            thickness += ball_thickness((160, 160), 80 + dy + 0.12 * k * (i - 1), 35 + 27 * i + dx, radius)
        seen = np.clip(np.roll(texture, (int(dy), int(dx)), axis=(0, 1)), 0.1, None) * np.exp(-0.03 * thickness)
        frames.append(rng.poisson(200 * seen))
        labels.append((thickness > 0).astype(np.int32))
    return np.array(frames, np.uint16), np.array(labels), path


@pytest.mark.parametrize("film", [True, False])
def test_the_stated_uncertainty_knows_whether_anything_stands_still(film: bool) -> None:
    frames, labels, path = chain_on_vacuum(film)
    quality, rough = survey_frames(frames)
    refined = refine_drift(frames, rough, quality, particles=labels)
    off = refined.displacement_px - path
    error = float(np.sqrt(((off - np.median(off, axis=0)) ** 2).mean()))
    stated = float(np.sqrt((refined.sd_px**2).mean()))
    assert error < 4 * stated
    if film:
        assert stated < 0.1


def test_the_share_is_that_of_the_first_half_of_the_tiles() -> None:
    strength = np.array([[1.0, 1.0, 4.0, 2.0]])
    assert background_share(strength, np.ones((1, 4))) == 0.25


def test_disagreement_of_the_paths_counts_only_where_the_background_cannot_arbitrate() -> None:
    path = np.zeros((4, 2))
    rough = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    sd, nothing = np.full(4, 0.1), np.zeros(4)
    assert widened(sd, nothing, 0.5, path, rough) == pytest.approx(sd)
    alone = widened(sd, nothing, 0.0, path, rough)
    assert alone[0] == pytest.approx(np.hypot(0.1, 1.5))
