"""Findings about data and settings, all at once, before a run."""

from nbtrainer.checks.check import Report, check
from nbtrainer.checks.look import Picture, histogram, picture
from nbtrainer.checks.survey import Survey, survey
from nbtrainer.checks.table import pair_table

__all__ = ["Picture", "Report", "Survey", "check", "histogram", "pair_table", "picture", "survey"]
