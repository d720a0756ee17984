"""Commands about trained models: `predict`, `evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nbtrainer.catalog import DEVICE_NAMES
from nbtrainer.cli.follow import run_progress_bar
from nbtrainer.cli.settings import parse_assignment
from nbtrainer.disk import write_json
from nbtrainer.environment import prepare_process
from nbtrainer.errors import SettingError
from nbtrainer.wording import count_noun


def predict(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run or a cross-validation.")],
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
    maps: Annotated[
        bool,
        typer.Option(
            "--maps",
            help="Also write probability maps, of several models also their disagreement: <name>_<map>, float32.",
        ),
    ] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Also write a table of all objects: <name>.csv.")] = False,
    format: Annotated[
        str, typer.Option(help="auto: .nii.gz for NIfTI, else .tif. Or: tif, nii.gz, zarr, png.")
    ] = "auto",
    device: Annotated[str, typer.Option(help=f"Where it is calculated: {DEVICE_NAMES}.")] = "auto",
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
    predictor = api.load_model(model, device)
    files = images_in(files, predictor)
    check_targets(files, out, format)
    adjusted = dict(parse_assignment(text, form="NAME=VALUE, as in threshold=0.4") for text in adjust or [])
    options = PredictionOptions(
        format=format,
        diameter=diameter,
        tta=tta,
        rescale=rescale,
        stitch_above=stitch,
        adjusted=adjusted,
        probability_maps=maps,
        measurements=measure,
    )
    done, is_mistake = 0, True
    with run_progress_bar() as bar:
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


def evaluate(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run or a cross-validation.")],
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
            raise SettingError(option, f"there is no folder {file.absolute().parent}", "Make it, or choose another")
    naming = {"img_filter": img_filter, "mask_filter": mask_filter, "look_one_level_down": look_one_level_down}
    scores = api.evaluate(model, images, labels, report=report, **naming)
    for row in [*scores["images"], {"image": "overall", **scores["overall"]}]:
        print(
            f"{row['image']:<30} " + "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "image")
        )
    if json_file:
        write_json(json_file, scores, "json", indent=2)
