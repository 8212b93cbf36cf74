"""Every movie in a folder and its sub-folders: files of every readable kind, folders of frames, Gatan trees.

Strategy: folders are walked in the order of their names, links to folders last and each folder once, so that loops end
and a movie is listed under its own place. A folder of frames or an in-situ tree is one movie and not entered. A file is
a movie by its suffix, whether or not it can be read: the analysis says what is wrong with it, and a file that should
have been a movie is named instead of missed. Files without a known suffix count where their first bytes say so.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from tem_track.batch.series import is_frame_series
from tem_track.batch.tiff_pages import holds_several
from tem_track.errors import InputError, TemTrackError
from tem_track.read.folder import natural_key
from tem_track.read.insitu_tree import is_insitu_tree
from tem_track.read.kinds import kind_of
from tem_track.write.files import MARKER, RUN_RECORD, is_run_folder

# Written first into every folder of a batch: a folder that holds it is results, not recordings.
BATCH_RECORD = "batch.json"
_MOVIE_SUFFIXES = {
    *(".tif", ".tiff", ".dm3", ".dm4", ".ser", ".emi", ".emd", ".mrc", ".mrcs", ".tvips", ".hspy", ".zspy"),
    *(".avi", ".mp4", ".mov", ".m4v", ".qt", ".mkv", ".webm", ".gif", ".hdf5", ".h5"),
}
# Single images of themselves; only a series of them is a movie.
_PICTURE_SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
# Never movies, whatever their first bytes are: the files that stand beside movies.
_BESIDE_SUFFIXES = {
    *(".csv", ".txt", ".log", ".toml", ".json", ".xml", ".md", ".pdf", ".html", ".svg", ".docx", ".xlsx", ".pptx"),
    *(".py", ".ipynb", ".zip", ".gz", ".npy", ".npz", ".parquet", ".ini", ".yaml", ".yml", ".bak", ".tmp", ".part"),
}
# `tem-track simulate` leaves the truth of its movie in a folder of this name.
_TRUTH = "truth"
_TVIPS_PART = re.compile(r"(.*)_(\d{3})(\.tvips)", re.IGNORECASE)
# Deeper folders than this are a loop that no file system shows as one.
_DEEPEST = 64


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes
    ----------
    movies : tuple of str
        Paths relative to the folder, with ``/``, in natural order.
    single_images : tuple of str
        Images that belong to no series: left out.
    unread : tuple of str
        Folders that cannot be read, with the reason.
    """

    movies: tuple[str, ...]
    single_images: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass
class _Search:
    """A search under way."""

    root: Path
    skipped: tuple[Path, ...]
    movies: list[str] = field(default_factory=list)
    single_images: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    links: list[tuple[str, int]] = field(default_factory=list)


def find_movies(folder: Path, skip: tuple[Path, ...] = ()) -> Found:
    """Return every movie in a folder and the folders in it.

    Hidden files, run folders, folders of a batch, the truth of simulated movies and everything in `skip` are left out.

    Parameters
    ----------
    folder : Path
    skip : tuple of Path
        Folders and files not to be looked at.

    Raises
    ------
    InputError
        `folder` is not a folder that can be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder" if not folder.exists() else f"{folder}: is not a folder")
    search = _Search(folder, tuple(path.resolve() for path in skip))
    _enter(search, "", 0)
    if search.unread and search.unread[0].startswith(".: "):
        raise InputError(f"{folder}: cannot be read: {search.unread[0].removeprefix('.: ')}")
    # Links last: a folder that stands in the tree itself is found under its own name.
    while search.links:
        _enter(search, *search.links.pop(0))
    by_name = sorted(search.movies, key=movie_order)
    return Found(tuple(by_name), tuple(sorted(search.single_images, key=movie_order)), tuple(search.unread))


def movie_order(name: str) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return the sorting key of a movie by its relative path: folder by folder, numbers by their value."""
    return tuple(natural_key(part) for part in name.split("/"))


