"""Linking on label movies with closed-form truth: who is who, from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest
from label_movies import SIZE, TWO, events, link, same, scene


def test_still_particles_keep_their_numbers() -> None:
    images = [scene(TWO)] * 8
    tracks = link(images)
    assert same(tracks, images)
    assert events(tracks) == []
    assert tracks.lineage == {1: 1, 2: 2}
    assert tracks.fate == {1: "whole", 2: "whole"}
    assert tracks.inferred == frozenset()
    assert tracks.state(1, 3) == "whole"


def test_same_input_gives_the_same_bytes() -> None:
    images = [scene({**TWO, 3: (40.0, 61.0 + 0.3 * k, 9.0)}) for k in range(12)]
    first, second = link(images), link(images)
    assert all((a == b).all() for a, b in zip(first.labels, second.labels, strict=True))
    assert all((first.rows[name] == second.rows[name]).all() for name in first.rows)


def test_rows_say_where_in_frame_and_specimen() -> None:
    drift = np.array([[0.0, 0.0], [3.0, -2.0], [6.0, 5.0]])
    images = [scene({1: (50 + dy, 60 + dx, 10.0)}) for dy, dx in drift]
    rows = link(images, drift).rows
    assert rows["y_px"].tolist() == [50, 53, 56]
    assert rows["x_px"].tolist() == [60, 58, 65]
    assert rows["y_specimen_px"].tolist() == [50, 50, 50]
    assert rows["x_specimen_px"].tolist() == [60, 60, 60]
    assert rows["time_s"].tolist() == [0, 2, 4]
    assert rows["area_px"].tolist() == [317] * 3


def test_a_single_image_is_a_movie_of_one_frame() -> None:
    tracks = link([scene(TWO)])
    assert len(tracks) == 2
    assert events(tracks) == []


def test_an_empty_movie_has_no_tracks() -> None:
    tracks = link([np.zeros(SIZE, np.int32)] * 3)
    assert len(tracks) == 0
    assert len(tracks.labels) == 3


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="3 label images"):
        link([scene(TWO)] * 3, drift=np.zeros((2, 2)))


def test_stage_jump_of_half_the_field_keeps_identities() -> None:
    discs = {1: (60.0, 30.0, 9.0), 2: (60.0, 60.0, 9.0), 3: (60.0, 90.0, 9.0)}
    drift = np.zeros((20, 2))
    drift[8:] = (2.0, 60.0)
    drift[14:] = (0.0, -35.0)
    images = [scene({n: (y + dy, x + dx, r) for n, (y, x, r) in discs.items()}) for dy, dx in drift]
    tracks = link(images, drift)
    assert same(tracks, images)
    assert len(tracks) == 3


def test_without_the_drift_the_jump_swaps_identities() -> None:
    discs = {1: (60.0, 30.0, 9.0), 2: (60.0, 60.0, 9.0), 3: (60.0, 90.0, 9.0)}
    images = [scene({n: (y, x + (30 if k > 7 else 0), r) for n, (y, x, r) in discs.items()}) for k in range(16)]
    assert not same(link(images), images)


def test_gap_is_bridged_along_the_drift() -> None:
    drift = np.column_stack((np.zeros(12), 2.0 * np.arange(12)))
    full = [scene({n: (y, x + dx, r) for n, (y, x, r) in TWO.items()}) for _, dx in drift]
    images = [np.where((full[k] == 1) & (5 <= k < 8), 0, full[k]) for k in range(12)]
    tracks = link(images, drift)
    assert same(tracks, full)
    assert tracks.inferred == {(1, 5), (1, 6), (1, 7)}
    assert tracks.state(1, 6) == "inferred"
    assert events(tracks) == []


def test_gap_longer_than_allowed_ends_the_track() -> None:
    full = scene(TWO)
    images = [np.where((full == 1) & (6 <= k < 12), 0, full) for k in range(20)]
    tracks = link(images, gap=3)
    assert (6, "lost", 1, "") in events(tracks)
    assert tracks.fate[1] == "lost"
    assert (12, "enters", 3, "") in events(tracks)


def test_blank_frames_have_no_rows_and_lose_nobody() -> None:
    full = scene(TWO)
    drift = np.zeros((20, 2))
    drift[5:18] = np.nan
    images = [full if np.isfinite(d[0]) else np.zeros_like(full) for d in drift]
    tracks = link(images, drift, np.isfinite(drift[:, 0]), gap=3)
    assert len(tracks) == 2
    assert tracks.inferred == frozenset()
    assert sorted(set(tracks.rows["frame"].tolist())) == [0, 1, 2, 3, 4, 18, 19]


def test_unusable_frames_are_used_where_they_agree_and_bridged_where_not() -> None:
    full = scene(TWO)
    images = [full] * 10
    images[4] = scene({1: (40.0, 40.0, 14.0), 7: (20.0, 130.0, 9.0)})
    usable = np.ones(10, bool)
    usable[4] = False
    tracks = link(images, usable=usable)
    assert len(tracks) == 2
    assert tracks.inferred == {(2, 4)}
    assert events(tracks) == []


def test_flickering_specks_make_no_tracks() -> None:
    rng = np.random.default_rng(3)
    images = [
        scene({**TWO, **{n: (*rng.uniform(5, 115, 2), rng.uniform(1.5, 3)) for n in (5, 6, 7)}}) for _ in range(40)
    ]
    tracks = link(images)
    assert len(tracks) == 2
    assert events(tracks) == []


def test_particle_drifting_out_leaves_and_one_drifting_in_enters() -> None:
    drift = np.column_stack((np.zeros(50), -3.0 * np.arange(50)))
    images = [scene({1: (30.0, 40 + dx, 12.0), 2: (80.0, 205 + dx, 14.0)}) for _, dx in drift]
    tracks = link(images, drift)
    assert len(tracks) == 2
    named = [(e, i) for _, e, i, _ in events(tracks)]
    assert named == [("leaves", 1), ("enters", 2)] or named == [("enters", 2), ("leaves", 1)]
    assert tracks.fate == {1: "left", 2: "whole"}


def test_particle_out_of_the_field_for_long_comes_back_as_itself() -> None:
    drift = np.zeros((60, 2))
    drift[15:45, 1] = 90.0
    images = [scene({1: (40.0, 120 + dx, 12.0), 2: (70.0, 30 + dx, 12.0)}) for _, dx in drift]
    tracks = link(images, drift)
    assert same(tracks, images)
    assert [(k, e, i) for k, e, i, _ in events(tracks)] == [(15, "leaves", 1), (45, "enters", 1)]


def test_lasting_particle_that_appears_in_the_field_enters() -> None:
    images = [scene(TWO if k < 10 else {**TWO, 3: (90.0, 30.0, 8.0)}) for k in range(25)]
    tracks = link(images)
    assert events(tracks) == [(10, "enters", 3, "")]


def test_particles_that_move_more_than_their_size_are_followed() -> None:
    rng = np.random.default_rng(5)
    at = np.array([[y, x] for y in (20, 50, 80, 110) for x in (20, 60, 100, 140)], float)
    images = []
    for _ in range(15):
        images.append(scene({n + 1: (*p, 2.5) for n, p in enumerate(at)}))
        at += rng.normal(0, 2.0, at.shape)
    tracks = link(images)
    assert same(tracks, images)
    assert len(tracks) == 16


def test_growth_reaching_a_particle_does_not_steal_its_identity() -> None:
    images = []
    for k in range(30):
        image = scene({1: (60.0, 110.0, 14.0)})
        front = 30 + 4 * k
        dendrite = np.zeros(SIZE, bool)
        dendrite[52:70, : min(front, 97)] = True
        image[dendrite & (image == 0)] = 1 if front >= 97 else 2
        images.append(image)
    tracks = link(images)
    kept = tracks.labels[29][60, 110]
    assert kept == tracks.labels[0][60, 110]
    assert tracks.labels[29][60, 5] == tracks.labels[0][60, 5] != kept
    assert events(tracks) == []


def test_thousands_of_particles_are_each_followed() -> None:
    rng = np.random.default_rng(8)
    drift = np.cumsum(rng.normal(0, 0.8, (6, 2)), axis=0)
    drift[0] = 0
    centres = (np.indices((40, 50)).reshape(2, -1).T * 11 + 20 + rng.uniform(-1.5, 1.5, (2000, 2))).tolist()
    images = []
    for dy, dx in drift:
        image = np.zeros((480, 590), np.int32)
        for n, (y, x) in enumerate(centres, 1):
            top, left = round(y + dy), round(x + dx)
            image[top : top + 7, left : left + 7] = n
        images.append(image)
    tracks = link(images, drift)
    assert len(tracks) == 2000
    assert same(tracks, images)


def test_nothing_usable_gives_no_tracks() -> None:
    assert len(link([scene(TWO)] * 4, usable=np.zeros(4, bool))) == 0


def test_half_detected_particle_is_bridged_not_measured() -> None:
    full = scene(TWO)
    half = full.copy()
    half[82:][half[82:] == 2] = 0
    half[:, 112:][half[:, 112:] == 2] = 0
    tracks = link([half if k in (7, 8) else full for k in range(16)])
    assert same(tracks, [full] * 16)
    assert tracks.inferred == {(2, 7), (2, 8)}


def test_particle_that_stays_small_is_measured_again() -> None:
    small = scene({1: TWO[1], 2: (80.0, 110.0, 11.0)})
    tracks = link([scene(TWO) if k < 8 else small for k in range(24)])
    assert len(tracks) == 2
    assert same(tracks, [small] * 24, range(16, 24))
    assert all(k < 16 for _, k in tracks.inferred)


def test_noise_that_recurs_in_one_place_is_no_track() -> None:
    speck = (25.0, 120.0, 5.0)
    images = [scene({**TWO, 7: speck} if k % 4 == 0 else TWO) for k in range(40)]
    assert len(link(images)) == 2
    # Seen in most frames it is a particle with gaps.
    assert len(link([scene(TWO if k % 4 == 0 else {**TWO, 7: speck}) for k in range(40)])) == 3
