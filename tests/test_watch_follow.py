"""The live view of a recording that grows: what it writes, how it goes on, what it says when it cannot."""

from __future__ import annotations

import csv
import threading
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorders import FolderRecorder, MrcRecorder, PagesRecorder

from tem_track.settings import InputSettings, Settings
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.watch.follow import follow
from tem_track.watch.follower import Follower, FollowRequest
from tem_track.watch.state import LIVE_FILES, LiveState, read_state

SCENE = LithiationScene(
    nio=2, core_shell=0, height_px=128, width_px=160, frames=16, frame_interval_s=50.0, onset_low_s=200.0,
    onset_high_s=250.0, pixel_size_nm=2.0, drift_px=0.3, seed=3,
)  # fmt: skip
TIMED = Settings(input=InputSettings(pixel_size_nm=2.0, frame_interval_s=50.0))


@pytest.fixture(scope="module")
def frames() -> list[Any]:
    simulation = simulate_lithiation(SCENE)
    return [np.asarray(simulation.frames[k]) for k in range(SCENE.frames)]


def request(movie: Path, folder: Path) -> FollowRequest:
    folder.mkdir(exist_ok=True)
    return FollowRequest(movie, folder, TIMED, every_s=5.0)


def test_the_view_grows_with_the_recording(frames: list[Any], tmp_path: Path) -> None:
    camera = PagesRecorder(tmp_path / "movie.tif")
    follower = Follower(request(camera.path, tmp_path / "live"))
    assert follower.update().newest_frame is None
    ratios = []
    for k, frame in enumerate(frames):
        camera.write(frame)
        if k % 4 == 3:
            state = follower.update()
            while state.behind:
                state = follower.update()
            assert state.newest_frame == k
            ratios.append(state.volume_ratio)
    assert state.frames == state.measured == SCENE.frames
    assert state.message == "preview on every frame"
    assert state.time_s == 50.0 * (SCENE.frames - 1)
    assert state.particles == 2
    assert ratios[0] == pytest.approx(1.0, abs=0.03)
    assert ratios[-1] is not None
    assert ratios[-1] > 1.4
    assert {path.name for path in (tmp_path / "live").iterdir()} == set(LIVE_FILES) - {"film.svg"}
    assert read_state(tmp_path / "live") == state
    ET.parse(tmp_path / "live" / "curve.svg")
    with (tmp_path / "live" / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["frame"] for row in rows} == {str(k) for k in range(SCENE.frames)}
    assert (tmp_path / "live" / "newest.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_an_update_without_new_frames_writes_nothing(frames: list[Any], tmp_path: Path) -> None:
    camera = MrcRecorder(tmp_path / "movie.mrc", frames[0].shape)
    for frame in frames[:3]:
        camera.write(frame)
    follower = Follower(request(camera.path, tmp_path / "live"))
    while follower.update().behind:
        pass
    before = (tmp_path / "live" / "state.json").stat().st_mtime_ns
    follower.update()
    assert (tmp_path / "live" / "state.json").stat().st_mtime_ns == before


def test_a_frame_that_cannot_be_read_is_left_out_and_named(frames: list[Any], tmp_path: Path) -> None:
    camera = FolderRecorder(tmp_path / "movie")
    for frame in frames[:6]:
        camera.write(frame)
    broken = camera.path / "frame_00003.tif"
    broken.write_bytes(broken.read_bytes()[:-100])
    follower = Follower(request(camera.path, tmp_path / "live"))
    state = follower.update()
    while state.behind:
        state = follower.update()
    assert state.measured == 6
    assert any("frame 3, cannot be read" in text for text in state.warnings)


def test_a_closed_container_is_waited_for(tmp_path: Path) -> None:
    movie = tmp_path / "movie.avi"
    movie.write_bytes(b"RIFF\0\0\0\0AVI " + bytes(600))
    assert "closed" in Follower(request(movie, tmp_path / "live")).update().message


def test_one_written_anew_is_followed_from_its_start(
    frames: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = MrcRecorder(tmp_path / "movie.mrc", frames[0].shape)
    for frame in frames[:4]:
        camera.write(frame)
    ended = threading.Event()
    steps = iter(range(100))
    seen: list[LiveState] = []

    def step(self: threading.Event, seconds: float | None = None) -> bool:
        state = read_state(tmp_path / "live")
        assert state is not None
        seen.append(state)
        if next(steps) > 60 or (state.newest_frame == 2 and any(s.newest_frame == 3 for s in seen)):
            ended.set()
        elif state.newest_frame == 3:
            again = MrcRecorder(tmp_path / "movie.mrc", frames[0].shape)
            for frame in frames[:3]:
                again.write(frame)
        return ended.is_set()

    monkeypatch.setattr(ended, "wait", step.__get__(ended))
    follow(request(camera.path, tmp_path / "live"), ended)
    assert any("replaced" in state.message for state in seen)
    assert seen[-1].newest_frame == 2
