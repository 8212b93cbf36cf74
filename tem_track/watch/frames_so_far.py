"""The frames of a growing recording that are complete."""

from __future__ import annotations

from typing import Any

from tem_track.errors import InputError
from tem_track.read.growing.opening import GrowingFrames


class FramesSoFar:
    """The first ``count`` frames of a recording, (Y, X) each."""

    def __init__(self, frames: GrowingFrames, count: int):
        self._frames, self._count = frames, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: int, /) -> Any:
        return self._frames[k]


class ReadableFrames:
    """Frames with the one before in place of one that cannot be read: enough to learn from."""

    def __init__(self, frames: FramesSoFar):
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, k: int, /) -> Any:
        return next(self._frames[i] for i in range(k, -1, -1) if i == 0 or can_be_read(self._frames, i))


def can_be_read(frames: FramesSoFar, k: int) -> bool:
    """Return whether frame k can be decoded."""
    try:
        frames[k]
    except InputError:
        return False
    return True
