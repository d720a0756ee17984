"""Which files belong together: the images of a source, each with its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbtrainer.data.file_names import existing, matching_files, normal_form
from nbtrainer.data.layouts import Source, Use, divided, find_sources
from nbtrainer.data.listing import CELLPOSE, describe_foreign_labels, natural_order
from nbtrainer.data.listing import list_files as list_files
from nbtrainer.data.pairing import Assignment, Endings, assign_found, assign_labels, base_name, names_agree
from nbtrainer.data.roi import Region
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.formats import channel_files, is_image, stem
from nbtrainer.io.formats.channels import join_channels
from nbtrainer.wording import first_of_many

# what Cellpose and Omnipose write beside images, besides their labels
_OUTPUTS = ("_cp_masks", "_cp_output", "_flows")
Part = tuple[tuple[int, int], ...]


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
    annotated_as
        What the label calls the image, if it holds outlines of several; None: all of them are this image's.
    has_crowd
        Whether the label has areas in which nobody told the objects apart.
    """

    image: Path
    label: Path | None
    use: Use = "auto"
    dataset: int = 0
    slice: int | None = None
    crop: Part | None = None
    links: Path | None = None
    paired_by_order: bool = False
    regions: tuple[Region, ...] = ()
    annotated_as: str | None = None
    has_crowd: bool = False

    @property
    def name(self) -> str:
        """What it is called: `stack.tif [12]`."""
        which = "" if self.slice is None else f" [{self.slice}]"
        part = "" if self.crop is None else f" ({', '.join(f'{start}-{stop}' for start, stop in self.crop)})"
        return f"{self.image.name}{which}{part}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The image (each channel if these are files of their own), and the label if there is one."""
        images = channel_files(self.image) or [self.image]
        return (*images,) if self.label is None else (*images, self.label)

    @property
    def own_file(self) -> Path:
        """The file that stands for this pair alone: the label; the image if it has none, or shares it with others."""
        return self.image if self.label is None or self.annotated_as is not None else self.label

    @property
    def required_label(self) -> Path:
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

    `labels` None: beside the images, or in the folders of a data set that `find_sources` knows. `labels_optional`:
    images for which none is found go without. Raises `UserError` naming the setting `where` (where it is empty, none),
    with `images` or `labels` where it is one.
    """
    images, labels = existing(images), None if labels is None else existing(labels)
    alone = labels is None or labels == images
    sources = find_sources(images, setting(where, "images"), not naming.look_one_level_down) if alone else []
    if not alone and not naming.look_one_level_down:
        sources = divided(images, labels)
    if sources:
        return _of_sources(sources, where, naming, use, dataset, labels_optional)
    if labels == images and images.exists() and (images.is_file() or is_image(images)):
        raise UserError(
            setting(where, "labels"),
            "images and labels are the same file",
            f"If it holds both, go on inside it, as in {images.name}/raw and {images.name}/labels; else choose another",
        )
    if alone:
        return _beside(images, where, naming, use, dataset, labels_optional)
    assert labels is not None
    image_files = list_files(images, setting(where, "images"), naming.look_one_level_down)
    image_files = [path for path in image_files if normal_form(stem(path)).endswith(normal_form(naming.img_filter))]
    if not image_files:
        raise UserError(
            setting(where, "images"),
            f"no image in {images} has a name that ends with {naming.img_filter!r}",
            "Check data.datasets' img_filter, or leave it empty",
        )
    truths = _list_labels(labels, setting(where, "labels"), image_files, naming)
    image_files = join_labelled(image_files, [base_name(path, naming.mask_filter) for path in truths], naming, where)
    left_out = matching_files([*image_files, *truths], naming.exclude)
    some = [path for path in image_files if path not in left_out]
    their = [path for path in truths if path not in left_out]
    if len(some) < len(image_files):  # labels of what is left out go with it
        partners = names_agree(image_files, truths, Endings(naming.img_filter, naming.mask_filter))
        names = {base_name(path, naming.img_filter) for path in some}
        gone = {base_name(path, naming.img_filter) for path in image_files} - names
        remaining = set(some)
        dropped = {label for path, label in partners.items() if path not in remaining}
        their = [path for path in their if path not in dropped and base_name(path, naming.mask_filter) not in gone]
    if naming.pair_by != "order" or len(some) == len(their):
        image_files, truths = some, their
    if not image_files:
        return []
    are_files = not images.is_dir() and labels.is_file()
    pairs = pair_files(
        image_files,
        truths,
        where or "labels",
        use,
        dataset,
        naming,
        are_chosen=are_files,
        labels_optional=labels_optional,
    )
    return [pair for pair in pairs if pair.image not in left_out]


def pair_files(
    images: list[Path],
    labels: list[Path],
    where: str,
    use: Use = "auto",
    dataset: int = 0,
    naming: Naming = Naming(),
    *,
    are_chosen: bool = True,
    labels_optional: bool = False,
) -> list[Pair]:
    """Each image with its label: see `assign_labels`. Of one image and one label the names may differ if they
    `are_chosen` as files.

    Raises `UserError` naming the setting `where` if a file has no partner, or it is not clear which is meant.
    """
    assigned = assign_labels(
        images,
        labels,
        where,
        Endings(naming.img_filter, naming.mask_filter),
        in_order=naming.pair_by == "order",
        are_chosen=are_chosen and len(images) == 1,
        optional=labels_optional,
    )
    return [_pair(each, use, dataset, naming) for each in assigned]


def order_told(pairs: Sequence[Pair]) -> str:
    """A sentence about pairs that were made by order although their names differ; empty if there are none."""
    some = [pair for pair in pairs if pair.paired_by_order]
    if not some:
        return ""
    label_of = {pair.image: pair.required_label for pair in some}
    named = first_of_many(f"{image.name} with {label_of[image].name}" for image in natural_order(label_of))
    count = "1 pair is made" if len(some) == 1 else f"{len(some)} pairs are made"
    return f"{count} by order, because names differ: {named}. Give both the same name if they do not belong together"


def setting(where: str, name: str) -> str:
    """The setting `name` of `where`, or alone if there is nothing that it is of."""
    return f"{where}.{name}" if where else name


def _of_sources(
    sources: Sequence[Source], where: str, naming: Naming, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """The pairs of several folders; what has no label in any of them is told together."""
    pairs: list[Pair] = []
    problems: list[Finding] = []
    for source in sources:
        its_use = use if source.use == "auto" else source.use
        labels = source.labels
        if labels_optional and labels is not None and not labels.is_dir():
            labels = None
        try:
            if source.of_objects:
                pairs += _with_masks(source, where, naming, its_use, dataset, labels_optional)
            else:
                pairs += find_pairs(source.images, labels, where, naming, its_use, dataset, labels_optional)
        except UserError as error:
            problems += error.findings
    if problems:
        raise UserError.of(_together(problems))
    return pairs


def _together(problems: Sequence[Finding]) -> list[Finding]:
    """Of findings that say the same of several folders one, about the files of all."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for problem in problems:
        groups.setdefault((problem.where, problem.wrong if not problem.fix else problem.fix), []).append(problem)
    pairs = []
    for same in groups.values():
        files = tuple(file for each in same for file in each.files)
        wrong = same[0].wrong if len(same) == 1 else f"{same[0].wrong}; and so on in {len(same)} folders"
        pairs.append(replace(same[0], files=files, wrong=wrong))
    return pairs


