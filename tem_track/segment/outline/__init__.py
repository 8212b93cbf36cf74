"""Sub-pixel outlines of tracked particles: `stage` outlines a movie; rays, profiles, shapes and what is kept of them.

A module that is imported from elsewhere is imported by its own name: the bodies that the outlines fit are those of the
cores too.
"""
