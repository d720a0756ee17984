"""The check of the settings: what cannot work together, before any file is opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrainer.catalog import DEVICE_NAMES, LOSSES, METRICS, NETWORKS, TASKS, device_name
from nbtrainer.config import Config
from nbtrainer.disk import exists
from nbtrainer.environment import usable_cores
from nbtrainer.errors import Finding, UserError
from nbtrainer.runs.directory import free_name_problem

# so many do no harm anywhere: loading waits for disks
_FEW_THREADS = 4
# beyond this, sums over an image end in infinity; networks expect numbers of about 1
_LARGEST_INTENSITY = 1e6


def check_settings(config: Config) -> Iterator[Finding]:
    """Findings about the settings alone."""
    yield from _settings(config)
    yield from _axes(config)
    yield from _output(config)


def _settings(config: Config) -> Iterator[Finding]:
    sampling, training = config.sampling, config.training
    if len(sampling.patch_size) != config.task.dim:
        axes = "height and width" if config.task.dim == 2 else "depth, height and width"
        yield Finding(
            where="sampling.patch_size",
            wrong=f"{len(sampling.patch_size)} numbers were given, but {config.task.dim}D patches have {axes}",
            remedy=f"Give {config.task.dim} numbers",
        )
    else:
        yield from _without_effect(config)
    start, end = config.normalization.range
    if config.normalization.method != "none" and not start < end:
        yield Finding(
            where="normalization.range",
            wrong=f"{start:g} to {end:g} is no range",
            remedy="The first number must be the smaller one",
        )
    elif config.normalization.method != "none" and max(abs(start), abs(end)) > _LARGEST_INTENSITY:
        yield Finding(
            where="normalization.range",
            wrong=f"{start:g} to {end:g} is more than a network can calculate with",
            remedy="Give numbers of about 1, such as 0 to 1 or -1 to 1",
            suggestions=((0.0, 1.0), (-1.0, 1.0)),
        )
    if training.steps_per_epoch == 0:
        yield Finding(
            where="training.steps_per_epoch",
            wrong="an epoch of 0 steps trains nothing",
            remedy="Give 1 or more, or -1 for all",
            suggestions=(1, -1),
        )
    if training.keep_best == 0:
        yield Finding(
            where="training.keep_best",
            wrong="no best model would be kept",
            remedy="Give 1 or more, or -1 for all",
            suggestions=(1, -1),
        )
    yield from _size_model(config)
    halvings = len(config.model.features) - 1
    if config.model.anisotropic_levels != "auto" and config.model.anisotropic_levels > halvings:
        yield Finding(
            level="warning",
            where="model.anisotropic_levels",
            wrong=f"{config.model.anisotropic_levels} levels cannot leave depth as it is, where the network halves {halvings} times",
            remedy=f"{halvings} is as good",
            suggestions=(halvings,),
        )
    if TASKS.load(config.task.kind).reconstructs_input and not NETWORKS[config.model.name].reconstructs_input:
        yield Finding(
            level="warning",
            where="model.name",
            wrong=f"{NETWORKS[config.model.name].title} is not made for learning without labels, and draws objects too large",
            remedy="Choose wnet, whose dropout keeps the classes apart",
            suggestions=("wnet",),
        )
    yield from _augmentation(config)
    yield from _device(config)
    yield from _threads(config)
    pretrained = config.model.pretrained
    if pretrained and not exists(config.resolve(pretrained), "model.pretrained"):
        yield Finding(
            where="model.pretrained",
            wrong=f"there is no file or folder {config.resolve(pretrained)}",
            remedy="Choose a checkpoint (.pt) or the folder of a run, or leave it empty",
            suggestions=("",),
        )
    if config.data.labels_of_interest and not any(config.data.labels_of_interest):
        yield Finding(where="data.labels_of_interest", wrong="0 is the background", remedy="List other values, or none")
    validates = config.data.validation_fraction > 0 or any(entry.use == "validation" for entry in config.data.datasets)
    if training.monitor.startswith("validation") and not validates:
        yield Finding(
            where="training.monitor",
            wrong="the best model is to be found by validation, but nothing is kept for validation",
            remedy="Raise data.validation_fraction, or choose auto or train_loss",
            suggestions=("auto", "train_loss"),
        )
    metrics = (
        TASKS.load(config.task.kind).default_metrics if config.compile.metrics == "auto" else config.compile.metrics
    )
    yield from _unsuited(config)
    score = training.monitor.removeprefix("validation_")
    if training.monitor.startswith("validation_") and score != "loss" and score not in metrics:
        yield Finding(
            where="training.monitor",
            wrong=f"{score} is not among the metrics",
            remedy=f"Add {score} to compile.metrics, or choose auto",
            suggestions=("auto",),
        )


def _unsuited(config: Config) -> Iterator[Finding]:
    """A loss or metrics that are not for this kind of segmentation: those of the kind take their place."""
    kind, settings = config.task.kind, config.compile
    if settings.loss != "auto" and not LOSSES[settings.loss].suits(kind):
        yield Finding(
            level="warning",
            where="compile.loss",
            wrong=f"{LOSSES[settings.loss].title} is no loss for the kind {kind}",
            remedy=f"Its own will be used, {LOSSES[TASKS.load(kind).default_loss].title}; choose auto to be asked no more",
            suggestions=("auto",),
        )
    if not NETWORKS[config.model.name].suits(kind):
        yield Finding(
            level="warning",
            where="model.name",
            wrong=f"{NETWORKS[config.model.name].title} is no network for the kind {kind}",
            remedy="The compact U-Net takes its place; choose a network of this kind to be asked no more",
        )
    unsuited = [name for name in settings.metrics if settings.metrics != "auto" and not METRICS[name].suits(kind)]
    if settings.metrics != "auto" and config.task.label_values == "not_needed" and not config.task.has_objects:
        without = [name for name in settings.metrics if METRICS[name].of in ("objects", "partitions")]
        if without:
            yield Finding(
                level="warning",
                where="compile.metrics",
                wrong=f"{', '.join(without)} cannot be measured: predictions are foreground, not objects",
                remedy="They are left out; choose how single objects are found in task.post_processing",
            )
    if unsuited:
        yield Finding(
            level="warning",
            where="compile.metrics",
            wrong=f"{', '.join(unsuited)} cannot be measured for the kind {kind}",
            remedy="They are left out; choose auto to be asked no more",
            suggestions=("auto",),
        )


def _size_model(config: Config) -> Iterator[Finding]:
    """What a size model needs: a style to tell sizes from, and one diameter to bring objects to."""
    if not config.task.learns_size:
        return
    have = [name for name, entry in NETWORKS.items() if entry.has_style]
    reasons: list[tuple[bool, str, str, str, tuple[Any, ...]]] = [
        (
            config.task.dim == 3,
            "task.size_model",
            "sizes are learned in 2D only",
            "Switch it off for volumes",
            (False,),
        ),
        (
            config.model.name not in have,
            "model.name",
            f"the size model is told sizes by the network's style, and {NETWORKS[config.model.name].title} has none",
            f"Choose {' or '.join(have)}, or switch task.size_model off",
            tuple(have),
        ),
        (
            not config.data.diameter,
            "data.diameter",
            "a size model is to be learned, but images are not brought to one diameter",
            "Give the diameter that objects should have, such as 30, or switch task.size_model off",
            (30.0,),
        ),
        (
            bool(config.data.resize),
            "data.resize",
            "a size model is to be learned, but every image is brought to one size whatever its objects",
            "Leave it empty, or switch task.size_model off",
            ((),),
        ),
    ]
    for is_so, where, wrong, remedy, suggestions in reasons:
        if is_so:
            yield Finding(where=where, wrong=wrong, remedy=remedy, suggestions=suggestions)


def _without_effect(config: Config) -> Iterator[Finding]:
    """Settings of tiles that the way they are cut does not look at."""
    sampling = config.sampling
    method = "image" if sampling.whole_images else sampling.method
    by_chance = ("foreground_fraction", "min_foreground", "min_objects", "hard_fraction", "samples_per_image")
    unused = {
        "grid": by_chance,
        "image": ("overlap", "samples_per_image"),
        "balanced": ("overlap", "foreground_fraction"),
        "random": ("overlap",),
    }[method]
    defaults = type(sampling)()
    for name in unused:
        if getattr(sampling, name) != getattr(defaults, name):
            how = "whole images are seen" if sampling.whole_images else f"tiles are cut by the method {method!r}"
            yield Finding(
                level="warning",
                where=f"sampling.{name}",
                wrong=f"this has no effect where {how}",
                remedy="Set it back, or choose another method",
                suggestions=(getattr(defaults, name),),
            )


def _augmentation(config: Config) -> Iterator[Finding]:
    for index, step in enumerate(config.augmentation.steps):
        if config.task.dim not in step.dims:
            yield Finding(
                level="warning",
                where=f"augmentation.steps[{index}]",
                wrong=f"{type(step).model_fields['kind'].title} changes volumes only, and the patches are flat",
                remedy="Remove it from the list",
            )


def _device(config: Config) -> Iterator[Finding]:
    name = config.training.device
    if device_name(name) is None:
        yield Finding(
            where="training.device",
            wrong=f"{name!r} is not a device",
            remedy=f"Choose {DEVICE_NAMES}",
            suggestions=("auto", "cpu"),
        )
    elif device_name(name) not in ("auto", "cpu"):
        yield from _missing_device(name)
    if config.training.precision == "float16" and device_name(name) == "cpu":
        yield Finding(
            where="training.precision",
            wrong="float16 needs a graphics card, but the device is cpu",
            remedy="Choose auto, float32 or bfloat16",
            suggestions=("auto", "float32", "bfloat16"),
        )


def _missing_device(name: str) -> Iterator[Finding]:
    from nbtrainer.inference.device import choose_device  # torch takes seconds, and most leave the choice to us

    try:
        choose_device(name)
    except UserError as error:
        yield from error.findings


def _threads(config: Config) -> Iterator[Finding]:
    """More threads than cores: they wait for each other."""
    cores = usable_cores()
    for name, what in (("threads", "threads"), ("workers", "loading threads")):
        asked = getattr(config.training, name)
        if asked is not None and asked > max(cores, _FEW_THREADS):
            yield Finding(
                level="warning",
                where=f"training.{name}",
                wrong=f"{asked} {what} are asked for, but this process may use {cores} processor cores: steps take longer",
                remedy=f"Leave it empty, or give {cores} at most",
                suggestions=(None, cores),
            )


def _output(config: Config) -> Iterator[Finding]:
    problem = free_name_problem(config.resolve(config.output.root), config.output.data_task, config.output.name)
    if problem is not None:
        yield from problem.findings


def _axes(config: Config) -> Iterator[Finding]:
    """Lists with one number an axis need as many as there are axes."""
    dim = config.task.dim
    axes = "y and x" if dim == 2 else "z, y and x"
    for name in ("resize", "spacing"):
        given = getattr(config.data, name)
        if given and len(given) != dim:
            yield Finding(
                where=f"data.{name}",
                wrong=f"{len(given)} number{'s were' if len(given) > 1 else ' was'} given, but {dim}D has {axes}",
                remedy=f"Give {dim} numbers, or none",
            )
    if len(config.data.resize) != dim:
        return
    sides = list(zip(config.data.resize, config.model.size_divisors(dim), strict=True))
    odd = [(length, multiple) for length, multiple in sides if length % multiple]
    if odd:
        length, multiple = odd[0]
        below, above = ([_multiple(*side, round_up=up) for side in sides] for up in (False, True))
        near = sorted({_multiple(length, multiple, round_up=up) for up in (False, True)})
        yield Finding(
            level="warning",
            where="data.resize",
            wrong=f"{length} is no multiple of {multiple}, which the network needs: every image is mirrored at its edge",
            remedy=f"Try {' or '.join(map(str, near))}",
            suggestions=tuple(dict.fromkeys([tuple(below), tuple(above)])),
        )


def _multiple(length: int, multiple: int, *, round_up: bool) -> int:
    """The nearest multiple below or above `length`, at least one `multiple`."""
    return max(multiple, (-(-length // multiple) if round_up else length // multiple) * multiple)
