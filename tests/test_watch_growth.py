"""When a recording counts as finished."""

from __future__ import annotations

import os
from pathlib import Path

from tem_track.watch.growth import Growth, Look, look_at


def look(size: int, mtime_s: float = 1000.0) -> Look:
    return Look(1, size, "movie.tif", int(mtime_s * 1e9))


def test_a_file_that_stands_still_settles() -> None:
    growth = Growth(settle_s=5.0)
    growth.note(look(10), now_s=0.0, wall_s=1000.0)
    assert not growth.is_settled(4.9)
    assert growth.is_settled(5.0)
    assert not growth.grew


def test_a_file_that_has_stood_still_for_long_is_settled_at_once() -> None:
    growth = Growth(settle_s=5.0)
    growth.note(look(10, mtime_s=1000.0), now_s=100.0, wall_s=2000.0)
    assert growth.is_settled(100.0)


def test_growth_starts_the_wait_anew() -> None:
    growth = Growth(settle_s=5.0)
    for now, size in ((0.0, 10), (1.0, 20), (2.0, 30)):
        growth.note(look(size, 1000 + now), now, 1000 + now)
    assert growth.grew
    assert not growth.is_settled(6.9)
    assert growth.is_settled(7.0)


def test_a_slow_camera_is_not_cut_between_two_frames() -> None:
    growth = Growth(settle_s=5.0)
    for k in range(4):
        growth.note(look(10 * k, 1000 + 20 * k), 20.0 * k, 1000 + 20.0 * k)
    assert not growth.is_settled(60 + 30.0)
    assert growth.is_settled(60 + 60.0)


def test_the_newest_frame_of_a_folder_and_of_a_tree_is_looked_at(tmp_path: Path) -> None:
    for k in (9, 10):
        (tmp_path / f"f{k}.tif").write_bytes(b"x" * k)
    os.utime(tmp_path / "f10.tif", (1, 1))
    first = look_at(tmp_path)
    assert first is not None
    assert (first.entries, first.newest, first.size) == (2, f"{tmp_path.name}/f10.tif", 10)
    (tmp_path / "f10.tif").write_bytes(b"x" * 11)
    assert look_at(tmp_path) != first
    tree = tmp_path / "tree"
    for second in ("Second_00", "Second_01"):
        (tree / "Hour_00" / "Minute_00" / second).mkdir(parents=True)
    (tree / "Hour_00" / "Minute_00" / "Second_01" / "a_Frame_0000.tif").write_bytes(b"xx")
    found = look_at(tree)
    assert found is not None
    assert found.newest == "Second_01/a_Frame_0000.tif"


def test_what_is_gone_is_not_there(tmp_path: Path) -> None:
    assert look_at(tmp_path / "none.tif") is None
