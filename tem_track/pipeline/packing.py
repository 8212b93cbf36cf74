"""What a stage hands over as plain arrays and JSON, and back: no pickle, no code from files.

Strategy: a value is walked through once. Arrays go, in C order, into a list; everything else becomes JSON in which an
array is its number in that list. Dataclasses of tem-track are named by module and class, and only classes that the
program has loaded already are filled when reading: a file can name nothing else.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import LabelStack

PACKAGE = "tem_track"
# The one key of a JSON object that says what kind of value it stands for.
_KIND = "is"
# Types that JSON keeps as they are; the numbers with all their digits, NaN and infinity included.
_PLAIN = (str, int, float, bool, type(None))
_SEQUENCES: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
Arrays: TypeAlias = list[NDArray[Any]]


class PackingError(Exception):
    """A value holds something that cannot be kept, or what was kept is not what it claims to be."""


def pack(value: Any) -> tuple[Any, Arrays]:
    """Return a value as JSON-ready structure and the arrays it refers to by number.

    Parameters
    ----------
    value : any
        None, numbers, text, bytes, arrays without Python objects but text, lists, tuples, sets, mappings, `LabelStack`
        and dataclasses of tem-track, in any combination.

    Raises
    ------
    PackingError
        Something in it is none of these.

    >>> structure, arrays = pack({"drift": np.zeros((2, 2)), "reason": ("", "blank")})
    >>> unpack(structure, arrays)["reason"]
    ('', 'blank')
    """
    arrays: Arrays = []
    return _packed(value, arrays), arrays


def unpack(structure: Any, arrays: Arrays) -> Any:
    """Return the value of `pack`'s two halves.

    Raises
    ------
    PackingError
        The structure is not one that `pack` made, or names a class that is not known.
    """
    try:
        return _unpacked(structure, arrays)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise PackingError(f"{type(error).__name__}: {error}") from error


def _packed(value: Any, arrays: Arrays) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray):
        return _packed_array(value, arrays)
    if isinstance(value, np.generic):
        return {_KIND: "scalar", "array": _numbered(np.asarray(value), arrays)}
    if isinstance(value, bytes):
        return {_KIND: "bytes", "array": _numbered(np.frombuffer(value, np.uint8), arrays)}
    if isinstance(value, LabelStack):
        packed = [np.frombuffer(image, np.uint8) for image in value.packed()]
        lengths = np.array([image.size for image in packed], np.int64)
        joined = np.concatenate(packed) if packed else np.zeros(0, np.uint8)
        ends = [_numbered(part, arrays) for part in (lengths, joined)]
        return {_KIND: "labels", "shape": list(value.shape), "notes": list(value.notes), "arrays": ends}
    if type(value).__name__ in _SEQUENCES:
        return _packed_sequence(value, arrays)
    if isinstance(value, dict | MappingProxyType):
        kind = "dict" if isinstance(value, dict) else "view"
        return {_KIND: kind, "items": [[_packed(k, arrays), _packed(v, arrays)] for k, v in value.items()]}
    if dataclasses.is_dataclass(value) and type(value).__module__.split(".")[0] == PACKAGE:
        held = {f.name: _packed(getattr(value, f.name), arrays) for f in dataclasses.fields(value)}
        return {_KIND: "dataclass", "class": f"{type(value).__module__}:{type(value).__qualname__}", "fields": held}
    raise PackingError(f"a {type(value).__name__} cannot be kept")


def _packed_array(array: NDArray[Any], arrays: Arrays) -> Any:
    if array.dtype != object:
        return {_KIND: "array", "array": _numbered(array, arrays)}
    return {_KIND: "objects", "shape": list(array.shape), "items": _packed(array.ravel().tolist(), arrays)}


def _packed_sequence(value: Any, arrays: Arrays) -> Any:
    kind = type(value).__name__
    # Sets have no order of their own: the same set must give the same bytes.
    items = sorted(value) if isinstance(value, set | frozenset) else value
    if all(type(item) in _PLAIN for item in items):
        return {_KIND: kind, "plain": list(items)}
    if _ragged(items):
        # A movie has an outline per particle and frame: one array for all, not millions of small ones.
        lengths = np.array([len(item) for item in items], np.int64)
        ends = [_numbered(part, arrays) for part in (lengths, np.concatenate(items))]
        return {_KIND: kind, "ragged": ends}
    return {_KIND: kind, "items": [_packed(item, arrays) for item in items]}


def _ragged(items: Any) -> bool:
    """Return whether these are arrays that differ in their length along the first axis only."""
    first = next(iter(items), None)
    if not isinstance(first, np.ndarray) or first.ndim == 0 or first.dtype == object:
        return False
    kind = first.dtype, first.shape[1:]
    return all(isinstance(item, np.ndarray) and item.ndim and (item.dtype, item.shape[1:]) == kind for item in items)


def _numbered(array: NDArray[Any], arrays: Arrays) -> int:
    # C order: sums over another order differ in the last bit, and a kept result must go on exactly like a fresh one.
    arrays.append(np.array(array, order="C", copy=True))
    return len(arrays) - 1


def _unpacked(structure: Any, arrays: Arrays) -> Any:
    if type(structure) in _PLAIN:
        return structure
    kind = structure[_KIND]
    if kind == "array":
        return arrays[structure["array"]]
    if kind == "scalar":
        return arrays[structure["array"]][()]
    if kind == "bytes":
        return arrays[structure["array"]].tobytes()
    if kind == "labels":
        return _labels(structure, arrays)
    if kind in ("dict", "view"):
        pairs = {_unpacked(k, arrays): _unpacked(v, arrays) for k, v in structure["items"]}
        return pairs if kind == "dict" else MappingProxyType(pairs)
    if kind == "dataclass":
        return _filled(structure["class"], {name: _unpacked(v, arrays) for name, v in structure["fields"].items()})
    if kind == "objects":
        items = _unpacked(structure["items"], arrays)
        objects = np.empty(len(items), object)
        objects[:] = items
        return objects.reshape(structure["shape"])
    return _SEQUENCES[kind](_items(structure, arrays))


def _items(structure: Mapping[str, Any], arrays: Arrays) -> list[Any]:
    if "plain" in structure:
        return list(structure["plain"])
    if "ragged" not in structure:
        return [_unpacked(item, arrays) for item in structure["items"]]
    lengths, joined = (arrays[number] for number in structure["ragged"])
    ends = np.cumsum(lengths)
    return [joined[end - length : end].copy() for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _labels(structure: Mapping[str, Any], arrays: Arrays) -> LabelStack:
    lengths, joined = (arrays[number] for number in structure["arrays"])
    height, width = structure["shape"]
    ends = np.cumsum(lengths)
    images = [joined[end - length : end].tobytes() for end, length in zip(ends, lengths, strict=True)]
    return LabelStack.from_packed((height, width), images, tuple(structure["notes"]))


def _filled(name: str, values: dict[str, Any]) -> Any:
    """Return a loaded tem-track dataclass with the given fields, without running any code of it."""
    module, _, qualified = name.partition(":")
    known = getattr(sys.modules.get(module), qualified, None) if module.split(".")[0] == PACKAGE else None
    if not (isinstance(known, type) and dataclasses.is_dataclass(known)):
        raise PackingError(f"{name} is no dataclass of {PACKAGE} in use")
    if {f.name for f in dataclasses.fields(known)} != set(values):
        raise PackingError(f"{name} has other fields now")
    filled = object.__new__(known)
    for field, value in values.items():
        object.__setattr__(filled, field, value)
    return filled
