"""The check of the settings: what cannot work together, before any file is opened."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrainer.catalog import DEVICE_NAMES, NETWORKS, TASKS, device_name
from nbtrainer.catalog.named_models import named_models
from nbtrainer.checks.losses import check_loss_terms
from nbtrainer.checks.suitability import (
    check_course,
    check_effects,
    check_parameters,
    check_size_model,
    check_suitability,
)
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
        yield from check_effects(config)
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
    yield from check_size_model(config)
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
            remedy=f"That is a model by name: nbt.download_model({pretrained!r}) tells its path"
            if pretrained in named_models()
            else "Choose a checkpoint (.pt) or the folder of a run, or leave it empty",
            suggestions=("",),
        )
    if config.data.labels_of_interest and not any(config.data.labels_of_interest):
        yield Finding(where="data.labels_of_interest", wrong="0 is the background", remedy="List other values, or none")
    data = config.data
    validates = data.folds or data.validation_fraction > 0 or any(entry.use == "validation" for entry in data.datasets)
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
    yield from check_suitability(config)
    yield from check_parameters(config)
    yield from check_loss_terms(config)
    yield from check_course(config)
    score = training.monitor.removeprefix("validation_")
    if training.monitor.startswith("validation_") and score != "loss" and score not in metrics:
        yield Finding(
            where="training.monitor",
            wrong=f"{score} is not among the metrics",
            remedy=f"Add {score} to compile.metrics, or choose auto",
            suggestions=("auto",),
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
    if config.training.precision == "float16" and device_name(name) in ("cpu", "xla"):
        yield Finding(
            where="training.precision",
            wrong=f"float16 needs a graphics card, but the device is {name}",
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
    """More threads or processes than cores: they wait for each other."""
    cores = usable_cores()
    yield from _processes(config, cores)
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


def _processes(config: Config, cores: int) -> Iterator[Finding]:
    training = config.training
    asked = training.processes
    if asked > cores:
        yield Finding(
            level="warning",
            where="training.processes",
            wrong=f"{asked} processes are asked for, but this machine lets them use {cores} processor cores: steps take longer",
            remedy=f"Give {cores} at most",
            suggestions=(cores,),
        )
    if training.batch_size != "auto" and asked > training.batch_size:
        yield Finding(
            level="warning",
            where="training.processes",
            wrong=f"{asked} processes share batches of {training.batch_size}: {asked - training.batch_size} have no patch",
            remedy="Raise training.batch_size, or give fewer processes",
            suggestions=(training.batch_size,),
        )
    if asked > 1 and device_name(training.device) in ("mps", "xla"):
        yield Finding(
            where="training.processes",
            wrong=f"several processes train on NVIDIA cards or processors, not on {training.device}",
            remedy="Give 1, or set training.device to cpu",
            suggestions=(1,),
        )


def _output(config: Config) -> Iterator[Finding]:
    problem = free_name_problem(
        config.resolve(config.output.root), data_task=config.output.data_task, name=config.output.name
    )
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
        below, above = (
            [_multiple(length, multiple=multiple, round_up=up) for length, multiple in sides] for up in (False, True)
        )
        near = sorted({_multiple(length, multiple=multiple, round_up=up) for up in (False, True)})
        yield Finding(
            level="warning",
            where="data.resize",
            wrong=f"{length} is no multiple of {multiple}, which the network needs: every image is mirrored at its edge",
            remedy=f"Try {' or '.join(map(str, near))}",
            suggestions=tuple(dict.fromkeys([tuple(below), tuple(above)])),
        )


def _multiple(length: int, *, multiple: int, round_up: bool) -> int:
    """The nearest multiple below or above `length`, at least one `multiple`."""
    return max(multiple, (-(-length // multiple) if round_up else length // multiple) * multiple)
