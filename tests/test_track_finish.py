from __future__ import annotations

import numpy as np

from tem_track.labels import LabelStack
from tem_track.movie import no_progress
from tem_track.track.finish import Linked, finish_tracks
from tem_track.track.hindsight import Fracture
from tem_track.track.regions import measure_regions

FRAMES, BREAK = 20, 10


def linked(pieces: tuple[int, ...]) -> Linked:
    """Particle 1 breaks in frame 10 into 3 and 4; its neighbour 2 is there all along."""
    stack = LabelStack((40, 60))
    for k in range(FRAMES):
        labels = np.zeros((40, 60), np.int32)
        labels[10:30, 35:50] = 2
        if k < BREAK:
            labels[10:30, 5:25] = 1
        else:
            labels[10:30, 5:13], labels[10:30, 16:25] = 3, 4
        stack.append(labels)
    return Linked(
        stack,
        [measure_regions(labels) for labels in stack],
        [(0, 0)] * FRAMES,
        np.zeros((FRAMES, 2)),
        np.ones(FRAMES, bool),
        np.arange(float(FRAMES)),
        [Fracture(BREAK, 1, pieces)],
        [],
        lasting=4,
        max_gap_frames=3,
    )


def test_pieces_share_the_lineage_of_what_broke() -> None:
    tracks = finish_tracks(linked((3, 4)), no_progress)
    assert tracks.lineage == {1: 1, 2: 2, 3: 1, 4: 1}
    assert [tracks.state(i, 15) for i in (2, 3, 4)] == ["whole", "fractured", "fractured"]


def test_a_neighbour_that_a_piece_stays_with_is_itself_before_the_break() -> None:
    tracks = finish_tracks(linked((2, 3, 4)), no_progress)
    assert tracks.fate[1] == "fractured"
    assert tracks.events["other_track_ids"].tolist() == ["2+3+4"]
    assert tracks.lineage[2] == 2
    rows, neighbour = tracks.rows, tracks.rows["track_id"] == 2
    before = neighbour & (rows["frame"] < BREAK)
    assert set(rows["state"][before]) == {"whole"}
    assert set(rows["lineage_id"][before]) == {2}
    after = neighbour & (rows["frame"] >= BREAK)
    assert set(rows["state"][after]) == {"fractured"}
    assert set(rows["lineage_id"][after]) == {1}
    assert [tracks.state(2, k) for k in (BREAK - 1, BREAK)] == ["whole", "fractured"]
