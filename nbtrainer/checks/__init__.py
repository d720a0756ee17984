"""Findings about data and settings, all at once, before a run."""

from nbtrainer.checks.check import Report, check

__all__ = ["Report", "check"]
