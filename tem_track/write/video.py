"""A movie file that browsers play, written frame by frame.

PyAV's VP9 encoder is used where PyAV is installed: it can be told to hurry (60 frames/s of 640 x 640 against 4 through
OpenCV, whose encoder takes no options). Without it OpenCV writes VP8 in the same WebM container at 10 frames/s; a wheel
of OpenCV without VP8 leaves Motion-JPEG AVI, which browsers do not play.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import OutputError

RgbImage = NDArray[np.uint8]
"""(Y, X, 3) uint8, red first."""

# Constant quality 30 is the encoder's own advice for this size of picture; cpu-used 8 is its fastest mode
# (https://developers.google.com/media/vp9/settings/vod, https://trac.ffmpeg.org/wiki/Encode/VP9).
_VP9 = {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0"}
# Room on the disk below which OpenCV's writer, which holds some frames back, could lose one.
_SPACE_NEEDED = 8 * 2**20
# A browser seeks to key frames only: one every 30 frames keeps that instant.
_KEYFRAME_EVERY = 30
# Matroska stamps a random number of 8 bytes on the track (0x73C5, and 0x63C5 where a tag names it).
_RANDOM_NUMBER = re.compile(rb"([\x73\x63]\xc5\x88).{8}", re.DOTALL)


class Video(Protocol):
    """A movie file being written."""

    def write(self, picture: RgbImage) -> None:
        """Append a frame of the size the video was opened with."""

    def close(self) -> None:
        """Finish the file."""


def video_suffix() -> str:
    """Return the suffix of the movie format that can be written here: ``.webm``, or ``.avi`` as a last resort."""
    return ".webm" if pyav_is_there() or _opencv_writes_webm() else ".avi"


def pyav_is_there() -> bool:
    """Return whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


@contextmanager
def open_video(path: Path, size: tuple[int, int], frames_per_second: int) -> Iterator[Video]:
    """Yield a video of pictures (Y, X, 3) to write to; the format is that of the suffix.

    Parameters
    ----------
    path : Path
        Ends in ``.webm`` or ``.avi`` (see `video_suffix`).
    size : (int, int)
        (Y, X) of every picture, both even: the colour of a video is stored at half resolution.

    Raises
    ------
    OutputError
        No encoder for this format.
    OSError
        The file cannot be written.
    """
    if size[0] % 2 or size[1] % 2:
        raise ValueError(f"a video has even sides, not {size}")
    with path.open("wb"):  # the encoders say nothing useful about a folder that cannot be written
        pass
    if path.suffix == ".webm" and pyav_is_there():
        video: Video = _PyAvVideo(path, size, frames_per_second)
    else:
        video = _OpenCvVideo(path, size, frames_per_second)
    try:
        yield video
    finally:
        video.close()


class _PyAvVideo:
    """VP9 in WebM through PyAV."""

    def __init__(self, path: Path, size: tuple[int, int], frames_per_second: int):
        import av

        # bitexact: no random numbers, no library versions in the file.
        self._container: Any = av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"})
        self._stream: Any = self._container.add_stream("libvpx-vp9", rate=Fraction(frames_per_second), options=_VP9)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.gop_size = _KEYFRAME_EVERY
        self._frame_of: Any = av.VideoFrame.from_ndarray

    def write(self, picture: RgbImage) -> None:
        self._container.mux(self._stream.encode(self._frame_of(picture, format="rgb24")))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


class _OpenCvVideo:
    """VP8 in WebM, or Motion-JPEG in AVI, through OpenCV."""

    def __init__(self, path: Path, size: tuple[int, int], frames_per_second: int):
        import cv2

        self._path = path
        self._code = "VP80" if path.suffix == ".webm" else "MJPG"
        with _silent_stderr():
            self._writer = cv2.VideoWriter(
                str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*self._code), frames_per_second, (size[1], size[0])
            )
        if not self._writer.isOpened():
            raise OutputError(f"{path.name}: this OpenCV cannot write {self._code} movies; set output.overlay = false")

    def write(self, picture: RgbImage) -> None:
        # OpenCV keeps silent about a full disk.
        if shutil.disk_usage(self._path.parent).free < _SPACE_NEEDED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))

    def close(self) -> None:
        self._writer.release()
        if self._path.suffix == ".webm":
            _fix_random_numbers(self._path)


def _fix_random_numbers(path: Path) -> None:
    """Replace the random identifiers of a WebM header by fixed ones, so that the same frames give the same bytes."""
    with path.open("r+b") as stream:
        head = stream.read(4096)
        stream.seek(0)
        stream.write(_RANDOM_NUMBER.sub(rb"\1" + b"\x01" * 8, head))


def _opencv_writes_webm() -> bool:
    import tempfile

    import cv2

    with tempfile.TemporaryDirectory() as folder, _silent_stderr():
        writer = cv2.VideoWriter(f"{folder}/a.webm", cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"VP80"), 10, (64, 64))
        can = bool(writer.isOpened())
        writer.release()
    return can


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep what FFmpeg's C code says about container tags off the user's terminal."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
