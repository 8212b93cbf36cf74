"""Packed values: the same value back, in the same memory order; nothing from a file but what tem-track knows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest

from tem_track.drift import Drift, FrameQuality
from tem_track.labels import LabelStack
from tem_track.pipeline.packing import PackingError, pack, unpack


def again(value: object) -> object:
    return unpack(*pack(value))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        0.1 + 0.2,
        float("inf"),
        "\udcff µ",
        b"\x00\xff",
        [1, (2, "a"), {3: "b", "c": None}],
        {(1, 2): [3]},
        {4, 2},
        frozenset({(2, 1), (1, 2)}),
        MappingProxyType({1: "whole"}),
    ],
    ids=repr,
)
def test_a_plain_value_comes_back_with_its_type(value: object) -> None:
    found = again(value)
    assert found == value
    assert type(found) is type(value)


def test_numbers_keep_their_type_and_every_bit() -> None:
    found = again((np.float32(0.1), np.int64(2**40), float("nan")))
    assert [type(x) for x in found] == [np.float32, np.int64, float]
    assert found[0] == np.float32(0.1)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([[True, False]]),
        np.array(["a", "bc"]),
        np.array(["", "blank", None], object),
        np.zeros((0, 2)),
        np.array(3.0),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_an_array_comes_back(array: np.ndarray) -> None:
    found = again(array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def test_an_array_comes_back_in_the_order_that_sums_are_taken_in() -> None:
    turned = np.arange(12.0).reshape(3, 4).T
    found = again(turned)
    assert found.flags.c_contiguous
    assert not turned.flags.c_contiguous
    np.testing.assert_array_equal(found, turned)


def test_what_was_packed_shares_no_memory_with_what_it_was_packed_from() -> None:
    array = np.zeros(3)
    found = again([array])
    array[:] = 1
    assert found[0].sum() == 0


def test_dataclasses_and_label_images_come_back() -> None:
    stack = LabelStack((2, 3))
    stack.notes = ("taken as labels",)
    stack.append(np.array([[0, 1, 1], [0, 0, 2]], np.int32))
    stack.append(np.zeros((2, 3), np.int32))
    drift = Drift(np.array([[0.0, 0.0], [1.5, np.nan]]), np.array([0.0, 0.1]), ["", "blank"])
    labels, found = again((stack, drift))
    assert labels.notes == stack.notes
    assert [image.tolist() for image in labels] == [image.tolist() for image in stack]
    assert isinstance(found, Drift)
    np.testing.assert_array_equal(found.displacement_px, drift.displacement_px)
    assert found.reason == drift.reason
    assert len(again(LabelStack((2, 3)))) == 0


@pytest.mark.parametrize(
    "arrays",
    [
        (np.zeros((3, 2), np.float32), np.ones((0, 2), np.float32), np.ones((1, 2), np.float32)),
        [np.arange(2), np.arange(3)],
        [np.arange(2), np.arange(2.0)],
        [np.zeros((2, 2)), np.zeros((2, 3))],
        [np.array(1.0), np.array(2.0)],
        [np.arange(2), "words"],
        [np.array(["", None], object)],
    ],
    ids=["outlines", "rows", "types", "shapes", "scalars", "mixed", "objects"],
)
def test_a_sequence_of_arrays_comes_back_one_by_one(arrays: list[object] | tuple[object, ...]) -> None:
    found = again(arrays)
    assert type(found) is type(arrays)
    assert len(found) == len(arrays)
    for mine, other in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(mine, other)
        assert getattr(mine, "dtype", None) == getattr(other, "dtype", None)


def test_many_outlines_are_few_arrays() -> None:
    outlines = tuple(np.zeros((k % 5, 2), np.float32) for k in range(1000))
    assert len(pack({"points": outlines})[1]) == 2


@dataclass
class Foreign:
    number: int = 1


@pytest.mark.parametrize("value", [Foreign(), object(), print, 1j], ids=["class", "object", "function", "complex"])
def test_what_is_not_tem_tracks_is_not_packed(value: object) -> None:
    with pytest.raises(PackingError, match="cannot be kept"):
        pack({"deep": [value]})


@pytest.mark.parametrize(
    "name",
    ["os:system", "tem_track.pipeline.packing:pack", "tem_track.settings:fields", "tem_track.nowhere:Drift", "x"],
)
def test_a_file_can_name_nothing_but_dataclasses_in_use(name: str) -> None:
    with pytest.raises(PackingError):
        unpack({"is": "dataclass", "class": name, "fields": {}}, [])


def test_a_class_whose_fields_have_changed_is_not_filled() -> None:
    structure, arrays = pack(FrameQuality(np.ones(1, bool), [""], np.zeros(1, np.int64)))
    structure["fields"]["sharpness"] = structure["fields"].pop("repeats")
    with pytest.raises(PackingError, match="other fields"):
        unpack(structure, arrays)


@pytest.mark.parametrize(
    "structure", [{"is": "array", "array": 7}, {"is": "unknown", "items": []}, {}, [1], {"is": "list", "items": 3}]
)
def test_a_damaged_structure_is_refused(structure: object) -> None:
    with pytest.raises(PackingError):
        unpack(structure, [])
