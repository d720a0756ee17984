"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nbtrainer.augment import apply_changes, chosen_steps, draw_changes
from nbtrainer.augment.spatial import draw_warp, warp_patch
from nbtrainer.data.images import Images
from nbtrainer.data.patch_sampler import Place, Places


class Patch(NamedTuple):
    """Image (C, [Z,] Y, X) float32, normalised and changed; label ([Z,] Y, X), as in the file; where it was cut."""

    image: np.ndarray
    label: np.ndarray
    place: Place


@dataclass
class Patches:
    """Patches cut at `places` and changed by `steps`, a list of dumped augmentation settings.

    `apply` is `each` or `one` of them, `rotate_and_flip` comes besides: see `chosen_steps`.
    """

    places: Places
    steps: Sequence[dict[str, Any]] = ()
    apply: str = "each"
    rotate_and_flip: bool = False

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
        return self._cut(self.places.place(number, rng), rng)

    def variants(self, number: int, count: int, first: int = 1) -> list[Patch]:
        """What is cut at the place of patch `number`: as it is, then changed in `count - 1` ways, from way `first` on."""
        seed = self.places.seed
        place = self.places.place(number, np.random.default_rng([seed, number]))
        return [
            self._cut(place, np.random.default_rng([seed, number, way]), is_changed=way > 0)
            for way in (0, *range(first, first + count - 1))
        ]

    def _cut(self, place: Place, rng: np.random.Generator, is_changed: bool = True) -> Patch:
        """The patch at `place`, changed as `rng` draws it."""
        places = self.places
        chosen = chosen_steps(rng, self.steps, self.apply, self.rotate_and_flip) if is_changed else []
        warp = draw_warp(rng, chosen, places.patch_size)
        changes = draw_changes(rng, chosen, places.patch_size, self.images.preparation.ignored)
        raw, label = self.images.views(place.index)
        intensities = self.images.intensity_map(place.index)
        image, truth = warp_patch(raw, label, intensities, place.centre, places.patch_size, warp)
        return Patch(*apply_changes(image, truth, changes), place)
