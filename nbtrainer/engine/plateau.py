"""The schedule that looks at the scores: the learning rate falls when what is monitored stays on a plateau."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Plateau:
    """How often the learning rate fell, and since how many validations no score was better."""

    falls: int = 0
    waited: int = 0

    def enter(self, *, is_best: bool, patience: int) -> bool:
        """Enter a validation; whether the rate falls now."""
        self.waited = 0 if is_best else self.waited + 1
        if self.waited < patience:
            return False
        self.falls, self.waited = self.falls + 1, 0
        return True

    def as_record(self) -> dict[str, Any]:
        return {"falls": self.falls, "waited": self.waited}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Plateau:
        """From what `as_record` gave; `{}`, as runs of before have it, is the start."""
        return cls(int(record.get("falls", 0)), int(record.get("waited", 0)))
