"""Videos and GIFs through OpenCV: grey frames, in exact order even when read backwards, repeats found by content.

Strategy: one pass over the video counts the frames (containers only estimate that), keeps a checksum of each and
compares it with the one before. Reading a frame later decodes on from where the decoder stands; going back seeks and
checks the checksum, and where the container's seek was not exact, decodes from the start again.
"""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
import weakref
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.avi_claims import check_avi
from tem_track.read.limits import check_frame_claim, check_video_claim
from tem_track.read.quiet import silence_opencv
from tem_track.read.recording import ReadFrames, Recording

# A frame repeats the one before where nothing but the codec's own rounding differs: less than this mean difference
# in grey levels (8 bit), and less than this part of the change between frames that do differ.
_REPEAT_LEVELS = 0.1
_REPEAT_PART = 0.02
# Decoding on costs less than seeking for about this many frames (videos have a key frame every 1 to 10 s).
_DECODE_ON = 60
# Containers count one or two frames that no decoder gives (edit lists, a last half-written frame).
_COUNT_SLACK = 2


def read_video(path: Path, kind: str, allow_truncated: bool) -> Recording:
    """Return a video as a movie.

    Parameters
    ----------
    path : Path
    kind : str
        ``video`` or ``gif``.
    allow_truncated : bool
        Take the frames that can be decoded of a truncated video.

    Raises
    ------
    InputError
        Cannot be decoded, truncated or absurdly large.
    """
    if kind == "gif":
        _check_gif(path, allow_truncated)
    else:
        check_avi(path)
    video = _Video(path)
    checksums, changes, (height, width) = _scan(path, video)
    frames = len(checksums)
    video.checksums = checksums
    claimed = video.claimed if path.suffix.lower() in (".avi", ".mp4", ".mov", ".m4v", ".qt") else 0
    shape = (frames, height, width)
    recording = Recording(
        frames=ReadFrames(shape, video.read, path.name, serial=True),
        shape=shape,
        dtype=np.dtype(np.uint8),
        format=f"{'GIF' if kind == 'gif' else path.suffix[1:].upper()} video",
        unusable={k: f"repeats frame {k - 1}" for k in repeated_frames(changes)},
    )
    if claimed - frames > max(_COUNT_SLACK, 0.01 * claimed):
        if not allow_truncated:
            raise InputError(
                f"{path.name}: truncated: complete frames: {frames} of {claimed}; --allow-truncated goes on with these"
            )
        recording.warnings.append(f"truncated file: complete frames: {frames} of {claimed}; the rest is missing")
    _add_times(recording, video.rate)
    if recording.unusable:
        recording.notes.append(f"{len(recording.unusable)} of {frames} frames repeat the one before and are not used")
    return recording


def repeated_frames(changes: NDArray[np.float64]) -> list[int]:
    """Return the frames that repeat the one before.

    Parameters
    ----------
    changes : (T,) float64
        Mean absolute difference of each frame from the one before, in grey levels; the first is infinite.

    Returns
    -------
    list of int
    """
    finite = changes[np.isfinite(changes)]
    # The 90th percentile: the usual change even where most frames are repeats (a slow camera in a fast video).
    usual = float(np.percentile(finite, 90)) if finite.size else 0.0
    limit = min(_REPEAT_LEVELS, _REPEAT_PART * usual)
    return [int(k) for k in np.flatnonzero(changes <= limit)]


