from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tem_track.segment.side_by_side import in_parts, share_between, side_by_side


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    share_between(2)
    yield
    share_between(1)


def test_results_come_in_order_whichever_is_ready_first() -> None:
    ready = threading.Event()

    def found(n: int) -> int:
        # The first waits for the second: they are worked on at the same time.
        if n == 0:
            assert ready.wait(10)
        ready.set()
        return n

    assert side_by_side(found, [0, 1, 2, 3]) == [0, 1, 2, 3]


def test_an_error_in_a_part_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda n: 1 // n, [1, 0])


@pytest.mark.parametrize(("count", "together"), [(0, 4), (4, 4), (9, 4)])
def test_parts_hold_everything_once(count: int, together: int) -> None:
    parts = in_parts(count, together)
    assert np.concatenate([np.arange(count)[part] for part in parts]).tolist() == list(range(count))
    assert all(part.stop - part.start <= together for part in parts)


def test_one_thread_is_the_one_that_asks() -> None:
    share_between(1)
    assert set(side_by_side(lambda _: threading.get_ident(), [0, 1, 2])) == {threading.get_ident()}
