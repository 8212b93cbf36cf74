"""Files that appear whole or not at all; folders that are complete or recognisably unfinished."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from tem_track.errors import OutputError
from tem_track.write.files import (
    LOCK,
    MARKER,
    PROGRAM,
    RUN_RECORD,
    STAGES_FOLDER,
    check_run_folder,
    is_finished,
    is_run_folder,
    open_run_folder,
    output_error,
    prepare_run_folder,
    whole_file,
    write_text,
)


def finished_run(path: Path) -> Path:
    folder = prepare_run_folder(path)
    write_text(folder.file("drift.csv"), "frame\n0\n")
    write_text(folder.file("figures/drift.png"), "a picture")
    write_text(folder.file(RUN_RECORD), json.dumps({"program": PROGRAM}))
    folder.finish()
    return path


def fail_halfway(target: Path, error: BaseException) -> None:
    with whole_file(target) as aside:
        aside.write_text("half")
        raise error


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with whole_file(target) as aside:
        aside.write_text("half")
        assert not target.exists()
        assert aside.parent == tmp_path
        assert aside.suffix == ".csv"
    assert target.read_text() == "half"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_error_leaves_the_file_before_untouched_and_nothing_aside(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.csv"
    target.write_text("before")
    with pytest.raises(type(error)):
        fail_halfway(target, error)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("number", "says", "advice"),
    [
        (errno.ENOSPC, "no space left", "free some space"),
        (errno.EACCES, "permission denied", "may write to"),
        (errno.EROFS, "read-only", "writable disk"),
        (errno.ENAMETOOLONG, "name too long", "shorter name"),
        (errno.ESTALE, "stale", "another folder"),
    ],
)
def test_a_refusal_of_the_disk_is_one_line_with_advice(tmp_path: Path, number: int, says: str, advice: str) -> None:
    target = tmp_path / "a.csv"
    with pytest.raises(OutputError) as caught:
        fail_halfway(target, OSError(number, os.strerror(number)))
    message = str(caught.value)
    assert says in message
    assert advice in message
    assert "\n" not in message
    assert not any(tmp_path.iterdir())


def test_a_real_refusal_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="shorter name"):
        write_text(tmp_path / ("x" * 300), "")
    with pytest.raises(OutputError, match="folder is gone"):
        write_text(tmp_path / "missing" / "a.txt", "")
    assert "a.txt" in str(output_error(Path("a.txt"), OSError("odd")))


def test_a_name_that_is_no_utf8_does_not_stop_a_text(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", '"\udcff"')
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == "\udcff"


def test_a_new_run_folder_is_unfinished_until_its_record_stands(tmp_path: Path) -> None:
    folder = prepare_run_folder(tmp_path / "deep" / "run")
    assert is_run_folder(folder.path)
    assert not is_finished(folder.path)
    with pytest.raises(OutputError, match=r"run\.json"):
        folder.finish()
    write_text(folder.file(RUN_RECORD), json.dumps({"program": PROGRAM}))
    assert not is_finished(folder.path)
    folder.finish()
    assert is_finished(folder.path)
    assert not (folder.path / MARKER).exists()


def test_a_run_is_replaced_only_when_asked_and_only_its_own_files_go(tmp_path: Path) -> None:
    path = finished_run(tmp_path / "run")
    (path / "notes.txt").write_text("mine")
    (path / "figures" / "mine.png").write_text("mine")
    for asked in (check_run_folder, prepare_run_folder):
        with pytest.raises(OutputError, match="--overwrite"):
            asked(path)
    assert (path / "drift.csv").exists()
    prepare_run_folder(path, overwrite=True)
    left = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    assert left == [MARKER, "figures/mine.png", "notes.txt"]


def test_an_unfinished_run_is_also_replaced_only_when_asked(tmp_path: Path) -> None:
    path = prepare_run_folder(tmp_path / "run").path
    with pytest.raises(OutputError, match="unfinished"):
        prepare_run_folder(path)
    assert prepare_run_folder(path, overwrite=True).path == path


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_folder_is_never_touched(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / RUN_RECORD).write_text('{"program": "another"}')
    (tmp_path / "tracks.csv").write_text("theirs")
    with pytest.raises(OutputError, match="not a run folder"):
        prepare_run_folder(tmp_path, overwrite)
    assert sorted(p.name for p in tmp_path.iterdir()) == [RUN_RECORD, "tracks.csv"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        prepare_run_folder(tmp_path / "run", overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        prepare_run_folder(tmp_path / "run" / "below")


def test_nothing_is_removed_through_a_linked_folder(tmp_path: Path) -> None:
    path = finished_run(tmp_path / "run")
    elsewhere = tmp_path / "elsewhere"
    (path / "figures").rename(elsewhere)
    (path / "figures").symlink_to(elsewhere)
    prepare_run_folder(path, overwrite=True)
    assert (elsewhere / "drift.png").exists()


def test_a_discarded_run_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    folder = prepare_run_folder(tmp_path / "run")
    write_text(folder.file("drift.csv"), "")
    folder.discard()
    assert not folder.path.exists()
    (tmp_path / "kept").mkdir()
    prepare_run_folder(tmp_path / "kept").discard()
    assert (tmp_path / "kept").is_dir()


def test_a_lock_alone_is_no_run_and_no_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("")
    assert not is_run_folder(tmp_path)
    check_run_folder(tmp_path)


def test_an_earlier_run_stays_until_it_is_cleared(tmp_path: Path) -> None:
    path = finished_run(tmp_path / "run")
    folder = open_run_folder(path)
    assert not folder.created
    assert is_finished(path)
    folder.clear()
    assert [p.name for p in path.iterdir()] == [MARKER]
    assert is_run_folder(path)


def test_stages_are_forgotten_but_not_what_somebody_put_beside_them(tmp_path: Path) -> None:
    stages = tmp_path / "run" / STAGES_FOLDER
    stages.mkdir(parents=True)
    (tmp_path / "run" / MARKER).touch()
    folder = open_run_folder(tmp_path / "run")
    for name in ("survey.npz", ".part-drift.npz", "inputs.json", "mine.txt"):
        (stages / name).touch()
    assert folder.has_stages()
    folder.forget_stages()
    assert not folder.has_stages()
    assert [p.name for p in stages.iterdir()] == ["mine.txt"]
