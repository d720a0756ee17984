"""The task that settings and labels make together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrainer.catalog import TASKS
from nbtrainer.checks.survey import Survey
from nbtrainer.config import Config
from nbtrainer.errors import Finding, UserError
from nbtrainer.tasks import Task


def task_of(config: Config, surveyed: Survey, **besides: Any) -> Task:
    """The task that `config` asks for, with the values of its labels; raises `UserError` if settings do not fit together.

    `besides`: what else is known, by the names that a task gives it.
    """
    kind = TASKS.load(config.task.kind)
    known: dict[str, Any] = {
        **config.task.model_dump(),
        "values": surveyed.label_values([*surveyed.split.train, *surveyed.split.validation]),
        "labels_of_interest": config.data.labels_of_interest,
        "ignored": surveyed.preparation.ignored,
        **besides,
    }
    task = kind.create(**{name: value for name, value in known.items() if name in kind.settings()})
    assert isinstance(task, Task)
    return task


def check_task(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Settings of the kind that do not fit together."""
    try:
        task_of(config, surveyed)
    except UserError as error:
        yield from error.findings
