from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.movie import FloatArray, Movie
from tem_track.read.heating.log import TemperatureLog, read_temperature_log
from tem_track.read.heating.temperature import parse_columns, temperature_of_movie, temperatures_of_frames

TI_HEATING = Path(__file__).resolve().parents[2] / "shared" / "data" / "ti_heating"
NOON = datetime(2022, 9, 23, 12)


def ramp_log(duration_s: float = 100.0, step_s: float = 0.5) -> TemperatureLog:
    """Return a log that starts at 20 degC and rises by 2 degC/s."""
    times_s = np.arange(0, duration_s + step_s / 2, step_s)
    return TemperatureLog(times_s, 20 + 2 * times_s, "log.csv", "table")


def movie_at(times_s: FloatArray, timed: bool = True) -> Movie:
    frames = np.zeros((len(times_s), 4, 4), np.uint8)
    return Movie(frames=frames, shape=frames.shape, dtype=frames.dtype, times_s=times_s, timed=timed, name="movie.tif")


def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("time_s,temp_C\n" + "".join(f"{k},{20 + 2 * k}\n" for k in range(101)))
    return path


def test_the_offset_is_the_logs_time_at_frame_0() -> None:
    found = temperatures_of_frames(ramp_log(), np.array([0.0, 1.0, 10.25]), offset="37.4s")
    np.testing.assert_allclose(found.temperatures_c, 20 + 2 * (37.4 + np.array([0.0, 1.0, 10.25])))
    assert found.warnings == ()


def test_without_an_offset_zero_is_zero_and_the_user_is_told() -> None:
    found = temperatures_of_frames(ramp_log(), np.array([0.0, 10.0]))
    np.testing.assert_allclose(found.temperatures_c, [20, 40])
    assert "taken as frame 0" in found.warnings[0]
    made_for_it = temperatures_of_frames(ramp_log(10.0), np.array([0.0, 10.0]))
    assert made_for_it.warnings == ()


def test_an_offset_may_be_a_time_of_day_even_past_midnight() -> None:
    log = replace(ramp_log(), clock_s=86390.0)
    for offset, expected in (("23:59:55", 5.0), ("00:00:05", 15.0)):
        found = temperatures_of_frames(log, np.array([0.0, 1.0]), offset=offset)
        np.testing.assert_allclose(found.temperatures_c[0], 20 + 2 * expected)


def test_absolute_times_are_used_where_both_have_them() -> None:
    log = replace(ramp_log(), start=NOON)
    found = temperatures_of_frames(log, np.array([0.0, 1.0]), movie_start=NOON.replace(second=30))
    np.testing.assert_allclose(found.temperatures_c, [80, 82])
    overridden = temperatures_of_frames(log, np.array([0.0]), offset="1s", movie_start=NOON.replace(second=30))
    np.testing.assert_allclose(overridden.temperatures_c, [22])


def test_one_stated_zone_is_owned_up_to() -> None:
    log = replace(ramp_log(), start=NOON.replace(tzinfo=UTC))
    found = temperatures_of_frames(log, np.array([0.0]), movie_start=NOON)
    assert "time zone" in found.warnings[0]


@pytest.mark.parametrize(("hours", "text"), [(2, "exactly 2 h apart"), (-5, "exactly 5 h"), (5.75, "exactly 5.75 h")])
def test_another_time_zone_is_recognised_and_its_cure_works(hours: float, text: str) -> None:
    log = replace(ramp_log(), start=NOON)
    start = NOON + timedelta(hours=hours, seconds=20)
    with pytest.raises(InputError, match=text) as caught:
        temperatures_of_frames(log, np.array([0.0, 30.0]), movie_start=start)
    offset = str(caught.value).split("then --log-offset ")[1].split(";")[0]
    assert temperatures_of_frames(log, np.array([0.0, 30.0]), offset=offset).temperatures_c[0] == pytest.approx(60)


