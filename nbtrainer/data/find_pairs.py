"""Images and labels found in folders, files, wildcards and lists, and made into pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from nbtrainer.data.file_names import existing, matching_files, normal_form
from nbtrainer.data.labels_beside import find_pairs_beside
from nbtrainer.data.layouts import Source, Use, find_sources, match_parts_of_folders
from nbtrainer.data.listing import list_files, natural_order
from nbtrainer.data.match_names import Endings, base_name, match_names
from nbtrainer.data.pair import Naming, Pair, setting
from nbtrainer.data.pair_files import join_labelled, pair_files
from nbtrainer.errors import DataError, Finding, SettingError, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.formats import is_image, stem


def find_pairs(
    images: Path,
    labels: Path | None,
    where: str,
    naming: Naming,
    *,
    use: Use,
    dataset: int = 0,
    labels_optional: bool = False,
) -> list[Pair]:
    """The pairs of one data set.

    `labels` None: beside the images, or in the folders of a data set that `find_sources` knows. `labels_optional`:
    images for which none is found go without. Raises `UserError` naming the setting `where` (where it is empty, none),
    with `images` or `labels` where it is one.
    """
    images, labels = existing(images), None if labels is None else existing(labels)
    alone = labels is None or labels == images
    sources = find_sources(images, setting(where, name="images"), not naming.look_one_level_down) if alone else []
    if not alone and not naming.look_one_level_down:
        sources = match_parts_of_folders(images, labels)
    if sources:
        return _of_sources(sources, where, naming, use=use, dataset=dataset, labels_optional=labels_optional)
    if labels == images and images.exists() and (images.is_file() or is_image(images)):
        raise SettingError(
            setting(where, name="labels"),
            "images and labels are the same file",
            f"If it holds both, go on inside it, as in {images.name}/raw and {images.name}/labels; else choose another",
        )
    if alone:
        return find_pairs_beside(images, where, naming, use=use, dataset=dataset, labels_optional=labels_optional)
    assert labels is not None
    image_files = list_files(images, setting(where, name="images"), look_one_level_down=naming.look_one_level_down)
    image_files = [path for path in image_files if normal_form(stem(path)).endswith(normal_form(naming.img_filter))]
    if not image_files:
        raise DataError(
            setting(where, name="images"),
            f"no image in {images} has a name that ends with {naming.img_filter!r}",
            "Check data.datasets' img_filter, or leave it empty",
        )
    label_files = _list_labels(labels, setting(where, name="labels"), image_files, naming)
    bases = [base_name(path, naming.mask_filter) for path in label_files]
    image_files = join_labelled(image_files, bases, naming, where)
    left_out = matching_files([*image_files, *label_files], naming.exclude)
    remaining_images, remaining_labels = _without(left_out, image_files, label_files, naming)
    if naming.pair_by != "order" or len(remaining_images) == len(remaining_labels):
        image_files, label_files = remaining_images, remaining_labels
    if not image_files:
        return []
    are_files = not images.is_dir() and labels.is_file()
    pairs = pair_files(
        image_files,
        label_files,
        where or "labels",
        naming,
        use=use,
        dataset=dataset,
        are_chosen=are_files,
        labels_optional=labels_optional,
    )
    return [pair for pair in pairs if pair.image not in left_out]


def _without(
    left_out: Collection[Path], images: list[Path], labels: list[Path], naming: Naming
) -> tuple[list[Path], list[Path]]:
    """`images` and `labels` without the files that are `left_out`; the labels of images that are go with them."""
    remaining_images = [path for path in images if path not in left_out]
    remaining_labels = [path for path in labels if path not in left_out]
    if len(remaining_images) == len(images):
        return remaining_images, remaining_labels
    partners = match_names(images, labels, Endings(naming.img_filter, naming.mask_filter))
    remaining = set(remaining_images)
    dropped = {label for image, label in partners.items() if image not in remaining}
    dropped_bases = {base_name(path, naming.img_filter) for path in images}
    dropped_bases -= {base_name(path, naming.img_filter) for path in remaining_images}
    return remaining_images, [
        path
        for path in remaining_labels
        if path not in dropped and base_name(path, naming.mask_filter) not in dropped_bases
    ]


def _of_sources(
    sources: Sequence[Source], where: str, naming: Naming, *, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """The pairs of several folders; all images without a label are reported together."""
    pairs: list[Pair] = []
    errors: list[UserError] = []
    for source in sources:
        its_use = use if source.use == "auto" else source.use
        labels = source.labels
        if labels_optional and labels is not None and not labels.is_dir():
            labels = None
        try:
            if source.of_objects:
                pairs += _with_masks(
                    source, where, naming, use=its_use, dataset=dataset, labels_optional=labels_optional
                )
            else:
                pairs += find_pairs(
                    source.images,
                    labels,
                    where,
                    naming,
                    use=its_use,
                    dataset=dataset,
                    labels_optional=labels_optional,
                )
        except UserError as error:
            errors.append(error)
    if errors:
        kind = type(errors[0]) if len({type(error) for error in errors}) == 1 else UserError
        raise kind.of(_group_findings([finding for error in errors for finding in error.findings]))
    return pairs


def _group_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Of findings that say the same of several folders one, about the files of all."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.where, finding.fix or finding.wrong), []).append(finding)
    grouped = []
    for same in groups.values():
        files = tuple(file for finding in same for file in finding.files)
        wrong = same[0].wrong if len(same) == 1 else f"{same[0].wrong}; and so on in {len(same)} folders"
        grouped.append(replace(same[0], files=files, wrong=wrong))
    return grouped


def _with_masks(
    source: Source, where: str, naming: Naming, *, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """A folder of an image: all of its masks are its label, one file an object."""
    assert source.labels is not None
    folder = source.images.parent
    if not source.images.is_dir() or not any(source.images.iterdir()):
        wrong = f"the folder {folder} holds {source.labels.name}, but no image"
        raise DataError(setting(where, name="images"), wrong, "Add the image, or take the folder out")
    images = list_files(source.images, setting(where, name="images"), look_one_level_down=False)
    if not _holds_masks(source.labels):
        left_out = matching_files(images, naming.exclude)
        lonely = [image for image in images if image not in left_out]
        if labels_optional:
            return [Pair(image, None, use=use, dataset=dataset) for image in lonely]
        if lonely:
            raise DataError.of([_no_masks(lonely, source.labels, where)])
        return []
    if len(images) != 1:
        return find_pairs(
            source.images, source.labels, where, naming, use=use, dataset=dataset, labels_optional=labels_optional
        )
    if matching_files(images, naming.exclude):
        return []
    masks = list_files(source.labels, setting(where, name="labels"), look_one_level_down=False)
    return [Pair(images[0], masks[0] if len(masks) == 1 else source.labels, use=use, dataset=dataset)]


def _holds_masks(folder: Path) -> bool:
    return folder.is_dir() and any(is_image(path) or is_annotation(path) for path in folder.iterdir())


def _no_masks(lonely: Sequence[Path], folder: Path, where: str) -> Finding:
    state = "is empty" if folder.is_dir() else "is not there"
    return Finding(
        where=setting(where, name="labels"),
        wrong=f"{', '.join(path.name for path in lonely[:3])} has no masks: the folder {folder} {state}",
        remedy="Leave the image out, or add its masks; if it shows no object, one mask that is all 0",
        fix="leave_out",
        files=tuple(map(str, lonely)),
    )


def _list_labels(labels: Path, where: str, images: Sequence[Path], naming: Naming) -> list[Path]:
    """The labels that `labels` means; folders of masks, one file an object, where they are called like the images."""
    if labels.is_dir() and not is_image(labels) and not naming.look_one_level_down:
        image_names = {base_name(image, naming.img_filter) for image in images}
        folders = [
            path for path in labels.iterdir() if path.is_dir() and base_name(path, naming.mask_filter) in image_names
        ]
        if folders := [path for path in folders if is_annotation(path)]:
            files = [path for path in labels.iterdir() if path.is_file() and (is_image(path) or is_annotation(path))]
            return natural_order([*folders, *files])
    return list_files(labels, where, look_one_level_down=naming.look_one_level_down, outlines=True)
