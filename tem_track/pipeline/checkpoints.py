"""The results of the stages, kept in the run folder as soon as they are there, and found again by a later run.

`RUN/.stages/NAME.npz` holds the result of one stage and the key it was worked out under. A file that is damaged, of
another key or of another program is not used. What goes on to the next stage is always what was kept, never what was
worked out: so a run that goes on from an earlier one gives the same bytes as one from the start.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from tem_track.pipeline.packing import Arrays, PackingError, pack, unpack
from tem_track.pipeline.reporter import Clock
from tem_track.pipeline.stages import seen_settings, stage_key, stage_named
from tem_track.settings import Settings
from tem_track.write.files import STAGES_FOLDER, whole_file, write_text

_Result = TypeVar("_Result")
# Deflate's fastest: maps and masks shrink to a fifth, noise does not shrink at any level.
_LEVEL = 1
_STRUCTURE = "structure.json"
SECONDS_FILE = f"{STAGES_FOLDER}/seconds.json"
"""Seconds of each kept stage: a reading of the clock, and so apart from the results."""


class Checkpoints:
    """Works out the stages of one run, or takes them from an earlier one.

    Parameters
    ----------
    settings : Settings
    clock : Clock
        Gets the seconds of every stage; of one that was kept, those it took when it was worked out.
    folder : Path or None
        The run folder; None keeps nothing.
    inputs : mapping of file to str, optional
        Hash of each file read.
    forced : set of str
        Stages that are worked out in any case.
    log, note : callable, optional
        Told in one line what was worked out, and what was taken from an earlier run.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        folder: Path | None = None,
        inputs: Mapping[str, str] | None = None,
        forced: frozenset[str] = frozenset(),
        log: Callable[[str], None] = lambda text: None,
        note: Callable[[str], None] = lambda text: None,
    ):
        self._settings, self._clock, self._folder = settings, clock, folder
        self._inputs, self._forced = dict(inputs or {}), forced
        self._log, self._note = log, note
        self._keys: dict[str, str] = {}
        self._seconds = _read_seconds(folder)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the stages that this run has had so far, in order."""
        return tuple(self._keys)

    def result(self, name: str, work: Callable[[Settings], _Result]) -> _Result:
        """Return the result of a stage: what an earlier run kept of it, or what `work` gives for the settings it sees.

        Raises
        ------
        OutputError
            The result cannot be written.
        """
        called = stage_named(name).called
        key = self._key(name)
        self._keys[name] = key
        kept = None if self._folder is None or name in self._forced else read_result(_path(self._folder, name), key)
        if kept is not None:
            known, seconds = self._seconds.get(name, ("", 0.0))
            seconds = seconds if known == key else 0.0
            self._clock.add(called, seconds)
            self._note(f"{name}: taken from an earlier run ({seconds:.1f} s then)")
            return cast(_Result, kept[0])
        before = self._clock.seconds.get(called, 0.0)
        with self._clock.stage(called):
            found = work(seen_settings(name, self._settings))
        seconds = self._clock.seconds[called] - before
        self._log(f"{name}: {seconds:.1f} s")
        return self._kept(name, key, found, seconds)

    def stands(self, name: str, path: Path) -> bool:
        """Return whether a file that is itself the result of a stage stands, whole and under this run's key."""
        if self._folder is None or name in self._forced:
            return False
        kept = read_result(_path(self._folder, name), self._key(name))
        return kept is not None and kept[0] == _hash_of(path)

    def file(self, name: str, path: Path, work: Callable[[], Any]) -> None:
        """Make a file that is itself the result of a stage, unless it stands.

        Raises
        ------
        OutputError
        """
        stands = self.stands(name, path)

        def made(seen: Settings) -> str | None:
            work()
            return _hash_of(path)

        # A record of a file that does not stand is none.
        if not stands:
            self._forced |= {name}
        self.result(name, made)

    def forget_others(self) -> None:
        """Remove what is kept of stages that this run did not have: another analysis' or other settings'."""
        if self._folder is None:
            return
        # What a killed process was writing has a hidden name, and so no stage's.
        for path in (self._folder / STAGES_FOLDER).glob("*.npz"):
            if path.stem not in self._keys:
                path.unlink(missing_ok=True)

    def _key(self, name: str) -> str:
        return stage_key(name, self._keys, self._settings, self._inputs)

    def _kept(self, name: str, key: str, found: _Result, seconds: float) -> _Result:
        try:
            structure, arrays = pack(found)
        except PackingError as error:
            self._log(f"{name}: not kept: {error}")
            return found
        if self._folder is not None:
            write_result(_path(self._folder, name), key, structure, arrays)
            self._seconds[name] = (key, seconds)
            write_text(self._folder / SECONDS_FILE, json.dumps(self._seconds) + "\n")
        return cast(_Result, unpack(structure, arrays))


def write_result(path: Path, key: str, structure: Any, arrays: Arrays) -> None:
    """Write the packed result of a stage, whole or not at all; the same result gives the same bytes.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    text = json.dumps({"key": key, "arrays": len(arrays), "value": structure})
    with whole_file(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        # An entry opened by its name carries the date 1980-01-01, not today's.
        with archive.open(_STRUCTURE, "w", force_zip64=True) as entry:
            entry.write(text.encode("utf-8", "surrogatepass"))
        for number, array in enumerate(arrays):
            with archive.open(f"{number}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(cast(io.BytesIO, entry), array, allow_pickle=False)


def read_result(path: Path, key: str) -> tuple[Any] | None:
    """Return the result kept in a file, alone in a tuple; None unless it is whole and of this key."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read(_STRUCTURE).decode("utf-8", "surrogatepass"))
            if content["key"] != key:
                return None
            arrays = []
            for number in range(content["arrays"]):
                with archive.open(f"{number}.npy") as entry:
                    arrays.append(np.lib.format.read_array(cast(io.BytesIO, entry), allow_pickle=False))
                    # What stands behind the array is read too: only at its end an entry's checksum is compared.
                    entry.read()
            return (unpack(content["value"], arrays),)
    # Whatever a damaged file makes archive, array and text readers raise, and that is nearly everything.
    except Exception:
        return None


def _hash_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _path(folder: Path, name: str) -> Path:
    return folder / STAGES_FOLDER / f"{name}.npz"


def _read_seconds(folder: Path | None) -> dict[str, tuple[str, float]]:
    """Return {stage: (key, seconds)} of what is kept, nothing where that is not known."""
    if folder is None:
        return {}
    try:
        content = json.loads((folder / SECONDS_FILE).read_text(encoding="utf-8"))
        return {str(name): (str(key), float(seconds)) for name, (key, seconds) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
