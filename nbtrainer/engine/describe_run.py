"""A run as a paper has it: a paragraph of methods with its references, scores, curves, data, settings and environment."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from nbtrainer.catalog import LOSSES, NETWORKS, OPTIMIZERS, SCHEDULES, TASKS
from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.data.overlay import as_data_url
from nbtrainer.engine.environment_record import device_title, versions
from nbtrainer.engine.job import TrainingJob
from nbtrainer.runs import events
from nbtrainer.runs.events import Event
from nbtrainer.runs.history import history_rows
from nbtrainer.runs.listeners import draw_curves
from nbtrainer.runs.sentences import duration, readable_score, score_name
from nbtrainer.wording import count_noun, first_of_many

_CITATION = "Cardoso et al. 2022, https://arxiv.org/abs/2211.02701"


def methods(job: TrainingJob, happened: Sequence[Event]) -> tuple[str, list[str]]:
    """A paragraph for the methods of a paper, and the references that it names by their numbers, [1] first."""
    config, split = job.config, job.survey.split
    references: list[str] = []

    def cite(source: str) -> str:
        if not source:
            return ""
        if source not in references:
            references.append(source)
        return f" [{references.index(source) + 1}]"

    used = versions()
    network = NETWORKS[config.model.name]
    optimizer, schedule = OPTIMIZERS[config.compile.optimizer], SCHEDULES[config.compile.schedule]
    size = " x ".join(map(str, config.sampling.patch_size))
    fold = f"; fold {config.data.fold} of {config.data.folds} of a cross-validation" if config.data.folds else ""
    weights = sum(each.numel() for each in job.network.parameters())
    changes = [step.kind.replace("_", " ") for step in config.augmentation.steps if step.kind != "none"]
    sentences = [
        f"Images were segmented with nbtrainer {used['nbtrainer']} (PyTorch {used.get('torch', '')}, MONAI "
        f"{used.get('monai', '')}{cite(_CITATION)}) as {TASKS[config.task.kind].title}{cite(TASKS[config.task.kind].source)}.",
        f"The network, a {network.title}{cite(network.source)} in {config.task.dim}D with {weights:,} weights, was trained on "
        f"{count_noun(len(split.train), 'image')} ({_held_out(validation=len(split.validation), test=len(split.test))}{fold}) in patches of {size} pixels.",
        f"Intensities were normalized ({config.normalization.method.replace('_', ' ')})"
        + (f", and patches augmented ({', '.join(dict.fromkeys(changes))})." if changes else "."),
        f"The loss was {_loss(config, cite)}, minimized by {optimizer.title}{cite(optimizer.source)} with a learning "
        f"rate of {config.compile.learning_rate:g} ({schedule.title}{cite(schedule.source)}) in {job.clock.step:,} steps on "
        f"batches of {job.clock.batch_size:,} ({duration(job.clock.elapsed_seconds)} on {device_title(job.device)}; seed "
        f"{config.training.seed}).",
        *_choice(job),
        *_test(happened),
    ]
    return " ".join(sentences), references


def _loss(config: Config, cite: Callable[[str], str]) -> str:
    """The loss with its reference, or the losses of a sum with their weights."""
    terms = config.compile.loss_terms
    if not terms:
        loss = LOSSES[config.compile.loss]
        return f"{loss.title}{cite(loss.source)}"
    named = [f"{LOSSES[term.loss].title}{cite(LOSSES[term.loss].source)} (weight {term.weight:g})" for term in terms]
    return named[0] if len(named) == 1 else f"the sum of {', '.join(named[:-1])} and {named[-1]}"


def describe_run(job: TrainingJob, happened: Sequence[Event]) -> str:
    """The run as sections of a page (HTML, pictures inside)."""
    paragraph, references = methods(job, happened)
    listed = "".join(f"<li>{html.escape(each)}</li>" for each in references)
    previews = sorted(job.directory.previews.glob("epoch-*.png"))
    rows = history_rows(list(happened))
    if rows:  # the picture is not renewed at every validation
        draw_curves(job.directory.curves, list(happened))
    newest = {name: value for row in rows for name, value in row.items()}
    return "".join(
        [
            f"<h1>{html.escape(job.directory.path.name)}</h1>",
            _section("Methods", content=f"<p>{html.escape(paragraph)}</p><ol>{listed}</ol>"),
            _section(
                "Scores of the last epoch", content=_table((score_name(k), _number(v)) for k, v in newest.items())
            ),
            _section("Curves", content=_picture(job.directory.curves, "losses and scores by epoch")),
            _section("Preview", content=_picture(previews[-1], "image, truth, prediction, errors") if previews else ""),
            _section("Data", content=_table(_data(job))),
            _section("Settings that are not the defaults", content=_table(_settings(job))),
            _section("Environment", content=_table({**versions(), "device": device_title(job.device)}.items())),
        ]
    )


def _held_out(*, validation: int, test: int) -> str:
    held = [f"{validation:,} for validation"] if validation else ["none for validation"]
    return ", ".join([*held, *([f"{test:,} for the test"] if test else [])])


def _choice(job: TrainingJob) -> list[str]:
    best = job.best.best
    if best is None or job.config.training.load_at_end != "best":
        return ["The model of the last step was kept."]
    name = job.monitor.removeprefix("validation_")
    on = " on the validation images" if job.monitor.startswith("validation_") else ""
    chosen = f"The model with the best {score_name(name)}{on} was kept (epoch {best['epoch']}, {best['score']:.4f})"
    tuned = job.config.task.tunes_thresholds and job.validator.labelled_regions()
    return [f"{chosen}; its thresholds were chosen on the same images." if tuned else f"{chosen}."]


def _test(happened: Sequence[Event]) -> list[str]:
    newest = next((event for event in reversed(happened) if isinstance(event, events.TestScored)), None)
    if newest is None:
        return []
    scores = ", ".join(
        f"{score_name(name.removeprefix('test_'))} {readable_score(name, value)}"
        for name, value in newest.scores.items()
    )
    return [f"On {count_noun(newest.images, 'test image')}, which had no part in training or choice: {scores}."]


def _data(job: TrainingJob) -> Iterable[tuple[str, str]]:
    for use in ("train", "validation", "test"):
        names = [pair.name for pair in getattr(job.survey.split, use)]
        if names:
            yield use, f"{count_noun(len(names), 'image')}: {first_of_many(names, 20)}"


def _settings(job: TrainingJob) -> Iterable[tuple[str, str]]:
    for row in settings():
        value = row.value_in(job.config)
        if row.has_effect(job.config) and value != row.default:
            yield row.path, str(value if row.kind != "entries" else [each.model_dump() for each in value])


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _section(title: str, *, content: str) -> str:
    return f"<h2>{html.escape(title)}</h2>{content}" if content else ""


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows]
    return f"<table>{''.join(lines)}</table>" if lines else ""


def _picture(file: Path, words: str) -> str:
    if not file.exists():
        return ""
    return f'<img class="wide" alt="{html.escape(words)}" src="{as_data_url(file.read_bytes())}">'
