"""A full disk, a file that may not grow, a folder that goes away: one line, and nothing half done that looks whole."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import OutputError
from tem_track.write.files import MARKER, RUN_RECORD, is_finished, prepare_run_folder, whole_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and devices of Unix")


# Runs the rest in a process whose files may not grow beyond so many bytes; here the limit would be pytest's own too.
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
"""


def limited(limit: int, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED + code, str(limit), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_file_that_may_not_grow_is_refused_in_one_line_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("before")
    code = (
        "from pathlib import Path\nfrom tem_track.write.files import write_text\n"
        "write_text(Path(sys.argv[2]), 'x' * 2**20)"
    )
    answer = limited(2**16, code, str(path))
    assert answer.returncode == 1
    assert "OutputError" in answer.stderr
    assert "cannot be written: file too large" in answer.stderr
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "a") as aside:
            aside.symlink_to("/dev/full")
            aside.write_text("x" * 10**5)

    with pytest.raises(OutputError, match="no space left on device; free some space"):
        write()
    assert not list(tmp_path.iterdir())


def test_a_run_folder_that_goes_away_is_not_made_again(tmp_path: Path) -> None:
    """As when a drive vanishes: what comes after would stand alone and look finished."""
    folder = prepare_run_folder(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    for name in ("drift.csv", "figures/drift.png"):
        with pytest.raises(OutputError, match="folder is gone"), whole_file(folder.file(name)) as aside:
            aside.write_text("x")
    assert not (tmp_path / "run").exists()
    # Nor does another folder at its place become a finished run.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RUN_RECORD).write_text('{"program": "tem-track"}')
    with pytest.raises(OutputError, match="another folder"):
        folder.finish()


def test_an_analysis_that_cannot_be_written_ends_in_one_line_and_is_not_finished(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:72, :72]
    frames = rng.normal(1000, 20, (4, 72, 72))
    frames -= 500 / (1 + np.exp(np.hypot(y - 36, x - 36) - 12))
    tifffile.imwrite(tmp_path / "m.tif", frames.astype(np.float32), photometric="minisblack")
    code = "from tem_track.cli import main\nraise SystemExit(main(sys.argv[2:]))"
    answer = limited(2**11, code, "analyze", str(tmp_path / "m.tif"), "-o", str(tmp_path / "run"), "-q")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert os.strerror(errno.EFBIG).lower() in answer.stderr
    assert not is_finished(tmp_path / "run")
    assert not (tmp_path / "run").exists() or (tmp_path / "run" / MARKER).is_file()


def test_a_finished_run_keeps_nothing_that_a_kill_left_half_written(tmp_path: Path) -> None:
    folder = prepare_run_folder(tmp_path / "run")
    for name in (".part-a.csv", ".stages/.part-seconds.json", "figures/.part-drift.png"):
        folder.file(name).write_text("half")
    (folder.path / RUN_RECORD).write_text('{"program": "tem-track"}')
    folder.finish()
    assert not [path for path in folder.path.rglob("*") if path.name.startswith(".part-")]
