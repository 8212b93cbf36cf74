"""Keep the libraries' own chatter off the user's terminal, and hear what matters in it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("tifffile", "rsciio", "h5py", "zarr", "dask", "PIL", "hyperspy")


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def silence_loggers() -> None:
    """Keep the libraries' log records from the terminal."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.propagate = False
        # RosettaSciIO brings its own handler, which writes to the terminal.
        kept: list[logging.Handler] = [handler for handler in logger.handlers if isinstance(handler, _Listener)]
        # A logger without any handler writes to the terminal too.
        logger.handlers[:] = [*kept, logging.NullHandler()]


# What FFmpeg may take a file for, and where it may read: the containers that `kinds` knows, from files. It would else
# try some three hundred formats, among them lists of other files and addresses.
_FFMPEG_LIMITS = "format_whitelist;avi,mov,mp4,matroska,webm,gif|protocol_whitelist;file"


def silence_opencv() -> None:
    """Tell OpenCV and its FFmpeg to be quiet and to read nothing but the file; both read this when first used.

    Both write to the terminal past Python.
    """
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _FFMPEG_LIMITS)
    # -8 is FFmpeg's AV_LOG_QUIET (libavutil/log.h).
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect what the libraries log at warning level and above; Python warnings are dropped."""
    silence_loggers()
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(listener)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield listener.messages
    finally:
        for logger in loggers:
            logger.removeHandler(listener)
