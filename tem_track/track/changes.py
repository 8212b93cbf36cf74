"""Splits and joinings of particles while they are being watched: detection flickering, or here to last.

Every change of topology is on probation. A count goes up in frames that speak for it and down in frames that speak
against it; when it reaches `lasting` frames the change is real, when it falls to zero it never was. Linking goes on
with the finest parts meanwhile, so nothing is lost either way.
"""

from __future__ import annotations

from dataclasses import dataclass

from tem_track.track.necks import Neck


@dataclass
class Split:
    """A particle found as several regions, on probation until it lasts.

    Attributes
    ----------
    parent : int
        Working number of the particle.
    children : list of int
        Working numbers of its pieces.
    frame : int
        First frame in which the pieces are apart.
    score : int
        Evidence that it lasts, in frames.
    apart, joined : int
        Frames in which the pieces were apart, and in which they were one compact region.
    confirmed : bool
        It lasted.
    """

    parent: int
    children: list[int]
    frame: int
    score: int = 1
    apart: int = 1
    joined: int = 0
    confirmed: bool = False

    def see_apart(self, lasting: int) -> None:
        """Count a frame in which the pieces are apart."""
        self.apart += 1
        self.score = min(self.score + 1, lasting)
        self.confirmed |= self.score >= lasting

    def see_joined(self, neck: Neck) -> None:
        """Count a frame in which the pieces are one region; a region with a neck speaks neither way."""
        if not neck.open:
            self.joined += 1
            self.score -= 1

    @property
    def over(self) -> bool:
        """The pieces were flicker: the particle is whole."""
        return not self.confirmed and self.score <= 0


@dataclass
class Joining:
    """Two particles found as one region, on probation until they have coalesced.

    Attributes
    ----------
    score : int
        Evidence that they are one compact body, in frames.
    frame : int
        First frame of the present run of evidence.
    joined : int
        Frames in which they were one region.
    """

    score: int = 0
    frame: int = -1
    joined: int = 0

    def see_joined(self, k: int, neck: Neck, lasting: int) -> None:
        """Count frame k, in which both are one region."""
        self.joined += 1
        if not neck.filled:
            self.see_apart()
            return
        if self.score == 0:
            self.frame = k
        self.score = min(self.score + 1, lasting)

    def see_apart(self) -> None:
        """Count a frame that speaks against one body."""
        self.score = max(self.score - 1, 0)


@dataclass(frozen=True)
class Coalescence:
    """Particles that became one body from a frame on."""

    frame: int
    product: int
    parents: tuple[int, ...]
