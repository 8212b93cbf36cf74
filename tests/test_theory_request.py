"""From the command line to the levels in the figures and the block in run.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_write_figures import run_tables
from test_write_report import record

from tem_track.cli import main
from tem_track.errors import SettingsError
from tem_track.pipeline import expected_theory, reaction_book
from tem_track.tables import STAGES, blank_table
from tem_track.write.expected_levels import ExpectedLevel, levels_of_kind
from tem_track.write.figure_style import THEORY_COLOUR
from tem_track.write.figures import population_figure, volume_ratio_figure, volume_ratio_particles_figure
from tem_track.write.report import report_html

OWN = (
    '[phases.CoO]\nedges_angstrom = 4.26\nformula_units = 4\nsource = "mine"\n'
    '[reactions.still]\nequation = "CoO -> CoO"\nsource = "mine"\n'
)


def test_no_request_is_no_theory() -> None:
    assert expected_theory("") is None
    assert expected_theory("  ") is None


def test_one_reaction_for_all_or_one_for_each_kind() -> None:
    for_all = expected_theory("NiO@CuO")
    assert for_all is not None
    assert [level.name for level in for_all.lines] == ["stage 1", "complete"]
    each = expected_theory("core-shell = NiO@CuO; solid=NiO + 2 Li => Ni + Li2O")
    assert each is not None
    assert [(e.name, e.kind) for e in each.lines] == [
        ("NiO@CuO stage 1", "core-shell"),
        ("NiO@CuO complete", "core-shell"),
        ("solid complete", "solid"),
    ]
    with pytest.raises(SettingsError, match="two reactions for solid"):
        expected_theory("solid=NiO; solid=CuO")


def test_a_kind_without_levels_of_its_own_has_those_for_all() -> None:
    common, own = ExpectedLevel("c", 1.8), ExpectedLevel("o", 1.9, "hollow")
    assert levels_of_kind([common, own], "hollow") == [own]
    assert levels_of_kind([common, own], "solid") == [common]


def test_every_figure_of_ratios_shows_the_expected_levels() -> None:
    tables = run_tables()
    expected = [ExpectedLevel("complete", 1.7)]
    figures = (
        volume_ratio_figure(tables["tracks.csv"], tables["particles.csv"], expected=expected),
        volume_ratio_particles_figure(tables["tracks.csv"], tables["particles.csv"], expected=expected),
        population_figure(tables["expansion.csv"], expected=expected),
    )
    for figure in figures:
        assert figure is not None
        lines = [line for line in figure.axes[0].lines if line.get_color() == THEORY_COLOUR]
        assert [line.get_ydata()[0] for line in lines] == [1.7]
    plain = population_figure(tables["expansion.csv"])
    assert plain is not None
    assert not [line for line in plain.axes[0].lines if line.get_color() == THEORY_COLOUR]


def test_the_report_says_what_was_expected_and_found() -> None:
    theory = expected_theory("NiO:1,CuO:1.3")
    assert theory is not None
    tables = run_tables()
    tables["particles.csv"]["final_volume_ratio"][:] = 1.8
    tables["particles.csv"]["final_volume_ratio_low"][:] = 1.75
    tables["particles.csv"]["final_volume_ratio_high"][:] = 1.85
    tables["particles.csv"]["v0_seen"][:] = 1
    tables["stages.csv"] = blank_table(STAGES, 0)
    tables["theory.csv"] = theory.compared(tables)
    block = theory.record(tables["theory.csv"])
    page = report_html(record(theory=block), tables)
    assert "Theory beside measurement" in page
    assert "complete 1.861" in page
    assert "no stages found" in page
    assert "Theory beside" not in report_html(record(theory=None), tables)


def test_a_phases_file_is_read_or_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(OWN, encoding="utf-8")
    assert "still" in reaction_book(file).reactions
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"my\.toml: not valid TOML"):
        reaction_book(file)
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
        reaction_book(tmp_path / "none.toml")


def test_the_command_prints_what_scripts_can_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["theory", "--mixture", "NiO:1,CuO:1.3", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [round(level["volume_ratio"], 2) for level in facts["levels"]] == [1.34, 1.86]
    assert facts["levels"][0]["volume_ratio_sd"] is None
    assert {phase["name"] for phase in facts["phases"]} == {"NiO", "CuO", "Cu2O", "Li2O", "Ni", "Cu"}
    file = tmp_path / "my.toml"
    file.write_text(OWN, encoding="utf-8")
    assert main(["theory", "--json", "--phases", str(file)]) == 0
    book = json.loads(capsys.readouterr().out)
    assert {r["reaction"] for r in book["reactions"]} >= {"NiO", "CuO", "NiO@CuO", "still"}


def test_the_command_prints_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory"]) == 0
    listing = capsys.readouterr().out
    assert "1.9528" in listing
    assert "10.1107/S0567740870001838" in listing
    assert main(["theory", "--reaction", "NiO + 2 Li -> Ni + Li2O"]) == 0
    assert "+2 Li per formula unit" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["theory", "Nio"], 1, "did you mean 'NiO'"),
        (["theory", ""], 1, "known: NiO"),
        (["theory", "NiO", "--mixture", "NiO:1"], 2, "give one of"),
        (["theory", "--phases", "none.toml"], 1, "cannot be read"),
        (["analyze", "none.tif", "--reaction", "Nio"], 1, "did you mean 'NiO'"),
        (["analyze", "none.tif", "--reaction", "solid=NiO", "--reaction", "solid=CuO"], 1, "two reactions"),
    ],
)
def test_a_mistake_gets_one_line(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    extra = ["-o", str(tmp_path / "run")] if arguments[0] == "analyze" else []
    assert main(arguments + extra) == code
    said = capsys.readouterr().err
    assert words in said
    if code == 1:
        assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
