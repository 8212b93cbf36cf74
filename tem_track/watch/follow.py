"""The live view of one recording, in a process of its own: looks, measures, writes, sleeps, until it is told to end.

A process, since a decoder that crashes on a half-written file must not take the watch with it. It ends when the pipe to
the one who started it closes, so that nothing is left running whatever happens to that one.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from tem_track.errors import InputError, TemTrackError
from tem_track.read.recording import one_line
from tem_track.watch.follower import Follower, FollowRequest
from tem_track.watch.state import LiveState, write_state

# How often it is looked for new frames, and the shortest rest, s.
_LOOK_S, _SHORT_S = 0.2, 0.02


def follow(request: FollowRequest, ended: threading.Event) -> None:
    """Keep the live view of a recording up to date until the event is set.

    Raises
    ------
    OutputError
        The view cannot be written.
    """
    follower, before = Follower(request), LiveState()
    while not ended.is_set():
        begin = time.monotonic()
        try:
            state = follower.update()
        except InputError as error:
            # Written anew under the same name, say: it is followed from its first frame on.
            write_state(request.folder, LiveState(message=str(error), updated=time.time()))
            follower, before = Follower(request), LiveState()
            ended.wait(request.every_s)
            continue
        ended.wait(max(_SHORT_S, _pause(before, state, request.every_s) - (time.monotonic() - begin)))
        before = state


def _pause(before: LiveState, state: LiveState, every_s: float) -> float:
    """Return how long after the last update began the next one is due, s.

    Frames together cost less than one by one, so that a camera that is slower than the measurement gets an update now
    and then; one that is faster, all that there is.
    """
    if state.measured == before.measured:
        return _LOOK_S
    newest = -1 if before.newest_frame is None else before.newest_frame
    passed = (state.newest_frame or 0) - newest
    return 0.0 if state.behind or passed > state.measured - before.measured else every_s


def main() -> int:
    """Follow the recording that the first line of stdin names, until stdin is closed."""
    request = FollowRequest.from_json(sys.stdin.readline())
    ended = threading.Event()
    threading.Thread(target=_end_with_pipe, args=(ended,), daemon=True).start()
    try:
        follow(request, ended)
    except TemTrackError as error:
        write_state(request.folder, LiveState(message=str(error), updated=time.time()))
        return 1
    except Exception as error:
        words = f"no live view: {type(error).__name__}: {one_line(error)}"
        write_state(request.folder, LiveState(message=words, updated=time.time()))
        return 2
    return 0


def _end_with_pipe(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()
    # Whoever started this is gone or wants it gone: a measurement in progress is of no use to anybody.
    time.sleep(1.0)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
