"""Frames worked on side by side: order, bounded read-ahead, errors."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tem_track.drift import refine_drift, survey_frames
from tem_track.pipeline import in_order as module
from tem_track.pipeline.in_order import AHEAD, in_order


def test_results_come_in_order_whichever_is_ready_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threads", lambda: 3)

    def slow_at_first(k: int) -> int:
        time.sleep(0.01 if k % 3 == 0 else 0.0)
        return k * k

    assert list(in_order(slow_at_first, range(20))) == [k * k for k in range(20)]


def test_only_a_few_frames_are_begun_before_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threads", lambda: 2)
    begun: list[int] = []
    results = in_order(lambda k: begun.append(k), range(100))
    next(results)
    time.sleep(0.02)
    assert len(begun) <= 2 + AHEAD
    results.close()


def test_an_error_comes_out_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threads", lambda: 2)
    results = in_order(lambda k: 1 // (k - 2), range(5))
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_drift_is_the_same_to_the_bit_however_many_threads_work(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    frames = rng.poisson(40 * (1 + np.kron(rng.random((40, 48)), np.ones((8, 8)))), (9, 320, 384)).astype(np.uint16)
    found, seen = [], set()
    for workers in (1, 3):
        monkeypatch.setattr(module, "threads", lambda count=workers: count)

        def watched(function, numbers):  # type: ignore[no-untyped-def]
            return in_order(lambda k: (seen.add(threading.get_ident()), function(k))[1], numbers)

        quality, rough = survey_frames(frames, in_order=watched)
        found.append(refine_drift(frames, rough, quality, in_order=watched))
    assert np.array_equal(found[0].displacement_px, found[1].displacement_px)
    assert np.array_equal(found[0].sd_px, found[1].sd_px)
    assert len(seen) > 1
