"""The kind of segmentation and its settings: a model for each kind (`nbtrainer.catalog.TASKS` names it)."""

from nbtrainer.config.task.settings import TaskSettings

__all__ = ["TaskSettings"]
