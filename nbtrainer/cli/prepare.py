"""The command `nbtrainer prepare`: images and labels divided and laid out, stacks made and taken apart."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from nbtrainer.cli.console import progress_bar
from nbtrainer.errors import SettingError

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_LABELS = "They are labels: their numbers are kept, where a palette would give images its colours."


@app.callback(invoke_without_command=True)
def prepare(
    context: typer.Context,
    images: Annotated[Path | None, typer.Option(help="Folder of images, a wildcard or a list.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Folder of their labels, a wildcard or a list.")] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Instead of both: a folder with images and labels, or train, val and test with both in each."
        ),
    ] = None,
    output_root: Annotated[Path, typer.Option(help="Folder for all data tasks.")] = Path("runs"),
    data_task: Annotated[str, typer.Option(help="Name of the data set: a folder in the output root.")] = "default",
    train: Annotated[str, typer.Option(help="Share of images that train: 0.7, 70 or 70%.")] = "0.7",
    validation: Annotated[str, typer.Option("--validation", "--val", help="Share that validates.")] = "0.1",
    test: Annotated[str, typer.Option(help="Share that is scored once, at the end.")] = "0.2",
    seed: Annotated[int, typer.Option(help="Decides which image goes where.")] = 42,
    by: Annotated[str, typer.Option(help="copy, link or list: what is done with the files.")] = "copy",
    divide: Annotated[
        int | None,
        typer.Option(help="Divide larger images into blocks of about so many pixels a side; 512 is good."),
    ] = None,
) -> None:
    """Divide images and labels into train, val and test folders with lists of their files.

    Or: prepare stack FOLDER OUT.tif, prepare unstack STACK OUT_FOLDER.
    """
    if context.invoked_subcommand is not None:
        return
    from nbtrainer import api

    shares: dict[str, Any] = {
        "train": train,
        "validation": validation,
        "test": test,
        "seed": seed,
        "by": by,
        "divide": divide,
    }
    with _bar("preparing") as progress:
        if dataset is not None and images is None and labels is None:
            done = api.prepare_dataset(dataset, output_root, data_task, **shares, progress=progress)
        elif dataset is None and images is not None and labels is not None:
            done = api.prepare(images, labels, output_root, data_task, **shares, progress=progress)
        else:
            raise SettingError(
                "prepare", "it is not clear which files are meant", "Give --images and --labels, or --dataset alone"
            )
    if done.by != by:
        print(f"Links are not permitted here; made: {done.by}.")
    print(f"{', '.join(f'{name} {count}' for name, count in done.counts.items())} pairs in {done.folder}")
    arguments = [
        f"data.datasets={json.dumps(done.datasets)}",
        f"output.root={output_root}",
        f"output.data_task={data_task}",
    ]
    print("Next, with a preset of nbtrainer presets:")
    print(f"nbtrainer train binary_2d {' '.join(map(shlex.quote, arguments))}")


@app.command()
def stack(
    folder: Annotated[Path, typer.Argument(help="Folder of single images, a wildcard or a list.")],
    out: Annotated[Path, typer.Argument(help="The stack to write, a .tif file.")],
    labels: Annotated[bool, typer.Option("--labels", help=_LABELS)] = False,
) -> None:
    """Combine single images of one size and type into one stack, in the order of their names."""
    from nbtrainer import api

    with _bar("stacking") as progress:
        shape = api.stack_images(folder, out, progress=progress, labels=labels)
    print(f"{' x '.join(map(str, shape))} -> {out}")


@app.command()
def unstack(
    stack: Annotated[Path, typer.Argument(help="A stack.")],
    out_folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    labels: Annotated[bool, typer.Option("--labels", help=_LABELS)] = False,
) -> None:
    """Write each slice of a stack as an image of its own."""
    from nbtrainer import api

    with _bar("unstacking") as progress:
        files = api.unstack_images(stack, out_folder, progress=progress, labels=labels)
    print(f"{len(files)} slices, {files[0].name} to {files[-1].name}, in {out_folder}")


@contextmanager
def _bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as a function that is told how many files are done, of how many."""
    with progress_bar("{task.completed}/{task.total} {task.description}", to_errors=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
