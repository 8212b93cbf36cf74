"""Whether two run folders hold the same run, byte for byte but for readings of the clock.

    python -m tests.robustness.same_run RUN OTHER

Clock readings stand in these places and nowhere else: `log.txt`; `.stages/seconds.json`; `.stages/stamps.json` (times
of last change of the files read); and in `run.json` the values of ``started``, ``finished`` and ``seconds``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

# Files that consist of clock readings: they may differ, or be missing.
CLOCK_FILES = ("log.txt", ".stages/seconds.json", ".stages/stamps.json")
# What of run.json reads the clock.
CLOCK_ENTRIES = ("started", "finished", "seconds", "frames_per_s")
RECORD = "run.json"


def differences(one: Path, other: Path) -> list[str]:
    """Return in words what differs between two run folders; an empty list for the same run.

    Parameters
    ----------
    one, other : Path
        Finished run folders.
    """
    mine, theirs = _files(one), _files(other)
    found = [f"{name}: only in {one}" for name in sorted(mine - theirs)]
    found += [f"{name}: only in {other}" for name in sorted(theirs - mine)]
    for name in sorted(mine & theirs):
        if name == RECORD:
            found += _record_differences(one / name, other / name)
        elif (one / name).read_bytes() != (other / name).read_bytes():
            found.append(f"{name}: other bytes")
    return found


def _files(folder: Path) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return names - set(CLOCK_FILES)


def _record_differences(one: Path, other: Path) -> list[str]:
    """Compare run records entry by entry, and their text with the clock's values taken out."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (one, other)]
    names = dict.fromkeys([*records[0], *records[1]])
    found = [
        f"{RECORD}: {name}"
        for name in names
        if name not in CLOCK_ENTRIES and records[0].get(name) != records[1].get(name)
    ]
    if list(records[0]) != list(records[1]):
        found.append(f"{RECORD}: other entries, or another order")
    if list(records[0].get("seconds", {})) != list(records[1].get("seconds", {})):
        found.append(f"{RECORD}: seconds of other stages")
    for record, path in zip(records, (one, other), strict=True):
        written = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        if written != path.read_text(encoding="utf-8"):
            found.append(f"{RECORD}: not written as tem-track writes it")
    return found


def main() -> int:
    """Print what differs between the two run folders of the command line; 1 if anything does."""
    found = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found) or "the same run")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
