"""The command line: prints what the api returns; a user's mistake is one message and exit status 2."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from nbtrainer.cli import console as cli_console
from nbtrainer.cli import prepare as cli_prepare
from nbtrainer.disk import known_disk_error, write_json
from nbtrainer.environment import child_environment, prepare_process
from nbtrainer.errors import CompleteRunWarning, UserError
from nbtrainer.wording import count_noun

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nbtrainer.config import Config
    from nbtrainer.errors import Finding
    from nbtrainer.runs import Run
    from nbtrainer.runs.events import Event, Planned

app = typer.Typer(
    help="Train segmentation networks on your own images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_prepare.app, name="prepare")

_QUICKSTART = "01_quickstart.ipynb"
# the demo has to be over after 90 seconds on slow cores too: start, prediction and report take up to 25 of them
_DEMO_MINUTES = 0.9


def main() -> None:
    """Run the command line; exit status 0: done or stopped, 1: the run failed, 2: a mistake in what was given."""
    try:
        cli_console.print_any_name()
        warnings.showwarning = _print_warning
        # what a command raises as typer.Exit comes back as a number
        status = app(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except UserError as error:
        print(f"nbtrainer: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("nbtrainer: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        disk_error = known_disk_error(error)
        if disk_error is None:
            raise
        print(f"nbtrainer: {disk_error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        # click's own complaints (an unknown option, a missing argument) have a message and a status
        if not hasattr(error, "format_message"):
            raise
        print(f"nbtrainer: {error.format_message()} Try nbtrainer --help.", file=sys.stderr)
        sys.exit(2)


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a sentence, without the line of code that it comes from."""
    print(f"warning: {message}", file=sys.stderr)


@app.command()
def lab(
    directory: Annotated[Path | None, typer.Argument(help="Folder to work in; the quick start is put there.")] = None,
    port: Annotated[int, typer.Option(help="Port of the local server; 0: any free one.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open JupyterLab on the quick start, with the settings that make training fast."""
    try:
        import jupyterlab  # noqa: F401
    except ImportError:
        raise UserError("lab", "JupyterLab is not installed", 'Install it with: pip install "nbtrainer[lab]"') from None
    folder = directory or Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    notebook = _quickstart(folder).relative_to(folder).as_posix()
    # as the default page, so that the address that is printed leads to the notebook too
    page = f"--LabApp.default_url=/lab/tree/{notebook}"
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", page, f"--port={port}"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    sys.exit(subprocess.call(command, env=child_environment()))


@app.command()
def demo(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = _DEMO_MINUTES,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs"),
) -> None:
    """Train for about a minute on the embedded nuclei, and compare with Otsu's threshold."""
    import time

    prepare_process()
    from nbtrainer import api, samples
    from nbtrainer.config import Config
    from nbtrainer.runs.best import best_epoch

    began = time.monotonic()
    folder = samples.path("nuclei2d")
    config = Config.preset("binary_2d")
    config.update(
        data={"datasets": [{"images": folder / "images", "labels": folder / "labels"}], "validation_fraction": 0.25},
        sampling={"patch_size": [128, 128]},
        training={"max_minutes": minutes, "epochs": 1000, "steps_per_epoch": 25, "batch_size": 8},
        output={"root": str(out), "data_task": "demo"},
    )
    print("Training on 4 embedded images of nuclei (3 train, 1 validates) for about a minute ...")
    run = _followed(api.start(config))
    if run.status != "finished":
        _end(run)
    best_row = best_epoch(((row["epoch"], row) for row in run.history), "validation_dice", higher=True)
    best = next(row for row in run.history if best_row is None or row["epoch"] == best_row[0])
    baseline = _baseline(run)
    print(f"validation scores of the best model (epoch {best['epoch']}), beside those of Otsu's threshold:")
    for name, value in baseline.items():
        print(f"  {name.removeprefix('validation_'):<10} {best[name]:.4f}   Otsu {value:.4f}")
    print(f"curves   {run.directory / 'curves.png'}")
    print(f"previews {run.directory / 'previews'}")
    print(f"validation Dice {best['validation_dice']:.4f}, seconds {time.monotonic() - began:.0f}, model {run.best}")


@app.command()
def presets() -> None:
    """List the presets: ready settings to start from."""
    from nbtrainer.config import presets as known

    for preset in known().values():
        print(f"{preset.name:<22} {preset.title}\n{'':<22} {preset.description}\n")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
) -> None:
    """Train with the settings of a file or preset. Ctrl-C stops at once, with everything saved."""
    prepare_process()
    from nbtrainer import api

    given = _config(config, settings)
    _print_warnings(given)
    _end(_followed(api.start(given)))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="The folder of the run.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
) -> None:
    """Continue a run exactly where it stopped."""
    prepare_process()
    from nbtrainer import api

    overrides: dict[str, dict[str, Any]] = {}
    for path, value in map(_assignment, settings or []):
        section, _, name = path.partition(".")
        overrides.setdefault(section, {})[name] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompleteRunWarning)  # who types a command wants something to happen
        try:
            resumed = api.resume(run, **overrides)
        except CompleteRunWarning as warning:
            print(f"nbtrainer: {warning}", file=sys.stderr)
            raise typer.Exit(2) from None
    _end(_followed(resumed))


