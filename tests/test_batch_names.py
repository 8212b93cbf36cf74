"""Run folders are named after their movies: safely, and no two alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tem_track.batch.names import is_safe_name, run_names


def test_plain_paths_keep_their_words() -> None:
    assert run_names(["NiO/a 1.tif", "CuO/a.ome.tif"]) == {"NiO/a 1.tif": "NiO__a_1", "CuO/a.ome.tif": "CuO__a"}


def test_no_name_depends_on_capital_letters() -> None:
    names = run_names(["a.tif", "A.avi", "b.tif"])
    assert len({name.casefold() for name in names.values()}) == 3
    assert names["b.tif"] == "b"


def test_names_that_systems_take_for_more_are_changed() -> None:
    for name in run_names(["con.tif", "-rf.tif", ".x.tif", "a:b?.tif", "=cmd|x.tif", "a\nb.tif"]).values():
        assert is_safe_name(name), name
        assert not name.lower().startswith(("con", "-", ".", "="))


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6, unique=True))
def test_any_paths_give_safe_names_that_differ(movies: list[str]) -> None:
    names = run_names(movies)
    assert len({name.casefold() for name in names.values()}) == len(movies)
    for name in names.values():
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith(".")
        assert 0 < len(name.encode("utf-8", "surrogateescape")) < 200