def _with_masks(
    source: Source, where: str, naming: Naming, use: Use, dataset: int, labels_optional: bool
) -> list[Pair]:
    """A folder of an image: all of its masks are its label, one file an object."""
    assert source.labels is not None
    folder = source.images.parent
    if not source.images.is_dir() or not any(source.images.iterdir()):
        wrong = f"the folder {folder} holds {source.labels.name}, but no image"
        raise UserError(setting(where, "images"), wrong, "Add the image, or take the folder out")
    images = list_files(source.images, setting(where, "images"))
    if not _holds_masks(source.labels):
        left_out = matching_files(images, naming.exclude)
        lonely = [image for image in images if image not in left_out]
        if labels_optional:
            return [Pair(image, None, use, dataset) for image in lonely]
        if lonely:
            raise UserError.of([_no_masks(lonely, source.labels, where)])
        return []
    if len(images) != 1:
        return find_pairs(source.images, source.labels, where, naming, use, dataset, labels_optional)
    if matching_files(images, naming.exclude):
        return []
    masks = list_files(source.labels, setting(where, "labels"))
    return [Pair(images[0], masks[0] if len(masks) == 1 else source.labels, use, dataset)]


def _holds_masks(folder: Path) -> bool:
    return folder.is_dir() and any(is_image(path) or is_annotation(path) for path in folder.iterdir())


def _no_masks(lonely: Sequence[Path], folder: Path, where: str) -> Finding:
    state = "is empty" if folder.is_dir() else "is not there"
    return Finding(
        where=setting(where, "labels"),
        wrong=f"{', '.join(path.name for path in lonely[:3])} has no masks: the folder {folder} {state}",
        remedy="Leave the image out, or add its masks; if it shows no object, one mask that is all 0",
        fix="leave_out",
        files=tuple(map(str, lonely)),
    )