@app.command()
def log(
    run: Annotated[Path, typer.Argument(help="The folder of the run.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write it to this file: sentences, or a table of losses and metrics if it is a .csv."),
    ] = None,
) -> None:
    """Print what happened in a run so far, or save it; the run may still go on."""
    from nbtrainer import api
    from nbtrainer.runs import events

    attached = api.attach(run)
    if out is not None:
        print(attached.save_log(out))
        return
    for event in attached.events:
        print(events.log_line(event), end="")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    images: Annotated[list[str], typer.Argument(help="Image files, folders or wildcards.")],
    out: Annotated[Path, typer.Option(help="Folder for the label images.")],
    diameter: Annotated[
        float | None,
        typer.Option(
            help="Of the objects in pixels, for a model trained on objects of one size; estimated for each image if it "
            "has a size model."
        ),
    ] = None,
    tta: Annotated[
        int,
        typer.Option(
            "--tta",
            "--variants",
            min=1,
            max=16,
            help="Ways to flip and turn each image that are averaged: 1, 2, 4, 8, in 3D 16.",
        ),
    ] = 1,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Bring each image to the pixel size of the training, and the labels back.")
    ] = False,
    stitch: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Make volumes of stacks of slices: join objects that overlap by this IoU."),
    ] = None,
    adjust: Annotated[
        list[str] | None,
        typer.Option("--set", help="A threshold other than the model's: threshold=0.4. May be repeated."),
    ] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Also write probability maps: <name>_<map>, float32.")] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Also write a table of all objects: <name>.csv.")] = False,
    format: Annotated[
        str, typer.Option(help="auto: .nii.gz for NIfTI, else .tif. Or: tif, nii.gz, zarr, png.")
    ] = "auto",
) -> None:
    """Segment images; writes <name>.tif (.nii.gz for NIfTI) for each into the folder OUT. Ctrl-C stops it.

    Images that fail are told at the end, and the others predicted; then the exit status is 2 if it lay in the images, 1 if
    in the computer (memory, disk).
    """
    prepare_process()
    from nbtrainer import api
    from nbtrainer.inference.batch import PredictionOptions, check_targets, files_in, images_in, predict_files

    files, failed = files_in(images)
    missing = len(failed)
    check_targets(files, out, format)
    predictor = api.load_model(model)
    files = images_in(files, predictor)
    check_targets(files, out, format)
    adjusted = dict(_assignment(text, "NAME=VALUE, as in threshold=0.4") for text in adjust or [])
    options = PredictionOptions(format, diameter, tta, rescale, stitch, adjusted, maps, measure)
    done, is_mistake = 0, True
    with _bar() as bar:
        task = bar.add_task(f"1/{len(files)} {files[0].name}", total=None)

        def report(finished: int, of: int) -> None:
            bar.update(task, completed=finished, total=of)

        for number, outcome in enumerate(predict_files(predictor, files, out, options, report), 1):
            line = f"{number}/{len(files)} {outcome.image.name}"
            if number < len(files):
                bar.update(task, description=f"{number + 1}/{len(files)} {files[number].name}", completed=0, total=None)
            for note in outcome.notes:
                bar.console.print(f"{outcome.image.name}: {note}", style="yellow")
            if outcome.target is None:
                failed += outcome.findings
                is_mistake = is_mistake and outcome.is_mistake
                message = " ".join(map(str, outcome.findings))
                bar.console.print(f"{line}: {message}", style="red", soft_wrap=True)
                continue
            done += 1
            size = "" if outcome.diameter is None else f" (diameter {outcome.diameter:.1f} px)"
            bar.console.print(f"{line}{size} -> {outcome.target}", soft_wrap=True)
    if failed:
        message = "\n".join(map(str, failed))
        print(
            f"nbtrainer: {done} of {count_noun(len(files) + missing, 'image')} predicted; not:\n{message}",
            file=sys.stderr,
        )
        raise typer.Exit(2 if is_mistake else 1)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    images: Annotated[str, typer.Option(help="Folder of images; or whatever training takes.")],
    labels: Annotated[
        str | None, typer.Option(help="Folder of their labels; none if they lie beside the images.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scores to this file too.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page (HTML) about each image and its worst objects.")
    ] = None,
    img_filter: Annotated[str, typer.Option(help="Only images whose name ends with this.")] = "",
    mask_filter: Annotated[str, typer.Option(help="What names of labels end with.")] = "_masks",
    look_one_level_down: Annotated[
        bool, typer.Option("--look-one-level-down", help="Also take the files in the folders inside the folder.")
    ] = False,
) -> None:
    """Score a model on images with known labels."""
    prepare_process()
    from nbtrainer import api

    for option, file in (("json", json_file), ("report", report)):
        if file is not None and not file.absolute().parent.is_dir():
            raise UserError(option, f"there is no folder {file.absolute().parent}", "Make it, or choose another")
    naming = {"img_filter": img_filter, "mask_filter": mask_filter, "look_one_level_down": look_one_level_down}
    scores = api.evaluate(model, images, labels, report=report, **naming)
    for row in [*scores["images"], {"image": "overall", **scores["overall"]}]:
        print(
            f"{row['image']:<30} " + "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "image")
        )
    if json_file:
        write_json(json_file, scores, "json", indent=2)


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended, in copies; new settings beside the old.")
    ] = False,
    fix_all: Annotated[
        bool, typer.Option("--fix-all", help="As --fix; also leave out images that are only odd, and crop sparse ones.")
    ] = False,
) -> None:
    """Look for everything that is wrong or odd about data and settings, without training."""
    given = _config(config, settings)
    findings = _checked(given)
    if (fix or fix_all) and any(finding.fix for finding in findings):
        findings = _mended(config, given, fix_all)
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        print(f"nbtrainer: {errors[0]}{more}", file=sys.stderr)
        raise typer.Exit(2)


