"""A run that goes on where it was stopped, redoes what settings change, and gives the bytes of a fresh one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tifffile
from robustness.same_run import differences

from tem_track.errors import InputError, OutputError, SettingsError
from tem_track.movie import Progress, no_progress
from tem_track.outcome import Outcome
from tem_track.pipeline import Request, analyze, up_to_date
from tem_track.pipeline.reporter import Silence
from tem_track.settings import ExpansionSettings, OutputSettings, Settings
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.write.files import LOCK, MARKER, STAGES_FOLDER, is_finished
from tem_track.write.simulation import write_simulation

SCENE = LithiationScene(
    nio=1,
    core_shell=0,
    height_px=96,
    width_px=96,
    frames=7,
    frame_interval_s=60.0,
    onset_low_s=80.0,
    onset_high_s=120.0,
    pixel_size_nm=2.0,
    seed=5,
)
QUICK = Settings(output=OutputSettings(overlay=False, figures=False))
SPHEROID = replace(QUICK, expansion=ExpansionSettings(volume_model="spheroid"))


class Told(Silence):
    """A reporter that remembers the passes over the frames."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, name: str, frames: int) -> Progress:
        self.stages.append(name)
        return no_progress


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_simulation(simulate_lithiation(SCENE), folder, overwrite=True)
    # Old enough for its stamp to be trusted.
    os.utime(folder / "movie.tif", (1.6e9, 1.6e9))
    return folder / "movie.tif"


@pytest.fixture(scope="module")
def fresh(movie: Path) -> Path:
    """An undisturbed run; a copy of it stands for an earlier one."""
    analyze(Request(movie, movie.parent / "fresh", settings=QUICK), Silence())
    return movie.parent / "fresh"


@pytest.fixture(scope="module")
def spheroid(movie: Path) -> Path:
    analyze(Request(movie, movie.parent / "spheroid", settings=SPHEROID), Silence())
    return movie.parent / "spheroid"


@pytest.fixture
def run(fresh: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh, tmp_path / "run")
    return tmp_path / "run"


def again(movie: Path, run: Path, **more: object) -> tuple[Outcome, list[str]]:
    told = Told()
    request = replace(Request(movie, run, settings=QUICK), **more)  # type: ignore[arg-type]
    return analyze(request, told), told.stages


