"""The manifest: what a dry run writes is read back, and nothing in it leads out of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tem_track.batch.manifest import Entry, check_inside, manifest_text, read_manifest, write_manifest
from tem_track.errors import InputError, TemTrackError

ENTRIES = [
    Entry(
        "NiO/=cmd|' /C calc'!A0.tif", "cmd", {"temperature": "NiO/log.csv"}, {}, {"material": "NiO", "voltage": "-1"}
    ),
    Entry('b, "c".tif', "b", {}, {"track": {"max_gap_frames": 3}, "drift": {"enabled": False}}, {"material": "@x"}),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "movies.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_manifest_reads_back_as_it_was(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.csv", ENTRIES, ("material", "voltage"))
    manifest = read_manifest(tmp_path / "m.csv")
    assert manifest.conditions == ("material", "voltage")
    assert manifest.files == ("temperature",)
    first, second = manifest.entries
    assert (first.movie, first.run, first.files, first.conditions) == (
        ENTRIES[0].movie,
        "cmd",
        ENTRIES[0].files,
        ENTRIES[0].conditions,
    )
    assert second.movie == ENTRIES[1].movie
    assert second.settings == ENTRIES[1].settings
    assert second.conditions == {"material": "@x", "voltage": ""}


def test_no_cell_of_it_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    lines = manifest_text(ENTRIES[:1], ("material",)).splitlines()
    assert lines[1].startswith("NiO/")
    assert "'=cmd" in manifest_text([Entry("=cmd|x.tif", "a")], ())


def test_semicolons_and_byte_order_marks_of_spreadsheets_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("\ufeffmovie;material;track.max_gap_frames\r\na.tif;NiO;7\r\n\r\n".encode())
    (entry,) = read_manifest(path).entries
    assert entry.conditions == {"material": "NiO"}
    assert entry.settings == {"track": {"max_gap_frames": 7}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 'movie'"),
        ("name\na.tif\n", "column 'movie'"),
        ("movie\n", "lists no movie"),
        ("movie\n../a.tif\n", "leads out"),
        ("movie\n/etc/passwd\n", "leads out"),
        ("movie\nC:\\a.tif\n", "leads out"),
        ("movie\nx\\..\\..\\a.tif\n", "leads out"),
        ("movie,temperature\na.tif,../log.csv\n", "leads out"),
        ("movie,run_folder\na.tif,../x\n", "run folder"),
        ("movie,run_folder\na.tif,x\nb.tif,X\n", "twice"),
        ("movie\na.tif\na.tif\n", "twice"),
        ("movie,x,x\na.tif,1,2\n", "twice"),
        ("movie\na.tif,b\n", "more cells"),
        ("movie,frame\na.tif,1\n", "rename the condition"),
        ('movie\n"a.tif\n', "CSV"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_manifest(written(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_manifest_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"movie,voltage\n" + content)
    try:
        manifest = read_manifest(path)
    except TemTrackError:
        return
    for entry in manifest.entries:
        assert ".." not in Path(entry.movie).parts
        assert not Path(entry.movie).is_absolute()


def test_paths_inside_are_kept() -> None:
    assert check_inside("x", "a/./b.tif") == "a/b.tif"
    assert check_inside("x", "a..b.tif") == "a..b.tif"
