from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tem_track.options import Given, analysis_options, input_options


@click.command()
@input_options
def looks(given: Given) -> None:
    click.echo(f"{given.settings} {sorted(name for name, path in given.files.items() if path)}")


@click.command()
@analysis_options
@click.option("--other", default=3)
def analyses(other: int, given: Given) -> None:
    click.echo(f"{given.settings} {other} {given.files['grains']}")


def said(command: click.Command, *words: str) -> str:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_only_what_was_said_becomes_a_setting() -> None:
    assert said(looks) == "{} []\n"
    output = said(looks, "--ramp", "450C+2C/s", "--frame-interval", "400ms", "--allow-truncated")
    assert "'ramp': '450C+2C/s'" in output
    assert "'frame_interval_s': 0.4" in output
    assert "'allow_truncated': True" in output


def test_files_are_kept_apart() -> None:
    assert "['temperature', 'times']" in said(looks, "--times", "t.csv", "--temperature", "log.csv")


def test_options_of_the_analysis_and_a_commands_own() -> None:
    output = said(analyses, "--objects", "bright", "--grains", "grains.tif", "--other", "5")
    assert output == f"{{'analysis': {{'objects': 'bright'}}}} 5 {Path('grains.tif')}\n"


@pytest.mark.parametrize("words", [["--objects", "red"], ["--pixel-size", "0.5"], ["--ramp"]])
def test_wrong_words_are_usage_errors(words: list[str]) -> None:
    assert CliRunner().invoke(analyses, words).exit_code == 2
