"""`python -m benchmarks quality em_membranes nuclei2d --data FOLDER`, `python -m benchmarks speed`, `open`, `large`, `roundtrip flow`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def quality(
    names: Annotated[list[str] | None, typer.Argument(help="Sets to train on; all if none.")] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="Seed of split and training.")] = 42,
) -> None:
    """Train the recommended preset on a set for a budget of steps, and score images that training never saw."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.quality import SETS, train_and_score

    for name in names or list(SETS):
        print(json.dumps(train_and_score(name, data, seed)), flush=True)


@app.command()
def speed(rounds: Annotated[int, typer.Option(help="Repetitions; medians are reported.")] = 3) -> None:
    """The training loop against the pure step of the same network, augmented crops against MONAI's, fields and masks."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.speed import augmentation, fields, loop

    for dim in (2, 3):
        print(json.dumps({"loop": loop(rounds, dim)}), flush=True)
    for dim in (2, 3):
        print(json.dumps({"augmentation": augmentation(rounds, dim)}), flush=True)
    print(json.dumps({"fields": fields(rounds)}), flush=True)


@app.command("open")
def open_(
    gb: Annotated[float, typer.Option(help="Size of each file, which is mostly a hole in the disk.")] = 20,
) -> None:
    """Opening and cropping files far larger than the memory, each in a fresh process."""
    from benchmarks.opening import opening

    for row in opening(gb):
        print(json.dumps(row), flush=True)


@app.command()
def large(
    gb: Annotated[float, typer.Option(help="Size of each file, which is mostly a hole in the disk.")] = 20,
) -> None:
    """Training on files far larger than the memory, each in a fresh process, beside training on a small one."""
    from benchmarks.large import large

    for row in large(gb):
        print(json.dumps(row), flush=True)


@app.command()
def roundtrip(
    kind: Annotated[str, typer.Argument(help="What the labels are encoded as: flow.")] = "flow",
    names: Annotated[list[str] | None, typer.Argument(help="Sets; all that hold objects if none.")] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("data"),
    method: Annotated[str, typer.Option(help="How fields become masks: join, points, affinity.")] = "join",
) -> None:
    """Labels of real sets to fields and back: how many objects return, and which do not."""
    if kind != "flow":
        raise typer.BadParameter(f"{kind} is unknown; only flow is there")
    from benchmarks.roundtrip import flow_round_trips

    for row in flow_round_trips(data, names, method=method):  # type: ignore[arg-type]
        print(json.dumps(row), flush=True)


app()
