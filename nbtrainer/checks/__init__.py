"""Findings about data and settings, all at once, before a run."""

from nbtrainer.checks.check import check
from nbtrainer.checks.look import Picture, histogram, picture, regions
from nbtrainer.checks.survey import Survey, survey
from nbtrainer.checks.table import pair_table

__all__ = ["Picture", "Survey", "check", "histogram", "pair_table", "picture", "regions", "survey"]
