from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tem_track.errors import InputError
from tem_track.read import hash_input


def test_a_file_has_its_plain_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert hash_input(tmp_path / "a") == (3_000_000, hashlib.sha256(b"x" * 3_000_000).hexdigest())


def test_a_folder_hashes_names_sizes_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "sub").mkdir(parents=True)
    (folder / "b").write_bytes(b"12")
    (folder / "sub" / "a").write_bytes(b"345")
    size, first = hash_input(folder)
    assert size == 5
    assert hash_input(folder) == (5, first)
    (folder / "loop").symlink_to(folder)
    assert hash_input(folder) == (5, first)
    (folder / "b").rename(folder / "c")
    renamed = hash_input(folder)[1]
    assert renamed != first
    (folder / "c").write_bytes(b"13")
    assert hash_input(folder)[1] not in (first, renamed)


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        hash_input(tmp_path / "none")
