"""What a file may claim before memory is taken for it."""

from __future__ import annotations

from tem_track.errors import InputError

# The largest camera frames are 8192 x 8192 and stitched ones a few times that; 2^30 pixels is also where OpenCV stops.
MAX_FRAME_PIXELS = 2**30
# Below this a frame is harmless however little was stored for it: blank frames compress without limit. It is one of
# 8192 x 8192 pixels at 16 bits.
HARMLESS_BYTES = 128 * 2**20
# Blank frames of deflate are expanded 1032-fold (https://zlib.net/zlib_tech.html); those of a camera have noise, and
# the sparsest counted electrons (one pixel in a thousand) still take 1/60 of the 8-bit frame.
MAX_EXPANSION = 200
# Of whole movies, of which the frames behind the last recorded one may be blank.
MAX_MOVIE_EXPANSION = 2000
# H.264 ends at 8192 x 4320 pixels, cameras' videos far below.
MAX_VIDEO_PIXELS = 2**26
# More frames than a day at 1000 frames/s: a damaged header, not a movie.
MAX_FRAMES = 100_000_000


def check_frame_claim(
    name: str, height: int, width: int, bytes_per_pixel: int, stored_bytes: int | None = None
) -> None:
    """Refuse a frame whose claimed size is absurd.

    Parameters
    ----------
    name : str
        Of the file, for the message.
    height, width : int
        Claimed size, px.
    bytes_per_pixel : int
        Of all samples of a pixel together.
    stored_bytes : int or None
        Bytes that the file holds for this frame, None where that is not known.

    Raises
    ------
    InputError
        No pixels, more than a gigapixel, or more than the stored bytes can possibly expand to.
    """
    if height <= 0 or width <= 0:
        raise InputError(f"{name}: claims frames of {height} x {width} pixels, not an image")
    if height * width > MAX_FRAME_PIXELS:
        raise InputError(f"{name}: claims frames of {height} x {width} pixels, refused (limit 2^30 pixels)")
    claimed = height * width * bytes_per_pixel
    if stored_bytes is not None and claimed > max(HARMLESS_BYTES, MAX_EXPANSION * stored_bytes):
        raise InputError(
            f"{name}: claims {claimed / 2**20:.0f} MiB per frame from {stored_bytes} stored bytes, refused as damaged"
        )


def check_video_claim(name: str, height: int, width: int) -> None:
    """Refuse a video whose claimed size no codec of cameras has: several copies of a frame are held while decoding.

    Raises
    ------
    InputError
    """
    check_frame_claim(name, height, width, 3)
    if height * width > MAX_VIDEO_PIXELS:
        raise InputError(f"{name}: claims a video of {height} x {width} pixels, refused (limit 2^26 pixels)")


def check_frame_count(name: str, frames: int) -> None:
    """Refuse a file without frames, or with more than any recording has.

    Raises
    ------
    InputError
    """
    if not 0 < frames <= MAX_FRAMES:
        raise InputError(f"{name}: claims {frames} frames, not a movie")
