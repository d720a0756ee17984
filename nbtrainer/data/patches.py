"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nbtrainer.data.images import Images
from nbtrainer.data.intensity import change_intensity, draw_intensity
from nbtrainer.data.places import Place, Places
from nbtrainer.data.warp import draw_warp, warp_patch


class Patch(NamedTuple):
    """Image (C, [Z,] Y, X) float32, normalised and changed; label ([Z,] Y, X), as in the file; where it was cut."""

    image: np.ndarray
    label: np.ndarray
    place: Place


@dataclass
class Patches:
    """Patches cut at `places` and changed by `steps`, a list of dumped augmentation settings."""

    places: Places
    steps: Sequence[dict[str, Any]] = ()

    @property
    def images(self) -> Images:
        return self.places.images

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return self.places.per_pass

    def patch(self, number: int) -> Patch:
        """Patch `number`."""
        rng = np.random.default_rng([self.places.seed, number])
        return self._cut(self.places.place(number, rng), self.steps, rng)

    def variants(self, number: int, count: int) -> list[Patch]:
        """What is cut at the place of patch `number`: first as it is, then changed in `count - 1` other ways."""
        seed = self.places.seed
        place = self.places.place(number, np.random.default_rng([seed, number]))
        return [
            self._cut(place, self.steps if way else (), np.random.default_rng([seed, number, way]))
            for way in range(count)
        ]

    def _cut(self, place: Place, steps: Sequence[dict[str, Any]], rng: np.random.Generator) -> Patch:
        """The patch at `place`, changed by `steps` as `rng` draws them."""
        places = self.places
        warp = draw_warp(rng, steps, places.patch_size)
        changes = draw_intensity(rng, steps)
        raw, label = self.images.views(place.index)
        intensity_map = self.images.intensity_map(place.index)
        image, truth = warp_patch(
            lambda region: intensity_map.apply(raw.read(region)),
            label.read,
            places.shapes[place.index],
            place.centre,
            places.patch_size,
            warp,
        )
        for change in changes:
            image = change_intensity(image, change)
        return Patch(image, truth, place)
