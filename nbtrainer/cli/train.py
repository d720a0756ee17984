"""Commands about runs: `train`, `resume`, `cross-validate`, `find-learning-rate`, `log`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbtrainer.cli.console import progress_bar
from nbtrainer.cli.follow import follow, report_end
from nbtrainer.cli.settings import parse_assignment, read_config
from nbtrainer.environment import prepare_process, process_rank
from nbtrainer.errors import CompleteRunWarning

if TYPE_CHECKING:
    from nbtrainer.config import Config
    from nbtrainer.runs import Run


_Processes = Annotated[
    int | None, typer.Option(min=1, help="How many processes share each batch, as training.processes.")
]


def train(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    processes: _Processes = None,
) -> None:
    """Train with the settings of a file or preset. Ctrl-C stops at once, with everything saved."""
    prepare_process()
    from nbtrainer import api

    configured = read_config(config, settings)
    if processes is not None:
        configured.set("training.processes", processes)
    if not process_rank():
        _print_warnings(configured)
    _report(api.start(configured))


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of the run, or one of its checkpoints.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    start_epoch: Annotated[
        int | None, typer.Option(min=0, help="Make a new run that goes on from there and counts from this epoch.")
    ] = None,
    processes: _Processes = None,
) -> None:
    """Continue a run exactly where it stopped; from a checkpoint, as a new run."""
    prepare_process()
    from nbtrainer import api

    overrides: dict[str, dict[str, Any]] = {}
    for path, value in map(parse_assignment, settings or []):
        section, _, name = path.partition(".")
        overrides.setdefault(section, {})[name] = value
    if processes is not None:
        overrides.setdefault("training", {})["processes"] = processes
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompleteRunWarning)  # who types a command wants something to happen
        try:
            resumed = api.resume(run, start_epoch, **overrides)
        except CompleteRunWarning as warning:
            print(f"nbtrainer: {warning}", file=sys.stderr)
            raise typer.Exit(2) from None
    _report(resumed)


def cross_validate(
    config: Annotated[
        Path,
        typer.Argument(help="A config.json, the name of a preset, or the folder of a cross-validation to go on with."),
    ],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="How many parts the images are divided into (5 unless data.folds says).")
    ] = None,
) -> None:
    """Train a model for each fold of the images; each image is scored by the model that did not train on it.

    Ctrl-C stops it with everything saved; the same command goes on, if output.name is given, or the folder.
    """
    prepare_process()
    from nbtrainer import api

    # the folder itself may have been moved since its settings were written
    given = read_config(config, settings) if settings or not config.is_dir() else config

    def watch(run: Run) -> Run:
        print(f"{run.directory.name}: {run.directory}")
        return follow(run, raises_interrupt=True)

    whole = api.cross_validate(given, folds, watch=watch)
    print(whole)
    print(f"{whole.status}; results in {whole.directory}")
    if whole.status == "failed":
        print(f"nbtrainer: {whole.error}", file=sys.stderr)
        raise typer.Exit(1)


def find_learning_rate(
    config: Annotated[Path, typer.Argument(help="Settings (JSON), or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    steps: Annotated[int, typer.Option(help="How many steps.")] = 100,
    lowest: Annotated[float, typer.Option(help="The rate of the first step.")] = 1e-6,
    highest: Annotated[float, typer.Option(help="The rate of the last step.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Write the curve to this picture (PNG).")] = None,
) -> None:
    """Try learning rates: a few steps with a rising rate, of which nothing is kept but a curve and a suggestion."""
    prepare_process()
    from nbtrainer import api

    configured = read_config(config, settings)
    with progress_bar("step {task.completed} of {task.total}", to_errors=True) as bar:
        task = bar.add_task("", total=steps)
        curve = api.find_learning_rate(
            configured, steps, lowest, highest, report=lambda done, of: bar.update(task, completed=done, total=of)
        )
    if out is not None:
        print(curve.save(out))
    if curve.suggested is None:
        print(
            "the loss did not clearly fall at any of these rates: try more --steps, or look at the data with nbtrainer check"
        )
    else:
        print(f"suggested: compile.learning_rate={curve.suggested:.1g}")


def log(
    run: Annotated[Path, typer.Argument(help="The folder of the run.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write it to this file: sentences; a table of losses and metrics if it is a .csv; everything of the run "
            "if it is a .zip. With --format: to this folder."
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="tensorboard, or wandb: the files that Weights & Biases has.")] = "",
) -> None:
    """Print what happened in a run so far, or save it; the run may still go on."""
    from nbtrainer import api
    from nbtrainer.runs import sentences

    attached = api.attach(run)
    if format:
        print(attached.export_log(out or run / format, format))
        return
    if out is not None:
        print(attached.save_zip(out) if out.suffix.lower() == ".zip" else attached.save_log(out))
        return
    for event in attached.events:
        print(sentences.log_line(event), end="")


def _report(run: Run) -> None:
    """Follow `run` to its end, unless this is one of several processes and not the one that tells."""
    if process_rank():
        raise typer.Exit(1 if run.status == "failed" else 0)
    report_end(follow(run))


def _print_warnings(config: Config) -> None:
    from nbtrainer import api

    for finding in api.check(config):
        if finding.level == "warning":
            print(f"warning: {finding}", file=sys.stderr)
