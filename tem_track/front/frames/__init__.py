"""Registered frames of a film: freed from drift and illumination, averaged, and looked up around a given moment."""
