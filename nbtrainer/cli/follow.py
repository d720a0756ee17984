"""A run followed in the terminal, from a progress bar to its exit status."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import typer

from nbtrainer.cli import console as cli_console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nbtrainer.runs import Run
    from nbtrainer.runs.events import Event, Planned


def follow(run: Run, *, raises_interrupt: bool = False) -> Run:
    """`run` when it has ended, with a progress bar; Ctrl-C, SIGTERM and SIGHUP stop it now, with everything saved.

    `raises_interrupt`: raise KeyboardInterrupt then, for whoever would go on with another run.
    """
    from nbtrainer.runs import events

    # a handler, because an interrupt that falls into a destructor or a callback is lost
    heard: list[int] = []
    before = _stop_on_signals(run, heard)
    # of a resumed run, what happened in earlier sessions was told then
    seen = _session_start(run.events)
    plan = None
    with run_progress_bar() as progress:
        bar = progress.add_task("checking", total=1.0)
        ended = False
        while not ended:
            ended = run.wait(timeout=0.25)
            happened = run.events
            try:
                for event in happened[seen:]:
                    plan = event if isinstance(event, events.Planned) else plan
                    _show_event(progress, bar, event, plan)
            except OSError:  # the terminal was closed, or nobody reads on: the run goes on to its end
                progress.disable = True
                sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
                progress.console.file = sys.stdout
            seen = len(happened)
    for number, handler in before.items():  # who interrupts what comes next does not mean this run
        signal.signal(number, handler)
    if heard and raises_interrupt:
        raise KeyboardInterrupt
    return run


def report_end(run: Run) -> None:
    """Say how a run ended and exit with its status."""
    if run.status == "failed":
        log_file = run.directory / "log.txt"
        details = f"\ndetails: {log_file}" if log_file.exists() else ""
        print(f"nbtrainer: the run failed: {run.error}{details}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"{run.status}; results in {run.directory}")
    if run.best is not None:
        print(f"best model {run.best}")
    if run.last is not None:
        print(f"last model {run.last}")
    raise typer.Exit(0)


def run_progress_bar() -> Progress:
    """A bar with the share that is done, a description and the time."""
    return cli_console.progress_bar("{task.percentage:>3.0f} %  {task.description}", with_time=True)


def _show_event(progress: Progress, bar: TaskID, event: Event, plan: Planned | None) -> None:
    """What `event` says: above the progress bar, in its words, or as how far the run is."""
    from nbtrainer.runs import events, sentences

    match event:
        case events.StepsDone() if plan is not None:
            spent = event.step / plan.total_steps
            if plan.max_minutes:
                spent = max(spent, event.elapsed_seconds / 60 / plan.max_minutes)
            words = f"epoch {event.epoch:,}, step {event.step:,}, {event.seconds_per_step:.2f} s a step, loss {event.loss:.3f}"
            progress.update(bar, completed=min(1.0, spent), description=words)
        case events.Activity():
            progress.update(bar, description=event.doing)
    line = sentences.sentence(event)
    if line and not isinstance(event, events.Failed):
        progress.console.print(line, markup=False)


def _session_start(happened: list[Event]) -> int:
    """Where the newest session of a run begins among all that happened in it."""
    from nbtrainer.runs import events

    begins = [number for number, event in enumerate(happened) if isinstance(event, events.RunStarted)]
    return begins[-1] if begins else 0


def _stop_on_signals(run: Run, heard: list[int]) -> dict[int, Any]:
    """Let signals stop `run`, and note them in `heard`; what they did before."""
    from nbtrainer.runs.signals import ENDING_SIGNALS

    def stop(number: int, frame: object) -> None:
        heard.append(number)
        run.stop(now=True)

    before: dict[int, Any] = {}
    for number in (signal.SIGINT, *ENDING_SIGNALS):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            before[number] = signal.signal(number, stop)
    return before
