"""Which files belong together: the images of a source, each with its label."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nbtrainer.data.annotations import is_annotation
from nbtrainer.data.formats import SUFFIXES, is_image, stem
from nbtrainer.data.region import Region
from nbtrainer.errors import UserError

Use = Literal["auto", "train", "validation", "test"]
Part = tuple[tuple[int, int], ...]

# what the folders of a split tree are called: by us and PlantBio, by others
_TREE: dict[str, Use] = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
# what Cellpose and Omnipose write beside images, besides their labels
_OUTPUTS = ("_cp_masks", "_cp_output", "_flows")
_LISTS = (".txt", ".lst")
_CELLPOSE = "_seg.npy"
# files that are images only if they are chosen themselves
_NOT_LISTED = (".json", ".zip", _CELLPOSE)


@dataclass(frozen=True)
class Pair:
    """An image with its label.

    Attributes
    ----------
    label
        None: nothing is known of the image, which can train a network that needs no labels.
    slice
        Of a stack that is read as images of their own: which one.
    part
        Where the image is split into blocks: from and to along each axis of this one.
    links
        The file that lists which labels belong to one object, if there is one.
    by_order
        Whether image and label were paired by their order although their names differ.
    regions
        What of the image is used; empty: all of it.
    """

    image: Path
    label: Path | None
    use: Use = "auto"
    dataset: int = 0
    slice: int | None = None
    part: Part | None = None
    links: Path | None = None
    by_order: bool = False
    regions: tuple[Region, ...] = ()

    @property
    def name(self) -> str:
        """What it is called: `stack.tif [12]`."""
        which = "" if self.slice is None else f" [{self.slice}]"
        part = "" if self.part is None else f" ({', '.join(f'{start}-{stop}' for start, stop in self.part)})"
        return f"{self.image.name}{which}{part}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The image, and the label if there is one."""
        return (self.image,) if self.label is None else (self.image, self.label)

    @property
    def truth(self) -> Path:
        """The label, of a pair that is known to have one."""
        assert self.label is not None, f"{self.image} has no label"
        return self.label


@dataclass(frozen=True)
class Naming:
    """How files of a data set are told apart: see the settings of the same names."""

    img_filter: str = ""
    mask_filter: str = "_masks"
    look_one_level_down: bool = False
    pair_by: str = "auto"
    exclude: tuple[str, ...] = ()


def find_pairs(
    images: Path,
    labels: Path | None,
    where: str,
    naming: Naming,
    use: Use = "auto",
    dataset: int = 0,
    labels_optional: bool = False,
) -> list[Pair]:
    """The pairs of one data set.

    `labels` None: beside the images, or in the folders of a split tree (`train`, `val`, `test` with `images` and
    `labels` in each). `labels_optional`: images for which none is found there go without. Raises `UserError` naming the setting `where`, with `.images` or `.labels` where it is one.
    """
    tree = _split_tree(images)
    if tree:
        return [
            pair
            for folder, its_use in tree
            for pair in find_pairs(
                folder / "images", _labels_of(folder, labels_optional), where, naming, its_use, dataset, labels_optional
            )
        ]
    if labels == images and images.exists() and (images.is_file() or is_image(images)):
        raise UserError(
            f"{where}.labels",
            "images and labels are the same file",
            f"If it holds both, go on inside it, as in {images.name}/raw and {images.name}/labels; else choose another",
        )
    if labels is None or labels == images:
        if not images.is_dir():
            return _beside(list_files(images, f"{where}.images"), where, naming, use, dataset, labels_optional)
        return _in_one_folder(images, where, naming, use, dataset, labels_optional)
    found = list_files(images, f"{where}.images", naming.look_one_level_down)
    found = [path for path in found if stem(path).endswith(naming.img_filter)]
    if not found:
        raise UserError(
            f"{where}.images",
            f"no image in {images} has a name that ends with {naming.img_filter!r}",
            "Check data.datasets' img_filter, or leave it empty",
        )
    truths = list_files(labels, f"{where}.labels", naming.look_one_level_down, outlines=True)
    left_out = {_base(path, naming.img_filter) for path in found if _is_left_out(path, naming)}
    some = [path for path in found if not _is_left_out(path, naming)]
    their = [path for path in truths if _base(path, naming.mask_filter) not in left_out]
    if len(some) == len(their):
        found, truths = some, their
    pairs = pair_files(found, truths, where, use, dataset, naming)
    return [pair for pair in pairs if not _is_left_out(pair.image, naming)]


