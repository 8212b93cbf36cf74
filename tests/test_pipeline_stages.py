"""What each stage depends on: every setting has its place, and a key changes with all it should and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tem_track
from tem_track.errors import SettingsError
from tem_track.pipeline import stages
from tem_track.pipeline.stages import (
    OUTPUT,
    OUTPUT_SETTINGS,
    STAGES,
    code_digest,
    run_key,
    seen_settings,
    stage_key,
    stages_before,
    stages_from,
)
from tem_track.settings import Settings, settings_from

ROLES = {"movie", "times", "temperature", "labels", "grains", "phases"}


def other(value: object, choices: tuple[str, ...]) -> object:
    """Return another allowed value of a setting."""
    if choices:
        return next(choice for choice in choices if choice != value)
    if isinstance(value, bool):
        return not value
    return value + "x" if isinstance(value, str) else type(value)(value + 1)


CHANGED = {
    f"{group}.{name}": settings_from({group: {name: other(value, declared.metadata["choices"])}})
    for group, name, value, declared in Settings().items()
}


def keys(settings: Settings, inputs: dict[str, str] | None = None, without: tuple[str, ...] = ()) -> dict[str, str]:
    made: dict[str, str] = {}
    for stage in STAGES:
        if stage.name not in without:
            made[stage.name] = stage_key(stage.name, made, settings, inputs or {"movie": "m"})
    return made


def test_every_setting_belongs_to_a_stage_or_to_the_output() -> None:
    declared = {entry for stage in STAGES for entry in stage.settings}
    assert set(CHANGED) == declared | set(OUTPUT_SETTINGS)
    assert not declared & set(OUTPUT_SETTINGS)


def test_every_stage_stands_on_earlier_ones_and_on_known_files() -> None:
    names = [stage.name for stage in STAGES]
    assert len(set(names)) == len(names)
    for number, stage in enumerate(STAGES):
        assert set(stage.after) <= set(names[:number])
        assert set(stage.files) <= ROLES


@pytest.mark.parametrize("entry", sorted(CHANGED))
def test_a_setting_changes_the_keys_of_its_stages_and_of_those_after_them_only(entry: str) -> None:
    owners = {stage.name for stage in STAGES if entry in stage.settings}
    expected = {s.name for s in STAGES if s.name in owners or stages_before(s.name) & owners}
    before, after = keys(Settings()), keys(CHANGED[entry])
    assert {name for name in before if before[name] != after[name]} == expected
    assert run_key(Settings(), {}, "a") != run_key(CHANGED[entry], {}, "a")


@pytest.mark.parametrize("entry", sorted(CHANGED))
def test_a_stage_sees_a_setting_only_if_its_key_holds_it(entry: str) -> None:
    before, after = keys(Settings()), keys(CHANGED[entry])
    for stage in STAGES:
        seen = seen_settings(stage.name, CHANGED[entry])
        assert (seen == CHANGED[entry]) is (before[stage.name] != after[stage.name])
        assert seen in (CHANGED[entry], Settings())


def test_the_settings_that_users_change_often_redo_little() -> None:
    before = keys(Settings())
    after = keys(CHANGED["expansion.volume_model"])
    assert before["outlines"] == after["outlines"]
    assert before["drift"] == after["drift"]
    assert keys(CHANGED["output.figures"]) == before
    assert keys(CHANGED["expansion.reaction"]) == before


@pytest.mark.parametrize(
    ("role", "first"),
    [("movie", "survey"), ("labels", "choice"), ("times", "front"), ("temperature", "choice"), ("phases", "")],
)
def test_another_file_changes_the_keys_from_the_stage_on_that_reads_it(role: str, first: str) -> None:
    before, after = keys(Settings()), keys(Settings(), {"movie": "m", role: "other"})
    changed = [name for name in before if before[name] != after[name]]
    assert changed[:1] == ([first] if first else [])
    assert run_key(Settings(), {"movie": "m"}, "a") != run_key(Settings(), {"movie": "m", role: "other"}, "a")


def test_the_code_of_a_run_is_that_of_all_its_stages() -> None:
    assert {room for stage in STAGES for room in stage.rooms} <= set(stages._RUN_CODE)
    package = Path(tem_track.__file__).parent
    assert all((package / place).exists() for place in (*stages._COMMON_CODE, *stages._RUN_CODE))
    assert code_digest(("drift",)) != code_digest(("track",))


def test_a_run_of_another_name_is_another_run() -> None:
    assert run_key(Settings(), {}, "a.tif") != run_key(Settings(), {}, "b.tif")


def test_particles_that_move_with_a_film_are_tracked_on_its_drift() -> None:
    alone = keys(Settings(), without=("film-drift",))
    together = keys(Settings(), without=("drift",))
    assert alone["tracking"] != together["tracking"]


def test_a_stage_is_forced_with_all_that_stand_on_it() -> None:
    assert stages_from("") == stages_from(OUTPUT) == frozenset()
    assert stages_from("expansion") == {"expansion", "sensitivity", "overlay"}
    assert stages_from("drift") >= {"drift", "film-drift", "growth-drift", "tracking", "front", "objects"}
    assert not stages_from("drift") & {"survey", "detection"}
    assert stages_from("survey") == {stage.name for stage in STAGES}


def test_a_wrong_name_lists_the_stages() -> None:
    with pytest.raises(SettingsError, match=r"no such stage; there are survey, .*, tracking, .*, output"):
        stages_from("trakcing")


def test_the_test_of_undeclared_settings_can_fail() -> None:
    stage = replace(STAGES[0], settings=("drift.enabled",))
    declared = {entry for s in (stage, *STAGES[1:]) for entry in s.settings}
    assert set(CHANGED) - declared - set(OUTPUT_SETTINGS) == {"input.allow_truncated"}
