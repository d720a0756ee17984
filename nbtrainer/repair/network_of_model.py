"""The settings of the network as in the model that training starts from."""

from __future__ import annotations

from typing import Any

from nbtrainer.catalog import NETWORKS
from nbtrainer.config import Config
from nbtrainer.errors import ModelError


def build_as_in_model(config: Config, files: tuple[str, ...]) -> str:
    """Set what of `config.model` decides the network as in `model.pretrained`, and say what was changed.

    Raises `UserError` if that model cannot be read, or tells nothing of its network.
    """
    from nbtrainer.inference.start_file import read_start  # brings torch, without which the form stands first

    start = read_start(config.resolve(config.model.pretrained))
    name = start.network.get("name")
    if not isinstance(name, str) or name not in NETWORKS:
        raise ModelError(files[0], "that file does not tell how its network is built", "Choose the network by hand")
    known = {**start.network, **start.network.get("parameters", {})}
    wanted: dict[str, Any] = {key: known[key] for key in ("name", *NETWORKS[name].parameters) if key in known}
    if config.model.anisotropic_levels == "auto":  # follows that model by itself
        wanted.pop("anisotropic_levels", None)
    changed = {key: value for key, value in wanted.items() if getattr(config.model, key) != value}
    config.update(model=changed)
    return f"the network is built as in that model: {', '.join(f'{key} {value}' for key, value in changed.items())}"
