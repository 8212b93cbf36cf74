"""The temperature of every frame: logs of heating holders, ramps given by hand, and their clocks."""
