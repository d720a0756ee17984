"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nbtrainer.augment import apply_transforms, sample_params, select_transforms
from nbtrainer.augment.spatial import sample_spatial, warp_patch
from nbtrainer.data.images import Images
from nbtrainer.data.patch_sampler import PatchLocation, PatchSampler


class Patch(NamedTuple):
    """Image (C, [Z,] Y, X) float32, normalised and changed; label ([Z,] Y, X), as in the file; where it was cut."""

    image: np.ndarray
    label: np.ndarray
    location: PatchLocation


@dataclass
class Patches:
    """Patches cut at `places` and changed by `steps`, a list of dumped augmentation settings.

    `apply` is `each` or `one` of them, `rotate_and_flip` comes besides: see `select_transforms`.
    """

    sampler: PatchSampler
    transforms: Sequence[dict[str, Any]] = ()
    apply: str = "each"
    rotate_and_flip: bool = False

    @property
    def images(self) -> Images:
        return self.sampler.images

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return self.sampler.per_pass

    def patch(self, number: int) -> Patch:
        """Patch `number`."""
        rng = np.random.default_rng([self.sampler.seed, number])
        return self._cut(self.sampler.locate(number, rng), rng)

    def augmented_examples(self, number: int, count: int, first: int = 1) -> list[Patch]:
        """What is cut at the place of patch `number`: as it is, then changed in `count - 1` ways, from way `first` on."""
        seed = self.sampler.seed
        place = self.sampler.locate(number, np.random.default_rng([seed, number]))
        return [
            self._cut(place, np.random.default_rng([seed, number, way]), is_changed=way > 0)
            for way in (0, *range(first, first + count - 1))
        ]

    def _cut(self, location: PatchLocation, rng: np.random.Generator, is_changed: bool = True) -> Patch:
        """The patch at `place`, changed as `rng` draws it."""
        places = self.sampler
        chosen = select_transforms(rng, self.transforms, self.apply, self.rotate_and_flip) if is_changed else []
        warp = sample_spatial(rng, chosen, places.patch_size)
        changes = sample_params(rng, chosen, places.patch_size, self.images.preparation.ignored)
        raw, label = self.images.views(location.index)
        intensities = self.images.intensity_map(location.index)
        image, truth = warp_patch(raw, label, intensities, location.centre, places.patch_size, warp)
        return Patch(*apply_transforms(image, truth, changes), location)
