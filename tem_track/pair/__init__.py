"""A few images of one place brought together: where one lies in the other, which particles are the same.

`similarity` is the transform, `constellation` finds it from the particles' places and sizes, `features` from marks in
the picture, `support` sharpens and confirms it on what lies between the particles; `register` decides. `scale` weighs
what was found against the calibrations, `catalogue` numbers the particles over all images, `ratios` gives V/V0.
"""

from tem_track.pair.bands import kept_small
from tem_track.pair.catalogue import Catalogue
from tem_track.pair.columns import IMAGES, PAIRS
from tem_track.pair.ratios import Measured, VolumeRatio, volume_ratio
from tem_track.pair.register import Registration, register
from tem_track.pair.scale import Scale, relative_scale
from tem_track.pair.similarity import Similarity, fit_similarity
from tem_track.pair.sites import Picture, Sites

__all__ = [
    "IMAGES",
    "PAIRS",
    "Catalogue",
    "Measured",
    "Picture",
    "Registration",
    "Scale",
    "Similarity",
    "Sites",
    "VolumeRatio",
    "fit_similarity",
    "kept_small",
    "register",
    "relative_scale",
    "volume_ratio",
]
