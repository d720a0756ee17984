"""Findings about data and settings, all at once, before a run, and what mends them."""

from nbtrainer.checks.check import Report, check
from nbtrainer.checks.fixes import FIXES, fix, fix_all, fix_title
from nbtrainer.checks.look import Picture, finding_picture, histogram, picture, regions
from nbtrainer.checks.survey import Survey, survey
from nbtrainer.checks.table import pair_table, pairs_of_run

__all__ = [
    "FIXES",
    "Picture",
    "Report",
    "Survey",
    "check",
    "finding_picture",
    "fix",
    "fix_all",
    "fix_title",
    "histogram",
    "pair_table",
    "pairs_of_run",
    "picture",
    "regions",
    "survey",
]
