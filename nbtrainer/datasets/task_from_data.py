"""The task that settings and labels make together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nbtrainer.catalog import TASKS
from nbtrainer.config import Config
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.annotations.classes import UNNAMED
from nbtrainer.tasks import Task


def task_of(config: Config, surveyed: Survey, **besides: Any) -> Task:
    """The task that `config` asks for, with the values of its labels; raises `UserError` if settings do not fit together.

    `besides`: what else is known, by the names that a task gives it.
    """
    kind = TASKS.load(config.task.kind)
    known: dict[str, Any] = {
        **{name: getattr(config.task, name) for name in type(config.task).model_fields if name != "kind"},
        "values": surveyed.label_values([*surveyed.split.train, *surveyed.split.validation]),
        "labels_of_interest": config.data.labels_of_interest,
        "ignored": surveyed.preparation.ignored,
        **besides,
    }
    if "class_names" in kind.arguments() and not config.task.named_classes:
        known["class_names"] = _class_names(known["values"], of_interest=known["labels_of_interest"], surveyed=surveyed)
    task = kind.create(**{name: value for name, value in known.items() if name in kind.arguments()})
    assert isinstance(task, Task)
    return task


def _class_names(values: Sequence[int], *, of_interest: Sequence[int], surveyed: Survey) -> list[str]:
    """What the files of outlines call the classes with these values, or those wanted; numbers where they do not say."""
    names = {number: name or UNNAMED for name, number in surveyed.preparation.outline_classes}
    used = [value for value in of_interest or values if value]
    named = [names.get(value, str(value)) for value in used]
    is_plain = len(set(named)) < len(named) or "background" in named
    return [] if not names or is_plain else named


def check_task(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Settings of the kind that do not fit together."""
    try:
        task_of(config, surveyed)
    except UserError as error:
        yield from error.findings
