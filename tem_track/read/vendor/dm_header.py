"""A walk through the tags of a DM3 or DM4 file before RosettaSciIO believes them.

DigitalMicrograph's files are trees of tags: groups that say how many members they have, values that say how long they
are. A damaged number makes a reader run for hours, or fill the memory, long before it notices that the file is over;
so every number is first compared with the bytes that are left.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tem_track.errors import InputError

_GROUP, _VALUE = 20, 21
_STRUCT, _TEXT, _ARRAY = 15, 18, 20
# Bytes of DigitalMicrograph's simple types by their code (as in RosettaSciIO's reader).
_BYTES = {2: 2, 3: 4, 4: 2, 5: 4, 6: 4, 7: 8, 8: 1, 9: 1, 10: 1, 11: 8, 12: 8}
# DigitalMicrograph itself nests some fifteen deep and writes some thousands of tags.
_DEEPEST = 64
_MOST_TAGS = 1_000_000
# Values that are not pictures become Python numbers, 40 bytes each.
_MOST_NUMBERS = 5_000_000
_MOST_FIELDS = 1000


class _DamagedTagsError(Exception):
    """The tags contradict themselves or the length of the file; the message says how."""


@dataclass
class _Group:
    """A group being walked through: its name, that of the group it is in, members left, and its numbers."""

    name: str
    within: str
    left: int
    numbers: list[int]


def check_dm(path: Path) -> None:
    """Refuse a DM3 or DM4 file whose tags cannot be what they say.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        A count, length or picture larger than the file; tags nested without end; unknown types.
    """
    with path.open("rb") as stream:
        try:
            _Tags(stream, path.stat().st_size).walk()
        except struct.error as error:
            raise InputError(f"{path.name}: truncated: its tags end before they should") from error
        except _DamagedTagsError as error:
            raise InputError(f"{path.name}: truncated or damaged: {error}") from error


class _Tags:
    """The tags of an open file, one after the other."""

    def __init__(self, stream: BinaryIO, size: int):
        self._stream, self._size = stream, size
        (self._version,) = struct.unpack(">i", stream.read(4))
        if self._version not in (3, 4):
            raise _DamagedTagsError(f"version {self._version} is neither 3 nor 4")
        self._count()
        (little,) = struct.unpack(">i", stream.read(4))
        self._order = "<" if little else ">"

    def walk(self) -> None:
        """Go through all tags."""
        open_groups = [self._group("", "")]
        for _ in range(_MOST_TAGS):
            while open_groups and not open_groups[-1].left:
                self._close(open_groups.pop())
            if not open_groups:
                return
            here = open_groups[-1]
            here.left -= 1
            kind, letters = struct.unpack(">bh", self._stream.read(3))
            name = self._stream.read(max(0, letters)).decode("latin-1")
            if kind == _GROUP:
                if self._version == 4:
                    self._count()
                open_groups.append(self._group(name, here.name))
            elif kind == _VALUE:
                self._value(name, here)
            else:
                raise _DamagedTagsError(f"a tag of the unknown kind {kind}")
            if len(open_groups) > _DEEPEST:
                break
        raise _DamagedTagsError("tags nested or repeated without end")

    def _count(self) -> int:
        form, length = (">q", 8) if self._version == 4 else (">i", 4)
        number: int = struct.unpack(form, self._stream.read(length))[0]
        return number

    def _group(self, name: str, within: str) -> _Group:
        self._stream.read(2)
        left = self._count()
        # A tag takes three bytes at least.
        if not 0 <= 3 * left <= self._size:
            raise _DamagedTagsError(f"a group of {left} tags")
        return _Group(name, within, left, [])

    def _close(self, group: _Group) -> None:
        """Compare the size of a picture with that of the file."""
        sides = group.numbers
        is_picture = (group.within, group.name) == ("ImageData", "Dimensions") and sides
        if is_picture and (min(sides) <= 0 or math.prod(sides) > self._size):
            raise _DamagedTagsError(f"claims {' x '.join(map(str, sides))} pixels, more than it holds")

    def _value(self, name: str, group: _Group) -> None:
        if self._version == 4:
            self._stream.read(8)
        if self._stream.read(4) != b"%%%%":
            raise _DamagedTagsError("a value without its mark")
        words = self._count()
        if words < 1:
            raise _DamagedTagsError(f"a value of {words} words")
        code = self._count()
        if words == 1:
            value = self._stream.read(self._simple(code))
            if code in (3, 5):
                group.numbers += struct.unpack(self._order + "iI"[code == 5], value)
            return
        length, numbers = self._length(words, code)
        if not 0 <= length <= self._size - self._stream.tell():
            raise _DamagedTagsError(f"a value of {length} bytes, more than the file has left")
        is_picture = (group.name, name) == ("ImageData", "Data")
        if numbers > _MOST_NUMBERS and not is_picture:
            raise _DamagedTagsError(f"a value of {numbers} numbers that is no picture")
        self._stream.seek(length, 1)

    def _length(self, words: int, code: int) -> tuple[int, int]:
        """Return how many bytes a value that is no simple one takes, and how many numbers it holds."""
        if words == 2 and code == _TEXT:
            letters = self._count()
            return letters, letters
        if code == _STRUCT:
            return self._struct()
        if code != _ARRAY:
            raise _DamagedTagsError(f"a value of the unknown type {code}")
        element = self._count()
        if words == 3:
            each, numbers = self._simple(element), 1
        elif element == _STRUCT:
            each, numbers = self._struct()
        elif element == _TEXT:
            each = numbers = self._count()
        elif element == _ARRAY:
            simple, numbers = self._simple(self._count()), self._count()
            each = simple * numbers
        else:
            raise _DamagedTagsError(f"an array of the unknown type {element}")
        elements = self._count()
        # Elements of no length would be read without end.
        if min(elements, each, numbers) < 0 or (elements and not each):
            raise _DamagedTagsError(f"an array of {elements} elements of {each} bytes")
        return each * elements, numbers * elements

    def _struct(self) -> tuple[int, int]:
        self._count()
        fields = self._count()
        if not 0 <= fields <= _MOST_FIELDS:
            raise _DamagedTagsError(f"a structure of {fields} fields")
        length = 0
        for _ in range(fields):
            self._count()
            length += self._simple(self._count())
        return length, fields

    def _simple(self, code: int) -> int:
        if code not in _BYTES:
            raise _DamagedTagsError(f"a number of the unknown type {code}")
        return _BYTES[code]
