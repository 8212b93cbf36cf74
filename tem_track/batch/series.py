"""Whether the single-image files of a folder are the frames of one movie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tem_track.batch.tiff_pages import holds_several
from tem_track.read.folder import FRAME_SUFFIXES, natural_key, numbers_of
from tem_track.read.frame_names import times_in_names, without_quantities

# Two images are a before and an after, not a movie.
_FEWEST_FRAMES = 3
# This share of a folder's images must be named alike: a reference image beside a thousand frames does not part them.
_NAMED_ALIKE = 0.8
# Vendor files of one frame each have one size but for their tags; recordings of different length have not.
_SAME_BYTES = 0.002
_DIGITS = re.compile(r"\d+")


def is_frame_series(files: Sequence[Path]) -> bool:
    """Return whether the files of one folder are the numbered single frames of one movie.

    They are where at least three of one kind stand there, nearly all named alike but for a number that increases, and
    none that is looked at holds more than one image.

    Parameters
    ----------
    files : sequence of Path
        The visible ordinary files of one folder.
    """
    groups = Counter(FRAME_SUFFIXES[file.suffix.lower()] for file in files if file.suffix.lower() in FRAME_SUFFIXES)
    if not groups:
        return False
    (kind, count), *others = groups.most_common()
    if count < _FEWEST_FRAMES or (others and others[0][1] * 2 > count):
        return False
    frames = sorted(
        (f for f in files if FRAME_SUFFIXES.get(f.suffix.lower()) == kind), key=lambda f: natural_key(f.name)
    )
    alike = _named_alike(frames)
    return len(alike) >= max(_FEWEST_FRAMES, _NAMED_ALIKE * len(frames)) and _single_images(alike, kind)


def _named_alike(frames: Sequence[Path]) -> list[Path]:
    """Return the files of the most frequent name pattern, none where nothing in their names counts the frames."""
    patterns = [_DIGITS.sub("#", without_quantities(file.stem)) for file in frames]
    (usual, _), *_ = Counter(patterns).most_common(1)
    alike = [file for file, pattern in zip(frames, patterns, strict=True) if pattern == usual]
    stems = [file.stem for file in alike]
    counted = numbers_of([without_quantities(stem) for stem in stems]) is not None
    return alike if counted or times_in_names(stems) is not None else []


def _single_images(frames: Sequence[Path], kind: str) -> bool:
    looked_at = [frames[0], frames[len(frames) // 2], frames[-1]]
    if kind == "TIFF":
        return not any(holds_several(file) for file in looked_at)
    if kind in ("PNG", "JPEG"):
        return True
    sizes = [file.stat().st_size for file in frames]
    return max(sizes) - min(sizes) <= _SAME_BYTES * max(sizes) and not any(_is_stack(file) for file in looked_at[:1])


def _is_stack(file: Path) -> bool:
    """Return whether a vendor's file holds several frames, as far as its first bytes tell."""
    suffix = file.suffix.lower()
    with file.open("rb") as stream:
        head = stream.read(256)
    if suffix == ".mrc":
        # Number of sections: third whole number of the header (MRC2014).
        return 1 < int.from_bytes(head[8:12], "little", signed=True) < 2**24
    if suffix == ".ser":
        # Number of elements that are there: byte 18 of the header (TIA, "valid number of elements").
        return int.from_bytes(head[18:22], "little", signed=True) > 1
    return False
