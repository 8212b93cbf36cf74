"""Names of run folders made from the paths of movies: safe on every file system, and no two alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# Parts of a path are joined by this: one level of run folders, none within another.
_JOINT = "__"
# Letters and digits of any script, and signs that neither shells nor file systems nor web pages take for more.
_BLANKS = re.compile(r"\s+")
_UNSAFE = re.compile(r"[^\w.+=@,-]+")
# Most file systems allow 255 bytes in a name; hidden names beside files and a letter of four bytes need room.
_MOST_BYTES = 120
# Windows keeps these for devices, with any suffix (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_FILE_SUFFIX = re.compile(r"(?:\.ome)?\.[A-Za-z][A-Za-z0-9]{1,4}$", re.IGNORECASE)


def run_names(movies: Sequence[str]) -> dict[str, str]:
    """Return a folder name for each movie, no two alike even where capital letters do not count.

    A name is the movie's relative path without its suffix, blanks as underscores. Where that is not a safe name, or
    another movie would get it too, the name ends in a part of the hash of the path.

    Parameters
    ----------
    movies : sequence of str
        Relative paths with ``/``, each once.

    Examples
    --------
    >>> run_names(["NiO/movie 1.tif", "NiO/a.tif", "CuO/a.tif"])
    {'NiO/movie 1.tif': 'NiO__movie_1', 'NiO/a.tif': 'NiO__a', 'CuO/a.tif': 'CuO__a'}
    """
    plain = {movie: _plain(movie) for movie in movies}
    shared = Counter(_same(name) for name in plain.values())
    own = {movie: shared[_same(name)] == 1 and name == _spaced(movie) for movie, name in plain.items()}
    return {movie: name if own[movie] else f"{name}-{_mark(movie)}" for movie, name in plain.items()}


def is_safe_name(name: str) -> bool:
    """Return whether a folder name may be used as it is."""
    return bool(name) and name == _safe(name)


def _wanted(movie: str) -> str:
    return _FILE_SUFFIX.sub("", movie).replace("/", _JOINT)


def _spaced(movie: str) -> str:
    return _BLANKS.sub("_", _wanted(movie))


def _plain(movie: str) -> str:
    return _safe(_wanted(movie)) or "movie"


def _safe(text: str) -> str:
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip("._-=+@,")
    text = text.encode("utf-8", "replace")[:_MOST_BYTES].decode("utf-8", "ignore").rstrip(".")
    return f"movie-{text}" if _DEVICES.match(text) else text


def _same(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _mark(movie: str) -> str:
    return hashlib.sha256(movie.encode("utf-8", "surrogateescape")).hexdigest()[:6]
