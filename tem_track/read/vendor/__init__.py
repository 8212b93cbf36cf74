"""Microscope makers' files, their claims checked before RosettaSciIO believes them."""
