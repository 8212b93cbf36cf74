"""The process that analyses a finished recording while another one is recorded: it gives way to the live view."""

from __future__ import annotations

import os
import sys

from tem_track.batch.worker import main

# Niceness of the analyses: a live view gets nine tenths of a core that both want (Linux: a factor of 1.25 per step).
_NICENESS = 10

if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    sys.exit(main())
