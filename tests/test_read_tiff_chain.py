"""Chains of TIFF pages are followed once: those that lead in a circle are refused, whichever way they get into it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError
from tem_track.read.tiff.chain import check_chain


def page(following: int) -> bytes:
    return struct.pack("<HHHIII", 1, 256, 4, 1, 8, following)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + content)
    return path


@pytest.mark.parametrize("big", [False, True])
def test_an_ordinary_stack_is_let_through(tmp_path: Path, big: bool) -> None:
    with tifffile.TiffWriter(tmp_path / "m.tif", bigtiff=big) as tif:
        for _ in range(3):
            tif.write(np.zeros((8, 8), np.uint16))
    check_chain(tmp_path / "m.tif")


def test_pages_that_lead_back_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in a circle"):
        check_chain(written(tmp_path / "m.tif", page(26) + page(8)))


def test_a_list_of_tags_that_is_cut_off_leads_where_its_last_bytes_point(tmp_path: Path) -> None:
    # The second page claims two tags and has one and four bytes more: they point at the first page.
    cut = struct.pack("<HHHII", 2, 256, 4, 1, 8) + struct.pack("<I", 8)
    with pytest.raises(InputError, match="in a circle"):
        check_chain(written(tmp_path / "m.tif", page(26) + cut))


def test_a_chain_that_ends_beyond_the_file_is_judged_later(tmp_path: Path) -> None:
    check_chain(written(tmp_path / "m.tif", page(10_000)))
