from __future__ import annotations

from pathlib import Path

import pytest

from tem_track.errors import SettingsError
from tem_track.settings import (
    Settings,
    layered_settings,
    read_settings_file,
    settings_dict,
    settings_from,
    settings_toml,
)


def test_the_printed_defaults_read_back_as_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(settings_toml(), encoding="utf-8")
    assert settings_from(read_settings_file(path)) == Settings()


def test_changed_settings_survive_the_round_trip(tmp_path: Path) -> None:
    changed = settings_from({"track": {"max_gap_frames": 3}, "expansion": {"volume_model": "film"}})
    path = tmp_path / "settings.toml"
    path.write_text(settings_toml(changed), encoding="utf-8")
    assert settings_from(read_settings_file(path)) == changed != Settings()
    assert settings_from(settings_dict(changed)) == changed


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tracks": {}}, "did you mean 'track'"),
        ({"track": {"max_gap_frame": 3}}, "did you mean 'max_gap_frames'"),
        ({"track": {"max_gap_frames": 3.5}}, "should be a whole number"),
        ({"track": {"max_gap_frames": True}}, "should be a whole number"),
        ({"track": {"max_gap_frames": -1}}, "below the lowest"),
        ({"segment": {"min_diameter_nm": float("nan")}}, "not a finite number"),
        ({"segment": {"polarity": "drak"}}, "did you mean 'dark'"),
        ({"track": 3}, "must be a group"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_guess(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_from(values)


def test_a_whole_number_will_do_for_a_number() -> None:
    assert settings_from({"segment": {"min_diameter_nm": 5}}).segment.min_diameter_nm == 5.0


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings_file(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe = 1")
    with pytest.raises(SettingsError, match="not valid TOML"):
        read_settings_file(tmp_path / "bad.toml")


def test_later_layers_win_and_every_value_says_where_it_came_from() -> None:
    settings, sources = layered_settings(
        ("movie.toml", {"track": {"max_gap_frames": 3}, "expansion": {"volume_model": "film"}}),
        ("command line", {"track": {"max_gap_frames": 4}}),
    )
    assert settings.track.max_gap_frames == 4
    assert sources["track"]["max_gap_frames"] == "command line"
    assert sources["expansion"]["volume_model"] == "movie.toml"
    assert sources["drift"]["enabled"] == "default"


def test_the_settings_of_a_run_load_back(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(
        '{"settings": {"track": {"max_gap_frames": {"value": 3, "source": "command line"}}}}', encoding="utf-8"
    )
    assert settings_from(read_settings_file(path)).track.max_gap_frames == 3
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(SettingsError, match="not the run"):
        read_settings_file(path)
