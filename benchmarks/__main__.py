"""`python -m benchmarks quality nuclei2d --data FOLDER`; `few`, `roundtrip flow`, `roundtrip contour`, `seams`, `speed`, `open`, `large`, `gpu`, `device`, `targets`, `interruptions`, `long`, `tpu`, `foreign-weights`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def quality(
    names: Annotated[list[str] | None, typer.Argument(help="Sets to train on; all required ones if none.")] = None,
    preset: Annotated[str, typer.Option(help="Only this preset.")] = "",
    steps: Annotated[int, typer.Option(help="Other than the usual number of steps.")] = 0,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("../shared/data"),
    seed: Annotated[int, typer.Option(help="Seed of split and training.")] = 42,
    precision: Annotated[str, typer.Option(help="auto measures; a busy machine may measure wrongly.")] = "auto",
) -> None:
    """Train presets on sets for a budget of steps, score images that training never saw, and keep the table."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.quality import TABLE, TRIALS, Trial, kept_rows, train_and_score, write_docs

    known = [trial for trial in TRIALS if trial.set in (names or {trial.set})]
    trials = [trial for trial in known if preset in ("", trial.preset)]
    if preset and not trials:
        trials = [Trial(name, preset, steps or 800) for name in names or ()]
    for trial in trials:
        row = train_and_score(replace(trial, steps=steps or trial.steps), data, seed, precision)
        with TABLE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        write_docs(kept_rows())


@app.command("few")
def few_images(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sets; nuclei2d, axonmyelin2d, histology_rgb if none.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of every run.")] = 400,
    images: Annotated[list[int] | None, typer.Option(help="How many train; 1, 2, 5 and 10 if not given.")] = None,
    seeds: Annotated[int, typer.Option(help="How many.")] = 3,
    lite0: Annotated[Path | None, typer.Option(help="A file of the weights of EfficientNet-Lite0.")] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("../shared/data"),
) -> None:
    """Train on few images from several starts, score images that nothing saw; goes on where the table ends."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.few_images import COUNTS, TABLE, known_rows, rows, table

    chosen = names or ["nuclei2d", "axonmyelin2d", "histology_rgb"]
    for row in rows(
        data, steps=steps, names=chosen, counts=images or list(COUNTS), seeds=list(range(seeds)), lite0=lite0
    ):
        with TABLE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    print(table(known_rows()))


@app.command()
def speed(rounds: Annotated[int, typer.Option(help="Repetitions; medians are reported.")] = 3) -> None:
    """The training loop against the pure step of the same network, and augmented crops against MONAI's transforms."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.speed import augmentation, fields, loop

    for dim in (2, 3):
        print(json.dumps({"loop": loop(rounds, dim)}), flush=True)
    for dim in (2, 3):
        print(json.dumps({"augmentation": augmentation(rounds, dim)}), flush=True)
    print(json.dumps({"fields": fields(rounds)}), flush=True)


@app.command()
def seams(
    name: Annotated[str, typer.Argument(help="A set of docs/quality.md.")] = "axonmyelin2d",
    preset: Annotated[str, typer.Option(help="What to train.")] = "semantic_2d",
    steps: Annotated[int, typer.Option(help="How long to train it first.")] = 200,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("../shared/data"),
    picture: Annotated[Path | None, typer.Option(help="Draw a tiled prediction here (PNG).")] = None,
    kept: Annotated[Path | None, typer.Option(help="Keep the run in this folder, or take it from there.")] = None,
) -> None:
    """Prediction in tiles of several sizes against the whole image at once."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.seams import seams

    for row in seams(name, preset, data, steps, picture, kept):
        print(json.dumps(row), flush=True)


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
    kind: Annotated[str, typer.Argument(help="What the labels are encoded as: flow or contour.")],
    names: Annotated[list[str] | None, typer.Argument(help="Sets; all that hold objects if none.")] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the sets.")] = Path("../shared/data"),
    method: Annotated[str, typer.Option(help="Of flow, how fields become masks: join, points, affinity.")] = "join",
) -> None:
    """Labels of real sets encoded and decoded again: how many objects return, and which do not."""
    if kind == "flow":
        from benchmarks.roundtrip_flow import flow_round_trips

        for row in flow_round_trips(data, names, method=method):  # type: ignore[arg-type]
            print(json.dumps(row), flush=True)
    elif kind == "contour":
        from benchmarks.roundtrip_contour import contour_round_trips

        for row in contour_round_trips(data, names):
            print(json.dumps(row), flush=True)
    else:
        raise typer.BadParameter(f"{kind} is unknown; choose flow or contour")


@app.command()
def interruptions(
    stops: Annotated[int, typer.Option(help="Stops at random steps.")] = 20,
    kills: Annotated[int, typer.Option(help="Kills (SIGKILL) at random moments.")] = 50,
) -> None:
    """Runs that are stopped and killed again and again, against one that was left alone."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.interruptions import interruptions as rows

    for row in rows(stops, kills):
        print(json.dumps(row), flush=True)


