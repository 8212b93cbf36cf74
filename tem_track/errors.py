"""The errors a user can cause, each with one line that says what is wrong and what to do."""

from __future__ import annotations

from tem_track.visible import one_visible_line

# Letters of a message: some six lines of a terminal, for one that quotes a name or a cell that is absurdly long.
LONGEST_MESSAGE = 480


class TemTrackError(Exception):
    """Something about the input or the request is wrong; the message is one line for the user.

    The command line prints the message on stderr and exits with code 1, without a traceback. Whatever a message quotes
    from outside, as text it is one line without control characters.
    """

    def __str__(self) -> str:
        return one_visible_line(super().__str__(), LONGEST_MESSAGE)


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
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs or use a larger machine"
    # The end, which says what to do, is kept where the middle is left out.
    what = str(error).strip() or "no message"
    return one_visible_line(
        f"unexpected {type(error).__name__}: {what}; run again with --debug and report it", LONGEST_MESSAGE
    )
