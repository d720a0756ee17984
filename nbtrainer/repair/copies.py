"""Repaired copies: written into a folder of their own, with lists that stand for the dataset from then on.

`<output.root>/<output.data_task>/repaired/labels-1/` holds the mended labels, `images.txt` and `labels.txt`. The lists
name every pair of the dataset in order, mended or sound, so that nothing sound has to be copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.survey import survey
from nbtrainer.disk import write_aside, write_text
from nbtrainer.errors import DataError, SettingError, UserError
from nbtrainer.io.formats import ImageFile, stem
from nbtrainer.io.read import open_label

Change = Callable[[str, np.ndarray], np.ndarray]

_NIFTI = (".nii", ".nii.gz")
# beyond, a TIFF needs 64-bit offsets
_LARGE = 2**31


class Copies:
    """A new folder for the copies of one repair; made when the first is written."""

    def __init__(self, config: Config, kind: str) -> None:
        self._parent = config.resolve(config.output.root) / config.output.data_task / "repaired"
        self._kind = kind
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        if self._folder is None:
            try:
                self._folder = _new_folder(self._parent, self._kind)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise SettingError(
                    "output.root", f"{self._parent} cannot be written to ({reason})", "Choose another folder"
                ) from None
        return self._folder

    def path(self, original: Path, as_nifti: bool = False) -> Path:
        """Where the copy of `original` goes: by its own name, as TIFF or NIfTI."""
        suffix = ".nii.gz" if as_nifti else ".tif"
        for place in (self.folder, *(self.folder / str(number) for number in range(1, 100_000))):
            target = place / f"{stem(original)}{suffix}"
            if not target.exists():  # files of one name come from several folders
                place.mkdir(exist_ok=True)
                return target
        raise DataError(str(original), "too many files have the same name", "Rename them")

    def remove(self) -> None:
        """Take back what was written, if the repair failed half-way."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def repair_labels(config: Config, files: Sequence[str], change: Change, what: str) -> str:
    """Write the labels `files` again, changed, point their datasets to the copies, and say `what` they now are."""
    surveyed = survey(config)
    to_repair = set(files)
    concerned = sorted({pair.dataset for pair in surveyed.listed if str(pair.label) in to_repair}, reverse=True)
    if not concerned:
        raise DataError(files[0], "this file is not among the labels any more", "Check again")
    copies = Copies(config, "labels")
    repaired: dict[Path, Path] = {}
    try:
        images = {pair.required_label: pair.image for pair in reversed(surveyed.listed) if str(pair.label) in to_repair}
        for label in dict.fromkeys(pair.required_label for pair in surveyed.listed if str(pair.label) in to_repair):
            opened = open_label(label, images[label])
            changed = change(str(label), opened.read())
            has_place = opened.orientation is not None and opened.orientation.system == "anatomical"
            repaired[label] = copies.path(label, has_place or label.name.lower().endswith(_NIFTI))
            _write(repaired[label], changed, opened)
            links = next((pair.links for pair in surveyed.listed if pair.label == label and pair.links), None)
            if links is not None:
                shutil.copyfile(links, repaired[label].parent / links.name)
        for index in concerned:  # from the last on, because one dataset may become several
            pairs = [pair for pair in surveyed.listed if pair.dataset == index]
            point_to(config, index, pairs, copies, repaired)
    except (UserError, OSError, ValueError) as error:
        copies.remove()
        if isinstance(error, UserError):
            raise
        raise DataError(files[0], f"this repair failed ({error})", "Mend it by hand") from None
    return f"{_count(len(repaired))} in {copies.folder} {what}; the dataset now uses them"


