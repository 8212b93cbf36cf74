"""Cores, shells and voids: `boundaries` finds them from the profiles that the outlines kept of a whole movie."""
