from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.read import open_movie
from tem_track.read.insitu_tree import tree_times


def places_at(rate: float, seconds: float) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for k in range(int(rate * seconds)):
        second = int(k / rate)
        places.append((second, sum(place[0] == second for place in places)))
    return places


def test_a_constant_rate_is_found_through_uneven_seconds() -> None:
    places = places_at(6.4, 10)
    times_s, notes = tree_times(places)
    np.testing.assert_allclose(np.diff(times_s), 1 / 6.4, rtol=0.02)
    assert "frames/s" in notes[0]


def test_dropped_frames_fall_back_on_the_number_within_the_second() -> None:
    places = [place for place in places_at(10, 4) if not (place[0] == 1 and place[1] in (3, 4, 5, 6, 7, 8, 9))]
    times_s, _ = tree_times(places)
    expected = [second + number / 10 for second, number in places]
    np.testing.assert_allclose(times_s, expected, atol=1e-9)


def test_a_tree_is_read_in_place_in_the_order_of_time(tmp_path: Path) -> None:
    written = []
    for k, (minute, second, number) in enumerate([(0, 59, 0), (0, 59, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)]):
        folder = tmp_path / "Hour_00" / f"Minute_{minute:02}" / f"Second_{second:02}"
        folder.mkdir(parents=True, exist_ok=True)
        written.append(np.full((8, 9), k, np.uint8))
        tifffile.imwrite(folder / f"x_Hour_00_Minute_{minute:02}_Second_{second:02}_Frame_{number:04}.tif", written[-1])
    movie = open_movie(tmp_path)
    assert movie.format == "Gatan in-situ tree of TIFF frames"
    assert [int(movie.frames[k][0, 0]) for k in range(6)] == list(range(6))
    np.testing.assert_allclose(movie.times_s, 0.5 * np.arange(6), atol=0.08)
    assert movie.timed


def test_an_empty_tree_says_so(tmp_path: Path) -> None:
    (tmp_path / "Hour_00" / "Minute_00").mkdir(parents=True)
    with pytest.raises(InputError, match="without frames"):
        open_movie(tmp_path)
