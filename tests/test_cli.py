"""The command line as a user meets it: help at once, one line for every mistake, the right exit code."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from tem_track.cli import app, main

README = Path(__file__).resolve().parents[1] / "README.md"


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tem_track", *arguments], capture_output=True, text=True, cwd=cwd, timeout=120
    )


@pytest.mark.parametrize("name", sorted(app.commands))
def test_every_command_has_help_an_example_and_a_place_in_the_readme(name: str) -> None:
    command = app.commands[name]
    assert command.help
    assert f"tem-track {name}" in command.help
    assert f"tem-track {name}" in README.read_text(encoding="utf-8")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_help_pulls_in_nothing_heavy() -> None:
    heavy = ("numpy", "cv2", "scipy", "rich", "matplotlib")
    code = f"import sys, tem_track.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_are_printed_as_toml_that_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["track"]["max_gap_frames"] == 10


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["analyze", "none.tif"], 1, "none.tif"),
        (["inspect", "none.tif"], 1, "none.tif"),
        (["analyze"], 2, "MOVIE"),
        (["analyse", "x.tif"], 2, "analyse"),
        (["inspect", "x.tif", "--pixel-size", "0.5"], 2, "unit"),
        (["analyze", "x.tif", "--set", "track.max_gap=3"], 1, "did you mean"),
        (["analyze", "x.tif", "--set", "nonsense"], 1, "NAME=VALUE"),
        (["simulate", "x", "--preset", "none"], 1, "core-shell"),
    ],
)
def test_a_mistake_gets_one_line_and_an_exit_code(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_debug_shows_where_it_happened(tmp_path: Path) -> None:
    done = run("inspect", "none.tif", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
