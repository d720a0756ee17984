"""What is done in threads while the page stays usable; what it brings is shown by the next tick."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from nbtrainer.errors import Finding, UserError

Show = Callable[[], None]


class WorkQueue:
    """Work in threads, and the results that wait to be shown.

    `refresh_loop` is kept going until all is shown; `show_findings` and `show_error` say what went wrong.

    Attributes
    ----------
    words
        What is being done, for the user; empty if nothing that the user waits for.
    is_closed
        Whether nothing more is begun.
    lock
        Held while the refresh loop is started or stopped, so that it is not stopped just when there is work again.
    """

    def __init__(
        self,
        refresh_loop: Any,
        show_findings: Callable[[list[Finding]], None],
        show_error: Callable[[BaseException], None],
    ) -> None:
        self.words = ""
        self.lock = threading.RLock()
        self.results: queue.SimpleQueue[tuple[str, Show]] = queue.SimpleQueue()
        self.jobs = 0
        self.is_closed = False
        self._refresh_loop, self._show_findings, self._show_error = refresh_loop, show_findings, show_error

    @property
    def is_done(self) -> bool:
        """Whether nothing is being done, and nothing waits to be shown."""
        return not self.jobs

    def start(self, words: str, task: Callable[[], Show]) -> None:
        """Do `task` in a thread; what it returns is called by `show_results`."""

        def work() -> None:
            try:
                result = task()
            except UserError as error:
                findings = error.findings
                result = lambda: self._show_findings(findings)  # noqa: E731
            except Exception as error:  # shown in the page, whatever it is
                broke = error
                result = lambda: self._show_error(broke)  # noqa: E731
            self.results.put((words, result))
            self._refresh_loop.hurry()

        with self.lock:
            if self.is_closed:
                return
            self.words = words or self.words
            self.jobs += 1
            self._refresh_loop.start()
        threading.Thread(target=work, name="nbtrainer-work", daemon=True).start()

    def show_results(self) -> None:
        """Show what threads brought, and what is brought while this is done."""
        while True:
            try:
                words, show = self.results.get_nowait()
            except queue.Empty:
                return
            try:
                show()
            finally:
                self.jobs -= 1
                # what was shown may have begun the next work
                self.words = "" if words and self.words == words else self.words

    def close(self) -> None:
        """Begin nothing more."""
        with self.lock:
            self.is_closed = True
