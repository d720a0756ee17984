"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nbtrainer.augment.pipeline import SampledTransform, apply_transforms, sample_params, sample_spatial
from nbtrainer.augment.select import select_transforms
from nbtrainer.augment.spatial import SpatialTransform
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


class DrawnPatch(NamedTuple):
    """Where a patch is to be cut, and all random numbers of its transforms."""

    location: PatchLocation
    spatial: SpatialTransform
    sampled: list[SampledTransform]


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
        return self.cut(self.draw(number))

    def augmented_examples(self, number: int, *, count: int, first: int = 1) -> list[Patch]:
        """What is cut at the location of patch `number`: as it is, then changed in `count - 1` ways, from way `first` on."""
        seed = self.sampler.seed
        location = self.sampler.locate(number, np.random.default_rng([seed, number]))
        return [
            self.cut(self._draw(location, np.random.default_rng([seed, number, way]), is_changed=way > 0))
            for way in (0, *range(first, first + count - 1))
        ]

    def draw(self, number: int) -> DrawnPatch:
        """What patch `number` is to be; no pixel is touched."""
        if number in self.set_aside:
            number += _BEYOND
        rng = np.random.default_rng([self.sampler.seed, number])
        return self._draw(self.sampler.locate(number, rng), rng)

    def cut(self, drawn: DrawnPatch) -> Patch:
        """The patch that was drawn."""
        index = drawn.location.index
        image, label = warp_patch(
            *self.images.views(index),
            intensities=self.images.intensity_map(index),
            centre=drawn.location.centre,
            size=self.sampler.patch_size,
            transform=drawn.spatial,
        )
        ignored = self.images.preparation.ignored
        return Patch(*apply_transforms(image, label, drawn.sampled, ignored=ignored), drawn.location)

    def _draw(self, location: PatchLocation, rng: np.random.Generator, is_changed: bool = True) -> DrawnPatch:
        size = self.sampler.patch_size
        selected = select_transforms(rng, self.augmentation) if is_changed else []
        return DrawnPatch(location, sample_spatial(rng, selected, size), sample_params(rng, selected, size))
