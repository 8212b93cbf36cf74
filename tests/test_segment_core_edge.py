"""Edges of particles whose inside is uneven, and the form that a track keeps."""

from __future__ import annotations

import numpy as np
from core_profiles import body_parameters, profiles_of, strayed

from tem_track.movie import FloatArray
from tem_track.segment.core.edge import final_edges, with_one_fullness
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.kind import Kind
from tem_track.segment.outline.body import FULLNESS_RADIUS
from tem_track.segment.outline.chord import BODY, CORE, CORE_RADIUS, EDGE, RadialProfiles
from tem_track.segment.outline.evidence import Evidence, MovieProfiles

LENGTH, STRENGTH = 0.15, 0.08
ROWS = 12


def movie_of(profiles: RadialProfiles, parameters: FloatArray) -> MovieProfiles:
    """Return the profiles as those of a movie with one track."""
    rows = zip(profiles.step, profiles.level, profiles.weight, profiles.blur, profiles.blur_sd, parameters, strict=True)
    evidence = [
        Evidence(float(s), level.astype(np.float32), weight.astype(np.float32), float(b), float(b_sd), p)
        for s, level, weight, b, b_sd, p in rows
    ]
    return MovieProfiles(evidence, np.ones(len(evidence), np.int64), profiles.dark)


def speckled(seed: int, strength: float = STRENGTH) -> MovieProfiles:
    """Return a track whose profile strays in all frames alike, as a crystal's does before it reacts."""
    body = body_parameters(ROWS)
    one = strayed(profiles_of(body[:1]), ProfileErrors(LENGTH, np.array([strength])), seed)
    many = profiles_of(body)
    rng = np.random.default_rng(seed)
    many.level[:] = one.level + 1e-3 * rng.standard_normal(many.level.shape)
    return movie_of(many, body)


def edges(profiles: MovieProfiles, strength: float) -> tuple[FloatArray, FloatArray]:
    given = np.full(len(profiles), strength)
    return final_edges(profiles, body_parameters(len(profiles)), LENGTH, given)


def test_speckle_moves_an_edge_less_where_the_fit_knows_of_it() -> None:
    knowing, plain = (
        np.array([edges(speckled(seed), strength)[0].mean() - 1 for seed in range(20)])
        for strength in (STRENGTH, np.nan)
    )
    assert np.sqrt((knowing**2).mean()) < 0.6 * np.sqrt((plain**2).mean())


def test_the_stated_uncertainty_holds_what_speckle_does() -> None:
    off, sd = np.array([[e.mean() - 1, s.mean()] for e, s in (edges(speckled(seed), STRENGTH) for seed in range(40))]).T
    assert (np.abs(off) < 1.96 * sd).mean() > 0.9


def test_without_speckle_both_fits_find_the_edge() -> None:
    for strength in (0.005, np.nan):
        edge, sd = edges(speckled(3, strength=0.0), strength)
        assert np.abs(edge - 1).max() < 0.002
        assert sd.max() < 0.002


def test_frames_scatter_no_more_than_in_the_plain_fit() -> None:
    knowing, plain = (edges(speckled(5), strength)[0] for strength in (STRENGTH, np.nan))
    assert np.std(np.diff(knowing)) < 1.3 * np.std(np.diff(plain))


def test_a_track_has_one_fullness_unless_it_has_a_core() -> None:
    body = body_parameters(ROWS)
    movie = movie_of(profiles_of(body), body)
    template = body.copy()
    template[:, CORE], template[:, CORE_RADIUS] = np.linspace(-0.4, 0.1, ROWS), FULLNESS_RADIUS
    full = with_one_fullness(movie, template, [Kind("solid", (EDGE, BODY, CORE), body[0])])
    assert np.allclose(full[:, CORE], np.median(template[:, CORE]))
    cored = with_one_fullness(movie, template, [Kind("core-shell", (EDGE, BODY, CORE, CORE_RADIUS), body[0])])
    assert np.array_equal(cored, template)
