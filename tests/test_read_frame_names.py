from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from tem_track.read import open_movie
from tem_track.read.frame_names import temperatures_in_names, times_in_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Frame-2-0sec-20C", "Frame-47-49sec-24C"], [20, 24]),
        (["a_349°C_1", "a_351°C_2"], [349, 351]),
        (["s600C_300degC", "s600C_310degC"], [300, 310]),
        (["x 573.15K", "x 583.15K"], [300, 310]),
        (["x_-20C", "x_-10C"], [-20, -10]),
        (["annealed_600C_1", "annealed_600C_2"], None),
        (["20C-30C", "21C-31C"], None),
        (["f1", "f2"], None),
        (["f1-20C", "f2"], None),
        (["12Cr_1", "13Cr_2"], None),
    ],
)
def test_temperatures(names: list[str], expected: list[float] | None) -> None:
    found = temperatures_in_names(names)
    assert found is None if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["f-0sec-20C", "f-49sec-24C"], [0, 49]),
        (["f_0ms", "f_400ms"], [0, 0.4]),
        (["f_1min", "f_2min"], [60, 120]),
        (["f_5s", "f_5s"], None),
        (["f_9s", "f_5s"], None),
        (["f_0.5s_1s", "f_0.5s_2s"], [1, 2]),
    ],
)
def test_times(names: list[str], expected: list[float] | None) -> None:
    found = times_in_names(names)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_a_folder_of_named_frames_has_times_and_temperatures(tmp_path: Path) -> None:
    for frame, time_s, temperature in ((2, 0, 349), (47, 49, 349), (124, 125, 374)):
        Picture.fromarray(np.full((8, 8), frame, np.uint8)).save(tmp_path / f"F-{frame}-{time_s}sec-{temperature}C.png")
    movie = open_movie(tmp_path)
    assert movie.temperatures_c is not None
    assert movie.temperatures_c.tolist() == [349, 349, 374]
    assert movie.times_s.tolist() == [0, 49, 125]
    assert movie.time_source == "time in the file names"
    assert movie.temperature_source == "temperature in the file names"
    assert any("run from 2 to 124 with gaps" in note for note in movie.notes)
