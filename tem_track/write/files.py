"""Files that appear whole or not at all, and the run folder that is complete or recognisably unfinished.

A file is written beside its place under a hidden name and renamed when it is on disk. A run folder carries the marker
`.unfinished` from its first moment until `run.json`, the last file, stands. Only files that tem-track itself writes are
ever removed.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tem_track.errors import OutputError
from tem_track.write.run_files import RUN_FILES

PROGRAM = "tem-track"
RUN_RECORD = "run.json"
MARKER = ".unfinished"
LOCK = ".lock"
LOG = "log.txt"
STAGES_FOLDER = ".stages"
"""Results of the stages of a run, for the next one; may be removed at any time."""
_ASIDE = ".part-"

_UNFINISHED = f"{PROGRAM} has not finished writing this run folder; run the same command again to go on\n"
# What to do about the failures a user can mend; the system's own words say what happened.
_REMEDIES = {
    errno.ENOSPC: "free some space or write elsewhere with -o",
    errno.EDQUOT: "free some of your quota or write elsewhere with -o",
    errno.EACCES: "choose a folder you may write to with -o",
    errno.EPERM: "choose a folder you may write to with -o",
    errno.EROFS: "choose a folder on a writable disk with -o",
    errno.ENAMETOOLONG: "choose a shorter name with -o",
    errno.ENOENT: "the folder is gone or the disk was unplugged; choose another one with -o",
    errno.ENOTDIR: "a part of the path is a file; choose another folder with -o",
    errno.EFBIG: "the disk's file system refuses a file this large; write to another one with -o",
    errno.EIO: "the disk fails; write to another one with -o",
}


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the one line for a user that says why `path` cannot be written and what to do about it."""
    reason = (error.strerror or str(error)).lower()
    remedy = _REMEDIES.get(error.errno or 0, "choose another folder with -o")
    return OutputError(f"{path}: cannot be written: {reason}; {remedy}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path` to write to; on success it becomes `path`, on error it is removed.

    The hidden name keeps the suffix of `path`, since some writers choose their format by it. The content is on disk
    before the rename, so a crash leaves either the file before or the whole new one.

    Parameters
    ----------
    path : Path
        The file to appear. Its folder exists. A file that stands there is replaced.

    Raises
    ------
    OutputError
        The file system refuses (full, read-only, no permission, name too long ...), in one line.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "a.txt") as aside:
    ...     _ = aside.write_text("whole")
    >>> [p.name for p in folder.iterdir()]
    ['a.txt']
    """
    aside = path.with_name(_ASIDE + path.name)
    try:
        yield aside
        _to_disk(aside)
        aside.replace(path)
        _to_disk(path.parent)
    except OSError as error:
        _forget(aside)
        raise output_error(path, error) from error
    except BaseException:
        _forget(aside)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file with line feeds as line ends, whole or not at all."""
    with whole_file(path) as aside:
        # A file name may hold bytes that are no UTF-8: they are spelt out (which JSON reads as what they were).
        aside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


