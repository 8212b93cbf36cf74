"""Frames worked on side by side by a few threads, results in order.

NumPy, OpenCV and SciPy let go of the interpreter while they work on a picture, so threads pay without a second copy of
anything. Each frame is worked out by one function of its number alone, and results come out in order: what a movie
gives does not depend on the number of threads. The threads are also the read-ahead: while one frame is worked on, the
next ones are read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from tem_track.environment import threads
from tem_track.movie import Result

# Results that may wait for their turn beside those being worked out: bounds the memory, not the result.
AHEAD = 1


def share_out_work() -> None:
    """Let the stages use as many threads as this process may, and OpenCV none of its own: it would fight with them."""
    import cv2

    from tem_track.segment.side_by_side import share_between

    cv2.setNumThreads(1)
    share_between(threads())


def in_order(function: Callable[[int], Result], numbers: Iterable[int], /) -> Iterator[Result]:
    """Yield the function of every number, in order, worked out by a few threads.

    Parameters
    ----------
    function : callable
        Of a frame number alone; called from several threads.
    numbers : iterable of int

    Notes
    -----
    An error in the function comes out where its result would; what was begun is finished first and dropped.
    """
    workers = threads()
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for number in numbers:
            waiting.append(pool.submit(function, number))
            if len(waiting) >= workers + AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