def test_a_finished_run_is_left_alone(movie: Path, run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert up_to_date(Request(movie, run, settings=QUICK))
    outcome, stages = again(movie, run)
    assert outcome.unchanged
    assert stages == []
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_to_know_that_nothing_is_to_be_done_takes_none_of_what_measures(movie: Path, run: Path) -> None:
    code = (
        "import sys; from tem_track.cli import main;"
        "code = main(['analyze', sys.argv[1], '-o', sys.argv[2], '--set', 'output.overlay=false', '--set', "
        "'output.figures=false']); print(code, [m for m in ('scipy', 'matplotlib', 'tifffile') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(movie), str(run)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"{run}: up to date, nothing to do", "0 []"]


def test_other_settings_redo_only_what_depends_on_them(movie: Path, run: Path, fresh: Path, spheroid: Path) -> None:
    assert not up_to_date(Request(movie, run, settings=SPHEROID))
    outcome, stages = again(movie, run, settings=SPHEROID)
    assert not outcome.unchanged
    assert stages == []
    assert differences(run, spheroid) == []
    again(movie, run)
    assert differences(run, fresh) == []


def test_output_settings_redo_no_measuring(movie: Path, run: Path) -> None:
    drawn = replace(QUICK, output=OutputSettings(overlay=True, figures=False))
    _, stages = again(movie, run, settings=drawn)
    assert stages == ["overlay movie"]
    overlay = (run / "overlay.webm").read_bytes()
    # Neither other figures nor another reaction draw anything else over the movie.
    compared = replace(drawn, expansion=ExpansionSettings(reaction="NiO"))
    assert again(movie, run, settings=compared)[1] == []
    assert (run / "overlay.webm").read_bytes() == overlay
    (run / "overlay.webm").write_bytes(overlay[:-1] + b"?")
    assert again(movie, run, settings=drawn)[1] == ["overlay movie"]
    assert (run / "overlay.webm").read_bytes() == overlay
    again(movie, run)
    assert not (run / "overlay.webm").exists()


@pytest.mark.parametrize(
    ("stage", "passes"),
    [("outlines", ["outlining"]), ("tracking", ["tracking", "outlining"]), ("expansion", []), ("output", [])],
)
def test_a_stage_can_be_forced(stage: str, passes: list[str], movie: Path, run: Path, fresh: Path) -> None:
    outcome, stages = again(movie, run, from_stage=stage)
    assert not outcome.unchanged
    assert stages == passes
    assert differences(run, fresh) == []


def test_a_wrong_stage_touches_nothing(movie: Path, run: Path, fresh: Path) -> None:
    with pytest.raises(SettingsError, match="there are survey, "):
        again(movie, run, from_stage="outlined")
    assert differences(run, fresh) == []


def test_a_file_that_is_missing_or_cut_makes_the_run_out_of_date(movie: Path, run: Path, fresh: Path) -> None:
    (run / "tracks.csv").write_text("cut")
    (run / "labels.tif").unlink()
    assert not up_to_date(Request(movie, run, settings=QUICK))
    assert again(movie, run)[1] == []
    assert differences(run, fresh) == []


def test_starting_anew_gives_the_same_bytes(movie: Path, run: Path, fresh: Path) -> None:
    assert again(movie, run, overwrite=True)[1][0] == "judging frames"
    assert differences(run, fresh) == []


def test_kept_stages_may_be_removed_at_any_time(movie: Path, run: Path, fresh: Path) -> None:
    shutil.rmtree(run / STAGES_FOLDER)
    assert again(movie, run)[0].unchanged
    again(movie, run, from_stage="output")
    assert differences(run, fresh) == []


def test_another_movie_needs_to_be_told_to_overwrite(movie: Path, run: Path, tmp_path: Path) -> None:
    frames = tifffile.imread(movie)
    other = tmp_path / "movie.tif"
    tifffile.imwrite(other, frames[:, ::-1].copy(), photometric="minisblack")
    before = (run / "tracks.csv").read_bytes()
    with pytest.raises(OutputError, match="another movie; use --overwrite"):
        again(other, run)
    assert (run / "tracks.csv").read_bytes() == before
    assert not (run / LOCK).exists()


def test_a_changed_file_is_hashed_anew_and_a_touched_one_is_the_same(movie: Path, tmp_path: Path) -> None:
    own = tmp_path / "movie.tif"
    shutil.copy2(movie, own)
    again(own, tmp_path / "run")
    os.utime(own, (1.5e9, 1.5e9))
    assert again(own, tmp_path / "run")[0].unchanged
    content = bytearray(own.read_bytes())
    content[-1] ^= 1
    own.write_bytes(content)
    with pytest.raises(OutputError, match="another movie"):
        again(own, tmp_path / "run")


def test_a_movie_that_changes_while_it_is_read_gives_no_run(movie: Path, tmp_path: Path) -> None:
    own = tmp_path / "movie.tif"
    shutil.copy2(movie, own)

    class Recording(Silence):
        def note(self, text: str) -> None:
            os.utime(own)

    with pytest.raises(InputError, match="changed while it was analysed"):
        analyze(Request(own, tmp_path / "run", settings=QUICK), Recording())
    assert not is_finished(tmp_path / "run")


def test_the_log_tells_what_happened_and_why_it_failed(movie: Path, run: Path) -> None:
    bad = replace(QUICK, segment=replace(QUICK.segment, min_diameter_nm=1e5, max_diameter_nm=2e5))
    with pytest.raises(InputError, match="no particles"):
        again(movie, run, settings=bad)
    log = (run / "log.txt").read_text(encoding="utf-8")
    for words in ("movie.tif, ", "sha256", "survey: taken from an earlier run", "InputError: ", "Traceback"):
        assert words in log
    # The earlier run still stands.
    assert up_to_date(Request(movie, run, settings=QUICK))


# Ends the process, as kill -9 does, when the n-th file or folder of a run is on its way to the disk.
KILLED = """
import os, sys
from pathlib import Path
from tem_track.pipeline import Request, analyze
from tem_track.pipeline.reporter import Silence
from tem_track.settings import OutputSettings, Settings
from tem_track.write import files
left, to_disk = [int(sys.argv[3])], files._to_disk
def counted(path):
    left[0] -= 1
    if left[0] < 0:
        os._exit(9)
    to_disk(path)
files._to_disk = counted
quick = Settings(output=OutputSettings(overlay=False, figures=False))
analyze(Request(Path(sys.argv[1]), Path(sys.argv[2]), settings=quick), Silence())
"""


@pytest.mark.parametrize("moment", [3, 25, 45])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(moment: int, movie: Path, fresh: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(movie), str(run), str(moment)], check=False)
    assert killed.returncode == 9
    assert not is_finished(run)
    assert (run / MARKER).exists() or not (run / "run.json").exists()
    kept = len(list((run / STAGES_FOLDER).glob("[!.]*.npz")))
    _, stages = again(movie, run)
    assert len(stages) <= 5 - min(kept, 5) + 1
    assert differences(run, fresh) == []


def test_the_comparison_can_fail(run: Path, fresh: Path) -> None:
    (run / "drift.csv").write_text("frame\n0\n")
    (run / "more.csv").touch()
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    record["warnings"].append("another")
    record["seconds"]["survey"] = 1e6
    (run / "run.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert sorted(differences(run, fresh)) == [
        "drift.csv: other bytes",
        f"more.csv: only in {run}",
        "run.json: warnings",
    ]