@dataclass(frozen=True)
class RunFolder:
    """A run folder being written: unfinished until `finish`.

    Attributes
    ----------
    path : Path
    created : bool
        The folder was made for this run, so that `discard` may remove it.
    """

    path: Path
    created: bool = False

    def file(self, name: str) -> Path:
        """Return the path of a file of the run by its name relative to the folder, its own folder made.

        The run folder itself is never made again: a drive that has gone would leave the rest of the run, which would
        look finished, where it was mounted.

        Raises
        ------
        OutputError
            The run folder is gone, or the folder in it cannot be made.
        """
        path = self.path / name
        try:
            if path.parent != self.path:
                path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise output_error(path.parent, error) from error
        return path

    def finish(self) -> None:
        """Remove the marker of an unfinished run; `run.json` must stand.

        Raises
        ------
        OutputError
            `run.json` or the marker is missing, so that the run would only look finished, or the marker cannot be
            removed.
        """
        if not (self.path / RUN_RECORD).is_file():
            raise OutputError(f"{self.path}: a run without {RUN_RECORD} is not finished")
        if not (self.path / MARKER).is_file():
            raise OutputError(f"{self.path}: is another folder than the one that was written; run it again")
        try:
            # What a kill left half written, when the file was not written again under its name.
            for aside in (*self.path.glob(f"{_ASIDE}*"), *self.path.glob(f"*/{_ASIDE}*")):
                aside.unlink(missing_ok=True)
            (self.path / MARKER).unlink(missing_ok=True)
            _to_disk(self.path)
        except OSError as error:
            raise output_error(self.path, error) from error

    def standing(self) -> dict[str, int]:
        """Return the run's files that stand, `run.json` aside, each with its bytes."""
        there = {name: self.path / name for name in RUN_FILES}
        return {name: path.stat().st_size for name, path in there.items() if path.is_file()}

    def mark(self) -> None:
        """Mark the folder as unfinished.

        Raises
        ------
        OutputError
        """
        try:
            (self.path / MARKER).write_text(_UNFINISHED, encoding="utf-8")
            _to_disk(self.path)
        except OSError as error:
            raise output_error(self.path, error) from error

    def clear(self, keep: Collection[str] = ()) -> None:
        """Remove an earlier run's files, marked as unfinished first: what is not tem-track's own stays.

        Parameters
        ----------
        keep : collection of str
            Files of the earlier run that are this one's too.

        Raises
        ------
        OutputError
        """
        self.mark()
        try:
            _remove_run_files(self.path, keep)
        except OSError as error:
            raise output_error(self.path, error) from error

    def forget_stages(self) -> None:
        """Remove the kept results of the stages.

        Raises
        ------
        OutputError
        """
        try:
            _remove_stages(self.path)
        except OSError as error:
            raise output_error(self.path, error) from error

    def has_stages(self) -> bool:
        """Return whether the result of any stage is kept."""
        return any((self.path / STAGES_FOLDER).glob("[!.]*.npz"))

    def forget_log(self) -> None:
        """Remove the log of earlier attempts."""
        with suppress(OSError):
            (self.path / LOG).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what tem-track wrote, and the folder itself where it was made for this run and is then empty."""
        with suppress(OSError):
            _remove_run_files(self.path)
            _remove_stages(self.path)
            for name in (LOG, MARKER, LOCK):
                (self.path / name).unlink(missing_ok=True)
            if self.created:
                self.path.rmdir()


def check_run_folder(path: Path, overwrite: bool = False) -> None:
    """Raise what `prepare_run_folder` would raise, without touching anything: asked before the work begins.

    Raises
    ------
    OutputError
        As `prepare_run_folder`.
    """
    check_place(path)
    _refuse_earlier(path, overwrite)


def check_place(path: Path) -> None:
    """Raise why no run can be written to `path`, an earlier run there aside; touches nothing.

    Raises
    ------
    OutputError
        `path` is a file or a folder with something that is no run of tem-track, or cannot be written.
    """
    try:
        if path.exists():
            if not path.is_dir():
                raise OutputError(f"{path}: is a file; choose a folder with -o")
            _refuse_foreign(path)
        standing = next(p for p in (path, *path.absolute().parents) if p.exists() or p.is_symlink())
        if not standing.is_dir():
            raise OutputError(f"{path}: {standing} is a file; choose another folder with -o")
        if not os.access(standing, os.W_OK):
            raise OutputError(f"{standing}: cannot be written: permission denied; {_REMEDIES[errno.EACCES]}")
    except OSError as error:
        raise output_error(path, error) from error


def open_run_folder(path: Path) -> RunFolder:
    """Return the folder `path`, made where it is not there, with what an earlier run left in it.

    Raises
    ------
    OutputError
        As `check_place`.
    """
    check_place(path)
    try:
        created = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    return RunFolder(path, created)


def prepare_run_folder(path: Path, overwrite: bool = False) -> RunFolder:
    """Return the folder `path`, made or emptied of an earlier run, and marked as unfinished.

    Parameters
    ----------
    path : Path
        The run folder to be. Folders above it are made as needed. An empty folder is taken as it is.
    overwrite : bool
        Replace an earlier run, finished or not: the files it wrote are removed, anything else in the folder stays.

    Raises
    ------
    OutputError
        `path` is a file; it holds a run and `overwrite` is not set; it holds something that is no run of tem-track
        (refused in any case); or the file system does not allow it.
    """
    folder = open_run_folder(path)
    _refuse_earlier(path, overwrite)
    folder.clear()
    folder.forget_stages()
    return folder


def is_run_folder(path: Path) -> bool:
    """Return whether a folder holds a run of tem-track, finished or not."""
    return (path / MARKER).is_file() or _is_run_record(path / RUN_RECORD)


def is_finished(path: Path) -> bool:
    """Return whether a folder holds a complete run of tem-track."""
    return _is_run_record(path / RUN_RECORD) and not (path / MARKER).exists()


def _refuse_earlier(path: Path, overwrite: bool) -> None:
    if path.is_dir() and is_run_folder(path) and not overwrite:
        state = "a finished run" if is_finished(path) else "an unfinished run"
        raise OutputError(f"{path}: already holds {state}; use --overwrite to replace it or choose another with -o")


def _refuse_foreign(path: Path) -> None:
    # A process that was killed at once leaves its lock alone.
    if not is_run_folder(path) and any(standing.name != LOCK for standing in path.iterdir()):
        raise OutputError(f"{path}: is not empty and not a run folder of {PROGRAM}; choose another folder with -o")


def _is_run_record(path: Path) -> bool:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("program") == PROGRAM


def _remove_run_files(folder: Path, keep: Collection[str] = ()) -> None:
    # run.json first: from then on nothing here can be taken for a finished run.
    for name in (RUN_RECORD, *RUN_FILES):
        path = folder / name
        # Through a linked sub-folder we would remove files that stand somewhere else.
        if not path.parent.is_symlink():
            if name not in keep:
                path.unlink(missing_ok=True)
            path.with_name(_ASIDE + path.name).unlink(missing_ok=True)
    for name in sorted({str(Path(name).parent) for name in RUN_FILES} - {"."}):
        with suppress(OSError):  # it may hold something else, or not be there
            (folder / name).rmdir()


def _remove_stages(folder: Path) -> None:
    stages = folder / STAGES_FOLDER
    if stages.is_symlink():
        return
    for path in stages.glob("*"):
        if path.suffix in (".npz", ".json"):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # it may hold something else, or not be there
        stages.rmdir()


def _forget(aside: Path) -> None:
    with suppress(OSError):
        aside.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
