"""Grains of a polycrystalline film and the boundaries between them, from its image and from what the front shows."""
