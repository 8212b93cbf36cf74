"""Scenes: values from a mapping, and every mistake named."""

from __future__ import annotations

import json

import pytest

from tem_track.errors import SettingsError
from tem_track.simulate import (
    PRESETS,
    LithiationScene,
    scene_changed,
    scene_dict,
    scene_from,
    simulate_lithiation,
)


def test_values_are_put_over_the_start() -> None:
    scene = scene_from({"drift_px": 1, "blank": [3], "jumps": [[4, 5, -6.5]]}, PRESETS["nio"])
    assert (scene.drift_px, scene.blank, scene.jumps) == (1.0, (3,), ((4.0, 5.0, -6.5),))
    assert scene.nio == PRESETS["nio"].nio


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_comes_back_from_json(name: str) -> None:
    scene = PRESETS[name]
    assert scene_changed(type(scene)(), json.loads(json.dumps(scene_dict(scene)))) == scene


@pytest.mark.parametrize("name", sorted(n for n, s in PRESETS.items() if isinstance(s, LithiationScene)))
def test_every_lithiation_preset_fits_its_field(name: str) -> None:
    scene = PRESETS[name]
    assert isinstance(scene, LithiationScene)
    truth = simulate_lithiation(scene).truth
    seen = truth.tracks["visible_fraction"][truth.tracks["frame"] == 0]
    assert (seen == 1).sum() >= scene.particles - scene.border - scene.outside


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"drift": 0.5}, "unknown name 'drift'; did you mean 'drift_px'"),
        ({"dose": 5}, "did you mean 'dose_per_px'"),
        ({"mode": "hadf"}, "did you mean 'haadf'"),
        ({"frames": 2.5}, "should be a whole number"),
        ({"frames": True}, "should be a whole number"),
        ({"hollow": 1}, "should be true or false"),
        ({"dose_per_px": -1.0}, "below the lowest"),
        ({"dose_per_px": float("nan")}, "not a finite number"),
        ({"jumps": [[3, 4]]}, "list of [frame, dy_px, dx_px]"),
        ({"blank": 3}, "list of frames"),
        ({"blank": [3.5]}, "whole numbers"),
        ({"blank": [0]}, "frame must be 1 to"),
        ({"fracture": [[9, 5, 3]]}, "there are particles 1 to 4"),
        ({"fracture": [[1, 5, 5]]}, "2, 3 or 4 pieces"),
        ({"fracture": [[1, 5, 2], [1, 9, 2]]}, "only once"),
        ({"fracture": [[1, 500, 2]]}, "frame must be 1 to"),
        ({"coalescence": [[1, 1, 4]]}, "merge with itself"),
        ({"coalescence": [[1, 2, 4]], "leaving": [[2, 9]]}, "only once"),
        ({"touching": 1}, "touches nothing"),
        ({"touching": 3, "border": 2}, "more than the 4 particles"),
        ({"onset_low_s": 90.0}, "before onset_low_s"),
        ({"height_px": 10**6}, "at most"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        scene_from(values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_particles_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="do not fit"):
        simulate_lithiation(LithiationScene(core_shell=30, height_px=128, width_px=128, frames=2))


def test_a_pair_that_cannot_lie_side_by_side_is_refused() -> None:
    scene = LithiationScene(touching=3, coalescence=((1.0, 3.0, 5.0),), height_px=600, width_px=600)
    with pytest.raises(SettingsError, match="side by side"):
        simulate_lithiation(scene)