def list_files(source: Path, where: str, look_one_level_down: bool = False, outlines: bool = False) -> list[Path]:
    """The image files that `source` means, in natural order (img2 before img10).

    A folder means the images directly in it (and one level down, if asked); a wildcard (`raw/*.tif`) what it matches;
    a `.txt` or `.lst` file one path a line, relative to itself; any other file itself. `outlines`: files with outlines
    of objects count too. Raises `UserError` naming the setting `where`.
    """
    text = str(source)
    if source.is_dir() and not is_image(source) and not _is_inside(source):
        found = _in_folder(source, look_one_level_down, outlines)
        if not found:
            raise UserError(
                where, f"the folder {source} holds no images", f"It needs files ending in {', '.join(SUFFIXES)}"
            )
        return natural_order(found)
    if source.exists():
        return _listed(source, where) if source.suffix.lower() in _LISTS else [source]
    if any(sign in text for sign in "*?["):
        found = [Path(match) for match in glob.glob(text) if os.path.isfile(match) or is_image(Path(match))]
        if not found:
            raise UserError(where, f"nothing matches {source}", "Check the folder and the wildcard")
        return natural_order(found)
    if _is_inside(source):
        return [source]
    raise UserError(
        where, f"there is no folder or file {source}", "Check the path, or choose it with the folder button"
    )


