"""What training has seen: how often each image, class and object was drawn, and what was rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import fastremap
import numpy as np

from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.roi import IGNORED
from nbtrainer.labels.integers import bincount, equals

# more objects than this are not counted one by one
_MOST_OBJECTS = 100_000


class PatchContent(NamedTuple):
    """What one patch shows: the number of its image, tries that were rejected, pixels of each class, and label values."""

    image: int
    rejected: int
    pixels: dict[int, int]
    objects: list[int]

    @classmethod
    def of(
        cls, location: PatchLocation, label: np.ndarray, *, classes: np.ndarray, ignored: int = IGNORED
    ) -> PatchContent:
        """Of a patch cut at `location`: its label as in the file, and the class of each pixel; those labelled `ignored` do not
        count."""
        counts = bincount(classes[~equals(label, ignored)])
        pixels = {value: int(counts[value]) for value in np.flatnonzero(counts).tolist()}
        objects = [value for value in fastremap.unique(label).tolist() if value not in (0, ignored)]
        return cls(location.index, location.rejected, pixels, objects)


@dataclass(kw_only=True)
class SamplingLog:
    """Counts of patches drawn. `images`: patches of each; `pixels`: of each class; `objects`: patches that each label
    value of each image was seen in; `rejected`: patches of each image given up because too little was labelled."""

    images: Counter[int] = field(default_factory=Counter)
    pixels: Counter[int] = field(default_factory=Counter)
    objects: dict[int, Counter[int]] = field(default_factory=dict)
    rejected: Counter[int] = field(default_factory=Counter)

    def add(self, patch: PatchContent) -> None:
        """Enter a patch."""
        self.images[patch.image] += 1
        self.rejected[patch.image] += patch.rejected
        self.pixels.update(patch.pixels)
        seen = self.objects.setdefault(patch.image, Counter())
        if len(seen) < _MOST_OBJECTS:
            seen.update(patch.objects)

    def summary(self, names: list[str]) -> dict[str, Any]:
        """Plain values, with the images called by their `names`."""
        total = max(1, sum(self.pixels.values()))
        return {
            "patches": sum(self.images.values()),
            "images": {name: self.images[index] for index, name in enumerate(names)},
            "never_drawn": [name for index, name in enumerate(names) if not self.images[index]],
            "rejected": {names[index]: count for index, count in self.rejected.items() if count},
            "share_of_pixels": {str(value): count / total for value, count in sorted(self.pixels.items())},
            "objects_seen": {names[index]: len(seen) for index, seen in sorted(self.objects.items())},
        }

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "images": dict(self.images),
            "pixels": dict(self.pixels),
            "objects": {index: dict(seen) for index, seen in self.objects.items()},
            "rejected": dict(self.rejected),
        }

    def renumber(self, numbers: Mapping[int, int]) -> SamplingLog:
        """The same with other numbers of images: by the old number, the new one; of images without one nothing is kept."""
        return SamplingLog(
            images=Counter({numbers[index]: count for index, count in self.images.items() if index in numbers}),
            pixels=self.pixels,
            objects={numbers[index]: seen for index, seen in self.objects.items() if index in numbers},
            rejected=Counter({numbers[index]: count for index, count in self.rejected.items() if index in numbers}),
        )

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SamplingLog:
        objects = {index: Counter(seen) for index, seen in record["objects"].items()}
        return cls(
            images=Counter(record["images"]),
            pixels=Counter(record["pixels"]),
            objects=objects,
            rejected=Counter(record["rejected"]),
        )
