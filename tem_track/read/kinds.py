"""What kind of file it is: told by its first bytes, by its name only where the format has no mark of its own."""

from __future__ import annotations

from pathlib import Path

from tem_track.errors import InputError

# Enough for every mark below, the MRC one at byte 208 included.
_HEAD = 512
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

READABLE = (
    "TIFF, PNG, JPEG, DM3, DM4, SER, EMI, EMD, MRC, TVIPS, hspy, zspy, AVI, MP4, MOV, GIF, or a folder of single frames"
)


def kind_of(path: Path) -> str:
    """Return the kind of a file: ``tiff png jpeg dm ser emi hdf5 mrc tvips zspy video gif``, or "" for none of these.

    Raises
    ------
    InputError
        The file is not there, cannot be read or is empty.
    """
    if path.is_dir():
        return "zspy" if path.suffix.lower() == ".zspy" else ""
    head = _head(path)
    if head.startswith(_TIFF):
        return "tiff"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(_HDF5):
        return "hdf5"
    if head[:4] in (b"\0\0\0\x03", b"\0\0\0\x04") and path.suffix.lower() in (".dm3", ".dm4"):
        return "dm"
    if head.startswith(b"II\x97\x01"):
        return "ser"
    return _kind_by_weaker_mark(path, head)


def _kind_by_weaker_mark(path: Path, head: bytes) -> str:
    suffix = path.suffix.lower()
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return "video"
    if head[4:8] in _ISO_BOXES and suffix in (".mp4", ".mov", ".m4v", ".qt"):
        return "video"
    if head.startswith(b"\x1a\x45\xdf\xa3") and suffix in (".mkv", ".webm"):
        return "video"
    if head.startswith((b"JL", b"JK")) and suffix == ".emi":
        return "emi"
    if head[208:211] == b"MAP" or suffix in (".mrc", ".mrcs"):
        return "mrc"
    if suffix == ".tvips":
        return "tvips"
    if head.startswith(b"PK\x03\x04") and suffix == ".zspy":
        return "zspy"
    return ""


def _head(path: Path) -> bytes:
    try:
        if not path.exists():
            raise InputError(f"{path.name}: no such file or folder")
        if not path.is_file():
            raise InputError(f"{path.name}: not an ordinary file")
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise InputError(f"{path.name}: the file is empty")
    return head
