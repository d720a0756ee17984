"""The check of settings against the kind of segmentation and each other: what does not suit, or has no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrainer.catalog import BACKBONES, IMAGENET, LOSSES, METRICS, NETWORKS, TASKS
from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.config.messages import join_or
from nbtrainer.disk import exists
from nbtrainer.errors import Finding


def check_suitability(config: Config) -> Iterator[Finding]:
    """A loss or metrics that are not for this kind of segmentation: those of the kind take their place."""
    kind, settings = config.task.kind, config.compile
    if settings.loss != "auto" and not settings.loss_terms and not LOSSES[settings.loss].suits(kind):
        yield Finding(
            level="warning",
            where="compile.loss",
            wrong=f"{LOSSES[settings.loss].title} is no loss for the kind {kind}",
            remedy=f"Its own will be used, {LOSSES[TASKS[kind].default_loss].title}; choose auto to be asked no more",
            suggestions=("auto",),
        )
    if not NETWORKS[config.model.name].suits(kind):
        yield Finding(
            level="warning",
            where="model.name",
            wrong=f"{NETWORKS[config.model.name].title} is no network for the kind {kind}",
            remedy="The compact U-Net takes its place; choose a network of this kind to be asked no more",
        )
    yield from _network(config)
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


def _network(config: Config) -> Iterator[Finding]:
    """What the network or its backbone does not exist for, or needs."""
    model, dim = config.model, config.task.dim
    entry, backbone = NETWORKS[model.name], BACKBONES[model.backbone]
    if not entry.is_installed:
        yield Finding(
            where="model.name",
            wrong=f"{entry.title} needs {entry.package}, which is not installed",
            remedy='Install it with pip install "nbtrainer[networks]", or choose another network',
            suggestions=("unet",),
        )
    if dim not in entry.dims:
        yield Finding(
            where="model.name",
            wrong=f"{entry.title} is for {join_or([f'{each}D' for each in entry.dims])} images, and these are {dim}D",
            remedy="Choose another network, such as unet",
            suggestions=("unet",),
        )
    least, most = entry.levels
    count = len(model.features)
    if "features" in entry.parameters and not least <= count <= most:
        yield Finding(
            where="model.features",
            wrong=f"{entry.title} has {least} to {most} levels, and {count} are given",
            remedy="Give a number of features for each level, such as 32, 64, 128, 256",
            suggestions=((32, 64, 128, 256),),
        )
    if "backbone" in entry.parameters and (missing := entry.missing_in(backbone)):
        others = [name for name, other in BACKBONES.items() if not entry.missing_in(other)]
        yield Finding(
            where="model.backbone",
            wrong=f"{backbone.title} {missing}, which {entry.title} needs",
            remedy=f"Choose another, such as {others[0]}",
            suggestions=tuple(others[:3]),
        )
    source = model.backbone_source
    if source and source != IMAGENET and not exists(config.resolve(source), "model.backbone_weights"):
        yield Finding(
            where="model.backbone_weights",
            wrong=f"{config.resolve(source)}: there is no such file",
            remedy="Give the path of a file of weights, imagenet, or leave it empty",
        )


def check_size_model(config: Config) -> Iterator[Finding]:
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


def check_parameters(config: Config) -> Iterator[Finding]:
    """Parameters of what was not chosen: of another loss, optimizer or course of the learning rate."""
    for row in settings():
        obstacle = row.suits(config.task.kind) and row.obstacle(config)
        if obstacle and row.value_in(config) != row.default:
            controlling = f"{row.section}.{obstacle}"
            yield Finding(
                level="warning",
                where=row.path,
                wrong=f"this has no effect while {controlling} {_state(config.value_in_use(controlling))}",
                remedy=f"Set it back, or choose another {controlling}",
                suggestions=(tuple(row.default) if isinstance(row.default, list) else row.default,),
            )
    if (
        not config.compile.loss_terms
        and config.value_in_use("compile.loss") == "tversky"
        and config.compile.tversky_alpha == config.compile.tversky_beta == 0
    ):
        yield Finding(
            where="compile.tversky_alpha",
            wrong="with an alpha and a beta of 0 no mistake counts, and nothing is learned",
            remedy="Give numbers whose sum is about 1, such as 0.3 and 0.7",
            suggestions=(0.5,),
        )


def _state(value: Any) -> str:
    return "is not empty" if isinstance(value, list) else f"is {value}"


def check_course(config: Config) -> Iterator[Finding]:
    """The course of the run: rates, frozen layers and intervals that make no sense beside the other settings."""
    if config.compile.schedule == "list" and not config.compile.rates:
        yield Finding(
            where="compile.rates",
            wrong="the learning rate of each epoch is to be as listed, but none is listed",
            remedy="Give a rate for each epoch, such as 0.01, 0.001, or choose another compile.schedule",
        )
    if config.compile.frozen_epochs and not config.model.pretrained:
        yield Finding(
            level="warning",
            where="compile.frozen_epochs",
            wrong="no model is started from, so that no layer is kept as it is",
            remedy="Choose one in model.pretrained, or set this to 0",
            suggestions=(0,),
        )
    if config.model.take_over == "everything" and not config.model.pretrained:
        yield Finding(
            level="warning",
            where="model.take_over",
            wrong="no model is started from, so that nothing is taken over",
            remedy="Choose one in model.pretrained",
            suggestions=("weights",),
        )
    if config.training.intervals_in == "steps" and config.training.validation_interval == 1:
        yield Finding(
            level="warning",
            where="training.validation_interval",
            wrong="it counts steps, so that every single step is validated",
            remedy="Give so many steps as an epoch has, or more",
            suggestions=(100, 1000),
        )


def check_effects(config: Config) -> Iterator[Finding]:
    """Settings of patches that the way they are cut does not look at."""
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
            how = "whole images are seen" if sampling.whole_images else f"patches are cut by the method {method!r}"
            yield Finding(
                level="warning",
                where=f"sampling.{name}",
                wrong=f"this has no effect where {how}",
                remedy="Set it back, or choose another method",
                suggestions=(getattr(defaults, name),),
            )
