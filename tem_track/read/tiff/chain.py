"""The chain of a TIFF's pages, followed once: one that leads back into itself would be followed for ever."""

from __future__ import annotations

import struct
from pathlib import Path

from tem_track.errors import InputError


def check_chain(path: Path) -> None:
    """Refuse a TIFF whose pages lead in a circle; a chain that ends beyond the file is left to be judged later.

    Parameters
    ----------
    path : Path
        Begins as a TIFF does.

    Raises
    ------
    InputError
    """
    with path.open("rb") as stream:
        head = stream.read(16)
        order, big = "<" if head[:2] == b"II" else ">", 43 in head[2:4]
        # Classic and BigTIFF: where the first page stands, a page's count of tags, the bytes of a tag, the next page.
        place, count, tag = (f"{order}Q", f"{order}Q", 20) if big else (f"{order}I", f"{order}H", 12)
        at_size, count_size = struct.calcsize(place), struct.calcsize(count)
        seen: set[int] = set()
        where = head[8:16] if big else head[4:8]
        while len(where) == at_size and (page := struct.unpack(place, where)[0]):
            if page in seen:
                raise InputError(f"{path.name}: damaged: its pages lead in a circle")
            seen.add(page)
            if page >= 2**63:
                return
            stream.seek(page)
            tags = stream.read(count_size)
            if len(tags) < count_size or (number := struct.unpack(count, tags)[0]) > 2**16:
                return
            # Of a list of tags that the file cuts off, tifffile too takes the last bytes there are for the next page.
            where = stream.read(tag * number + at_size)[-at_size:]