def join_labelled(images: list[Path], bases: Sequence[str], naming: Naming, where: str) -> list[Path]:
    """`images`, with files that are a channel each as one where a label has their common name (one of `bases`).

    Raises `UserError` if an image has other channels than the rest.
    """
    labelled = set(bases)
    free = [path for path in images if base_name(path, naming.img_filter) not in labelled]
    _, joined = join_channels(free)
    joined = {image: files for image, files in joined.items() if base_name(image, naming.img_filter) in labelled}
    counts = Counter(map(len, joined.values()))
    if len(counts) > 1:
        usual, few = counts.most_common(1)[0][0], min(joined, key=lambda image: counts[len(joined[image])])
        raise UserError(
            where or "images",
            f"{stem(few)} has {len(joined[few])} channel{'s' if len(joined[few]) > 1 else ''} ({', '.join(file.name for file in joined[few][:4])}), but most "
            f"images have {usual}",
            "Add what is missing, or take its files out",
        )
    members = {file for files in joined.values() for file in files}
    return natural_order([*(path for path in images if path not in members), *joined])


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
    return list_files(labels, where, naming.look_one_level_down, outlines=True)


def _beside(source: Path, where: str, naming: Naming, use: Use, dataset: int, labels_optional: bool) -> list[Pair]:
    """Images and labels in one folder: `cell_01.tif` and `cell_01_masks.tif`; or outlines, or as other tools keep it."""
    images = list_files(source, setting(where, "images"), naming.look_one_level_down and source.is_dir())
    if source.is_dir() and not is_image(source):
        every = images
        images = _without_labels(source, every, where, naming)
        chosen = set(images)
        bases = [base_name(path, naming.mask_filter) for path in every if path not in chosen]
        images = join_labelled(images, bases, naming, where)
    left_out = matching_files(images, naming.exclude)
    images = [image for image in images if image not in left_out]
    near = _labels_beside(images, naming)
    rest = [image for image in images if image not in near]
    folders = list(dict.fromkeys(image.parent for image in rest))
    outlines = [path for folder in folders for path in sorted(folder.iterdir()) if _is_listed_outline(path)]
    drawn = {}
    if rest and outlines:
        taken = set(near.values())
        endings = Endings(naming.img_filter)
        free = [path for path in outlines if path not in taken]
        drawn = {each.image: each for each in assign_found(rest, free, setting(where, "labels"), endings)}
    pairs, lonely = [], []
    for image in images:
        if image in drawn:
            pairs.append(_pair(drawn[image], use, dataset, naming))
        elif image in near or labels_optional:
            one = (
                assign_labels([image], [near[image]], where or "labels", are_chosen=True)[0] if image in near else None
            )
            pairs.append(_pair(one or Assignment(image, None), use, dataset, naming))
        else:
            lonely.append(image)
    if lonely:
        raise UserError.of([_no_label_beside(lonely, len(images), where, naming)])
    return pairs


def _without_labels(folder: Path, files: Sequence[Path], where: str, naming: Naming) -> list[Path]:
    """Those of `files` that are images; raises `UserError` if labels cannot be told apart, or if there is no image."""
    if not naming.mask_filter:
        raise UserError(
            setting(where, "mask_filter"),
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
        raise UserError(
            setting(where, "images"),
            f"no image in {folder} has a name that ends with {naming.img_filter!r}"
            if naming.img_filter
            else f"every file in {folder} is a label: its name ends with {naming.mask_filter}",
            "Check the filters of the data set",
        )
    return images


def _labels_beside(images: Sequence[Path], naming: Naming) -> dict[Path, Path]:
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


def _no_label_beside(lonely: Sequence[Path], count: int, where: str, naming: Naming) -> Finding:
    example = f"{base_name(lonely[0], naming.img_filter)}{naming.mask_filter}.tif"
    is_some = len(lonely) < count
    return Finding(
        where=setting(where, "labels"),
        wrong=f"no label was found beside {first_of_many(path.name for path in lonely)}",
        remedy=f"Its name must end with {naming.mask_filter} or {CELLPOSE}, as in {example}; "
        + ("or take the file out" if is_some else "or choose the folder of the labels")
        + (f". {foreign}" if (foreign := describe_foreign_labels(lonely)) else ""),
        fix="leave_out" if is_some else "",
        files=tuple(map(str, lonely)) if is_some else (),
    )


def _pair(assigned: Assignment, use: Use, dataset: int, naming: Naming) -> Pair:
    """A pair with its list of links, which lies beside the image or the label as `<base>_links.txt`."""
    image, label, by_order, annotated_as, has_crowd = assigned
    bases = dict.fromkeys((stem(image).removesuffix(naming.img_filter), base_name(image, naming.img_filter)))
    folders = () if label is None else (image.parent, label.parent)
    places = (folder / f"{base}_links.txt" for folder in folders for base in bases)
    links = next((path for path in places if path.is_file()), None)
    return Pair(
        image,
        label,
        use,
        dataset,
        links=links,
        paired_by_order=by_order,
        annotated_as=annotated_as,
        has_crowd=has_crowd,
    )
