"""The states of a few images: read as named, every slip named in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read.states import read_states

IMAGES = (Path("a/0h.tif"), Path("a/2h.dm4"), Path("b/6h.tif"))


def written(folder: Path, text: str) -> Path:
    path = folder / "states.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def test_images_are_named_by_path_name_or_stem(tmp_path: Path) -> None:
    path = written(tmp_path, "Image, voltage_v ,time_h,state\nb/6h.tif,0.05,6,full\n2h.dm4,1.2,2,\n0h,,0,pristine\n\n")
    states = read_states(path, IMAGES)
    assert [state.time_h for state in states] == [0, 2, 6]
    assert [state.state for state in states] == ["pristine", "", "full"]
    assert np.isnan(states[0].voltage_v)
    assert states[1].voltage_v == 1.2
    assert np.isnan(states[2].pixel_size_nm)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must name the columns"),
        ("image\n0h\n", "must name the columns"),
        ("image,hours\n0h,1\n", "must name the columns"),
        ("image,state,hours\n0h,x,1\n", "unknown column 'hours'"),
        ("image,state\n0h,x\n1h,y\n", "line 3: '1h' is not one of the images"),
        ("image,state\n0h,x\n0h,y\n", "appears twice"),
        ("image,state\n0h,x\n", "no line for 2h.dm4 (2 of 3 images missing)"),
        ("image,time_h\n0h,soon\n", "'soon' is not a time_h"),
        ("image,time_h\n0h,nan\n", "'nan' is not a time_h"),
        ("image,pixel_size_nm\n0h,-1\n", "'-1' is not a pixel_size_nm"),
    ],
)
def test_a_slip_is_named_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_states(written(tmp_path, text), IMAGES)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_states(tmp_path / "none.csv", IMAGES)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01image")
    with pytest.raises(InputError, match="not a CSV"):
        read_states(tmp_path / "b.csv", IMAGES)
