"""Commands for the first minutes: `lab`, `demo`, `presets`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbtrainer.cli.follow import follow, report_end
from nbtrainer.environment import child_environment, prepare_process
from nbtrainer.errors import UserError

if TYPE_CHECKING:
    from nbtrainer.runs import Run

_QUICKSTART = "01_quickstart.ipynb"
# the demo has to be over after 90 seconds on slow cores too: start, prediction and report take up to 25 of them
_DEMO_MINUTES = 0.9


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
    run = follow(api.start(config))
    if run.status != "finished":
        report_end(run)
    best_row = best_epoch(((row["epoch"], row) for row in run.history), "validation_dice", higher=True)
    best = next(row for row in run.history if best_row is None or row["epoch"] == best_row[0])
    baseline = _baseline(run)
    print(f"validation scores of the best model (epoch {best['epoch']}), beside those of Otsu's threshold:")
    for name, value in baseline.items():
        print(f"  {name.removeprefix('validation_'):<10} {best[name]:.4f}   Otsu {value:.4f}")
    print(f"curves   {run.directory / 'curves.png'}")
    print(f"previews {run.directory / 'previews'}")
    print(f"validation Dice {best['validation_dice']:.4f}, seconds {time.monotonic() - began:.0f}, model {run.best}")


def presets() -> None:
    """List the presets: ready settings to start from."""
    from nbtrainer.config import presets as all_presets

    for preset in all_presets().values():
        print(f"{preset.name:<22} {preset.title}\n{'':<22} {preset.description}\n")


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
