from __future__ import annotations

import numpy as np
import pytest
from growing_movie import SHAPE

from tem_track.movie import Calibration, Movie
from tem_track.tables import DRIFT, GROWTH, GROWTH_RATES, TRACKS, Table, blank_table
from tem_track.write.drawing import OverlayFrame
from tem_track.write.growth_figures import area_figure, growth_figures, rate_figure


def movie(size_nm: float | None = 0.5, heated: bool = True, timed: bool = True) -> Movie:
    frames = np.random.default_rng(1).integers(0, 200, (10, *SHAPE)).astype(np.uint8)
    return Movie(
        frames=frames,
        shape=frames.shape,
        dtype=frames.dtype,
        times_s=np.arange(10.0),
        timed=timed,
        calibration=Calibration(size_nm, "test"),
        temperatures_c=400 + np.arange(10.0) if heated else None,
    )


def tables() -> dict[str, Table]:
    rates, tracks = blank_table(GROWTH_RATES, 6), blank_table(TRACKS, 6)
    for table in (rates, tracks):
        table["track_id"][:], table["frame"] = 1, np.arange(4, 10)
        table["area_px"] = table["area_nm2"] = np.arange(6.0) * 100
    tracks["area_sd_px"] = tracks["area_sd_nm2"] = np.full(6, 5.0)
    rates["rate_nm2_per_s"] = rates["rate_px_per_frame"] = np.full(6, 100.0)
    rates["rate_sd_nm2_per_s"] = np.full(6, 3.0)
    growth = blank_table(GROWTH, 1)
    for name, value in (("onset", 403.0), ("onset_low", 402.0), ("onset_high", 404.0)):
        growth[f"{name}_c"][0] = value
    return {"growth_rates.csv": rates, "tracks.csv": tracks, "growth.csv": growth, "drift.csv": blank_table(DRIFT, 10)}


def test_area_against_temperature_with_its_onset() -> None:
    found = tables()
    axes = area_figure(movie(), found["tracks.csv"], found["growth.csv"]).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), 404 + np.arange(6))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.arange(6) * 100)
    np.testing.assert_allclose(axes.lines[1].get_xdata(), [403, 403])
    assert axes.get_xlabel() == "Temperature (°C)"
    assert "nm²" in axes.get_ylabel()


@pytest.mark.parametrize(("size", "unit"), [(0.5, "nm²/s"), (None, "px per frame")])
def test_rate_in_the_unit_that_is_known(size: float | None, unit: str) -> None:
    axes = rate_figure(movie(size, heated=False), tables()["growth_rates.csv"]).axes[0]
    assert unit in axes.get_ylabel()
    assert axes.get_xlabel() == "Time (s)"


def test_every_figure_of_a_growth_and_none_of_nothing() -> None:
    start = np.full(SHAPE, np.inf, np.float32)
    start[20:40, 30:50] = 5
    before = np.full(SHAPE, np.nan, np.float32)
    before[10:50, 20:60] = 100
    usable = np.ones(10, bool)

    def names(found: dict[str, Table], start: np.ndarray | None) -> list[str]:
        return [
            name
            for name, _ in growth_figures(movie(), found, lambda k: OverlayFrame(), usable, start=start, before=before)
        ]

    assert {"growth_area", "growth_rate", "growth_map", "outlines"} <= set(names(tables(), start))
    nothing = tables() | {"growth_rates.csv": blank_table(GROWTH_RATES, 0), "tracks.csv": blank_table(TRACKS, 0)}
    assert not {"growth_area", "growth_rate", "growth_map"} & set(names(nothing, None))
