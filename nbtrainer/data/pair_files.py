"""Lists of image files and label files made into pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nbtrainer.data.layouts import Use
from nbtrainer.data.listing import natural_order
from nbtrainer.data.match_names import Endings, base_name
from nbtrainer.data.pair import Naming, Pair
from nbtrainer.data.pairing import Assignment, assign_labels
from nbtrainer.errors import DataError
from nbtrainer.io.formats import stem
from nbtrainer.io.formats.channels import join_channels


def pair_files(
    images: list[Path],
    labels: list[Path],
    where: str,
    naming: Naming,
    *,
    use: Use,
    dataset: int = 0,
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
    return [create_pair(each, naming, use=use, dataset=dataset) for each in assigned]


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
        raise DataError(
            where or "images",
            f"{stem(few)} has {len(joined[few])} channel{'s' if len(joined[few]) > 1 else ''} ({', '.join(file.name for file in joined[few][:4])}), but most "
            f"images have {usual}",
            "Add what is missing, or take its files out",
        )
    members = {file for files in joined.values() for file in files}
    return natural_order([*(path for path in images if path not in members), *joined])


def create_pair(assigned: Assignment, naming: Naming, *, use: Use, dataset: int) -> Pair:
    """A pair with its list of links, which lies beside the image or the label as `<base>_links.txt`."""
    image, label, by_order, annotated_as, has_crowd = assigned
    bases = dict.fromkeys((stem(image).removesuffix(naming.img_filter), base_name(image, naming.img_filter)))
    folders = () if label is None else (image.parent, label.parent)
    places = (folder / f"{base}_links.txt" for folder in folders for base in bases)
    links = next((path for path in places if path.is_file()), None)
    return Pair(
        image,
        label,
        use=use,
        dataset=dataset,
        links=links,
        paired_by_order=by_order,
        annotated_as=annotated_as,
        has_crowd=has_crowd,
    )
