"""The figures of a pair run: the axis that the states ask for, and nothing where there is nothing to show."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.pair import IMAGES, PAIRS
from tem_track.tables import Table, blank_table
from tem_track.write.pair_figures import Panel, gallery_figure, state_axis, states_figure


def images(**columns: list[float] | list[str]) -> Table:
    table = blank_table(IMAGES, 3)
    table["image"][:] = ["a.tif", "b.tif", "c.tif"]
    for name, values in columns.items():
        table[name][:] = values
    return table


def pairs() -> Table:
    table = blank_table(PAIRS, 5)
    table["particle"][:] = [1, 1, 1, 2, 2]
    table["image"][:] = ["a.tif", "b.tif", "c.tif", "a.tif", "b.tif"]
    table["volume_ratio"][:] = [1.0, 1.3, 1.8, 1.0, np.nan]
    for end, by in (("low", 0.95), ("high", 1.05)):
        table[f"volume_ratio_{end}"][:] = by * table["volume_ratio"]
    return table


def test_time_then_voltage_then_words_make_the_axis() -> None:
    volts = [3.0, 1.2, 0.05]
    assert state_axis(images(time_h=[0, 2, 6], voltage_v=volts))[1] == "Time (h)"
    places, label, words = state_axis(images(voltage_v=volts))
    assert (label, words) == ("Voltage (V)", [])
    assert places.tolist() == volts
    # Charged again: a voltage may come twice, so the states stand one after the other.
    places, label, words = state_axis(images(voltage_v=[1.2, 0.05, 1.2]))
    assert (label, words) == ("State", ["1.2 V", "0.05 V", "1.2 V"])
    assert state_axis(images(state=["raw", "", "full"]))[2] == ["raw", "b.tif", "full"]
    assert state_axis(images(time_h=[0, np.nan, 6]))[1] == "State"


def test_a_line_per_particle_with_two_states() -> None:
    figure = states_figure(pairs(), images(time_h=[0, 2, 6]))
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["1"]
    alone = pairs()
    alone["volume_ratio"][1:3] = np.nan
    assert states_figure(alone, images(time_h=[0, 2, 6])) is None


def test_the_gallery_shows_what_two_images_share() -> None:
    frame = np.full((40, 40), 9.0, np.float32)
    square = np.array([[10.0, 10.0], [10.0, 20.0], [20.0, 20.0], [20.0, 10.0]])
    as_it_is = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    panels = [Panel(name, name, frame, as_it_is, {1: (square, None)}) for name in ("a.tif", "b.tif")]
    figure = gallery_figure(panels, pairs(), 1.3)
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["1  a.tif  V/V$_0$ 1.00", "1  b.tif  V/V$_0$ 1.30"]
    # The square's outline stands in the middle of the panel, two thirds of it wide.
    ((closed,),) = [c.get_segments() for c in figure.axes[0].collections]
    assert closed.mean(axis=0)[0] == pytest.approx(150, abs=25)
    assert float(np.ptp(closed[:, 0])) == pytest.approx(200, rel=0.01)
    lonely = [panels[0], Panel("b.tif", "b.tif", frame, as_it_is, {2: (square, None)})]
    assert gallery_figure(lonely, pairs(), 1.3) is None