def _checked(config: Config) -> list[Finding]:
    """The findings of a check, printed, with the progress of a long one."""
    from nbtrainer import api

    findings = api.check(config, _progress if sys.stderr.isatty() else None)
    for finding in findings:
        title = api.fix_title(finding)
        print(f"{finding.level}: {finding}" + (f" [--fix: {title}]" if title else ""))
    errors = sum(finding.level == "error" for finding in findings)
    print(f"{count_noun(errors, 'error')}, {count_noun(len(findings) - errors, 'warning')}")
    return findings


def _progress(done: int, of: int) -> None:
    print(f"\rchecking {done}/{of}" if done < of else "\r\x1b[K", end="", file=sys.stderr, flush=True)


def _mended(source: Path, config: Config, also_leave_out: bool) -> list[Finding]:
    """What is left to find after every repair; the edited settings are saved beside `source`."""
    from nbtrainer import api

    print("\nmending:")
    sentences = api.fix_all(config, also_leave_out)
    for sentence in sentences:
        print(f"  {sentence}")
    if not sentences:
        print("  nothing; --fix-all also leaves out images that are only odd")
        return api.check(config)
    folder = source if source.is_dir() else source.parent
    target = folder / f"{'config' if source.is_dir() else source.stem}_repaired.json"
    config.save(target)
    print(f"the settings with these repairs are in {target}\n\nwhat is left:")
    return _checked(config)


