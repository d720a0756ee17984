"""One file per kind of segmentation: labels to target, prediction to labels, its losses and scores."""

from nbtrainer.tasks.task import Links, Task

__all__ = ["Links", "Task"]
