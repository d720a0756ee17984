"""A model that training starts from: whether it suits the run, and which of its weights are taken over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import nn

from nbtrainer import models
from nbtrainer.catalog import NETWORKS, TASKS
from nbtrainer.config import Config
from nbtrainer.data.normalize import Normalizer
from nbtrainer.errors import Finding, ModelError, UserError
from nbtrainer.inference.checkpoint import checkpoint_file, load_checkpoint, task_in
from nbtrainer.tasks import Task
from nbtrainer.wording import first_of_many

# of the normalization, in the order in which people would look for a difference
_RULES = ("method", "range", "percentiles", "outliers", "outliers_percent", "clip", "scope", "per_channel", "invert")


class Transfer(NamedTuple):
    """Names of the weights that are taken over from another model, and of the layers that begin anew, in order."""

    taken: list[str]
    anew: list[str]


def pretrained_record(config: Config) -> dict[str, Any] | None:
    """The checkpoint that `config` starts from, or None if it names none that is there.

    Raises `UserError` if it is no model of ours, or its network is built in another way.
    """
    path = config.resolve(config.model.pretrained)
    if not config.model.pretrained or not path.exists():
        return None
    try:
        record = load_checkpoint(checkpoint_file(path))
        theirs = {name: record["network"][name] for name in ("name", "dim", "features", "anisotropic_levels")}
        theirs |= record["network"].get("parameters", {})
        task_in(record)
    except UserError as error:
        raise error.replace(where="model.pretrained", wrong=f"{path}: {error.wrong}") from None
    except (KeyError, TypeError, AttributeError):
        raise ModelError(
            "model.pretrained", f"{path}: this is no model of nbtrainer", "Give a .pt file or a run of nbtrainer"
        ) from None
    ours: dict[str, Any] = {"name": config.model.name, "dim": config.task.dim}
    if "features" in NETWORKS[config.model.name].parameters:
        ours["features"] = list(config.model.features)
    if config.model.anisotropic_levels != "auto":
        ours["anisotropic_levels"] = config.model.anisotropic_levels
    # dropout has no weights; models of before there was a choice have none of these
    ours |= {name: value for name, value in config.model.parameters.items() if name in theirs and name != "dropout"}
    for name, value in ours.items():
        if theirs[name] != value:
            raise ModelError(
                "model.pretrained",
                f"that model has {name.replace('_', ' ')} {theirs[name]}, but this run has {value}",
                "Choose a model built in the same way, or change the network settings",
            )
    return record


def network_settings(config: Config, task: Task, *, input_channels: int, anisotropic_levels: int) -> dict[str, Any]:
    """How the network of a run is built: the arguments of `models.create`."""
    return {
        "name": config.model.name,
        "dim": config.task.dim,
        "input_channels": input_channels,
        "output_channels": task.output_channels,
        "features": list(config.model.features),
        "reconstructs_input": task.reconstructs_input,
        "anisotropic_levels": anisotropic_levels,
        "parameters": config.model.parameters,
    }


def take_over(network: nn.Module, settings: dict[str, Any], task: Task, record: dict[str, Any]) -> Transfer:
    """Load the weights of the model in `record` that fit into `network`, which was built by `settings` for `task`."""
    transfer = fitting_weights(settings, task, record)
    network.load_state_dict({name: record["weights"][name] for name in transfer.taken}, strict=False)
    return transfer


def fitting_weights(settings: dict[str, Any], task: Task, record: dict[str, Any]) -> Transfer:
    """What `take_over` takes: weights of the same name and shape, but none of the last layer of another kind."""
    shapes = _shapes(settings)
    other = set()
    if record["task"]["name"] != task.name:  # channels of the same number mean something else
        more = _shapes({**settings, "output_channels": settings["output_channels"] + 1})
        other = {name for name, shape in shapes.items() if more.get(name) != shape}
    theirs = {name: tuple(weights.shape) for name, weights in record["weights"].items()}
    taken = [name for name, shape in shapes.items() if name not in other and theirs.get(name) == shape]
    left = [name for name in shapes if name not in set(taken)]
    return Transfer(taken, list(dict.fromkeys(name.rpartition(".")[0] for name in left)))


def describe_transfer(transfer: Transfer, path: str) -> str:
    """What a log says of it."""
    if not transfer.anew:
        return f"starting from {path}: all of its weights are taken over"
    return f"starting from {path}: {len(transfer.taken)} of its weights are taken over; these begin anew: {first_of_many(transfer.anew, 4)}"


def differences(
    settings: dict[str, Any], task: Task, normalizer: Normalizer, record: dict[str, Any]
) -> Iterator[Finding]:
    """What of the model in `record` does not suit the run, in sentences."""
    transfer = fitting_weights(settings, task, record)
    theirs = task_in(record)
    if not any(name.endswith("weight") for name in transfer.taken):
        yield Finding(
            where="model.pretrained",
            wrong="none of its layers fits into the network of this run",
            remedy="Choose a model of the same kind of segmentation, or leave it empty",
            suggestions=("",),
        )
        return
    anew = f"Nothing needs to be done: {'the last layer begins' if transfer.anew else 'no layer begins'} anew"
    if theirs.name != task.name:
        titles = [TASKS[name].title for name in (theirs.name, task.name)]
        yield _warning(f"it was trained for {titles[0]}, this run is for {titles[1]}", remedy=anew)
    elif record["network"]["output_channels"] != settings["output_channels"]:
        wrong = f"it has {_counted(theirs.channels)}, this run has {_counted(task.channels)}"
        yield _warning(wrong, remedy=anew)
    elif getattr(theirs, "class_values", ()) != getattr(task, "class_values", ()):
        values = [", ".join(map(str, each.class_values[1:])) for each in (theirs, task)]  # type: ignore[attr-defined]
        yield _warning(
            f"its classes are {values[0]}, those of this run {values[1]}",
            remedy="They are taken over in this order; reorder data.labels_of_interest if others belong together",
        )
    channels = record["network"]["input_channels"], settings["input_channels"]
    if channels[0] != channels[1]:
        yield _warning(
            f"it was trained on images with {channels[0]} channel{'s' * (channels[0] > 1)}, these have {channels[1]}",
            remedy="Its first layer begins anew; choose the same channels to keep it",
        )
    yield from _other_normalization(Normalizer.from_record(record["normalization"]), ours=normalizer)


def _other_normalization(theirs: Normalizer, *, ours: Normalizer) -> Iterator[Finding]:
    other = [name for name in _RULES if getattr(theirs, name) != getattr(ours, name)]
    if other:
        names = {"invert": "data.invert"}
        differences = ", ".join(
            f"{names.get(name, f'normalization.{name}')} {_value(getattr(theirs, name))}" for name in other
        )
        own = ", ".join(_value(getattr(ours, name)) for name in other)
        yield _warning(
            f"it was trained with {differences}, this run has {own}",
            remedy="Set it as there, so that the network sees intensities as it knows them, or train longer",
        )


def _warning(wrong: str, *, remedy: str) -> Finding:
    return Finding(level="warning", where="model.pretrained", wrong=wrong, remedy=remedy)


def _value(value: Any) -> str:
    return " to ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)


def _counted(channels: tuple[str, ...]) -> str:
    return f"{len(channels)} output channels" if len(channels) > 1 else "one output channel"


def _shapes(settings: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The weights of a network, by name; without memory for them."""
    network = models.create_without_memory(**settings)
    return {name: tuple(weights.shape) for name, weights in network.state_dict().items()}