@app.command("long")
def long_(steps: Annotated[int, typer.Option(help="Of the simulated run.")] = 1_000_000) -> None:
    """What a run of a million steps keeps in memory and writes to the disk; network and clock are simulated."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.long_run import long_run

    for row in long_run(steps):
        print(json.dumps(row), flush=True)


@app.command()
def gpu(
    device: Annotated[str, typer.Option(help="auto takes the graphics card.")] = "auto",
    out: Annotated[Path, typer.Option(help="Folder for gpu.json, gpu.md and what the trials print.")] = Path("gpu"),
    minutes: Annotated[float, typer.Option(help="What could not begin by then is left out.")] = 6,
    only: Annotated[str, typer.Option(help="Only trials with this in their name.")] = "",
) -> None:
    """Trials of a graphics card, or of the processor in smaller sizes; ends with 1 if any went wrong."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.gpu_run import run_trials
    from benchmarks.gpu_trials import TRIALS

    chosen = [trial for trial in TRIALS if only in trial.name]
    rows = run_trials(chosen, device=device, out=out, minutes=minutes)
    raise typer.Exit(any(row["state"] == "wrong" for row in rows))


@app.command()
def device(
    name: Annotated[str, typer.Option("--device", help="auto takes the graphics card.")] = "auto",
    rounds: Annotated[int, typer.Option(help="Repetitions; medians are reported.")] = 3,
) -> None:
    """Batches made on the device against those made by the processor, in 2D and 3D, with the targets of three kinds."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.device import device_paths

    for row in device_paths(name, rounds):
        print(json.dumps(row), flush=True)


@app.command()
def tpu() -> None:
    """The demo through torch_xla and by torch alone: losses, predictions, resumed runs, programs translated."""
    from benchmarks.tpu import main

    raise typer.Exit(main())


@app.command()
def targets(
    device: Annotated[str, typer.Option(help="auto takes the graphics card.")] = "auto",
    rounds: Annotated[int, typer.Option(help="Repetitions; medians are reported.")] = 7,
) -> None:
    """Distance and flow targets by the processor's compiled threads, and distances by torch for a whole batch."""
    from nbtrainer.environment import prepare_process

    prepare_process()
    from benchmarks.targets import targets as rows

    for row in rows(device, rounds):
        print(json.dumps(row), flush=True)


@app.command()
def foreign_weights(
    folder: Annotated[Path, typer.Argument(help="Where to make environments for the tools (3 GB).")],
    tools: Annotated[list[str] | None, typer.Argument(help="cellpose, omnipose, lite0; all if none.")] = None,
) -> None:
    """Outputs of networks made by Cellpose 3 and Omnipose, loaded here, against theirs, and the other way round."""
    from benchmarks.foreign_weights import TOOLS, compare, compare_lite0

    folder.mkdir(parents=True, exist_ok=True)
    chosen = tools or [*TOOLS, "lite0"]
    for row in compare(folder.resolve(), [tool for tool in chosen if tool in TOOLS]):
        print(json.dumps(row), flush=True)
    if "lite0" in chosen:
        print(json.dumps({"EfficientNet-Lite0, features": compare_lite0(folder.resolve())}), flush=True)


app()
