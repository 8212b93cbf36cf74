"""The script that makes the paper's figure: its means and marks on tables with known answers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tem_track.tables import PARTICLES, blank_table


@pytest.fixture(scope="module")
def figure() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "docs" / "figure_5c.py"
    if not path.exists():
        pytest.skip("the documentation's scripts are not part of this copy")
    spec = importlib.util.spec_from_file_location("figure_5c", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules["figure_5c"] = module
    spec.loader.exec_module(module)
    return module


def test_what_particles_share_does_not_average_out(figure: ModuleType) -> None:
    alone = figure.mean_of([1.8] * 4, [0.02] * 4, [0.0] * 4)
    assert alone.high - alone.value == pytest.approx(1.96 * 0.01, rel=1e-3)
    shared = figure.mean_of([1.8] * 4, [0.0] * 4, [0.02] * 4)
    assert shared.high - shared.value == pytest.approx(1.96 * 0.02, rel=1e-3)
    scattered = figure.mean_of([1.7, 1.9], [0.0, 0.0], [0.0, 0.0])
    # Student's factor of one degree of freedom, 12.7, times the standard error 0.1.
    assert scattered.high - scattered.value == pytest.approx(1.27, rel=1e-2)


def test_only_particles_seen_from_their_start_count(figure: ModuleType) -> None:
    particles = blank_table(PARTICLES, 3)
    particles["v0_seen"][:2] = 1
    particles["final_volume_ratio"][:] = (1.8, 1.9, 5.0)
    for name in ("localisation", "noise", "v0", "shape"):
        particles[f"final_sd_{name}"][:] = 0.01
    assert figure.final_ratio(particles).value == pytest.approx(1.85)
    assert figure.mark(particles, "stage_change") is None
    particles["complete_s"][0] = 700.0
    assert figure.mark(particles, "complete").value == 700
    # One particle without an interval of its own: how sure its time is is not known.
    assert np.isnan(figure.mark(particles, "complete").low)
    for name, value in (("stage_change_s", 260.0), ("stage_change_low_s", 250.0), ("stage_change_high_s", 270.0)):
        particles[name][0] = value
    assert figure.mark(particles, "stage_change").low == pytest.approx(250.0)


def test_the_scenes_have_the_papers_figures(figure: ModuleType) -> None:
    from tem_track.simulate.curves import KINDS

    for material in figure.MATERIALS:
        corners = KINDS[material.name].envelope
        onset = material.scene.onset_low_s
        assert corners[-1] == (material.complete_s - onset, material.final)
        if material.change_s is not None:
            assert corners[1][0] == material.change_s - onset
        assert material.scene.duration_spread == material.scene.final_spread == 0
