"""What the menus say of a network and of a backbone."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from nbtrainer.catalog.entry import Entry
from nbtrainer.catalog.network_sizes import size_divisors

_MONAI = "nbtrainer.models.monai_networks:"
LEVELS = ("features", "anisotropic_levels")


@dataclass(frozen=True)
class Backbone(Entry):
    """The way down of a network, `at` segmentation_models_pytorch.

    `dilates`: whether its last levels may stay finer. `monai`: its name in MONAI, empty if it is not there.
    """

    dilates: bool = True
    monai: str = ""


@dataclass(frozen=True, kw_only=True)
class Network(Entry):
    """A network.

    `parameters`: the settings in `config.model` that it is built with. `dims`: the dimensions that it exists in.
    `halvings`: how many times it halves every side; None: once between any two levels of `features`. `levels`:
    of how many it may be. `package`: what has to
    be installed, as it is imported. `has_style`: whether it tells what an image is like as a whole, of which a size model
    learns. `reconstructs_input`: whether it paints the image again from the classes that it tells apart. `dilates`: whether it keeps the last levels of its
    backbone fine.
    """

    parameters: tuple[str, ...] = LEVELS
    dims: tuple[int, ...] = (2, 3)
    halvings: int | None = None
    levels: tuple[int, int] = (2, 8)
    package: str = ""
    has_style: bool = False
    reconstructs_input: bool = False
    dilates: bool = False

    def divisors(self, dim: int, *, features: Sequence[int], anisotropic_levels: int) -> tuple[int, ...]:
        """Pixels whose multiples it can halve: it pads patches with other sides ([z,] y, x) to these."""
        if self.halvings is not None:
            return (2**self.halvings,) * dim
        return size_divisors(dim, features, anisotropic_levels if "anisotropic_levels" in self.parameters else 0)

    def missing_in(self, backbone: Backbone) -> str:
        """What `backbone` lacks that this network needs, in words; empty: it suits."""
        if self.dilates and not backbone.dilates:
            return "has no last levels that stay fine"
        return "is not in MONAI" if self.at.startswith(_MONAI) and not backbone.monai else ""

    @property
    def is_installed(self) -> bool:
        """Whether what it needs besides nbtrainer's own dependencies is there."""
        return not self.package or importlib.util.find_spec(self.package) is not None