def point_to(
    config: Config,
    index: int,
    pairs: Sequence[Pair],
    copies: Copies,
    repaired: dict[Path, Path] | None = None,
    **changes: Any,
) -> Path:
    """Let dataset `index` be these pairs, of which some files were `repaired`: by each file, its copy; returns the folder with the lists.

    A folder with train, val and test becomes a dataset for each.
    """
    repaired = repaired or {}
    datasets = list(config.data.datasets)
    old = datasets[index].model_dump()
    names = {"images": lambda pair: pair.image, "labels": lambda pair: pair.label}
    new = []
    for use in dict.fromkeys(pair.use for pair in pairs):
        own = list({(pair.image, pair.label): pair for pair in pairs if pair.use == use}.values())
        entry = old | {"use": use} | changes
        for kind, file_of in names.items():
            where = copies.folder / f"{kind}{'' if use == 'auto' else f'-{use}'}{f'-{index}' if index else ''}.txt"
            lines = [str(repaired.get(file_of(pair), file_of(pair))) for pair in own]
            write_text(where, "\n".join(lines) + "\n")
            entry[kind] = str(where)
        new.append(Dataset(**entry))
    config.data.datasets = [*datasets[:index], *new, *datasets[index + 1 :]]
    return copies.folder


def write_image(path: Path, pixels: np.ndarray, spacing: dict[str, float], in_colours: bool = False) -> None:
    """A 2D image (C, Y, X) as TIFF: one channel as (Y, X), red, green and blue (and transparency) as such."""
    if len(pixels) == 1:
        _write_tiff(path, pixels[0], "YX", spacing)
    elif in_colours and len(pixels) in (3, 4):
        _write_tiff(path, np.moveaxis(pixels, 0, -1), "YXS", spacing, photometric="rgb")
    else:
        _write_tiff(path, pixels, "CYX", spacing)


def _write(path: Path, label: np.ndarray, opened: ImageFile) -> None:
    axes = opened.axes.replace("S", "")
    if path.name.endswith(".nii.gz"):
        _write_nifti(path, label, opened, axes)
    else:
        _write_tiff(path, label, axes[: label.ndim], opened.spacing)


def _write_tiff(path: Path, array: np.ndarray, axes: str, spacing: dict[str, float], **options: Any) -> None:
    if "x" in spacing and "y" in spacing:  # micrometres to pixels per centimetre
        options |= {"resolution": (1e4 / spacing["x"], 1e4 / spacing["y"]), "resolutionunit": "CENTIMETER"}
    metadata = {"axes": axes} if len(axes) == array.ndim and "?" not in axes else {}
    options.setdefault("photometric", "minisblack")
    options |= {"compression": "zlib", "metadata": metadata, "bigtiff": array.nbytes > _LARGE}
    with write_aside(path) as aside:
        tifffile.imwrite(aside, array, **options)


def _write_nifti(path: Path, label: np.ndarray, opened: ImageFile, axes: str) -> None:
    """With the place that the label had; its axes reversed, whatever they are called."""
    import nibabel

    place = opened.orientation
    spatial = [axis for axis in axes[::-1] if axis in "XYZ"]
    if place is not None and place.system != "anatomical":
        place = None
    affine = np.diag([*(opened.spacing.get(axis.lower(), 1e3) / 1e3 for axis in spatial), *[1.0] * (4 - len(spatial))])
    if place is not None and place.steps.keys() >= set(spatial):
        affine = place.affine("".join(spatial))
    made = nibabel.Nifti1Image(np.ascontiguousarray(label.T), affine, dtype=label.dtype)
    made.header.set_xyzt_units("mm")
    if opened.orientation is None:  # the copy says no more than the label did
        made.header["sform_code"] = made.header["qform_code"] = 0
        made.header.set_zooms([*np.abs(np.diag(affine))[: min(3, label.ndim)], *[1.0] * (label.ndim - 3)])
    with write_aside(path) as aside:
        nibabel.save(made, aside)


def _new_folder(parent: Path, kind: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100_000):
        try:
            (parent / f"{kind}-{number}").mkdir()
        except FileExistsError:
            continue
        return parent / f"{kind}-{number}"
    raise OSError(f"{parent} is full")


def _count(number: int) -> str:
    return "one label" if number == 1 else f"{number} labels"