class _Video:
    """A decoder that gives any frame, exactly."""

    def __init__(self, path: Path):
        silence_opencv()
        import cv2

        self._cv2 = cv2
        self._path = path
        self._name = _utf8_name(path, self)
        self.checksums: list[int] = []
        self._at = 0
        self._open()
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        check_video_claim(path.name, height, width)
        count, self.rate = self._capture.get(cv2.CAP_PROP_FRAME_COUNT), self._capture.get(cv2.CAP_PROP_FPS)
        self.claimed = int(count) if math.isfinite(count) and 0 < count < 2**40 else 0

    def next_frame(self) -> NDArray[Any] | None:
        """Return the next grey (Y, X) frame, None at the end."""
        there, frame = self._capture.read()
        if not there or frame is None:
            return None
        self._at += 1
        grey = frame if frame.ndim == 2 else self._cv2.cvtColor(frame[..., :3], self._cv2.COLOR_BGR2GRAY)
        return np.asarray(grey)

    def read(self, k: int) -> NDArray[Any]:
        """Return frame k, wherever the decoder stands."""
        if not self._at <= k <= self._at + _DECODE_ON:
            self._capture.set(self._cv2.CAP_PROP_POS_FRAMES, k)
            self._at = k
        frame = self._forward(k)
        if frame is None or _checksum(frame) != self.checksums[k]:
            self._open()
            frame = self._forward(k)
        if frame is None or _checksum(frame) != self.checksums[k]:
            raise InputError(f"{self._path.name}: frame {k} decodes differently the second time: damaged video")
        return frame

    def _forward(self, k: int) -> NDArray[Any] | None:
        while self._at < k:
            if not self._capture.grab():
                return None
            self._at += 1
        return self.next_frame()

    def _open(self) -> None:
        # FFmpeg by name: other backends would take the name for a pattern of image files or an address.
        self._capture = self._cv2.VideoCapture(self._name, self._cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise InputError(f"{self._path.name}: truncated or damaged video, or its codec is not known")
        self._at = 0


def _utf8_name(path: Path, owner: object) -> str:
    """Return a name of the file that OpenCV can take: one that is no UTF-8 ends the whole process.

    A link with a plain name stands for such a file for as long as `owner` lives.
    """
    name = str(path.resolve())
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        folder = Path(tempfile.mkdtemp(prefix="tem-track-"))
        weakref.finalize(owner, shutil.rmtree, folder, True)
        link = folder / "video"
        link.symlink_to(name)
        return str(link)
    return name


def _scan(path: Path, video: _Video) -> tuple[list[int], NDArray[np.float64], tuple[int, int]]:
    """Decode the whole video once: a checksum of each frame, its change from the one before, and the size."""
    import cv2

    checksums: list[int] = []
    changes: list[float] = []
    before: NDArray[Any] | None = None
    while (frame := video.next_frame()) is not None:
        if before is not None and frame.shape != before.shape:
            raise InputError(f"{path.name}: frame {len(checksums)} has another size than the frames before")
        checksums.append(_checksum(frame))
        changes.append(math.inf if before is None else float(cv2.mean(cv2.absdiff(frame, before))[0]))
        before = frame
    if before is None:
        raise InputError(f"{path.name}: truncated or damaged video: not one frame can be decoded")
    return checksums, np.array(changes), (before.shape[0], before.shape[1])


def _checksum(frame: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(frame).tobytes())


def _add_times(recording: Recording, rate: float) -> None:
    frames = recording.shape[0]
    # Container rates outside this are placeholders (0, 90000 ticks/s).
    if frames < 2 or not (math.isfinite(rate) and 1e-3 < rate < 1e4):
        return
    recording.times_s = np.arange(frames, dtype=np.float64) / rate
    recording.time_source = f"playback rate of the video, {rate:g} frames/s"
    recording.times_doubt = (
        f"times are the video's playback rate ({rate:g} frames/s), which is rarely that of the camera; "
        "--frame-interval sets the true one"
    )


def _check_gif(path: Path, allow_truncated: bool) -> None:
    with path.open("rb") as stream:
        head = stream.read(10)
        stream.seek(max(0, path.stat().st_size - 16))
        tail = stream.read()
    if len(head) < 10:
        raise InputError(f"{path.name}: truncated: not one frame is complete")
    width, height = struct.unpack_from("<HH", head, 6)
    check_frame_claim(path.name, height, width, 4, path.stat().st_size)
    # 0x3B is the trailer that ends every complete GIF (GIF89a specification, section 27).
    if b";" not in tail and not allow_truncated:
        raise InputError(f"{path.name}: truncated: its end mark is missing; --allow-truncated reads what is there")
