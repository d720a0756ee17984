"""Settings of layers, as MONAI takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_ACTIVATIONS: dict[str, Any] = {
    "relu": ("RELU", {"inplace": True}),
    "leaky_relu": ("LEAKYRELU", {"inplace": True, "negative_slope": 0.01}),
    "prelu": "PRELU",
    "elu": ("ELU", {"inplace": True}),
    "gelu": "GELU",
}


def norm_layer(name: str, *, own: Any, features: Sequence[int]) -> Any:
    """The normalization `name` of layers with these numbers of `features`; `own` is the network's."""
    groups = math.gcd(8, *features)
    known = {
        "instance": ("INSTANCE", {"affine": True}),
        "batch": "BATCH",
        "group": ("GROUP", {"num_groups": groups}),
    }
    return known.get(name, own)


def activation_layer(name: str, *, own: Any) -> Any:
    """The activation `name`; `own` is the network's."""
    return _ACTIVATIONS.get(name, own)
