"""A movie file that browsers play, written frame by frame: VP9 in WebM through PyAV.

OpenCV's wheels write WebM too, but their encoder takes no options: 4 frames/s of 640 x 640 against 60 here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""(Y, X, 3) uint8, red first."""

VIDEO_SUFFIX = ".webm"
# Constant quality 30 is the encoder's own advice for this size of picture; cpu-used 8 is its fastest mode
# (https://developers.google.com/media/vp9/settings/vod, https://trac.ffmpeg.org/wiki/Encode/VP9).
_VP9 = {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0"}
# A browser seeks to key frames only: one every 30 frames keeps that instant.
_KEYFRAME_EVERY = 30


class Video:
    """A movie file being written."""

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
        """Append a frame of the size the video was opened with."""
        self._container.mux(self._stream.encode(self._frame_of(picture, format="rgb24")))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode())
        self._container.close()


@contextmanager
def open_video(path: Path, size: tuple[int, int], frames_per_second: int) -> Iterator[Video]:
    """Yield a video of pictures (Y, X, 3) to write to.

    Parameters
    ----------
    path : Path
        Ends in `VIDEO_SUFFIX`.
    size : (int, int)
        (Y, X) of every picture, both even: the colour of a video is stored at half resolution.

    Raises
    ------
    ValueError
        An odd side.
    OSError
        The file cannot be written.
    """
    if size[0] % 2 or size[1] % 2:
        raise ValueError(f"a video has even sides, not {size}")
    with path.open("wb"):  # the encoder says nothing useful about a folder that cannot be written
        pass
    video = Video(path, size, frames_per_second)
    try:
        yield video
    finally:
        video.close()
