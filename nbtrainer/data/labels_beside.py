"""Labels that lie beside their images, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbtrainer.data.file_names import matching_files, normal_form
from nbtrainer.data.layouts import Use
from nbtrainer.data.listing import CELLPOSE, describe_foreign_labels, list_files
from nbtrainer.data.match_names import Endings, base_name
from nbtrainer.data.pair import Naming, Pair, setting
from nbtrainer.data.pair_files import create_pair, join_labelled
from nbtrainer.data.pairing import Assignment, assign_labels, assign_outlines
from nbtrainer.errors import DataError, Finding, SettingError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.formats import is_image, stem
from nbtrainer.wording import first_of_many

# what Cellpose and Omnipose write beside images, besides their labels
_OUTPUTS = ("_cp_masks", "_cp_output", "_flows")


def find_pairs_beside(
    source: Path, where: str, naming: Naming, *, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """Images and labels in one folder: `cell_01.tif` and `cell_01_masks.tif`; or outlines, or as other tools keep it."""
    images = list_files(
        source, setting(where, name="images"), look_one_level_down=naming.look_one_level_down and source.is_dir()
    )
    if source.is_dir() and not is_image(source):
        every = images
        images = _without_labels(source, every, where, naming)
        chosen = set(images)
        bases = [base_name(path, naming.mask_filter) for path in every if path not in chosen]
        images = join_labelled(images, bases, naming, where)
    left_out = matching_files(images, naming.exclude)
    images = [image for image in images if image not in left_out]
    near = _find_labels_beside(images, naming)
    rest = [image for image in images if image not in near]
    folders = list(dict.fromkeys(image.parent for image in rest))
    outlines = [path for folder in folders for path in sorted(folder.iterdir()) if _is_listed_outline(path)]
    drawn = {}
    if rest and outlines:
        taken = set(near.values())
        endings = Endings(naming.img_filter, "")
        free = [path for path in outlines if path not in taken]
        drawn = {each.image: each for each in assign_outlines(rest, free, setting(where, name="labels"), endings)}
    pairs, lonely = [], []
    for image in images:
        if image in drawn:
            pairs.append(create_pair(drawn[image], naming, use=use, dataset=dataset))
        elif image in near or labels_optional:
            one = (
                assign_labels([image], [near[image]], where or "labels", Endings("", ""), are_chosen=True)[0]
                if image in near
                else None
            )
            pairs.append(create_pair(one or Assignment(image, None), naming, use=use, dataset=dataset))
        else:
            lonely.append(image)
    if lonely:
        raise DataError.of([_missing_labels(lonely, len(images), where, naming)])
    return pairs


def _without_labels(folder: Path, files: Sequence[Path], where: str, naming: Naming) -> list[Path]:
    """Those of `files` that are images; raises `UserError` if labels cannot be told apart, or if there is no image."""
    if not naming.mask_filter:
        raise SettingError(
            setting(where, name="mask_filter"),
            "images and labels share a folder, and nothing tells them apart",
            "Say what names of labels end with, as in _masks",
        )
    others = tuple(map(normal_form, (naming.mask_filter, *_OUTPUTS)))
    images = [
        path
        for path in files
        if (name := normal_form(stem(path))).endswith(normal_form(naming.img_filter)) and not name.endswith(others)
    ]
    if not images:
        raise DataError(
            setting(where, name="images"),
            f"no image in {folder} has a name that ends with {naming.img_filter!r}"
            if naming.img_filter
            else f"every file in {folder} is a label: its name ends with {naming.mask_filter}",
            "Check the filters of the data set",
        )
    return images


def _find_labels_beside(images: Sequence[Path], naming: Naming) -> dict[Path, Path]:
    """The label image beside each of `images` that has one: `<base><mask_filter>`, Cellpose's, or as Tissue Analyzer
    keeps it."""
    stems: dict[Path, dict[str, Path]] = {}
    by_image = {}
    for image in images:
        if image.parent not in stems:
            entries = [path for path in image.parent.iterdir() if is_image(path)]
            stems[image.parent] = {normal_form(stem(path)): path for path in entries}
        near, base = stems[image.parent], base_name(image, naming.img_filter)
        places = [near.get(base + normal_form(naming.mask_filter)), near.get(base + CELLPOSE.removesuffix(".npy"))]
        if places[1] is not None and not places[1].name.lower().endswith(CELLPOSE):
            places[1] = None
        places += [image.parent / stem(image) / f"handCorrection{suffix}" for suffix in (".tif", ".png")]
        label = next((path for path in places if path is not None and path.exists() and path != image), None)
        if label is not None:
            by_image[image] = label
    return by_image


def _is_listed_outline(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and is_annotation(path)


def _missing_labels(lonely: Sequence[Path], count: int, where: str, naming: Naming) -> Finding:
    example = f"{base_name(lonely[0], naming.img_filter)}{naming.mask_filter}.tif"
    is_some = len(lonely) < count
    return Finding(
        where=setting(where, name="labels"),
        wrong=f"no label was found beside {first_of_many(path.name for path in lonely)}",
        remedy=f"Its name must end with {naming.mask_filter} or {CELLPOSE}, as in {example}; "
        + ("or take the file out" if is_some else "or choose the folder of the labels")
        + (f". {foreign}" if (foreign := describe_foreign_labels(lonely)) else ""),
        fix="leave_out" if is_some else "",
        files=tuple(map(str, lonely)) if is_some else (),
    )
