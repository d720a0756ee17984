"""What training has seen: how often each image, class and object was drawn, and what was rejected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import fastremap
import numpy as np

from nbtrainer.data.places import Place
from nbtrainer.data.region import IGNORED
from nbtrainer.labels.integers import bincount, equals

# more objects than this are not counted one by one
_MOST_OBJECTS = 100_000


@dataclass
class Ledger:
    """Counts of patches drawn. `images`: patches of each; `pixels`: of each class; `objects`: patches that each label
    value of each image was seen in; `rejected`: patches of each image given up because too little was labelled."""

    images: Counter[int] = field(default_factory=Counter)
    pixels: Counter[int] = field(default_factory=Counter)
    objects: dict[int, Counter[int]] = field(default_factory=dict)
    rejected: Counter[int] = field(default_factory=Counter)

    def add(self, place: Place, label: np.ndarray, classes: np.ndarray, ignored: int = IGNORED) -> None:
        """Enter a patch: its label as in the file, and the class of each pixel; those labelled `ignored` do not count."""
        self.images[place.index] += 1
        self.rejected[place.index] += place.rejected
        known = ~equals(label, ignored)
        counts = bincount(classes[known])
        self.pixels.update({value: int(counts[value]) for value in np.flatnonzero(counts).tolist()})
        seen = self.objects.setdefault(place.index, Counter())
        if len(seen) < _MOST_OBJECTS:
            seen.update(value for value in fastremap.unique(label).tolist() if value not in (0, ignored))

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

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Ledger:
        objects = {index: Counter(seen) for index, seen in record["objects"].items()}
        return cls(Counter(record["images"]), Counter(record["pixels"]), objects, Counter(record["rejected"]))