@app.command()
def pairs(
    config: Annotated[Path, typer.Argument(help="A config.json, or the name of a preset.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Changes: section.field=value ...")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the table to this file too.")] = None,
) -> None:
    """List every image with its label: size, type, pixel size, objects, and whether it trains or validates."""
    from nbtrainer import api

    rows = api.pairs(_config(config, settings))
    table = cli_console.table("image", "label", "size", "type", "pixel size (µm)", "objects", "split", "")
    for row in rows:
        marks = [
            "paired by order" if row["by_order"] else "",
            "estimated" if row["estimated"] else "",
            row["problem"],
        ]
        channels = f" x {row['channels']} channels" if row["channels"] > 1 else ""
        table.add_row(
            row["name"],
            Path(row["label"]).name,
            " x ".join(map(str, row["shape"])) + channels,
            row["dtype"],
            "" if row["spacing"] is None else " x ".join(f"{length:.4g}" for length in row["spacing"]),
            "" if row["objects"] is None else f"{row['objects']:,}",
            row["split"],
            ", ".join(filter(None, marks)),
        )
    cli_console.console().print(table)
    classes = {value: name for row in rows for value, name in zip(row["classes"], row["class_names"], strict=False)}
    if classes:
        print(f"classes of the outlines: {', '.join(f'{value} {classes[value]}' for value in sorted(classes))}")
    if json_file:
        write_json(json_file, rows, "json", indent=2, default=list)


def _config(source: Path, settings: list[str] | None) -> Config:
    from nbtrainer.config import Config
    from nbtrainer.config import presets as known

    config = Config.preset(str(source)) if str(source) in known() and not source.exists() else Config.load(source)
    for path, value in map(_assignment, settings or []):
        config.set(path, value)
    return config


def _assignment(text: str, form: str = "section.field=value, as in training.epochs=20") -> tuple[str, Any]:
    """`section.field=value`, the value read as JSON where it is JSON."""
    path, sign, value = text.partition("=")
    if not sign:
        raise UserError(text, "this is no setting", f"Write {form}")
    try:
        return path, json.loads(value)
    except json.JSONDecodeError:
        return path, value


def _print_warnings(config: Config) -> None:
    from nbtrainer import api

    for finding in api.check(config):
        if finding.level == "warning":
            print(f"warning: {finding}", file=sys.stderr)


def _bar() -> Progress:
    return cli_console.progress_bar("{task.percentage:>3.0f} %  {task.description}", with_time=True)


def _followed(run: Run) -> Run:
    """`run` when it has ended, with a progress bar; Ctrl-C, SIGTERM and SIGHUP stop it now, with everything saved."""
    from nbtrainer.runs import events

    # a handler, because an interrupt that falls into a destructor or a callback is lost
    _stop_on_signals(run)
    # of a resumed run, what happened in earlier sessions was told then
    seen = _beginning_of_session(run.events)
    plan = None
    with _bar() as progress:
        bar = progress.add_task("checking", total=1.0)
        ended = False
        while not ended:
            ended = run.wait(timeout=0.25)
            happened = run.events
            try:
                for event in happened[seen:]:
                    plan = event if isinstance(event, events.Planned) else plan
                    _show(progress, bar, event, plan)
            except OSError:  # the terminal was closed, or nobody reads on: the run goes on to its end
                progress.disable = True
                sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
                progress.console.file = sys.stdout
            seen = len(happened)
    return run


def _show(progress: Progress, bar: TaskID, event: Event, plan: Planned | None) -> None:
    """What `event` says: above the progress bar, in its words, or as how far the run is."""
    from nbtrainer.runs import events

    match event:
        case events.StepsDone() if plan is not None:
            spent = event.step / plan.total_steps
            if plan.max_minutes:
                spent = max(spent, event.elapsed_seconds / 60 / plan.max_minutes)
            words = f"epoch {event.epoch:,}, step {event.step:,}, {event.seconds_per_step:.2f} s a step, loss {event.loss:.3f}"
            progress.update(bar, completed=min(1.0, spent), description=words)
        case events.Activity():
            progress.update(bar, description=event.doing)
    line = events.sentence(event)
    if line and not isinstance(event, events.Failed):
        progress.console.print(line, markup=False)


def _beginning_of_session(happened: list[Event]) -> int:
    """Where the newest session of a run begins among all that happened in it."""
    from nbtrainer.runs import events

    begins = [number for number, event in enumerate(happened) if isinstance(event, events.RunStarted)]
    return begins[-1] if begins else 0


def _stop_on_signals(run: Run) -> None:
    from nbtrainer.runs.signals import ENDING_SIGNALS

    for number in (signal.SIGINT, *ENDING_SIGNALS):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, frame: run.stop(now=True))


def _end(run: Run) -> None:
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


def _baseline(run: Run) -> dict[str, float]:
    from nbtrainer.runs import events

    scores = [event.scores for event in run.events if isinstance(event, events.BaselineScored)]
    return scores[-1] if scores else {}


def _quickstart(folder: Path) -> Path:
    """The quick-start notebook for `folder`: one that is there already stays as it is."""
    if (folder / _QUICKSTART).exists():
        return folder / _QUICKSTART
    # beside the package in a clone, else where an installation puts shared files
    sources = (Path(__file__).parents[2] / "notebooks", Path(sys.prefix) / "share" / "nbtrainer" / "notebooks")
    source = next((place / _QUICKSTART for place in sources if (place / _QUICKSTART).exists()), None)
    if source is None:
        raise UserError("lab", f"the notebook {_QUICKSTART} was not installed", "Install nbtrainer again")
    return Path(shutil.copyfile(source, folder / _QUICKSTART))
