"""Which label belongs to which image: by what a label says of itself, by names, else by order."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nbtrainer.data.file_names import NameMatches, Parts, match_parts, parts_of, without_contradictions
from nbtrainer.data.listing import describe_unreadable
from nbtrainer.data.match_names import Endings, base_name, match_names
from nbtrainer.errors import DataError, Finding, UserError
from nbtrainer.io.annotations import Contents, is_annotation, read_contents
from nbtrainer.io.formats import stem
from nbtrainer.wording import count_noun, first_of_many


class Assignment(NamedTuple):
    """An image with its label. `annotated_as`, `has_crowd`, `paired_by_order`: see `nbtrainer.data.pair.Pair`."""

    image: Path
    label: Path | None
    paired_by_order: bool = False
    annotated_as: str | None = None
    has_crowd: bool = False


def assign_labels(
    images: Sequence[Path],
    labels: Sequence[Path],
    where: str,
    endings: Endings,
    *,
    in_order: bool = False,
    are_chosen: bool = False,
    optional: bool = False,
) -> list[Assignment]:
    """Each of `images` with its label.

    A file of outlines that names images serves those; one that names none serves one image, like a label image. Names
    are compared without suffix, with as much of the path as both have. Where some have no partner, and there are as
    many labels as images, all are paired `in_order`, and told so unless `are_chosen` (both are single files).

    Raises
    ------
    UserError
        Naming the setting `where`, if an image has no label (unless labels are `optional`) or a label no image, or if
        it is not clear which of several is meant. The repair that leaves such files out is given where the others are
        paired by name.
    """
    about = _contents(labels)
    own = _by_content(images, about, where, endings)
    if len(images) == len(labels) and (in_order or len(images) == 1):
        return [
            _assignment(image, label, about=about, own=own, endings=endings, are_chosen=are_chosen)
            for image, label in zip(images, labels, strict=True)
        ]
    unique = list(dict.fromkeys(labels))
    by_name = match_names(images, unique, endings)
    naming = {label for label, _ in own.values()}
    label_of = {
        image: label
        for image in images
        if (label := _choose(by_name.get(image), own.get(image), about, naming)) is not None
    }
    rest = [image for image in images if image not in label_of]
    used = set(label_of.values())
    unused = [label for label in unique if label not in used]
    if rest or unused:
        open_labels = [label for label in unused if len(_names(about, label)) < 2]
        if own and len(rest) == len(open_labels) == len(unused):
            label_of |= dict(zip(rest, open_labels, strict=True))
        elif not own and len(images) == len(labels):
            label_of = dict(zip(images, labels, strict=True))
        elif not (optional and not unused):
            raise _unpaired_error(images, labels, rest=rest, unused=unused, where=where, about=about)
    return [
        _assignment(image, label_of.get(image), about=about, own=own, endings=endings, are_chosen=are_chosen)
        for image in images
    ]


def assign_outlines(images: Sequence[Path], labels: Sequence[Path], where: str, endings: Endings) -> list[Assignment]:
    """Those of `images` that have a label among files of outlines, which may be about other images too."""
    about = _contents(labels)
    own = _by_content(images, about, where, endings)
    by_name = match_names(images, labels, endings)
    naming = {label for label, _ in own.values()}
    choices = ((image, _choose(by_name.get(image), own.get(image), about, naming)) for image in images)
    return [
        _assignment(image, label, about=about, own=own, endings=endings, are_chosen=True)
        for image, label in choices
        if label is not None
    ]


def _contents(labels: Sequence[Path]) -> dict[Path, Contents]:
    """What those of `labels` that hold outlines are about; of one that cannot be read nothing, the check says why."""
    contents = {}
    for label in dict.fromkeys(labels):
        if is_annotation(label):
            try:
                contents[label] = read_contents(label)
            except UserError:
                contents[label] = Contents()
    return contents


def _names(about: Mapping[Path, Contents], label: Path) -> tuple[str, ...]:
    return about[label].images if label in about else ()


def _by_content(
    images: Sequence[Path], about: Mapping[Path, Contents], where: str, endings: Endings
) -> dict[Path, tuple[Path, str]]:
    """For each image that a file of outlines names, that file, and what it calls the image."""
    ours = [parts_of(image) for image in images]
    called: dict[str, list[int]] = {}
    for i, parts in enumerate(ours):
        for name in _keys(parts):
            called.setdefault(name, []).append(i)
    offers: dict[Path, list[tuple[Path, str]]] = {}
    for label, contents in about.items():
        written = [parts_of(name) for name in contents.images]
        some = sorted({i for parts in written if parts for key in _keys(parts) for i in called.get(key, [])})
        # a path in a file mostly begins at the file
        named = [parts_of(Path(os.path.normpath(label.parent / name))) for name in contents.images]
        matches = _match_written_names([ours[i] for i in some], named=named, written=written)
        for i, places in matches.ambiguous.items():
            raise _ambiguous_error(label, images, some[i], [contents.images[place] for place in places], where)
        for i, j in matches.chosen.items():
            offers.setdefault(images[some[i]], []).append((label, contents.images[j]))
    chosen: dict[Path, tuple[Path, str]] = {}
    for image, files in offers.items():
        same = [each for each in files if base_name(each[0], endings.labels) == base_name(image, endings.images)]
        if len(files) > 1 and len(same) != 1:
            both = " and ".join(label.name for label, _ in files[:2])
            raise DataError(where, f"{image.name} is named in {both}", "Take it out of all files but one")
        chosen[image] = (same or files)[0]
    return chosen


def _keys(parts: Parts) -> set[str]:
    """What a path may be called: its name, with suffix and without."""
    return {_fold_case(parts)[-1], _fold_case(_without_suffix(parts))[-1]}


def _match_written_names(ours: Sequence[Parts], *, named: Sequence[Parts], written: Sequence[Parts]) -> NameMatches:
    """Images and the names that mean them, first with suffixes, then without, then whatever their capitals; `written`:
    what of `named` the file has."""
    chosen: dict[int, int] = {}
    for change in (tuple, _without_suffix, _fold_case, lambda parts: _fold_case(_without_suffix(parts))):
        used = set(chosen.values())
        free = [i for i in range(len(ours)) if i not in chosen]
        left = [j for j in range(len(named)) if j not in used]
        matches = match_parts([change(ours[i]) for i in free], offered=[change(named[j]) for j in left])
        chosen |= {free[i]: left[j] for i, j in matches.chosen.items()}
        ambiguous = {free[i]: [left[j] for j in places] for i, places in matches.ambiguous.items()}
        if ambiguous or len(chosen) == len(ours):
            break
    return without_contradictions(
        NameMatches(chosen, ambiguous), names=list(map(change, ours)), offered=list(map(change, written))
    )


def _without_suffix(parts: Parts) -> Parts:
    return (*parts[:-1], *(stem(Path(name)) for name in parts[-1:]))


def _fold_case(parts: Parts) -> Parts:
    return tuple(map(str.casefold, parts))


def _choose(
    label: Path | None,
    named: tuple[Path, str] | None,
    about: Mapping[Path, Contents],
    naming: Collection[Path],
) -> Path | None:
    """The label of an image by its name, or by what it says: a file that names images is believed.

    `naming`: the labels that name one of the images.
    """
    if label is None or not _names(about, label):
        return label if named is None or label is not None else named[0]
    if named is not None:
        return named[0]
    # a file about one image that is not here: whoever renamed both knew
    return None if label in naming or len(_names(about, label)) > 1 else label


def _assignment(
    image: Path,
    label: Path | None,
    *,
    about: Mapping[Path, Contents],
    own: Mapping[Path, tuple[Path, str]],
    endings: Endings,
    are_chosen: bool,
) -> Assignment:
    if label is None:
        return Assignment(image, None)
    names = _names(about, label)
    is_named = image in own and own[image][0] == label
    if len(names) > 1 and not is_named:
        examples = ", ".join(sorted(names)[:3])
        raise DataError(
            str(label),
            f"it holds outlines of {len(names)} images, none of them called {image.name}",
            f"It names {examples}; give the image that name, or take it out",
        )
    differs = base_name(label, endings.labels).casefold() != base_name(image, endings.images).casefold()
    crowded = about[label].crowded if label in about else frozenset()
    written = own[image][1] if len(names) > 1 else None
    has_crowd = bool(crowded) if written is None else written in crowded
    return Assignment(image, label, differs and not is_named and not are_chosen, written, has_crowd)


def _ambiguous_error(label: Path, images: Sequence[Path], index: int, names: Sequence[str], where: str) -> DataError:
    if len(names) > 1:
        wrong = f"{label.name} names {' and '.join(names[:2])}, and either may be {images[index]}"
    else:
        same = [str(path) for path in images if path.name == images[index].name]
        wrong = f"{label.name} names {names[0]}, and it is not clear which of {' and '.join(same[:2])} is meant"
    return DataError(where, wrong, "Keep the images in folders called as in that file, or give each a name of its own")


def _unpaired_error(
    images: Sequence[Path],
    labels: Sequence[Path],
    *,
    rest: Sequence[Path],
    unused: Sequence[Path],
    where: str,
    about: Mapping[Path, Contents],
) -> DataError:
    """What to say about images without labels and labels without images."""
    for label in about:  # a file that cannot be read names nothing
        read_contents(label)
    wrong = f"there are {count_noun(len(images), 'image')} but {count_noun(len(labels), 'label')}"
    if len(images) == len(labels) or any(_names(about, label) for label in labels):
        wrong = f"{len(rest)} of {count_noun(len(images), 'image')} {'has' if len(rest) == 1 else 'have'} no label"
    if not rest:
        wrong = f"{len(unused)} of {count_noun(len(labels), 'label')} {'has' if len(unused) == 1 else 'have'} no image"
        if len(images) != len(labels) and not any(_names(about, label) for label in labels):
            wrong = f"there are {count_noun(len(images), 'image')} but {count_noun(len(labels), 'label')}"
    is_clear = len(rest) < len(images)
    named = [label for label in labels if _names(about, label)]
    count = len(_names(about, named[0])) if named else 0
    lonely, noun = (rest, "label") if rest else (unused, "image")
    unreadable = describe_unreadable((images if noun == "image" else labels)[0].parent)
    advice = unreadable or "add it or take the file out"
    remedy = "Each image needs one label with the same name" + (f"; {unreadable}" if unreadable else "")
    if not is_clear and named:
        problem = f"{named[0].name} names {', '.join(sorted(_names(about, named[0]))[:3])}" + (
            " ..." if count > 3 else ""
        )
        remedy = f"{problem}, but no image is called so: rename the images, or the names in that file"
    if is_clear:
        remedy = f"No {noun} was found for {first_of_many(path.name for path in lonely)}: {advice}"
    files = tuple(str(path) for path in (*rest, *unused)) if is_clear else ()
    finding = Finding(where=where, wrong=wrong, remedy=remedy, fix="leave_out" if is_clear else "", files=files)
    return DataError.of([finding])
