"""Movies drawn at random: repeatable by their seed, different between seeds, asked for in words that are checked."""

import pytest
from click.testing import CliRunner

from tests.accuracy.__main__ import main
from tests.accuracy.random_scenes import random_heating, random_lithiation


@pytest.mark.parametrize("draw", [random_lithiation, random_heating])
def test_a_seed_gives_the_same_movie_again_and_another_seed_another(draw):
    first, other = draw(range(31, 33))
    assert next(draw(range(31, 32))) == first
    assert other.scene != first.scene


def test_draws_reach_both_kinds_of_image_and_every_kind_of_lamella():
    assert {movie.scene.mode for movie in random_lithiation(range(20))} == {"bright-field", "haadf"}
    assert {movie.scene.variant for movie in random_heating(range(20))} == {"aged", "pristine", "stable"}


@pytest.mark.parametrize("words", ["3-x", "9-3", "-4", ""])
def test_seeds_that_are_no_range_are_refused(words):
    answer = CliRunner().invoke(main, ["--random", words])
    assert answer.exit_code == 2
    assert "FIRST-LAST" in answer.output
