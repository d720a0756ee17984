"""How data sets lie on the disk: the folders of images and labels that belong to one folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple

from nbtrainer.data.file_names import normal_form
from nbtrainer.errors import DataError
from nbtrainer.io.formats import is_image

Use = Literal["auto", "train", "validation", "test"]

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "raw")
LABEL_FOLDERS: tuple[str, ...] = (
    *("labels", "label", "masks", "mask", "annotations", "annotation", "gt", "ground_truth", "groundtruth"),
    *("segmentation", "segmentations", "segmented", "seg"),
)
# what the parts of a data set are called
USES: dict[str, Use] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
# nnU-Net's folders of images and of labels, and what they are for; it divides the first by itself
_NNUNET: tuple[tuple[str, str, Use], ...] = (("imagesTr", "labelsTr", "auto"), ("imagesTs", "labelsTs", "test"))


class Source(NamedTuple):
    """A folder of images and the one of their labels; None: beside the images. `of_objects`: the labels are one mask an
    object if there is one image."""

    images: Path
    labels: Path | None
    use: Use
    of_objects: bool = False


def find_sources(folder: Path, where: str, look_inside: bool = True) -> list[Source]:
    """The folders of images and labels in `folder`, or nothing if it holds images itself or is laid out otherwise.

    Known are: `train`, `val` and `test` with `images` and `labels` in each, or with both mixed; `images` and `labels`
    with the parts in each; `images` and `labels` alone; nnU-Net's `imagesTr` and `labelsTr`; a folder an image with
    `images` and `masks` in it. Labels may be called as in `LABEL_FOLDERS`. `look_inside` False: folders without a
    folder of images in them are none. Raises `UserError` naming `where` if several folders may hold the labels.
    """
    inside = _folders(folder)
    if not inside:
        return []
    parts = [(path, USES[name.lower()]) for name, path in inside.items() if name.lower() in USES]
    parts.sort(key=lambda part: list(USES.values()).index(part[1]))
    usual = _usual_labels([path for path, _ in parts])
    sources = [
        _source(path, use, where=where, missed=usual) for path, use in parts if _find_folders(path, IMAGE_FOLDERS)
    ]
    if sources:
        return sources
    if _holds_images(folder):
        return []
    if look_inside and parts and all(_holds_images(path) for path, _ in parts):
        return [Source(path, None, use) for path, use in parts]
    nnunet = [
        Source(inside[images], inside[labels], use)
        for images, labels, use in _NNUNET
        if images in inside and labels in inside
    ]
    if nnunet:
        return nnunet
    images = _find_folders(folder, IMAGE_FOLDERS)
    if images:
        source = _source(folder, "auto", where=where)
        return match_parts_of_folders(source.images, source.labels) or [source]
    return _of_objects(list(inside.values()), where) if look_inside else []


def match_parts_of_folders(images: Path, labels: Path | None) -> list[Source]:
    """The parts of two folders that are divided in the same way, as in `images/train` and `labels/train`."""
    if labels is None or not labels.is_dir() or not images.is_dir() or _holds_images(images):
        return []
    ours, theirs = _folders(images), _folders(labels)
    return [
        Source(path, theirs[name], USES[name.lower()])
        for name, path in ours.items()
        if name.lower() in USES and name in theirs
    ]


def _of_objects(folders: list[Path], where: str) -> list[Source]:
    """A folder an image, as the Data Science Bowl 2018 has them. What has neither images nor masks is no part of it."""
    with_images = [path for path in folders if _find_folders(path, IMAGE_FOLDERS)]
    usual = _usual_labels(with_images)
    others = [path for path in folders if path not in with_images]
    if not with_images or (others and not usual) or any(map(_holds_images, others)):
        return []
    with_masks = [path for path in others if _find_folders(path, LABEL_FOLDERS)]
    sources = [_source(path, "auto", where=where, missed=usual) for path in with_images]
    sources += [Source(path / IMAGE_FOLDERS[0], _find_folders(path, LABEL_FOLDERS)[0], "auto") for path in with_masks]
    return [source._replace(of_objects=True) for source in sources]


def _usual_labels(folders: list[Path]) -> str:
    """What most of `folders` call their labels; empty if none has any."""
    names = Counter(path.name for folder in folders for path in _find_folders(folder, LABEL_FOLDERS))
    return names.most_common(1)[0][0] if names else ""


def _source(folder: Path, use: Use, *, where: str, missed: str = "") -> Source:
    images = _find_folders(folder, IMAGE_FOLDERS)[0]
    labels = [path for path in _find_folders(folder, LABEL_FOLDERS) if path != images]
    usual = [path for path in labels if path.name.lower() == "labels"]
    if len(labels) > 1 and not usual:
        names = " and ".join(path.name for path in labels)
        raise DataError(where, f"the folder {folder} holds {names}", "Choose the folder of images and that of labels")
    # where there is none, the one that others have is missed
    return Source(images, (usual or labels or [folder / (missed or "labels")])[0], use)


def _find_folders(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """The folders in `folder` that are called so, those named first first, and are not empty."""
    inside = {normal_form(name).lower(): path for name, path in _folders(folder).items()}
    return [inside[name] for name in names if name in inside]


def _folders(folder: Path) -> dict[str, Path]:
    """The folders that are not empty, by name, sorted."""
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() and not is_image(folder) else []
        folders = [path for path in entries if path.is_dir() and not is_image(path) and not path.name.startswith(".")]
        return {path.name: path for path in folders if any(path.iterdir())}
    except OSError:
        return {}


def _holds_images(folder: Path) -> bool:
    # lists of sections and settings end in .json too
    return any(is_image(path) and path.suffix.lower() not in (".json", ".zip") for path in folder.iterdir())