def test_other_days_are_no_time_zone() -> None:
    with pytest.raises(InputError) as caught:
        temperatures_of_frames(replace(ramp_log(), start=NOON), np.array([0.0, 1.0]), movie_start=NOON.replace(day=25))
    assert "time zone" not in str(caught.value)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        ("95s", "5 s at its end without a reading"),
        ("-3s", "3 s at its beginning without a reading"),
        ("300s", "do not overlap, 200 s lie between"),
        ("noon", "write the log's time at frame 0"),
        ("37.4", "write the log's time at frame 0"),
        ("12:00:00", "has no times of day"),
    ],
)
def test_a_log_that_does_not_cover_the_movie_says_by_how_much(offset: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        temperatures_of_frames(ramp_log(), np.array([0.0, 10.0]), offset=offset)


def test_less_than_one_step_beyond_the_end_is_no_error() -> None:
    found = temperatures_of_frames(ramp_log(), np.array([0.0, 10.0]), offset="90.4s")
    assert found.temperatures_c[-1] == 220


def test_gaps_are_interpolated_and_reported() -> None:
    log = ramp_log()
    keep = (log.times_s < 40) | (log.times_s > 44)
    gapped = replace(log, times_s=log.times_s[keep], temperatures_c=log.temperatures_c[keep])
    found = temperatures_of_frames(gapped, np.array([0.0, 42.0, 99.0]), offset="0s")
    np.testing.assert_allclose(found.temperatures_c[1], 104)
    assert "1 gap interpolated, the longest 5 s" in (*found.notes, *found.warnings)[0]
    outside = temperatures_of_frames(gapped, np.array([0.0, 5.0]), offset="60s")
    assert (outside.notes, outside.warnings) == ((), ())


def test_the_movie_gets_its_temperatures(tmp_path: Path) -> None:
    movie = movie_at(np.array([0.0, 1.0, 3.0]))
    heated = temperature_of_movie(movie, log=log_file(tmp_path), offset="10s")
    assert heated.temperatures_c is not None
    np.testing.assert_allclose(heated.temperatures_c, [40, 42, 46])
    assert "log.csv" in heated.temperature_source
    ramped = temperature_of_movie(movie, ramp="450C+2C/s")
    assert ramped.temperatures_c is not None
    assert ramped.temperatures_c.tolist() == [450, 452, 456]
    assert temperature_of_movie(movie) is movie


def test_requests_that_contradict_themselves(tmp_path: Path) -> None:
    movie, log = movie_at(np.array([0.0, 1.0])), log_file(tmp_path)
    with pytest.raises(InputError, match="not both"):
        temperature_of_movie(movie, log=log, ramp="450C")
    with pytest.raises(InputError, match="--log-offset is for a log"):
        temperature_of_movie(movie, offset="3s")
    with pytest.raises(InputError, match="--temperature-columns is for a log"):
        temperature_of_movie(movie, columns="1,2")
    with pytest.raises(InputError, match="no frame times"):
        temperature_of_movie(movie_at(np.array([0.0, 1.0]), timed=False), log=log)
    with pytest.raises(InputError, match="two names"):
        parse_columns("time_s")


@pytest.mark.skipif(not TI_HEATING.exists(), reason="the real heating series is not at hand")
def test_the_real_pair_of_log_and_frames() -> None:
    with (TI_HEATING / "frames_time_temp.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    times_s = np.array([float(row["time_s"]) for row in rows])
    names_c = np.array([float(row["temp_C"]) for row in rows])
    log = read_temperature_log(TI_HEATING / "Chip4Data.txt")
    found = temperatures_of_frames(log, times_s, offset="12:55:20.50")
    error = np.abs(found.temperatures_c - names_c)
    # Names are whole degrees read off a display; the mean over the series is what they can tell.
    assert error.mean() < 0.5
    assert np.median(error) < 0.5
    assert temperatures_of_frames(log, times_s).temperatures_c == pytest.approx(found.temperatures_c)
    assert "gap" in found.notes[0]
    # Negative control: ten seconds off is 3 degC off.
    assert np.abs(temperatures_of_frames(log, times_s, offset="10s").temperatures_c - names_c).mean() > 2
