"""What a user can mend: a finding about data or settings, and the error made of findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong or odd: where, what with which value, what to do.

    `where` is a setting (`sampling.patch_size`) or a file. An `error` refuses the run, a `warning` never does.
    `fix` names the repair that would mend it (`nbtrainer.repair.FIXES`), if there is one; `files` are those it is about.
    `suggestions` are what to give instead, the best first: values of the setting `where` (a list as a tuple; of
    `where[0]`, values of that item), or the right name where `where` is unknown. They say no more than `remedy` does.
    """

    level: Literal["error", "warning"] = "error"
    where: str
    wrong: str
    remedy: str = ""
    fix: str = ""
    files: tuple[str, ...] = ()
    suggestions: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return " ".join(_ended(part) for part in (f"{self.where}: {self.wrong}", self.remedy) if part)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class UserError(Exception):
    """A mistake that the user can mend, in sentences; `findings` holds them one by one.

    `is_mistake`: whether it lies in what was given, and not in the computer; the command line ends with 2, else with 1.
    """

    is_mistake = True

    def __init__(self, where: str, wrong: str, remedy: str = "", *, suggestions: tuple[Any, ...] = ()) -> None:
        self.findings = [Finding(where=where, wrong=wrong, remedy=remedy, suggestions=suggestions)]
        super().__init__(str(self.findings[0]))

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """One error of this class that says all of `findings` (at least one), a line each."""
        all_findings = list(findings)
        error = cls(all_findings[0].where, all_findings[0].wrong, all_findings[0].remedy)
        error.findings = all_findings
        error.args = ("\n".join(str(finding) for finding in all_findings),)
        return error

    def replace(self, **changes: Any) -> Self:
        """The same error, of the same class, with other fields in each finding: `error.replace(where="model.pretrained")`."""
        error = type(self).of(dataclasses.replace(finding, **changes) for finding in self.findings)
        vars(error).update({name: value for name, value in vars(self).items() if name != "findings"})
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        # exceptions are made again of `args`, which is the whole sentence here
        fields = {name: value for name, value in vars(self).items() if name != "findings"}
        return _error_of, (type(self), tuple(self.findings)), fields

    @property
    def where(self) -> str:
        return self.findings[0].where

    @property
    def wrong(self) -> str:
        return self.findings[0].wrong

    @property
    def remedy(self) -> str:
        return self.findings[0].remedy

    @property
    def suggestions(self) -> tuple[Any, ...]:
        return self.findings[0].suggestions


def _error_of(kind: type[UserError], findings: tuple[Finding, ...]) -> UserError:
    return kind.of(findings)


class SettingError(UserError):
    """A setting, or an argument of a call, cannot be what it is."""


class DataError(UserError):
    """Images, labels or annotations are missing, cannot be read, or do not belong together."""


class ModelError(UserError):
    """A checkpoint or the folder of a run is missing, cannot be read, or does not suit what is asked of it."""


class CompleteRunWarning(UserWarning):
    """A run that was to be resumed has nothing left to do, and is returned as it is."""


class ComputerError(UserError):
    """Nothing is wrong with what was given: memory or disk do not suffice for it."""

    is_mistake = False
