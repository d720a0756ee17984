"""What is on the menus, as text, so that settings and form need neither torch nor the things themselves."""

from nbtrainer.catalog.backbones import BACKBONES, IMAGENET
from nbtrainer.catalog.devices import DEVICE_NAMES, device_name
from nbtrainer.catalog.entry import Catalog, Entry
from nbtrainer.catalog.losses import LOSSES
from nbtrainer.catalog.metrics import METRICS, higher_is_better
from nbtrainer.catalog.network_sizes import (
    flat_levels_for,
    network_shape,
    round_to_multiple,
    size_divisors,
    strides,
)
from nbtrainer.catalog.networks import NETWORKS, networks_with
from nbtrainer.catalog.optimizers import OPTIMIZERS, SCHEDULES
from nbtrainer.catalog.tasks import TASKS

__all__ = [
    "BACKBONES",
    "DEVICE_NAMES",
    "IMAGENET",
    "LOSSES",
    "METRICS",
    "NETWORKS",
    "OPTIMIZERS",
    "SCHEDULES",
    "TASKS",
    "Catalog",
    "Entry",
    "device_name",
    "flat_levels_for",
    "higher_is_better",
    "network_shape",
    "networks_with",
    "round_to_multiple",
    "size_divisors",
    "strides",
]
