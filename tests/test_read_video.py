from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read import open_movie
from tem_track.read.quiet import silence_opencv
from tem_track.read.video import repeated_frames

silence_opencv()
cv2 = pytest.importorskip("cv2")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A film of 40 frames with a bright square that moves; frames 11 and 12 repeat frame 10."""
    path = tmp_path / "m.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, (96, 64))
    assert writer.isOpened()
    rng = np.random.default_rng(5)
    for k in range(40):
        if k not in (11, 12):
            frame = rng.integers(40, 60, (64, 96)).astype(np.uint8)
            frame[20:40, 2 * k : 2 * k + 10] = 220
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def square_at(frame: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(np.flatnonzero(frame[30] > 140).mean() - 4.5) / 2


def test_frames_in_any_order_and_repeats(video: Path) -> None:
    movie = open_movie(video)
    assert (movie.shape, movie.dtype) == ((40, 64, 96), np.dtype(np.uint8))
    for k in (0, 39, 5, 4, 20, 13, 39):
        assert square_at(movie.frames[k]) == pytest.approx(k, abs=0.3)
    assert dict(movie.unusable) == {11: "repeats frame 10", 12: "repeats frame 11"}


def test_the_playback_rate_is_used_with_a_warning_only(video: Path) -> None:
    movie = open_movie(video)
    assert movie.times_s[-1] == pytest.approx(39 / 12.5)
    assert any("playback rate" in warning for warning in movie.warnings)
    movie = open_movie(video, frame_interval_s=2.0)
    assert movie.times_s[-1] == 78
    assert not any("playback" in warning for warning in movie.warnings)


def test_a_truncated_video_is_refused_or_shortened(video: Path) -> None:
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"truncated.*of 40"):
        open_movie(video)
    movie = open_movie(video, allow_truncated=True)
    assert 10 < len(movie) < 30
    assert square_at(movie.frames[9]) == pytest.approx(9, abs=0.3)


def test_a_text_file_that_calls_itself_a_video_is_not_played(tmp_path: Path) -> None:
    (tmp_path / "m.avi").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    with pytest.raises(InputError, match="not an image or movie"):
        open_movie(tmp_path / "m.avi")


def test_an_absurd_gif_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "m.gif").write_bytes(b"GIF89a\xff\xff\xff\xff\x00\x00\x00;")
    with pytest.raises(InputError, match="refused"):
        open_movie(tmp_path / "m.gif")


def test_repeats_are_told_from_slow_change() -> None:
    assert repeated_frames(np.array([np.inf, 3.0, 0.001, 4.0, 0.0])) == [2, 4]
    assert repeated_frames(np.array([np.inf, 0.01, 0.02, 0.01, 0.02])) == []
    assert repeated_frames(np.array([np.inf, 0.0, 0.0, 5.0, 0.0, 0.0, 5.0])) == [1, 2, 4, 5]
    assert repeated_frames(np.array([np.inf])) == []
