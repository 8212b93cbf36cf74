"""Numbers of particles from frame to frame while a movie is recorded."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.watch.live_link import REMEMBERED, LiveLinker

STILL = np.zeros(2)


def picture(*discs: tuple[float, float, float]) -> NDArray[np.int32]:
    labels = np.zeros((120, 160), np.int32)
    for number, (y, x, radius) in enumerate(discs, 1):
        cv2.circle(labels, (round(x), round(y)), round(radius), number, -1)
    return labels


def at(labels: NDArray[np.int32], y: int, x: int) -> int:
    return int(labels[y, x])


def test_a_particle_keeps_its_number_whatever_detection_calls_it() -> None:
    linker = LiveLinker()
    first = linker.numbered(picture((30, 40, 10), (80, 110, 14)), STILL)
    then = linker.numbered(picture((81, 111, 15), (30, 41, 10)), STILL)
    assert at(then, 30, 41) == at(first, 30, 40)
    assert at(then, 81, 111) == at(first, 80, 110)
    assert set(np.unique(then)) == {0, 1, 2}


def test_drift_is_taken_out_before_places_are_compared() -> None:
    linker = LiveLinker()
    first = linker.numbered(picture((30, 40, 10)), STILL)
    assert at(linker.numbered(picture((60, 90, 10)), np.array([30.0, 50.0])), 60, 90) == at(first, 30, 40)
    # Control: without the drift it is another particle.
    assert at(linker.numbered(picture((100, 20, 10)), STILL), 100, 20) != at(first, 30, 40)


def test_one_that_swells_in_place_keeps_its_number_and_two_that_merge_do_not() -> None:
    linker = LiveLinker()
    first = linker.numbered(picture((30, 40, 10), (80, 70, 14), (80, 98, 14)), STILL)
    merged = picture((30, 40, 15), (80, 70, 14))
    cv2.circle(merged, (98, 80), 14, 2, -1)
    then = linker.numbered(merged, STILL)
    assert at(then, 30, 40) == at(first, 30, 40)
    assert at(then, 80, 70) not in (at(first, 80, 70), at(first, 80, 98))


def test_a_piece_is_a_track_of_its_own() -> None:
    linker = LiveLinker()
    first = linker.numbered(picture((60, 60, 20)), STILL)
    half = picture((60, 60, 20))
    half[:, 60:] = 0
    assert at(linker.numbered(half, STILL), 60, 50) != at(first, 60, 60)


def test_a_particle_that_flickers_is_remembered_for_a_while() -> None:
    linker = LiveLinker()
    first = linker.numbered(picture((30, 40, 10)), STILL)
    for _ in range(REMEMBERED):
        linker.numbered(picture(), STILL)
    assert at(linker.numbered(picture((30, 40, 10)), STILL), 30, 40) == at(first, 30, 40)
    for _ in range(REMEMBERED + 1):
        linker.numbered(picture(), STILL)
    assert at(linker.numbered(picture((30, 40, 10)), STILL), 30, 40) != at(first, 30, 40)
