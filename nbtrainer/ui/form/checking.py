"""What Go, Check and Fix do: the check beside the page, what it found beside the fields, and the run that starts."""

from __future__ import annotations

from collections.abc import Callable

from nbtrainer import api as public_api
from nbtrainer.config import Config
from nbtrainer.errors import Finding
from nbtrainer.runs import Run
from nbtrainer.ui.background import Api
from nbtrainer.ui.form.compare_settings import take_changes
from nbtrainer.ui.form.findings import FindingsList, pictures_of
from nbtrainer.ui.form.form import Form
from nbtrainer.ui.widgets import Guard
from nbtrainer.ui.work_queue import WorkQueue

_CHECKING = "checking your data …"


class Checking:
    """Checks what the form says, mends what was found, and starts a run of it.

    `show_message` shows a sentence, `on_edit` is told when settings were changed here, `on_work` when work was
    begun, `show_run` when a run was started.
    """

    def __init__(
        self,
        api: Api,
        form: Form,
        work: WorkQueue,
        guard: Guard,
        *,
        show_message: Callable[[str], None],
        on_edit: Callable[[], None],
        on_work: Callable[[], None],
        show_run: Callable[[Run], None],
    ) -> None:
        self.api, self._form, self._work = api, form, work
        self._show_message, self._on_edit, self._on_work, self._show_run = show_message, on_edit, on_work, show_run
        self.findings = FindingsList(
            guard, self._place_of, self._open_panel, lambda finding: self.api.fix_title(finding), self._fix
        )

    def check(self) -> None:
        """Check the settings as they stand, and say what was found."""
        if not self._is_refusing():
            self._start_check()

    def check_and_start(self) -> None:
        """The same, and start a run if nothing forbids it."""
        self._show_message("")
        if self._is_refusing():
            return
        # a copy: the form stays open for edits, which belong to the next run
        config = self._form.config.validated()
        self._start(_CHECKING, lambda: self._check_then_start(config))

    def show(self, findings: list[Finding]) -> None:
        """Show findings beside their fields and in the list."""
        self._form.show_findings(findings)
        self.findings.show_message(findings)

    def _start(self, words: str, task: Callable[[], Callable[[], None]]) -> None:
        self._work.start(words, task)
        self._on_work()

    def _start_check(self) -> None:
        config = self._form.config.validated()
        self._start(_CHECKING, lambda: self._with_pictures(self.api.check(config), config, fine=True))

    def _is_refusing(self) -> bool:
        """Whether something was typed that the config did not take; it is listed."""
        refused = self._form.refused_entries()
        if refused:
            self.findings.show_message(refused)
        return bool(refused)

    def _fix(self, finding: Finding) -> None:
        """Mend what was found, on a copy: the form stays open, and what was edited meanwhile is kept."""
        if self._work.words:
            return
        before = self._form.config.validated()
        after = self._form.config.validated()

        def fix() -> Callable[[], None]:
            sentence = self.api.fix(after, finding)
            return lambda: self._show_fix(before, after=after, sentence=sentence)

        self._start("mending …", fix)

    def _show_fix(self, before: Config, *, after: Config, sentence: str) -> None:
        take_changes(self._form.config, before=before, after=after)
        self._form.load(self._form.config, base=self._form.base)
        self._show_message(sentence)
        self._on_edit()
        self._start_check()

    def _check_then_start(self, config: Config) -> Callable[[], None]:
        """Runs beside the page; returns what is to be shown then."""
        findings = self.api.check(config)
        if any(finding.level == "error" for finding in findings):
            return self._with_pictures(findings, config)
        if self._work.is_closed:
            return lambda: None
        run = public_api.start(config)
        show = self._with_pictures(findings, config)

        def started() -> None:
            show()
            self._show_run(run)

        return started

    def _with_pictures(self, findings: list[Finding], config: Config, fine: bool = False) -> Callable[[], None]:
        """Runs beside the page, too."""
        pictures = pictures_of(findings, config, self.api)

        def show() -> None:
            self._form.show_findings(findings)
            self.findings.show_message(findings, pictures, fine)

        return show

    def _place_of(self, finding: Finding) -> str:
        panel = self._form.panel_of(finding)
        return f"{panel.number} {panel.plan.title}" if panel is not None else ""

    def _open_panel(self, finding: Finding) -> None:
        panel = self._form.panel_of(finding)
        if panel is not None:
            panel.open()
