"""Random numbers that belong to a purpose, so that one option never changes what another one draws."""

from __future__ import annotations

import zlib

import numpy as np


def chance(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return the generator of one purpose (and one frame or particle) of a scene.

    >>> bool(chance(1, "drift").random() == chance(1, "drift").random())
    True
    >>> bool(chance(1, "drift").random() == chance(1, "noise", 0).random())
    False
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *numbers])
