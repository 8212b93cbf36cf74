from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion.gaps import bridged, bridged_sd

TIMES = np.array([0.0, 1.0, 4.0, 5.0, 6.0])
SEEN = np.array([False, True, False, True, False])
VALUES = np.array([np.nan, 10.0, np.nan, 18.0, np.nan])


def test_gaps_are_bridged_in_time_and_ends_stay_empty() -> None:
    assert bridged(TIMES, VALUES, SEEN) == pytest.approx([np.nan, 10, 16, 18, np.nan], nan_ok=True)


def test_a_bridged_row_is_less_certain_than_its_neighbours() -> None:
    sds = np.array([np.nan, 0.5, np.nan, 0.4, np.nan])
    found = bridged_sd(TIMES, VALUES, sds, SEEN)
    assert found == pytest.approx([np.nan, 0.5, np.hypot(0.5, 8 * np.sqrt(3 / 16) / 2), 0.4, np.nan], nan_ok=True)


def test_nothing_seen_stays_nothing() -> None:
    assert np.isnan(bridged(TIMES, VALUES, np.zeros(5, bool))).all()
    assert np.isnan(bridged_sd(TIMES, VALUES, VALUES, np.zeros(5, bool))).all()