def pair_files(
    images: list[Path],
    labels: list[Path],
    where: str,
    use: Use = "auto",
    dataset: int = 0,
    naming: Naming = Naming(),
) -> list[Pair]:
    """Each image with its label: by name where all names agree, else in natural order.

    Raises `UserError` naming the setting `where` if there are not as many labels as images.
    """
    if len(images) > 1 and len(labels) == 1 and is_annotation(labels[0]):
        return [Pair(image, labels[0], use, dataset) for image in images]  # outlines of many images in one file
    if len(images) != len(labels):
        raise UserError(
            where,
            f"there are {_count(len(images), 'image')} but {_count(len(labels), 'label')}",
            _odd_ones(images, labels, naming),
        )
    by_name = {_base(label, naming.mask_filter): label for label in labels}
    names = [_base(image, naming.img_filter) for image in images]
    if naming.pair_by == "auto" and len(by_name) == len(labels) and all(name in by_name for name in names):
        return [
            _with_links(Pair(image, by_name[name], use, dataset), naming)
            for image, name in zip(images, names, strict=True)
        ]
    is_chosen = len(images) == 1  # whoever names two files means them
    return [
        _with_links(
            Pair(image, label, use, dataset, by_order=not is_chosen and _base(label, naming.mask_filter) != name),
            naming,
        )
        for image, label, name in zip(images, labels, names, strict=True)
    ]


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """`paths` sorted as people do: img2 before img10."""
    return sorted(
        paths,
        key=lambda path: [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", str(path))],
    )


def _in_folder(folder: Path, look_one_level_down: bool, outlines: bool) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        # other programs leave their own .json and .zip beside images
        name = path.name.lower()
        is_other = name.endswith(_NOT_LISTED) and not name.endswith(".zarr.zip")
        if (is_image(path) and not is_other) or (outlines and path.is_file() and is_annotation(path)):
            found.append(path)
        elif look_one_level_down and path.is_dir():
            found += _in_folder(path, False, outlines)
    return found


def _is_inside(source: Path) -> bool:
    """Whether a path goes on inside a container, such as volumes.h5/raw or plate.zarr/labels/0."""
    return any(parent.is_file() or (is_image(parent) and parent.exists()) for parent in source.parents)


def _split_tree(folder: Path) -> list[tuple[Path, Use]]:
    """The parts of a split tree, or nothing if `folder` is none."""
    if not folder.is_dir() or is_image(folder):
        return []
    return [
        (folder / name, use)
        for name, use in _TREE.items()
        if (folder / name / "images").is_dir() and any((folder / name / "images").iterdir())
    ]


def _labels_of(folder: Path, labels_optional: bool) -> Path | None:
    """The labels of a part of a split tree; None where there are none and there need be none."""
    labels = folder / "labels"
    return None if labels_optional and not labels.is_dir() else labels


def _in_one_folder(
    folder: Path, where: str, naming: Naming, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """Images and labels in one folder: `cell_01.tif` and `cell_01_masks.tif`."""
    if not naming.mask_filter:
        raise UserError(
            f"{where}.mask_filter",
            "images and labels share a folder, and nothing tells them apart",
            "Say what names of labels end with, as in _masks",
        )
    files = list_files(folder, f"{where}.images", naming.look_one_level_down)
    images = [
        path
        for path in files
        if stem(path).endswith(naming.img_filter) and not stem(path).endswith((naming.mask_filter, *_OUTPUTS))
    ]
    if not images:
        raise UserError(
            f"{where}.images",
            f"no image in {folder} has a name that ends with {naming.img_filter!r}"
            if naming.img_filter
            else f"every file in {folder} is a label: its name ends with {naming.mask_filter}",
            "Check the filters of the data set",
        )
    return _beside(images, where, naming, use, dataset, labels_optional)


def _beside(
    images: list[Path], where: str, naming: Naming, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """Each of `images` with the label beside it: `<base><mask_filter>`, or as Tissue Analyzer keeps it."""
    pairs: list[Pair] = []
    lonely: list[str] = []
    for image in [image for image in images if not _is_left_out(image, naming)]:
        base = _base(image, naming.img_filter)
        near = {stem(path): path for path in image.parent.glob(f"{glob.escape(base + naming.mask_filter)}.*")}
        places = [near.get(base + naming.mask_filter), image.parent / f"{base}{_CELLPOSE}"]
        places += [image.parent / stem(image) / f"handCorrection{suffix}" for suffix in (".tif", ".png")]
        label = next((path for path in places if path is not None and path.exists() and path != image), None)
        if label is None and labels_optional:
            pairs.append(Pair(image, None, use, dataset))
        elif label is None:
            lonely.append(image.name)
        else:
            pairs.append(_with_links(Pair(image, label, use, dataset), naming))
    if lonely:
        more = f" and {len(lonely) - 3} more" if len(lonely) > 3 else ""
        raise UserError(
            f"{where}.labels",
            f"no label was found beside {', '.join(lonely[:3])}{more}",
            f"Its name must end with {naming.mask_filter} or {_CELLPOSE}, as in {_base(images[0], naming.img_filter)}{naming.mask_filter}.tif; "
            "or choose the folder of the labels",
        )
    return pairs


def _is_left_out(image: Path, naming: Naming) -> bool:
    return image.name in naming.exclude or stem(image) in naming.exclude


def _base(path: Path, ending: str) -> str:
    """The name without suffix and `ending`: only at its end, so that `img_img` keeps its first half."""
    name = stem(path)
    if path.name.lower().endswith(_CELLPOSE):
        name = name[: -len("_seg")]
    return name.removesuffix(ending) if ending and name != ending else name


def _with_links(pair: Pair, naming: Naming) -> Pair:
    """`pair` with its list of links, which lies beside the image or the label as `<base>_links.txt`."""
    base = _base(pair.image, naming.img_filter)
    for folder in (pair.image.parent, pair.truth.parent):
        links = folder / f"{base}_links.txt"
        if links.is_file():
            return Pair(pair.image, pair.label, pair.use, pair.dataset, links=links, by_order=pair.by_order)
    return pair


def _listed(source: Path, where: str) -> list[Path]:
    try:
        # -sig: Notepad begins a file with a mark that would become part of the first path
        lines = [line.strip() for line in source.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise UserError(where, f"the list {source} is not a text file in UTF-8", "Save it as UTF-8 text") from None
    found = [source.parent / Path(line).expanduser() for line in lines if line and not line.startswith("#")]
    if not found:
        raise UserError(where, f"the list {source} is empty", "Write one path a line into it")
    missing = next((path for path in found if not path.exists()), None)
    if missing is not None:
        raise UserError(where, f"{source.name} lists {missing}, which does not exist", "Mend the list")
    return found


def _odd_ones(images: list[Path], labels: list[Path], naming: Naming) -> str:
    """What to do about files without a partner, naming the first few."""
    of_labels = {_base(label, naming.mask_filter) for label in labels}
    of_images = {_base(image, naming.img_filter) for image in images}
    lonely_images = [path.name for path in images if _base(path, naming.img_filter) not in of_labels]
    lonely_labels = [path.name for path in labels if _base(path, naming.mask_filter) not in of_images]
    for lonely, noun in ((lonely_images, "label"), (lonely_labels, "image")):
        if lonely and len(lonely) < max(len(images), len(labels)):
            more = f" and {len(lonely) - 3} more" if len(lonely) > 3 else ""
            return f"No {noun} was found for {', '.join(lonely[:3])}{more}: add it or take the file out"
    return "Each image needs one label with the same name"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
