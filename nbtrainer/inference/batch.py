"""Prediction of many files: what fails is told and left out, and each result has its name only when it is whole."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrainer.data.listing import list_files
from nbtrainer.disk import make_folder
from nbtrainer.disk_errors import DiskError
from nbtrainer.errors import DataError, Finding, SettingError, UserError
from nbtrainer.inference.device import is_out_of_memory
from nbtrainer.inference.memory import too_large_to_predict
from nbtrainer.inference.prediction import adjusted_task
from nbtrainer.inference.predictor import Predictor
from nbtrainer.inference.time_series import FilePrediction, predict_file
from nbtrainer.inference.write import label_name, write_array
from nbtrainer.io.formats import open_image, stem
from nbtrainer.io.formats.channels import join_for_model
from nbtrainer.labels.measure import write_table
from nbtrainer.progress import OnProgress

# no image after this one could be written either
_ENDS_ALL = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one image: its label image, or why there is none.

    `is_mistake`: whether that lies in what was given, not in the computer. `diameter`: of the objects, if it was estimated.
    """

    image: Path
    target: Path | None = None
    notes: tuple[str, ...] = ()
    diameter: float | None = None
    findings: tuple[Finding, ...] = ()
    is_mistake: bool = True


@dataclass(frozen=True, kw_only=True)
class PredictionOptions:
    """How images are predicted (see `Predictor.predict`) and what is written of each."""

    format: str = "auto"
    diameter: float | None = None
    tta: int = 1
    rescale: bool = False
    stitch_above: float | None = None
    adjusted: dict[str, Any] = field(default_factory=dict)
    probability_maps: bool = False
    measurements: bool = False


def images_in(files: Sequence[Path], model: Predictor) -> list[Path]:
    """The images in `files` as `model` takes them: files that are a channel each are one image."""
    return join_for_model(files, model.record["network"]["input_channels"], model.preparation.channels, is_one_channel)


def files_in(sources: Iterable[str | Path]) -> tuple[list[Path], list[Finding]]:
    """The image files that folders, wildcards and files mean, and what is wrong with those that mean none.

    Raises `UserError` if none of them means any.
    """
    files: list[Path] = []
    findings: list[Finding] = []
    for source in sources:
        try:
            files += list_files(Path(source), "images", look_one_level_down=False)
        except UserError as error:
            findings += error.findings
    if findings and not files:
        raise DataError.of(findings)
    return files, findings


def check_targets(files: Sequence[Path], out: Path, format: str) -> None:
    """Raise `UserError` if two of `files` would be written to one name, or one over itself."""
    named: dict[str, Path] = {}
    for file in files:
        name = label_name(file, format=format)
        if name in named:
            wrong = f"{named[name]} and {file} would both be written to {name}"
            raise DataError("images", wrong, "Predict them into two folders")
        named[name] = file
        if (out / name).resolve() == file.resolve():
            raise SettingError("out", f"{file} would be overwritten by its own prediction", "Choose another folder")


def predict_files(
    model: Predictor,
    files: Sequence[Path],
    out: Path,
    options: PredictionOptions = PredictionOptions(),
    report: OnProgress | None = None,
) -> Iterator[Outcome]:
    """Predict each of `files` into the folder `out`, and yield what became of it.

    One that fails, for whatever reason, ends nothing. Only where no other could be written either (the disk is full)
    nothing more is tried.

    Raises
    ------
    UserError
        Before anything is predicted: if two images have one name, or a threshold is unknown.
    """
    check_targets(files, out, options.format)
    adjusted_task(model.task, options.adjusted)
    make_folder(out, "out")
    taken = {label_name(file, format=options.format) for file in files}
    for file in files:
        outcome, ends_all = _outcome(model, file=file, out=out, options=options, taken=taken, report=report)
        yield outcome
        if ends_all:
            return


def is_one_channel(file: Path) -> bool:
    """Whether a file holds no channels of its own; one that cannot be read is told when it is predicted."""
    try:
        opened = open_image(file)
    except UserError:
        return True
    return all(length == 1 for axis, length in zip(opened.axes, opened.shape, strict=True) if axis in "CS")


def _outcome(
    model: Predictor, *, file: Path, out: Path, options: PredictionOptions, taken: set[str], report: OnProgress | None
) -> tuple[Outcome, bool]:
    try:
        prediction = predict_file(
            model,
            file,
            options.diameter,
            options.tta,
            rescale=options.rescale,
            stitch_above=options.stitch_above,
            adjusted=options.adjusted,
            with_maps=options.probability_maps,
            with_measurements=options.measurements,
            report=report,
        )
        target = _write(prediction, file=file, out=out, options=options, taken=taken)
    except UserError as error:
        ends_all = isinstance(error, DiskError) and error.errno in _ENDS_ALL
        return Outcome(image=file, findings=tuple(error.findings), is_mistake=error.is_mistake), ends_all
    except Exception as error:  # readers and libraries raise whatever an odd image makes them stumble over
        problem: UserError
        if is_out_of_memory(error):
            problem = too_large_to_predict(str(file))
        else:
            logging.getLogger(__name__).debug("%s could not be predicted", file, exc_info=True)
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            problem = DataError(str(file), f"it could not be predicted ({reason})", "Look whether other images can be")
        return Outcome(image=file, findings=tuple(problem.findings), is_mistake=False), False
    estimated = prediction.diameters if options.diameter is None else []
    diameter = sum(estimated) / len(estimated) if estimated else None
    return Outcome(image=file, target=target, notes=tuple(prediction.notes), diameter=diameter), False


def _write(prediction: FilePrediction, *, file: Path, out: Path, options: PredictionOptions, taken: set[str]) -> Path:
    place: dict[str, Any] = {
        "spacing": prediction.spacing,
        "axes": prediction.axes,
        "orientation": prediction.orientation,
    }
    target = write_array(prediction.labels, image=file, target=out / label_name(file, format=options.format), **place)
    for name, values in prediction.probability_maps.items():
        # decimals, which a PNG cannot hold
        format = "tif" if options.format == "png" else options.format
        own = label_name(file, format=format, addition=f"_{name.replace(' ', '_')}")
        if own in taken:
            wrong = f"its map {own} would be written over the label image of another"
            raise DataError(str(file), wrong, "Predict them into two folders")
        write_array(values, image=file, target=out / own, **place)
    if options.measurements:
        write_table(prediction.rows, out / f"{stem(file)}.csv")
    return target
