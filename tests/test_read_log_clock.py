from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tem_track.read.heating.clock import clock_times, is_clock, moment


def test_times_of_day_pass_midnight() -> None:
    found = clock_times(["23:59:58.5", "23:59:59.5", "00:00:00.5", "00:00:01,5"])
    np.testing.assert_allclose(found.times_s, [0, 1, 2, 3])
    assert found.clock_s == pytest.approx(86398.5)
    assert found.start is None


def test_a_step_back_by_minutes_is_not_midnight() -> None:
    assert clock_times(["12:10:00", "12:05:00"]).times_s.tolist() == [0, -300]


def test_dates_carry_over_days_and_years() -> None:
    found = clock_times(["2022-12-31 23:59:59", "2023-01-01T00:00:01"])
    np.testing.assert_allclose(found.times_s, [0, 2])
    assert found.start == datetime(2022, 12, 31, 23, 59, 59)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("23/09/'22 12:55", datetime(2022, 9, 23, 12, 55)),
        ("2022-09-23T12:55:20.5Z", datetime(2022, 9, 23, 12, 55, 20, 500000, UTC)),
        ("2014.10.08 16:26:51.738", datetime(2014, 10, 8, 16, 26, 51, 738000)),
        ("23.09.2022 12:55:20", datetime(2022, 9, 23, 12, 55, 20)),
        ("9/23/2022 2:03:04 PM", datetime(2022, 9, 23, 14, 3, 4)),
        ("9/23/2022 12:03:04 AM", datetime(2022, 9, 23, 0, 3, 4)),
        ("03/04/2022 12:55:20", None),
        ("31/31/2022 12:55:20", None),
    ],
)
def test_dates_of_all_kinds(text: str, start: datetime | None) -> None:
    assert moment(text) == start


def test_a_day_above_twelve_anywhere_settles_the_order() -> None:
    assert clock_times(["03/04/2022 12:00:00", "13/04/2022 12:00:00"]).start == datetime(2022, 4, 3, 12)
    both = clock_times(["03/04/2022 12:00:00", "03/04/2022 12:00:01"])
    assert both.ambiguous
    assert both.times_s.tolist() == [0, 1]


def test_dates_in_a_column_of_their_own() -> None:
    assert clock_times(["12:00:00"], ["2022-09-23"]).start == datetime(2022, 9, 23, 12)


def test_what_is_no_clock() -> None:
    assert not any(is_clock(text) for text in ("12.5", "12", "a:b", "12:5", "", "12:30:99x"))
    assert np.isnan(clock_times(["x", "y"]).times_s).all()
