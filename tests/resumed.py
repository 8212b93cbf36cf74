"""A run gone on with from what it kept, compared with the run itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from robustness.same_run import differences

from tem_track.cli import main
from tem_track.pipeline.stages import STAGES


def differences_when_resumed(run: Path, elsewhere: Path, *arguments: str) -> tuple[list[str], set[str]]:
    """Return what differs after a copy of a run was written anew, and the stages that were not worked out for it."""
    copy = elsewhere / "resumed"
    shutil.copytree(run, copy)
    (copy / "log.txt").unlink()
    assert main(["analyze", *arguments, "-o", str(copy), "--from", "output"]) == 0
    log = (copy / "log.txt").read_text(encoding="utf-8")
    taken = {stage.name for stage in STAGES if f"  {stage.name}: taken from an earlier run" in log}
    worked = {stage.name for stage in STAGES if f"  stage    {stage.name}: " in log}
    return differences(copy, run) + sorted(f"{name} was worked out" for name in worked), taken
