"""A network that a package defines by MONAI's names, as one of ours that is built the same."""

from __future__ import annotations

from typing import Any

# by their names in MONAI, what we call them; what is missing is MONAI's own
_NORMS = {"batch": "batch"}
_ACTIVATIONS = {"prelu": "auto", "relu": "relu", "leakyrelu": "leaky_relu", "elu": "elu", "gelu": "gelu"}


def network_of_monai(target: str, arguments: Any) -> dict[str, Any]:
    """Arguments of `models.create` for the U-Net that MONAI builds of `arguments`; empty for any other network.

    `target`: its name, with the module. Of normalization only that by batch has the same weights here; arguments that are to be
    calculated (`$`, `@`) are not.
    """
    is_unet = target in ("monai.networks.nets.UNet", "monai.networks.nets.unet.UNet")
    if not is_unet or not isinstance(arguments, dict):
        return {}
    features, strides = arguments.get("channels"), arguments.get("strides")
    numbers = [arguments.get(name) for name in ("spatial_dims", "in_channels", "out_channels")]
    residual_units = arguments.get("num_res_units", 0)
    if not all(isinstance(each, int) for each in (*numbers, residual_units)) or numbers[0] not in (2, 3):
        return {}
    if not isinstance(features, list) or not all(isinstance(each, int) for each in features):
        return {}
    if not isinstance(strides, list) or any(each not in (2, [2] * numbers[0]) for each in strides):
        return {}
    norm, activation = (_name(arguments.get(name, own)) for name, own in (("norm", "instance"), ("act", "prelu")))
    if norm not in _NORMS or activation not in _ACTIVATIONS:
        return {"dim": numbers[0]}
    return {
        "name": "unet",
        "dim": numbers[0],
        "input_channels": numbers[1],
        "output_channels": numbers[2],
        "features": features,
        "anisotropic_levels": 0,
        "parameters": {
            "residual_units": residual_units,
            "norm": _NORMS[norm],
            "activation": _ACTIVATIONS[activation],
        },
    }


def _name(layer: Any) -> str:
    return str(layer[0] if isinstance(layer, list) and layer else layer).lower()
