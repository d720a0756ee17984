"""Files of weights of whatever tool: loaded as plain tensors, never as code."""

from __future__ import annotations

import dataclasses
import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nbtrainer.catalog.tasks import kinds_with
from nbtrainer.errors import ModelError
from nbtrainer.models.cellpose_names import from_cellpose, is_cellpose, settings_in_name, settings_in_weights

# under which training loops keep the weights among other things
_KEYS = ("state_dict", "model_state_dict", "network_weights", "model", "weights", "net")
_AS_WEIGHTS = "Save its weights alone, with torch.save(model.state_dict(), 'weights.pt'), and start from that file"


@dataclass(frozen=True, kw_only=True)
class StartFile:
    """Weights by name, and what is known of the network that they are of.

    `format`: what the file is, in words. `network`: those arguments of `models.create` that it tells. `kind`: the kind of
    segmentation, `title`, `licence`: as the file says; empty: it does not. `record`: of a checkpoint of ours, all of it.
    """

    weights: dict[str, torch.Tensor] = field(repr=False)
    format: str
    network: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    title: str = ""
    licence: str = ""
    record: dict[str, Any] | None = field(default=None, repr=False)


def as_start(content: Any, *, name: str, **known: Any) -> StartFile:
    """`content` of the file `name` as weights; `known`: what else is known of them. Raises `ModelError` if it holds none."""
    weights = _tensors(content)
    if not weights:
        raise ModelError(name, "this file holds no weights by name", _AS_WEIGHTS)
    unwrapped = {each.removeprefix("module."): values for each, values in weights.items()}
    if is_cellpose(unwrapped):
        start = _of_cellpose(unwrapped, name=name)
        return dataclasses.replace(start, title=known.get("title", ""), licence=known.get("licence", ""))
    if any(each.endswith("W2") or ".neck." in each for each in weights) and any("rel_pos" in each for each in weights):
        raise ModelError(
            name,
            "these are weights of Cellpose 4 (SAM), a network that is not among ours",
            "Start from a model of Cellpose 1 to 3, or from another network",
        )
    return StartFile(weights=weights, **{"format": "weights by name", **known})


def read_weights(source: Path | io.BytesIO, *, name: str) -> Any:
    """What the file `name` of torch or safetensors holds, plain values and tensors only. Raises `ModelError`."""
    if name.endswith(".safetensors"):
        return _read_safetensors(source, name)
    if _is_torchscript(source):
        raise ModelError(
            name,
            "this is a program in TorchScript, and to load it would run it",
            "If you trust it, take its weights with torch.save(torch.jit.load(file).state_dict(), 'weights.pt'), and "
            "start from that file",
        )
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(name, "there is no such file", "Check the path") from None
    except pickle.UnpicklingError as error:
        if "weights only" in str(error).lower() and zipfile.is_zipfile(source):
            wrong = "this file holds objects of Python besides weights, and to load it would run code"
            raise ModelError(name, wrong, _AS_WEIGHTS) from None
        raise _unreadable(source, name) from None
    except Exception:  # torch and pickle stumble over whatever a damaged file makes them
        raise _unreadable(source, name) from None


def _unreadable(source: Path | io.BytesIO, name: str) -> ModelError:
    if _beginning(source).startswith(b"\x89HDF"):
        wrong = "this is a file of Keras (HDF5), whose networks are not ours"
        return ModelError(name, wrong, "Start from a model of nbtrainer or weights of torch")
    wrong = "this is not a readable checkpoint, nor any other file of weights"
    return ModelError(name, wrong, "Give a .pt file of nbtrainer, a run, or weights that torch saved")


def _beginning(source: Path | io.BytesIO) -> bytes:
    if isinstance(source, io.BytesIO):
        return source.getvalue()[:8]
    try:
        with source.open("rb") as file:
            return file.read(8)
    except OSError:
        return b""


def _is_torchscript(source: Path | io.BytesIO) -> bool:
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    finally:
        if isinstance(source, io.BytesIO):
            source.seek(0)
    return any(name.endswith("constants.pkl") or "/code/" in name for name in names)


def _read_safetensors(source: Path | io.BytesIO, name: str) -> dict[str, torch.Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load, load_file
    except ModuleNotFoundError as error:
        raise ModelError(
            name,
            "to read it needs safetensors, which is not installed",
            'Install it with pip install "nbtrainer[networks]"',
        ) from error
    try:
        return load(source.getvalue()) if isinstance(source, io.BytesIO) else load_file(source)
    except FileNotFoundError:
        raise ModelError(name, "there is no such file", "Check the path") from None
    except (SafetensorError, OSError, ValueError, KeyError):
        raise _unreadable(source, name) from None


def _tensors(content: Any) -> dict[str, torch.Tensor]:
    """The weights in what a file holds, by name; empty if there are none."""
    while isinstance(content, Mapping):
        if content and all(isinstance(each, torch.Tensor) for each in content.values()):
            return {str(name): each for name, each in content.items()}
        key = next((each for each in _KEYS if isinstance(content.get(each), Mapping)), None)
        if key is None:
            return {}
        content = content[key]
    return {}


def _of_cellpose(weights: dict[str, torch.Tensor], *, name: str) -> StartFile:
    odd = "in a way that nbtrainer does not know"
    try:
        network = settings_in_weights(weights, name=name)
        renamed = from_cellpose(weights, style_on=network["parameters"]["style_on"])
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(name, f"this network of Cellpose or Omnipose is built {odd} ({error})", _AS_WEIGHTS) from error
    switches = settings_in_name(name)
    if switches.get("residual_on", network["parameters"]["residual_on"]) != network["parameters"]["residual_on"]:
        wrong = "its name and its weights disagree about residual_on"
        raise ModelError(name, wrong, "Was the file renamed? Give it a name without residual_on")
    # Cellpose keeps the diameter that it was trained for beside the weights, Omnipose does not
    tool = "Cellpose" if "diam_mean" in weights else "Omnipose or Cellpose"
    return StartFile(weights=renamed, format=f"weights of {tool}", network=network, kind=kinds_with("flow")[0])
