"""tem-track: kinetics with error bars from in situ TEM and STEM movies."""

__version__ = "0.1.0"
