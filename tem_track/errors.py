"""The errors a user can cause, each with one line that says what is wrong and what to do."""

from __future__ import annotations


class TemTrackError(Exception):
    """Something about the input or the request is wrong; the message is one line for the user.

    The command line prints the message on stderr and exits with code 1, without a traceback.
    """


class InputError(TemTrackError):
    """The movie, its calibration, a log or a label stack cannot be used as it is."""


class SettingsError(TemTrackError):
    """A setting has an unknown name, a wrong type or an impossible value."""


class OutputError(TemTrackError):
    """The run folder cannot be written."""


def one_line(error: BaseException) -> str:
    r"""Return the one line that a user gets to see of an error.

    >>> one_line(InputError("movie.tif:\\n is empty"))
    'movie.tif: is empty'
    """
    if isinstance(error, TemTrackError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs or use a larger machine"
    what = " ".join(str(error).split()) or "no message"
    return f"unexpected {type(error).__name__}: {what}; run again with --debug and report it"
