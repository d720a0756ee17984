"""Work beside the page: what asks the house may take seconds, and a callback of a widget must not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import ipywidgets as w

from nbtrainer import api
from nbtrainer.config import Config
from nbtrainer.data.region import Region
from nbtrainer.errors import Finding, UserError
from nbtrainer.ui.widgets import make, put, sentences, shown, text

T = TypeVar("T")
Task = Callable[[], Callable[[], None]]
Pairs = list[dict[str, Any]]


class Door(Protocol):
    """What the form asks of the house: `nbtrainer.api`, or a small real thing in a test."""

    def pairs(self, config: Config) -> Pairs: ...

    def picture(
        self, config: Config, index: int, size: int = 96, outlines: bool = True, whole: bool = False
    ) -> tuple[Any, float]: ...

    def histogram(self, config: Config, index: int) -> dict[str, tuple[Any, Any]]: ...

    def check(self, config: Config) -> list[Finding]: ...

    def fix(self, config: Config, finding: Finding) -> str: ...

    def fix_title(self, finding: Finding) -> str: ...

    def regions(self, config: Config, index: int) -> Sequence[Region]: ...

    def variants(self, config: Config, count: int = 12, number: int = 0, first: int = 1) -> list[tuple[Any, Any]]: ...

    def places(self, config: Config, count: int, start: int = 0) -> dict[str, Any]: ...


HOUSE = cast(Door, api)


class Work(Protocol):
    """Does `task` in a thread; what that returns is called when the page may be touched."""

    def __call__(self, words: str, task: Task) -> None: ...


def at_once(words: str, task: Task) -> None:
    """Work without a thread, where waiting does no harm."""
    task()()


class Latest:
    """Work for one place of the page: says that it goes on, and drops what was overtaken by a newer start."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._number = 0
        self.words = make(w.HTML, layout=w.Layout(display="none"))

    def start(self, words: str, task: Callable[[], T], show: Callable[[T], None]) -> None:
        """Do `task` beside the page, then `show` its result; a mistake of the user's is told in the place of the words."""
        self._number += 1
        number = self._number
        self._say(text(f"{words} …", "nbt-muted", "nbt-small") if words else "")

        def work() -> Callable[[], None]:
            try:
                result = task()
            except UserError as error:
                said = " ".join(sentences(finding) for finding in error.findings[:3])
                return lambda: (
                    self._say(text(f"✕ {said}", "nbt-wrong", "nbt-small")) if self._is_newest(number) else None
                )
            except Exception as error:
                broke = error
                return lambda: self._break(number, broke)
            return lambda: self._show(number, show, result)

        self._work("", work)

    def forget(self) -> None:
        """Whatever is still on its way is not wanted any more."""
        self._number += 1
        self._say("")

    def _is_newest(self, number: int) -> bool:
        return number == self._number

    def _show(self, number: int, show: Callable[[T], None], result: T) -> None:
        if self._is_newest(number):
            self._say("")
            show(result)

    def _break(self, number: int, error: Exception) -> None:
        if self._is_newest(number):
            self._say("")
        raise error

    def _say(self, words: str) -> None:
        put(self.words, "value", words)
        shown(self.words, bool(words))


def png(pixels: Any) -> bytes:
    """`pixels`, uint8 (Y, X, 3) or with opacity (Y, X, 4), as the bytes of a PNG file."""
    import imageio.v3 as imageio  # half a second: only once there is something to see

    return imageio.imwrite("<bytes>", pixels, extension=".png")
