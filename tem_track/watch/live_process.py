"""The processes that keep live views: started, looked after, ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tem_track.watch.follower import FollowRequest
from tem_track.watch.state import LIVE_FILES, LiveState, read_state

FOLLOWER = (sys.executable, "-m", "tem_track.watch.follow")
# A process that is told to end may finish writing a file, s.
_GRACE_S = 2.0
# A live view that dies more often than this is given up; the analysis of the finished recording goes its own way.
_MOST_STARTS = 3


class LiveProcess:
    """The live view of one recording in a process of its own.

    Parameters
    ----------
    request : FollowRequest
        Its folder is made, and holds nothing but the view.
    command : sequence of str
        What is started.
    """

    def __init__(self, request: FollowRequest, command: Sequence[str] = FOLLOWER):
        self._request, self._command = request, command
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        request.folder.mkdir(parents=True, exist_ok=True)
        self._start()

    @property
    def folder(self) -> Path:
        """Return where the view stands."""
        return self._request.folder

    def look(self) -> LiveState | None:
        """Return the state as last written, and start the process again where it died."""
        if self._process is not None and self._process.poll() is not None:
            # By its own decision it said why; a crash is tried again, a few times.
            crashed = self._process.returncode < 0
            self._let_go()
            if crashed and self._starts < _MOST_STARTS:
                self._start()
            elif crashed:
                return LiveState(message="no live view: reading it crashes; it is analysed when it is complete")
        return read_state(self.folder)

    def tell_to_end(self) -> None:
        """Close the pipe that keeps the process alive; `end` waits for it."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def end(self) -> None:
        """End the process; the view stays as it was last written."""
        self.tell_to_end()
        if self._process is None:
            return
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _start(self) -> None:
        self._starts += 1
        with suppress(OSError):
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C at the terminal is for the one who started it.
                start_new_session=True,
                env=dict(os.environ),
            )
            assert self._process.stdin is not None
            self._process.stdin.write(self._request.as_json().encode() + b"\n")
            self._process.stdin.flush()

    def _let_go(self) -> None:
        self.tell_to_end()
        self._process = None


def remove_view(folder: Path) -> None:
    """Remove a live view: its own files, and its folder where nothing else is in it."""
    for name in LIVE_FILES:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        for left in folder.glob(".part-*"):
            left.unlink()
        folder.rmdir()
