"""Findings about data and settings, all at once, before a run."""

from nbtrainer.checks.check import check

__all__ = ["check"]
