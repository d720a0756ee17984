"""Work beside the page: what the public API does may take seconds, and a callback of a widget must not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import ipywidgets as w

from nbtrainer import api
from nbtrainer.config import Config
from nbtrainer.data.roi import RegionOfInterest
from nbtrainer.errors import Finding, UserError
from nbtrainer.ui.widgets import create, sentences, set_trait, set_visible, text

T = TypeVar("T")
Task = Callable[[], Callable[[], None]]
Pairs = list[dict[str, Any]]


class Api(Protocol):
    """What the form calls: `nbtrainer.api`, or a small real thing in a test."""

    def pairs(self, config: Config) -> Pairs: ...

    def thumbnail(
        self, config: Config, index: int, size: int = 96, outlines: bool = True, whole: bool = False
    ) -> tuple[Any, float]: ...

    def histogram(self, config: Config, index: int) -> dict[str, tuple[Any, Any]]: ...

    def check(self, config: Config) -> list[Finding]: ...

    def fix(self, config: Config, finding: Finding) -> str: ...

    def fix_title(self, finding: Finding) -> str: ...

    def regions(self, config: Config, index: int) -> Sequence[RegionOfInterest]: ...

    def augmented_examples(
        self, config: Config, count: int = 12, number: int = 0, first: int = 1
    ) -> list[tuple[Any, Any]]: ...

    def patch_locations(self, config: Config, count: int, start: int = 0) -> dict[str, Any]: ...

    def load_model(self, path: str) -> Any: ...

    def images_of_run(self, directory: Path) -> list[tuple[str, Any]]: ...

    def try_out(
        self, model: Any, image: Any, label: Any = None, report: Callable[[int, int], None] | None = None
    ) -> Any: ...

    def set_thresholds(self, path: str, **thresholds: Any) -> str: ...

    def stack_images(self, folder: Path, out: Path) -> tuple[int, ...]: ...

    def unstack_images(self, stack: Path, out_folder: Path) -> list[Path]: ...


API = cast(Api, api)


class RunInBackground(Protocol):
    """Does `task` in a thread; what that returns is called when the page may be touched."""

    def __call__(self, words: str, task: Task) -> None: ...


def run_inline(words: str, task: Task) -> None:
    """Work without a thread, where waiting does no harm."""
    task()()


class LatestOnly:
    """Work for one place of the page: says that it goes on, and drops what was overtaken by a newer start."""

    def __init__(self, work: RunInBackground) -> None:
        self._work = work
        self._number = 0
        self.words = create(w.HTML, layout=w.Layout(display="none"))

    def start(
        self, words: str, task: Callable[[], T], show: Callable[[T], None], failed: Callable[[], None] = lambda: None
    ) -> None:
        """Do `task` beside the page, then `show` its result; a mistake of the user's is told in the place of the words.

        `failed` is called if there is no result.
        """
        self._number += 1
        number = self._number
        self.show_message(text(f"{words} …", "nbt-muted", "nbt-small") if words else "")

        def work() -> Callable[[], None]:
            try:
                result = task()
            except UserError as error:
                message = complaint(error)
                return lambda: self._fail(number, message, failed)
            except Exception as error:
                broke = error
                return lambda: self._break(number, broke, failed)
            return lambda: self._show(number, show, result)

        self._work("", work)

    def forget(self) -> None:
        """Whatever is still on its way is not wanted any more."""
        self._number += 1
        self.show_message("")

    def show_message(self, words: str) -> None:
        """Show `words`, as HTML, in the place of those about the work."""
        set_trait(self.words, "value", words)
        set_visible(self.words, bool(words))

    def _is_newest(self, number: int) -> bool:
        return number == self._number

    def _show(self, number: int, show: Callable[[T], None], result: T) -> None:
        if self._is_newest(number):
            self.show_message("")
            show(result)

    def _fail(self, number: int, message: str, failed: Callable[[], None]) -> None:
        if self._is_newest(number):
            self.show_message(message)
            failed()

    def _break(self, number: int, error: Exception, failed: Callable[[], None]) -> None:
        self._fail(number, "", failed)
        raise error


class LatestWins:
    """Work for one place of the page, one piece at a time: of what is asked for meanwhile only the newest is done.

    So a slider that is moved faster than its effect can be computed is followed as fast as it can be, and no faster.
    """

    def __init__(self, work: RunInBackground) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self._is_busy = False
        self._number = 0
        self.words = create(w.HTML, layout=w.Layout(display="none"))

    def start(self, task: Callable[[], T], show: Callable[[T], None]) -> None:
        """Do `task` beside the page as soon as what is being done is done, unless something newer is asked for first."""
        with self._lock:
            self._waiting = (task, show)
            if self._is_busy:
                return
            self._is_busy = True
        self._go_on()

    def forget(self) -> None:
        """Whatever is still on its way is not wanted any more."""
        with self._lock:
            self._waiting = None
            self._number += 1
        self._say("")

    def _go_on(self) -> None:
        with self._lock:
            if self._waiting is None:
                self._is_busy = False
                return
            (task, show), self._waiting, number = self._waiting, None, self._number

        def work() -> Callable[[], None]:
            try:
                result = task()
            except UserError as error:
                message = complaint(error)
                return lambda: self._end(number, lambda: self._say(message))
            except Exception as error:
                broke = error
                return lambda: self._break(number, broke)
            return lambda: self._end(number, lambda: self._show(show, result))

        self._work("", work)

    def _show(self, show: Callable[[Any], None], result: Any) -> None:
        self._say("")
        show(result)

    def _end(self, number: int, act: Callable[[], None]) -> None:
        try:
            if number == self._number:
                act()
        finally:
            self._go_on()

    def _break(self, number: int, error: Exception) -> None:
        self._end(number, lambda: self._say(""))
        raise error

    def _say(self, words: str) -> None:
        set_trait(self.words, "value", words)
        set_visible(self.words, bool(words))


def complaint(error: UserError) -> str:
    """What a user's mistake is, as HTML."""
    message = " ".join(sentences(finding) for finding in error.findings[:3])
    return text(f"✕ {message}", "nbt-wrong", "nbt-small")


def png(pixels: Any) -> bytes:
    """`pixels`, uint8 (Y, X, 3) or with opacity (Y, X, 4), as the bytes of a PNG file."""
    import imageio.v3 as imageio  # half a second: only once there is something to see

    return imageio.imwrite("<bytes>", pixels, extension=".png")
