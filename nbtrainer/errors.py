"""What a user can mend: a finding about data or settings, and the error made of findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong or odd: where, what with which value, what to do.

    `where` is a setting (`sampling.patch_size`) or a file. An `error` refuses the run, a `warning` never does.
    `fix` names the repair that would mend it (`nbtrainer.checks.FIXES`), if there is one; `files` are those it is about.
    """

    level: Literal["error", "warning"] = "error"
    where: str
    wrong: str
    remedy: str = ""
    fix: str = ""
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(_ended(part) for part in (f"{self.where}: {self.wrong}", self.remedy) if part)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class UserError(Exception):
    """A mistake that the user can mend, in sentences; `findings` holds them one by one."""

    def __init__(self, where: str, wrong: str, remedy: str = "") -> None:
        self.findings = [Finding(where=where, wrong=wrong, remedy=remedy)]
        super().__init__(str(self.findings[0]))

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> UserError:
        """One error that says all of `findings` (at least one), a line each."""
        all_findings = list(findings)
        error = cls(all_findings[0].where, all_findings[0].wrong, all_findings[0].remedy)
        error.findings = all_findings
        error.args = ("\n".join(str(finding) for finding in all_findings),)
        return error

    @property
    def where(self) -> str:
        return self.findings[0].where

    @property
    def wrong(self) -> str:
        return self.findings[0].wrong

    @property
    def remedy(self) -> str:
        return self.findings[0].remedy


class CompleteRunWarning(UserWarning):
    """A run that was to be resumed has nothing left to do, and is returned as it is."""


class ComputerError(UserError):
    """Nothing is wrong with what was given: memory or disk do not suffice for it."""
