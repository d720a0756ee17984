"""The check before a run: everything that is wrong or odd, in sentences, errors first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbtrainer.catalog import TASKS, size_multiple
from nbtrainer.checks.files import check_files
from nbtrainer.checks.survey import survey
from nbtrainer.config import Config
from nbtrainer.errors import Finding, UserError
from nbtrainer.runs.directory import free_name_problem

# of findings that say the same of different files, this many are told one by one
_MOST_OF_A_KIND = 3


def check(config: Config) -> list[Finding]:
    """Findings about the settings, the files and how both fit together; errors first. Reads every file once."""
    try:
        config = Config.of(config).validated()
    except UserError as error:
        return error.findings
    found = [*_settings(config), *_output(config)]
    if not config.data.datasets:
        found.append(
            Finding(
                where="data.datasets", wrong="no images are chosen", remedy="Add a folder of images and one of labels"
            )
        )
    else:
        surveyed = survey(config)
        found += surveyed.problems
        found += _grouped(check_files(config, surveyed))
    return sorted(found, key=lambda finding: finding.level)


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
        yield from _patch_size(config)
    start, end = config.normalization.range
    if config.normalization.method != "none" and not start < end:
        yield Finding(
            where="normalization.range",
            wrong=f"{start:g} to {end:g} is no range",
            remedy="The first number must be the smaller one",
        )
    if training.steps_per_epoch == 0:
        yield Finding(
            where="training.steps_per_epoch",
            wrong="an epoch of 0 steps trains nothing",
            remedy="Give 1 or more, or -1 for all",
        )
    yield from _device(config)
    pretrained = config.model.pretrained
    if pretrained and not config.resolve(pretrained).exists():
        yield Finding(
            where="model.pretrained",
            wrong=f"there is no file or folder {config.resolve(pretrained)}",
            remedy="Choose a checkpoint (.pt) or the folder of a run, or leave it empty",
        )
    if config.data.labels_of_interest and not any(config.data.labels_of_interest):
        yield Finding(where="data.labels_of_interest", wrong="0 is the background", remedy="List other values, or none")
    validates = config.data.validation_fraction > 0 or any(entry.use == "validation" for entry in config.data.datasets)
    if training.monitor.startswith("validation") and not validates:
        yield Finding(
            where="training.monitor",
            wrong="the best model is to be found by validation, but nothing is kept for validation",
            remedy="Raise data.validation_fraction, or choose auto or train_loss",
        )
    metrics = (
        TASKS.load(config.task.kind).default_metrics if config.compile.metrics == "auto" else config.compile.metrics
    )
    score = training.monitor.removeprefix("validation_")
    if training.monitor.startswith("validation_") and score != "loss" and score not in metrics:
        yield Finding(
            where="training.monitor",
            wrong=f"{score} is not among the metrics",
            remedy=f"Add {score} to compile.metrics, or choose auto",
        )


def _patch_size(config: Config) -> Iterator[Finding]:
    multiple = size_multiple(config.model.name, config.model.features)
    wrong = [length for length in config.sampling.patch_size if length % multiple or length < 2 * multiple]
    if wrong:
        near = sorted(
            {max(2 * multiple, wrong[0] // multiple * multiple), max(2 * multiple, -(-wrong[0] // multiple) * multiple)}
        )
        yield Finding(
            where="sampling.patch_size",
            wrong=f"{wrong[0]} does not suit the network, which needs multiples of {multiple}, at least {2 * multiple}",
            remedy=f"Try {' or '.join(map(str, near))}",
        )


def _device(config: Config) -> Iterator[Finding]:
    name = config.training.device
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps", "xla") or (number and not number.isdigit()):
        yield Finding(
            where="training.device", wrong=f"{name!r} is not a device", remedy="Choose auto, cpu, cuda, cuda:1 or mps"
        )
    if config.training.precision == "float16" and kind == "cpu":
        yield Finding(
            where="training.precision",
            wrong="float16 needs a graphics card, but the device is cpu",
            remedy="Choose auto, float32 or bfloat16",
        )


def _output(config: Config) -> Iterator[Finding]:
    problem = free_name_problem(config.resolve(config.output.root), config.output.data_task, config.output.name)
    if problem is not None:
        yield from problem.findings


def _grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, of those that say the same of different files the first few and how many more there are."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.level, finding.wrong), []).append(finding)
    grouped = []
    for same in groups.values():
        grouped += same[:_MOST_OF_A_KIND]
        if len(same) > _MOST_OF_A_KIND:
            more = f"the same is true of {len(same) - _MOST_OF_A_KIND:,} more files"
            grouped.append(dataclasses.replace(same[0], where=str(Path(same[0].where).parent), wrong=more))
    return grouped
