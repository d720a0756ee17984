"""Which files belong together: the images of a source, each with its label."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nbtrainer.data.read import SUFFIXES
from nbtrainer.errors import UserError

Use = Literal["auto", "train", "validation", "test"]


@dataclass(frozen=True)
class Pair:
    """An image file with its label file."""

    image: Path
    label: Path
    use: Use = "auto"
    dataset: int = 0


def list_files(source: Path, where: str) -> list[Path]:
    """The image files that `source` means, in natural order (img2 before img10).

    A folder means the images directly in it; a wildcard (`raw/*.tif`) what it matches; a `.txt` or `.lst` file one
    path a line, relative to itself; any other file itself. Raises `UserError` naming the setting `where`.
    """
    text = str(source)
    if source.is_dir():
        found = [path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
        if not found:
            raise UserError(
                where,
                f"the folder {source} holds no images",
                f"It needs files ending in {', '.join(SUFFIXES)}",
            )
        return natural_order(found)
    if source.is_file():
        return _listed(source, where) if source.suffix.lower() in (".txt", ".lst") else [source]
    if any(sign in text for sign in "*?["):
        found = [Path(match) for match in glob.glob(text) if Path(match).is_file()]
        if not found:
            raise UserError(where, f"nothing matches {source}", "Check the folder and the wildcard")
        return natural_order(found)
    raise UserError(
        where, f"there is no folder or file {source}", "Check the path, or choose it with the folder button"
    )


def pair_files(images: list[Path], labels: list[Path], where: str, use: Use = "auto", dataset: int = 0) -> list[Pair]:
    """Each image with its label: by name where all names agree, else in natural order.

    Raises `UserError` naming the setting `where` if there are not as many labels as images.
    """
    if len(images) != len(labels):
        raise UserError(
            where,
            f"there are {_count(len(images), 'image')} but {_count(len(labels), 'label')}",
            _odd_ones(images, labels),
        )
    by_name = {label.stem: label for label in labels}
    if len(by_name) == len(labels) and all(image.stem in by_name for image in images):
        return [Pair(image, by_name[image.stem], use, dataset) for image in images]
    return [Pair(image, label, use, dataset) for image, label in zip(images, labels, strict=True)]


def natural_order(paths: list[Path]) -> list[Path]:
    """`paths` sorted as people do: img2 before img10."""
    return sorted(
        paths,
        key=lambda path: [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", str(path))],
    )


def _listed(source: Path, where: str) -> list[Path]:
    try:
        # -sig: Notepad begins a file with a mark that would become part of the first path
        lines = [line.strip() for line in source.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise UserError(where, f"the list {source} is not a text file in UTF-8", "Save it as UTF-8 text") from None
    found = [source.parent / Path(line).expanduser() for line in lines if line and not line.startswith("#")]
    if not found:
        raise UserError(where, f"the list {source} is empty", "Write one path a line into it")
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None:
        raise UserError(where, f"{source.name} lists {missing}, which does not exist", "Mend the list")
    return found


def _odd_ones(images: list[Path], labels: list[Path]) -> str:
    """What to do about files without a partner, naming the first few."""
    lonely_images = [path.name for path in images if path.stem not in {label.stem for label in labels}]
    lonely_labels = [path.name for path in labels if path.stem not in {image.stem for image in images}]
    for lonely, noun in ((lonely_images, "label"), (lonely_labels, "image")):
        if lonely and len(lonely) < max(len(images), len(labels)):
            more = f" and {len(lonely) - 3} more" if len(lonely) > 3 else ""
            return f"No {noun} was found for {', '.join(lonely[:3])}{more}: add it or take the file out"
    return "Each image needs one label with the same name"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
