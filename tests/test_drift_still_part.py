from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from tem_track.drift import Drift, FrameQuality
from tem_track.drift.still_part import refine_on_still_part

SHAPE, COUNT = (96, 112), 16
TRUTH = np.stack([0.7 * np.arange(COUNT), -0.45 * np.arange(COUNT)], axis=1)


def frames(noise: float = 4.0, growing: bool = True, seed: int = 2) -> NDArray[np.float32]:
    """Return a textured specimen that drifts, with a bright square that grows on it."""
    rng = np.random.default_rng(seed)
    wide = gaussian_filter(rng.normal(0, 1, (SHAPE[0] + 40, SHAPE[1] + 40)), 1.5)
    wide = 100 + 12 * wide / wide.std()
    found = []
    for k, (dy, dx) in enumerate(TRUTH):
        image = wide.copy()
        if growing and k > 2:
            image[60 - k : 60 + k, 70 - k : 80 + 2 * k] = 220
        moved = shift(image, (dy, dx), order=3)[20:-20, 20:-20]
        found.append(moved + rng.normal(0, noise, SHAPE))
    return np.asarray(found, np.float32)


def quality(usable: NDArray[np.bool_] | None = None) -> FrameQuality:
    usable = np.ones(COUNT, bool) if usable is None else usable
    return FrameQuality(usable, ["" if one else "blank" for one in usable], np.arange(COUNT))


def rough(path: NDArray[np.float64]) -> Drift:
    return Drift(path, np.full(COUNT, 1.0), [""] * COUNT)


def error(found: Drift) -> float:
    return float(np.sqrt(((found.displacement_px - TRUTH) ** 2).sum(axis=1).mean()))


def test_the_path_is_found_from_a_rough_one() -> None:
    off = TRUTH + np.random.default_rng(3).normal(0, 0.7, TRUTH.shape)
    off[0] = 0
    found = refine_on_still_part(frames(), rough(off), quality())
    assert error(found) < 0.08
    assert np.median(found.sd_px) < 0.1


def test_a_path_that_went_astray_is_brought_back() -> None:
    off = TRUTH.copy()
    off[9:] += (5.0, -6.0)
    assert error(refine_on_still_part(frames(noise=12.0), rough(off), quality())) < 0.2


def test_what_changed_may_be_left_out() -> None:
    changed = np.zeros(SHAPE, bool)
    changed[20:60, 32:95] = True
    assert error(refine_on_still_part(frames(), rough(TRUTH * 0.9), quality(), changed=changed)) < 0.08


def test_frames_without_structure_stay_where_they_were() -> None:
    blank, usable = frames(), np.ones(COUNT, bool)
    blank[5], usable[5] = 0, False
    found = refine_on_still_part(blank, rough(TRUTH + 0.0), quality(usable))
    assert found.displacement_px[5] == pytest.approx(TRUTH[5], abs=0.02)
    flat = np.full((COUNT, *SHAPE), 7, np.float32)
    np.testing.assert_allclose(refine_on_still_part(flat, rough(TRUTH), quality()).displacement_px, TRUTH)


def test_one_frame_has_no_drift_to_refine() -> None:
    lonely = np.zeros(COUNT, bool)
    lonely[0] = True
    given = rough(TRUTH)
    assert refine_on_still_part(frames(), given, quality(lonely)) is given


def test_binning_keeps_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tem_track.drift.still_part._LONGEST_PX", 60)
    assert error(refine_on_still_part(frames(noise=2.0), rough(TRUTH * 0.9), quality())) < 0.7
