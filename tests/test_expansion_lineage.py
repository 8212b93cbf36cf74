from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import tracks_of

from tem_track.expansion.lineage import lineage_end, write_lineage_ratios
from tem_track.tables import Table, select_rows


def broken_particle() -> Table:
    """Track 1 in frames 0-1 breaks into 2 and 3; 3 is gone after frame 3."""
    tracks = tracks_of([np.ones(5)] * 3, np.arange(5.0))
    frames, ids = tracks["frame"], tracks["track_id"]
    there = ((ids == 1) & (frames < 2)) | ((ids == 2) & (frames >= 2)) | ((ids == 3) & (frames >= 2) & (frames < 4))
    tracks = select_rows(tracks, there)
    tracks["lineage_id"][:] = 1
    tracks["area_px"] = np.select([tracks["track_id"] == 1, tracks["track_id"] == 2], [10.0, 12.0], 7.0)
    tracks["area_sd_px"] = 0.1 * tracks["area_px"]
    return tracks


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_pieces_count_together_while_all_are_seen(power: float) -> None:
    tracks = broken_particle()
    write_lineage_ratios(tracks, {1: 10.0}, power, {1: "fractured", 2: "whole", 3: "lost"})
    by_frame = {int(f): r for f, r in zip(tracks["frame"], tracks["lineage_volume_ratio"], strict=True)}
    assert [by_frame[k] for k in range(4)] == pytest.approx([1.0, 1.0, 1.9**power, 1.9**power])
    assert np.isnan(by_frame[4])
    assert tracks["lineage_volume_ratio_sd"][tracks["frame"] == 2] == pytest.approx(0.1 * power * 1.9**power)


def test_a_particle_that_stays_whole_has_no_sum() -> None:
    tracks = tracks_of([np.ones(3)], np.arange(3.0))
    write_lineage_ratios(tracks, {1: 5000.0}, 1.5, {})
    assert np.isnan(tracks["lineage_volume_ratio"]).all()


def test_a_piece_that_stays_with_a_neighbour_leaves_no_sum() -> None:
    tracks = broken_particle()
    # Track 3 was a particle of its own before: it has a row of another lineage.
    tracks["frame"][0], tracks["track_id"][0], tracks["lineage_id"][0] = 0, 3, 9
    write_lineage_ratios(tracks, {1: 10.0}, 1.5, {1: "fractured"})
    known = np.isfinite(tracks["lineage_volume_ratio"])
    # In frame 4 track 3 is gone, and with it what it held of the broken particle.
    assert set(tracks["frame"][known].tolist()) == {1}


def test_rows_say_how_many_pieces_they_sum_and_the_end_is_that_of_all() -> None:
    tracks = broken_particle()
    write_lineage_ratios(tracks, {1: 10.0}, 1.0, {1: "fractured", 2: "whole", 3: "lost"})
    pieces = dict(zip(tracks["frame"].tolist(), tracks["lineage_pieces"].tolist(), strict=True))
    assert pieces == {0: 1, 1: 1, 2: 2, 3: 2, 4: 0}
    ratio, sd = lineage_end(tracks, 1, 3)
    assert (ratio, sd) == pytest.approx((1.9, 0.19))
    assert np.isnan(lineage_end(tracks, 7, 3)[0])
