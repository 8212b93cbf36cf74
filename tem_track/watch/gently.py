"""The process that analyses a finished recording while another one is recorded: it gives way to the live view."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from tem_track.batch.worker import main

# Niceness of the analyses: a live view gets nine tenths of a core that both want (Linux: a factor of 1.25 per step).
NICENESS = 10
# Where Linux shares the processor out between sessions first, niceness counts within one only; this is the session's
# own (sched(7), "The autogroup feature").
_SESSION = Path("/proc/self/autogroup")


def give_way() -> None:
    """Let other processes go first, where the system can."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with suppress(OSError):
        if _SESSION.exists():
            _SESSION.write_text(str(NICENESS), encoding="ascii")


if __name__ == "__main__":
    give_way()
    sys.exit(main())