def _enter(search: _Search, place: str, depth: int) -> None:
    """Look at one folder: all of it is one movie, or it holds movies and folders."""
    folder = search.root / place
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in search.seen or depth > _DEEPEST:
            return
        search.seen.add((status.st_dev, status.st_ino))
        if folder.resolve() in search.skipped or is_results(folder):
            return
        with os.scandir(folder) as scanned:
            entries = sorted((e for e in scanned if not is_hidden(e.name)), key=lambda e: natural_key(e.name))
        if place and is_insitu_tree(folder):
            search.movies.append(place)
            return
        files = [entry for entry in entries if not _is_folder(entry)]
        if place and is_frame_series([Path(entry.path) for entry in files if entry.is_file()]):
            search.movies.append(place)
            return
    except (OSError, TemTrackError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        search.unread.append(f"{place or '.'}: {reason}")
        return
    for entry in files:
        _look_at(search, Path(entry.path), _joined(place, entry.name))
    for entry in entries:
        if _is_folder(entry):
            _look_at_folder(search, entry, _joined(place, entry.name), depth)


def _look_at_folder(search: _Search, entry: os.DirEntry[str], place: str, depth: int) -> None:
    if entry.name.lower().endswith(".zspy"):
        search.movies.append(place)
    elif entry.name == _TRUTH:
        return
    elif entry.is_symlink():
        search.links.append((place, depth + 1))
    else:
        _enter(search, place, depth + 1)


def _look_at(search: _Search, file: Path, place: str) -> None:
    """Put one file where it belongs: movie, single image, or nothing to do with movies."""
    suffix = file.suffix.lower()
    if suffix in _BESIDE_SUFFIXES or file.resolve() in search.skipped:
        return
    try:
        ordinary = stat.S_ISREG(file.stat().st_mode)
    except OSError:
        ordinary = False
    if suffix in _MOVIE_SUFFIXES:
        if suffix in (".tif", ".tiff") and ordinary and holds_several(file) is False:
            search.single_images.append(place)
        elif not _is_part_of_another(file, suffix):
            search.movies.append(place)
    elif suffix in _PICTURE_SUFFIXES:
        kind = _kind(file) if ordinary else ""
        (search.single_images if kind == _PICTURE_SUFFIXES[suffix] else search.movies).append(place)
    elif ordinary and _is_movie_by_content(file):
        search.movies.append(place)


def _is_part_of_another(file: Path, suffix: str) -> bool:
    """Return whether a file is read together with another one: EMI with its SER, later parts of TVIPS."""
    if suffix == ".emi":
        return any(file.parent.glob(f"{_literal(file.stem)}_[0-9]*.ser"))
    part = _TVIPS_PART.fullmatch(file.name)
    return part is not None and int(part[2]) > 0 and file.with_name(f"{part[1]}_000{part[3]}").is_file()


def _is_movie_by_content(file: Path) -> bool:
    kind = _kind(file)
    return (kind == "tiff" and holds_several(file) is True) or kind in ("ser", "video")


def _kind(file: Path) -> str:
    try:
        return kind_of(file)
    except TemTrackError:
        return ""


def is_results(folder: Path) -> bool:
    """Return whether a folder holds results of tem-track rather than recordings."""
    if (folder / BATCH_RECORD).is_file() or (folder / MARKER).is_file():
        return True
    return (folder / RUN_RECORD).is_file() and is_run_folder(folder)


def is_hidden(name: str) -> bool:
    """Return whether a name is one that systems hide or leave behind: ``.DS_Store``, ``~$notes``, ``__MACOSX``."""
    return name.startswith((".", "~$")) or name in ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _joined(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _literal(text: str) -> str:
    """Return text as a glob pattern that matches it alone."""
    return "".join(f"[{sign}]" if sign in "[*?" else sign for sign in text)
