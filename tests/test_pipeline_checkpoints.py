"""Kept stages: taken again under the same key, worked out anew otherwise, whatever happened to their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tem_track.pipeline.checkpoints import Checkpoints, read_result, write_result
from tem_track.pipeline.packing import pack
from tem_track.pipeline.reporter import Clock
from tem_track.settings import Settings, TrackSettings
from tem_track.write.files import STAGES_FOLDER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / STAGES_FOLDER).mkdir()
    return tmp_path


def kept(folder: Path | None, settings: Settings | None = None, **more: object) -> Checkpoints:
    return Checkpoints(settings or Settings(), Clock(), folder=folder, inputs={"movie": "m"}, **more)  # type: ignore[arg-type]


def works() -> tuple[list[int], Callable[[Settings], dict[str, np.ndarray]]]:
    calls: list[int] = []

    def work(settings: Settings) -> dict[str, np.ndarray]:
        calls.append(settings.track.max_gap_frames)
        return {"zero": np.arange(5.0)}

    return calls, work


def test_a_stage_is_worked_out_once(folder: Path) -> None:
    calls, work = works()
    for _ in range(2):
        found = kept(folder).result("survey", work)
        np.testing.assert_array_equal(found["zero"], np.arange(5.0))
    assert len(calls) == 1


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    calls, work = works()
    for _ in range(2):
        kept(None).result("survey", work)
    assert len(calls) == 2
    assert not list(tmp_path.iterdir())


def test_a_forced_stage_and_one_of_other_settings_are_worked_out_anew(folder: Path) -> None:
    calls, work = works()
    other = Settings(track=TrackSettings(max_gap_frames=3))
    for checkpoints in (kept(folder), kept(folder, forced=frozenset({"tracking"})), kept(folder, other)):
        checkpoints.result("survey", work)
        checkpoints.result("tracking", work)
    # The survey sees no setting of the tracking, and so was worked out once.
    assert calls == [10, 10, 10, 3]


def test_a_stage_after_another_one_is_worked_out_anew(folder: Path) -> None:
    calls, work = works()
    for inputs in ({"movie": "m"}, {"movie": "m", "labels": "l"}):
        checkpoints = Checkpoints(Settings(), Clock(), folder=folder, inputs=inputs)
        for name in ("survey", "detection", "drift"):
            checkpoints.result(name, work)
    assert len(calls) == 5


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "other key", "pickle"])
def test_a_damaged_file_is_not_used(folder: Path, damage: str) -> None:
    calls, work = works()
    kept(folder).result("survey", work)
    path = folder / STAGES_FOLDER / "survey.npz"
    content = path.read_bytes()
    if damage == "other key":
        write_result(path, "another", *pack({"zero": 1}))
    elif damage == "pickle":
        np.savez(path, np.array([object()], object))
    else:
        path.write_bytes(
            {
                "empty": b"",
                "truncated": content[:-30],
                "text": b"not an archive",
            }[damage]
        )
    found = kept(folder).result("survey", work)
    np.testing.assert_array_equal(found["zero"], np.arange(5.0))
    assert len(calls) == 2


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "survey.npz"
    write_result(path, "key", *pack({"drift": np.arange(3.0), "words": ["a"]}))
    content = path.read_bytes()
    used = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        found = read_result(path, "key")
        if found is not None:
            used += 1
            np.testing.assert_array_equal(found[0]["drift"], np.arange(3.0))
            assert found[0]["words"] == ["a"]
    assert used < len(content) // 2


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_result(tmp_path / name, "key", *pack({"drift": np.arange(3.0)}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_result_that_cannot_be_kept_goes_on_all_the_same(folder: Path) -> None:
    told: list[str] = []
    found = kept(folder, log=told.append).result("survey", lambda seen: print)
    assert found is print
    assert told[-1] == "survey: not kept: a builtin_function_or_method cannot be kept"
    assert not list((folder / STAGES_FOLDER).glob("*.npz"))


def test_seconds_are_those_of_the_work(folder: Path) -> None:
    _, work = works()
    first, second = Clock(), Clock()
    Checkpoints(Settings(), first, folder=folder).result("survey", work)
    Checkpoints(Settings(), second, folder=folder).result("survey", work)
    assert first.seconds == second.seconds
    assert first.seconds["survey"] > 0


def test_stages_that_a_run_did_not_have_are_forgotten(folder: Path) -> None:
    _, work = works()
    checkpoints = kept(folder)
    for name in ("survey", "detection"):
        checkpoints.result(name, work)
    (folder / STAGES_FOLDER / ".part-drift.npz").touch()
    again = kept(folder)
    again.result("survey", work)
    again.forget_others()
    assert [path.name for path in (folder / STAGES_FOLDER).glob("*.npz")] == ["survey.npz"]
