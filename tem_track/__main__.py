"""``python -m tem_track`` is ``tem-track``."""

import sys

from tem_track.cli import main

sys.exit(main())
