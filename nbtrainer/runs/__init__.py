"""A run as a folder that anyone can read, also while it is written: no torch here."""

from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.run import Run, attach

__all__ = ["Run", "RunDirectory", "attach"]
