"""Whatever stands in a text from outside, a reader gives a value or one line that says what is wrong."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tem_track.errors import SettingsError, TemTrackError
from tem_track.read.folder import natural_key, numbers_of
from tem_track.read.frame_names import temperatures_in_names, times_in_names, without_quantities
from tem_track.read.heating.clock import clock_times, moment
from tem_track.read.heating.log import TemperatureLog, read_temperature_log
from tem_track.read.heating.offset import find_offset
from tem_track.read.heating.ramp import ramp_temperatures
from tem_track.read.heating.temperature import parse_columns
from tem_track.read.states import read_states
from tem_track.read.times import read_times
from tem_track.read.units import is_reciprocal, nm_per_unit, parse_duration, parse_length, seconds_per_unit
from tem_track.settings import (
    Settings,
    files_of_run,
    layered_settings,
    parsed_toml,
    read_settings_file,
    settings_from,
    settings_toml,
)
from tem_track.theory.additions import with_additions
from tem_track.theory.book import built_in
from tests.robustness.mutate_text import WORDS

# The same examples every time; what is searched for at length is searched for by tests/robustness/fuzz.py.
few = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIGNS = (*',;\t \n"#=[]{}.-+:/', "\r\n")
PIECES = (
    *("C", "K", "s", "ms", "nm", "µm", "frame", "time_s", "temp_C", "Temperature [C]", "Time", "image", "state"),
    *("voltage_v", "Date", "Digiheater 3.2", "sample", "Timestamp,Experiment time", "Time,Notes,", "track"),
    *("Time units = Milliseconds", "max_gap_frames", "0", "1", "2", "10", "0.5", "1,5", "1e3", "12:00:01"),
    *("2020-01-02", "450C+2C/s", "a.tif", "b.tif"),
)
cells = st.sampled_from([*PIECES, "", *WORDS[:6]])
rows = st.lists(st.lists(cells, min_size=1, max_size=4).map(",".join), max_size=12)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*SIGNS, *PIECES, *WORDS]), max_size=25).map("".join),
    rows.map("\n".join),
    st.sampled_from(("frame,time_s\n", "time_s,temp_C\n", "image,state,voltage_v\n")).flatmap(
        lambda head: rows.map(lambda body: head + "\n".join(body))
    ),
)
contents = st.one_of(texts.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=80))


def one_line_or_value(read: Callable[[], Any]) -> Any:
    """Return what is read, None where it is refused in one line."""
    found, refusal = None, "one line"
    try:
        found = read()
    except TemTrackError as error:
        refusal = str(error)
    assert refusal.strip()
    assert len(refusal.splitlines()) == 1
    return found


@few
@given(contents)
def test_a_temperature_log_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    log = one_line_or_value(lambda: read_temperature_log(path))
    if log is not None:
        assert np.all(np.diff(log.times_s) > 0)
        assert np.all(np.isfinite(log.temperatures_c))
        assert log.temperatures_c.min() >= -273.15
    one_line_or_value(lambda: read_temperature_log(path, columns=("1", "2")))


@few
@given(contents)
def test_times_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "times.csv"
    path.write_bytes(content)
    times_s = one_line_or_value(lambda: read_times(path, 3))
    if times_s is not None:
        assert times_s.shape == (3,)
        assert np.all(np.diff(times_s) > 0)


@few
@given(contents)
def test_states_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "states.csv"
    path.write_bytes(content)
    states = one_line_or_value(lambda: read_states(path, (Path("a.tif"), Path("b.tif"))))
    if states is not None:
        assert len(states) == 2
        assert not any(math.isinf(state.voltage_v) for state in states)


@few
@given(contents)
def test_settings_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("my.toml", "run.json"):
        path = tmp_path / name
        path.write_bytes(content)
        values = one_line_or_value(lambda path=path: read_settings_file(path))
        if values is not None:
            one_line_or_value(lambda values=values: layered_settings(("my.toml", values)))
        one_line_or_value(lambda path=path: files_of_run(path))


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
GROUPS = {group.name: getattr(Settings(), group.name) for group in dataclasses.fields(Settings)}


@few
@given(st.sampled_from(list(GROUPS)), st.integers(0, 9), values)
def test_any_value_of_a_setting_is_taken_or_refused(group: str, number: int, value: Any) -> None:
    names = [field.name for field in dataclasses.fields(GROUPS[group])]
    name = names[number % len(names)]
    taken = one_line_or_value(lambda: settings_from({group: {name: value}}))
    if taken is not None:
        assert type(getattr(getattr(taken, group), name)) is get_type_hints(type(GROUPS[group]))[name]


@few
@given(st.data())
def test_settings_come_back_from_their_text(data: st.DataObject) -> None:
    """Text of any signs that a file can hold, and any numbers."""
    signs = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
    changes: dict[str, dict[str, Any]] = {
        "input": {"ramp": data.draw(signs), "log_offset": data.draw(signs), "temperature_columns": data.draw(signs)},
        "expansion": {
            "reaction": data.draw(signs),
            "outline_shift_px": data.draw(st.floats(-1e299, 1e299)),
            "v0_frames": data.draw(st.integers(0, 10**9)),
        },
        "output": {"overlay": data.draw(st.booleans())},
    }
    chosen = settings_from(changes)
    assert settings_from(parsed_toml(settings_toml(chosen), "text")) == chosen


@few
@given(texts)
def test_quantities_are_parsed_or_refused(text: str) -> None:
    for parse in (parse_length, parse_duration):
        value = one_line_or_value(lambda parse=parse: parse(text))
        assert value is None or (value > 0 and math.isfinite(value))
    ramp = one_line_or_value(lambda: ramp_temperatures(text, np.arange(3.0)))
    assert ramp is None or np.isfinite(ramp).all()
    one_line_or_value(lambda: parse_columns(text))
    for judge in (is_reciprocal, nm_per_unit, seconds_per_unit):
        judge(text)


@few
@given(texts, st.booleans())
def test_offsets_are_found_or_refused(text: str, clock: bool) -> None:
    log = TemperatureLog(np.arange(9.0), np.full(9, 20.0), "log", "table", clock_s=43200.0 if clock else None)
    found = one_line_or_value(lambda: find_offset(log, text, datetime(2020, 1, 1, 12), 3.0))
    assert found is None or math.isfinite(found.offset_s)


@few
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_names_of_frames_say_something_or_nothing(stems: list[str]) -> None:
    for read in (times_in_names, temperatures_in_names, numbers_of):
        found = read(stems)
        assert found is None or len(found) == len(stems)
    sorted(stems, key=natural_key)
    assert [without_quantities(stem) for stem in stems]


@few
@given(st.lists(texts, min_size=1, max_size=4))
def test_clock_times_are_times_or_not_known(fields: list[str]) -> None:
    assert clock_times(fields).times_s.shape == (len(fields),)
    assert clock_times(fields, ["2020-01-02"] * len(fields)).times_s.shape == (len(fields),)
    moment(fields[0])


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31 999:00:00",
        "0001-01-01 0:00",
        "12:00:00+25:00",
        "2020-01-01 12:00+99:99",
        "9999-12-31 23:59:59",
        "0000-01-01 1:00",
        "999:99:99.9",
    ],
)
def test_impossible_clocks_do_no_harm(text: str) -> None:
    clock_times([text, text])
    moment(text)


@pytest.mark.parametrize("time_s", ["1e300", "-1e300", "1e17", "nan"])
def test_a_clock_beside_impossible_seconds_is_refused(tmp_path: Path, time_s: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"Timestamp,time_s,temp_C\n2020-01-02 12:00:00,{time_s},20\n2020-01-02 12:00:01,2e300,21\n")
    one_line_or_value(lambda: read_temperature_log(path))


@few
@given(texts)
def test_phases_of_users_are_read_or_refused(text: str) -> None:
    one_line_or_value(lambda: with_additions(built_in(), text, "my.toml"))


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = " + "{x=" * 3000, "a." * 4000 + "b = 1"]
)
def test_toml_beyond_reason_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^my\.toml: "):
        settings_from(parsed_toml(text, "my.toml"), source="my.toml")
