"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nbtrainer.data.augment import apply_changes, chosen_steps, draw_changes
from nbtrainer.data.images import Images
from nbtrainer.data.places import Place, Places
from nbtrainer.data.warp import draw_warp, warp_patch


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
        places = self.places
        rng = np.random.default_rng([places.seed, number])
        place = places.place(number, rng)
        steps = chosen_steps(rng, self.steps, self.apply, self.rotate_and_flip)
        warp = draw_warp(rng, steps, places.patch_size)
        changes = draw_changes(rng, steps, places.patch_size, self.images.preparation.ignored)
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
        return Patch(*apply_changes(image, truth, changes), place)
