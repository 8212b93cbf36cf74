"""The overlay movie: every frame, in one grey window, the same bytes again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.write.drawing import DrawnParticle, OverlayFrame, layout_of
from tem_track.write.overlay import grey_window, status_text, write_overlay

SQUARE = np.array([[20.0, 10.0], [20.0, 30.0], [40.0, 30.0], [40.0, 10.0]])


def test_the_grey_window_is_that_of_the_movie_and_skips_bad_frames() -> None:
    rng = np.random.default_rng(0)
    frames = rng.normal(100, 5, (12, 64, 64)).astype(np.float32)
    frames[5] = 10_000
    usable = np.arange(12) != 5
    low, high = grey_window(frames, usable)
    assert 80 < low < 95
    assert 105 < high < 120
    assert grey_window(np.full((1, 8, 8), 3.0, np.float32)) == (3.0, 4.0)


def test_the_status_names_what_is_known() -> None:
    assert status_text(3, 80) == "frame 3 / 79"
    assert status_text(3, 80, 1.25, 450.4) == "frame 3 / 79    1.2 s    450 °C"
    assert status_text(3, 80, float("nan"), float("nan")) == "frame 3 / 79"


def read_back(path: Path) -> list[NDArray]:
    video = cv2.VideoCapture(str(path))
    found = []
    while True:
        there, picture = video.read()
        if not there:
            return found
        found.append(picture)


def moving(k: int) -> OverlayFrame:
    return OverlayFrame([DrawnParticle(1, SQUARE + np.array([0, 4 * k]))], status_text(k, 6), "blank" if k == 4 else "")


def test_the_movie_holds_every_frame_and_the_same_bytes(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).poisson(50, (6, 60, 80)).astype(np.uint16)
    asked: list[int] = []

    def picture(k: int) -> OverlayFrame:
        asked.append(k)
        return moving(k)

    path = write_overlay(tmp_path / "overlay", frames, picture, pixel_size_nm=2.0)
    again = write_overlay(tmp_path / "again", frames, moving, pixel_size_nm=2.0)
    assert asked == list(range(6))
    assert path.suffix == ".webm"
    assert path.read_bytes() == again.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.webm", "overlay.webm"]
    shown = read_back(path)
    assert len(shown) == 6
    assert shown[0].shape[:2] == layout_of((60, 80)).picture_px
    # Blue, green, red: the red frame of the unusable one is there, and only there.
    redness = [float(np.mean(p[:2, :, 2].astype(int) - p[:2, :, 0])) for p in shown]
    assert [k for k, red in enumerate(redness) if red > 60] == [4]


def test_an_error_on_the_way_leaves_no_movie(tmp_path: Path) -> None:
    def broken(k: int) -> OverlayFrame:
        if k == 2:
            raise ValueError("no outline")
        return OverlayFrame()

    with pytest.raises(ValueError, match="no outline"):
        write_overlay(tmp_path / "overlay", np.zeros((4, 32, 32), np.uint8), broken)
    assert not any(tmp_path.iterdir())
