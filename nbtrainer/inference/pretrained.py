"""A model that training starts from: whether it suits the run, and which of its weights are taken over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from nbtrainer.catalog import NETWORKS, TASKS
from nbtrainer.config import Config
from nbtrainer.data.normalize import Normalizer
from nbtrainer.errors import Finding, ModelError, UserError
from nbtrainer.inference.checkpoint import task_in
from nbtrainer.inference.start_file import read_start
from nbtrainer.inference.weights_file import StartFile
from nbtrainer.io.axes import format_shape
from nbtrainer.models.match_weights import Shape, Transfer, match_weights
from nbtrainer.tasks import Task
from nbtrainer.wording import count_noun, first_of_many

# of the normalization, in the order in which people would look for a difference
_RULES = ("method", "range", "percentiles", "outliers", "outliers_percent", "clip", "scope", "per_channel", "invert")


def starting_point(config: Config) -> StartFile | None:
    """What `config` starts from, or None if it names nothing that is there.

    Raises `UserError` if it is no model, or its network is built in another way and the settings do not allow that.
    """
    path = config.resolve(config.model.pretrained)
    if not config.model.pretrained or not path.exists():
        return None
    try:
        start = read_start(path)
    except UserError as error:
        inner = "" if error.where in (str(path), path.name) else f"{error.where}: "
        raise error.replace(where="model.pretrained", wrong=f"{path}: {inner}{error.wrong}") from None
    _require_built_alike(config, start)
    return start


def _require_built_alike(config: Config, start: StartFile) -> None:
    """Raise `ModelError` if `start` tells of another network than the settings, unless its layers may begin anew."""
    theirs = {**start.network, **start.network.get("parameters", {})}
    ours: dict[str, Any] = {"dim": config.task.dim}
    if config.model.unmatched_layers == "refuse":
        ours |= settings_compared(config)
    for name, value in ours.items():
        # models of before there was a choice, and of other tools, have none of these
        if name in theirs and theirs[name] != value:
            raise ModelError.of(
                [
                    Finding(
                        where="model.pretrained",
                        wrong=f"that model has {name.replace('_', ' ')} {theirs[name]}, but this run has {value}",
                        remedy="Choose a model built in the same way, or change the network settings",
                        fix="" if name == "dim" else "network_of_model",
                    )
                ]
            )


def settings_compared(config: Config) -> dict[str, Any]:
    """What decides the weights of the network of `config`, by the names in `StartFile.network` and its `parameters`."""
    ours: dict[str, Any] = {"name": config.model.name}
    if "features" in NETWORKS[config.model.name].parameters:
        ours["features"] = list(config.model.features)
    if config.model.anisotropic_levels != "auto":
        ours["anisotropic_levels"] = config.model.anisotropic_levels
    # dropout has no weights
    return ours | {name: value for name, value in config.model.parameters.items() if name != "dropout"}


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


def take_over(network: nn.Module, settings: dict[str, Any], task: Task, start: StartFile) -> Transfer:
    """Load the weights of `start` that fit into `network`, which was built by `settings` for `task`."""
    transfer = fitting_weights(Shape.of(settings), task, start)
    network.load_state_dict(dict(transfer.weights), strict=False)
    return transfer


def fitting_weights(shape: Shape, task: Task, start: StartFile) -> Transfer:
    """What `take_over` takes: layers that fit, but none of the last ones of another kind of segmentation.

    Arrays of another library's names are matched in their order.
    """
    # channels of the same number mean something else; of what tells no kind, they are believed
    with_last = not start.kind or start.kind == task.name
    return match_weights(start.weights, shape, with_last=with_last, in_order=start.record is None)


def describe_transfer(transfer: Transfer, path: str, start: StartFile, *, channels: int) -> str:
    """What a log says of it. `channels`: of the images."""
    text = f"starting from {path}"
    if start.record is None:
        text += f" ({start.format}{', matched in their order' if transfer.in_order else ''})"
    if transfer.anew:
        anew = first_of_many(transfer.anew, 4)
        text += f": {len(transfer.taken)} of its weights are taken over; these begin anew: {anew}"
    else:
        text += ": all of its weights are taken over"
    if transfer.adapted:
        text += f"; adapted to {count_noun(channels, 'channel')}: {first_of_many(transfer.adapted, 4)}"
    if transfer.unused and start.record is None:
        text += f"; of the file are not used: {first_of_many(transfer.unused, 4)}"
    return text


def differences(
    config: Config, settings: dict[str, Any], task: Task, normalizer: Normalizer, start: StartFile
) -> Iterator[Finding]:
    """What of `start` does not suit the run, in sentences."""
    shape = Shape.of(settings)
    transfer = fitting_weights(shape, task, start)
    if not any(name.endswith("weight") for name in transfer.taken):
        yield Finding(
            where="model.pretrained",
            wrong=f"{config.model.pretrained}: none of its layers fits into the network of this run{_beginning(start)}",
            remedy="Choose a model of such a network, or leave it empty; weights of a backbone alone go to model.backbone_weights",
            suggestions=("",),
        )
        return
    if unexpected := transfer.begins_anew(shape):
        yield _unmatched(config, transfer, unexpected, of=len(shape.arrays))
    anew = f"Nothing needs to be done: {'the last layer begins' if transfer.anew else 'no layer begins'} anew"
    if start.kind and start.kind != task.name:
        titles = [TASKS[name].title for name in (start.kind, task.name)]
        yield _warning(f"it was trained for {titles[0]}, this run is for {titles[1]}", remedy=anew)
    elif start.record is not None:
        yield from _other_classes(task, start, settings, remedy=anew)
    channels = start.network.get("input_channels"), settings["input_channels"]
    if channels[0] is not None and channels[0] != channels[1]:
        yield _warning(
            f"it was trained on images with {count_noun(channels[0], 'channel')}, these have {channels[1]}",
            remedy="Its first layer is adapted to these; choose the same channels to keep it as it is"
            if transfer.adapted
            else "Its first layer begins anew; choose the same channels to keep it",
        )
    if start.record is not None:
        yield from _other_normalization(Normalizer.from_record(start.record["normalization"]), ours=normalizer)
    else:
        yield from _lacks(config, start)


def _beginning(start: StartFile) -> str:
    """The first arrays of the file, by which somebody may know the network that they are of."""
    first = [f"{name} {format_shape(each.shape)}" for name, each in list(start.weights.items())[:2] if each.ndim]
    return f" (it begins with {', '.join(first)})" if first else ""


def _unmatched(config: Config, transfer: Transfer, layers: list[str], *, of: int) -> Finding:
    wrong = f"{len(transfer.taken)} of {of} arrays fit, and these layers would begin anew: {first_of_many(layers, 6)}"
    if transfer.unused:
        wrong += f"; of the file are not used: {first_of_many(transfer.unused)}"
    if config.model.unmatched_layers == "refuse":
        return Finding(
            where="model.pretrained",
            wrong=wrong,
            remedy="Set the network as it was for these weights, or model.unmatched_layers to begin_anew",
        )
    return _warning(
        wrong.replace("would begin", "begin"), remedy="Nothing needs to be done, as model.unmatched_layers allows it"
    )


def _lacks(config: Config, start: StartFile) -> Iterator[Finding]:
    """What a file without settings cannot give, where it is asked for."""
    if config.model.take_over == "everything":
        yield Finding(
            where="model.take_over",
            wrong=f"the file to start from holds {start.format}, and no optimizer or epoch to go on with",
            remedy="Take over its weights alone",
            suggestions=("weights",),
        )
    if not config.compile.recompile:
        yield Finding(
            level="warning",
            where="compile.recompile",
            wrong=f"the file to start from holds {start.format}, and no optimizer, loss or metrics",
            remedy="Those of this run count",
            suggestions=(True,),
        )


def _other_classes(task: Task, start: StartFile, settings: dict[str, Any], *, remedy: str) -> Iterator[Finding]:
    assert start.record is not None
    theirs = task_in(start.record)
    if start.network["output_channels"] != settings["output_channels"]:
        wrong = f"it has {_counted(theirs.channels)}, this run has {_counted(task.channels)}"
        yield _warning(wrong, remedy=remedy)
    elif getattr(theirs, "class_values", ()) != getattr(task, "class_values", ()):
        values = [", ".join(map(str, each.class_values[1:])) for each in (theirs, task)]  # type: ignore[attr-defined]
        yield _warning(
            f"its classes are {values[0]}, those of this run {values[1]}",
            remedy="They are taken over in this order; reorder data.labels_of_interest if others belong together",
        )


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
