"""Parts of a problem worked on by a few threads at the same time.

NumPy, LAPACK and OpenCV let go of the interpreter while they work on large arrays: fits of two hundred profiles hold it
for a third of the time, so that two threads pay and more would wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Threads that parts are shared out between, one unless the process says that it may use more.
_workers = 1
_Part = TypeVar("_Part")
_Found = TypeVar("_Found")


def share_between(threads: int) -> None:
    """Let this process work on parts with so many threads from now on; what is found does not depend on it."""
    global _workers
    _workers = max(1, threads)


def side_by_side(function: Callable[[_Part], _Found], parts: Sequence[_Part]) -> list[_Found]:
    """Return what a function finds of each part, in order; what it is does not depend on the number of threads.

    >>> side_by_side(lambda n: n * n, [1, 2, 3])
    [1, 4, 9]
    """
    if len(parts) < 2 or _workers == 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(_workers) as pool:
        return list(pool.map(function, parts))


def in_parts(count: int, together: int) -> list[slice]:
    """Return slices of at most so many of `count` things together; one, empty, where there are none.

    >>> in_parts(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(i, min(i + together, count)) for i in range(0, max(count, 1), together)]
