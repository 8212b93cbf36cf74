"""Every particle of the place under one number, whatever image shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tem_track.pair.register import Registration
from tem_track.pair.sites import Sites


class Catalogue:
    """The particles of all images in the reference's coordinates; grows image by image.

    Parameters
    ----------
    reference : Sites
        Particles of the reference image, which is image 0.
    """

    def __init__(self, reference: Sites):
        self._sites = reference
        self._of_image: dict[int, NDArray[np.intp]] = {0: np.arange(len(reference))}

    @property
    def sites(self) -> Sites:
        """All particles known so far, px of the reference."""
        return self._sites

    def add(self, number: int, image: Sites, registration: Registration) -> None:
        """Take in the particles of a registered image: the matched ones by their entry, the others as new ones."""
        entry = np.full(len(image), -1, np.intp)
        entry[registration.image] = registration.reference
        new = np.flatnonzero(entry < 0)
        entry[new] = len(self._sites) + np.arange(len(new))
        places = registration.similarity.apply(image.yx_px[new])
        self._sites = Sites(
            np.concatenate([self._sites.yx_px, places]),
            np.concatenate([self._sites.diameter_px, registration.similarity.scale * image.diameter_px[new]]),
            np.concatenate([self._sites.whole, image.whole[new]]),
        )
        self._of_image[number] = entry

    def numbers(self) -> dict[int, NDArray[np.int64]]:
        """Return, per image, the number of each of its particles, from 1.

        Those seen in the most images come first, and of these the larger ones.
        """
        seen = np.zeros(len(self._sites), np.int64)
        for entry in self._of_image.values():
            seen[entry] += 1
        order = np.lexsort((-self._sites.diameter_px, -seen))
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(1, len(order) + 1)
        return {image: number[entry] for image, entry in self._of_image.items()}
