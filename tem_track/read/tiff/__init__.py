"""TIFF stacks of every writer."""
