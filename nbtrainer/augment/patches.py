"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nbtrainer.augment.pipeline import apply_transforms, sample_params, sample_spatial
from nbtrainer.augment.select import select_transforms
from nbtrainer.augment.warp import warp_patch
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.data.images import Images
from nbtrainer.data.patch_sampler import PatchLocation, PatchSampler

# no run draws so many patches
_BEYOND = 2**40


class Patch(NamedTuple):
    """Image (C, [Z,] Y, X) float32, normalised and changed; label ([Z,] Y, X), as in the file; where it was cut."""

    image: np.ndarray
    label: np.ndarray
    location: PatchLocation


@dataclass
class Patches:
    """Patches cut where `sampler` says, and transformed as `augmentation` says.

    `set_aside`: numbers of patches that are left out; others are drawn in their place.
    """

    sampler: PatchSampler
    augmentation: Augmentation
    set_aside: frozenset[int] = frozenset()

    @property
    def images(self) -> Images:
        return self.sampler.images

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return self.sampler.per_pass

    def patch(self, number: int) -> Patch:
        """Patch `number`."""
        if number in self.set_aside:
            number += _BEYOND
        rng = np.random.default_rng([self.sampler.seed, number])
        return self._cut(self.sampler.locate(number, rng), rng)

    def augmented_examples(self, number: int, *, count: int, first: int = 1) -> list[Patch]:
        """What is cut at the location of patch `number`: as it is, then changed in `count - 1` ways, from way `first` on."""
        seed = self.sampler.seed
        location = self.sampler.locate(number, np.random.default_rng([seed, number]))
        return [
            self._cut(location, np.random.default_rng([seed, number, way]), is_changed=way > 0)
            for way in (0, *range(first, first + count - 1))
        ]

    def _cut(self, location: PatchLocation, rng: np.random.Generator, is_changed: bool = True) -> Patch:
        """The patch at `location`, transformed as `rng` draws it."""
        size = self.sampler.patch_size
        selected = select_transforms(rng, self.augmentation) if is_changed else []
        spatial = sample_spatial(rng, selected, size)
        sampled = sample_params(rng, selected, size)
        views = self.images.views(location.index)
        intensities = self.images.intensity_map(location.index)
        image, label = warp_patch(*views, intensities=intensities, centre=location.centre, size=size, transform=spatial)
        return Patch(*apply_transforms(image, label, sampled, ignored=self.images.preparation.ignored), location)
