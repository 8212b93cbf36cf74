"""A hollow particle without its void."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.tables import TRACKS, Table, blank_table
from tem_track.theory import built_in, levels
from tem_track.theory.void import VoidShare, around, solid_ratio, void_share


def hollow(frames: int = 20, void: float = 30.0, outer: float = 60.0) -> Table:
    """Return the rows of a particle that grows to twice its volume around a void of constant size."""
    track = blank_table(TRACKS, frames)
    track["frame"][:] = np.arange(frames)
    track["volume_ratio"][:] = np.linspace(1, 2, frames)
    track["equivalent_diameter_px"][:] = outer * np.cbrt(track["volume_ratio"])
    track["void_equivalent_diameter_px"][:] = void
    track["void_equivalent_diameter_sd_px"][:] = 0.5
    return track


def test_the_share_of_a_sphere_in_a_sphere() -> None:
    track = hollow()
    share = void_share(track, around(track["frame"], 10))
    assert share is not None
    assert share.value == pytest.approx(1 / 8)
    assert share.sd == pytest.approx(3 / 8 * 0.5 / 30)


def test_a_void_that_differs_from_frame_to_frame_is_less_sure() -> None:
    track = hollow()
    track["void_equivalent_diameter_px"][::2] = 33.0
    share = void_share(track, around(track["frame"], 10))
    assert share is not None
    assert share.sd > 3 * share.value * 1.4 / 33


def test_no_void_no_share() -> None:
    track = hollow()
    track["void_equivalent_diameter_px"][:10] = np.nan
    assert void_share(track, around(track["frame"], 3)) is None
    assert void_share(track, around(track["frame"], 15)) is not None


def test_without_a_stated_uncertainty_there_is_none() -> None:
    track = hollow()
    track["void_equivalent_diameter_sd_px"][:] = np.nan
    share = void_share(track, around(track["frame"], 3))
    assert share is not None
    assert np.isnan(share.sd)


def test_a_void_that_stays_hides_part_of_the_growth() -> None:
    # A shell of 7/8 that doubles around a void of 1/8: the envelope reaches 15/8 only.
    found = solid_ratio(15 / 8, VoidShare(1 / 8, 0.01), VoidShare(1 / 8, 0.01))
    assert found is not None
    assert found[0] == pytest.approx(2.0)
    assert found[1] == pytest.approx(np.hypot(0.01, 2 * 0.01) / (7 / 8))
    assert solid_ratio(2.0, VoidShare(0.1, 0), VoidShare(1.0, 0)) is None


def test_the_hollow_particles_of_the_paper_agree_with_theory_without_their_void() -> None:
    # Fig. 4c, 5c: the envelope reaches 1.76; core 0.79 of the diameter, half of that hollow; the void shrinks to 0.3.
    start = (0.79 * 0.5) ** 3
    found = solid_ratio(1.76, VoidShare(0.3 * start, 0), VoidShare(start, 0))
    book = built_in()
    assert found is not None
    assert found[0] == pytest.approx(levels(book.reaction("NiO@CuO"), book.species)[-1].volume_ratio, abs=0.01)
