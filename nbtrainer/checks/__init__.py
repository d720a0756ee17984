"""Findings about data and settings, all at once, before a run."""

from nbtrainer.checks.check import check
from nbtrainer.checks.survey import Survey, pair_table, survey

__all__ = ["Survey", "check", "pair_table", "survey"]
