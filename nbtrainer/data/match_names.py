"""Images and labels matched by their names, without what they have at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbtrainer.data.file_names import match_parts, normal_form, parts_of, without_contradictions
from nbtrainer.data.listing import CELLPOSE
from nbtrainer.io.formats import stem


@dataclass(frozen=True)
class Endings:
    """What names of images and of labels have at their end beyond what they share."""

    images: str
    labels: str


def match_names(images: Sequence[Path], labels: Sequence[Path], endings: Endings) -> dict[Path, Path]:
    """The label of each image whose name it bears, with as much of the path as both have; accents as they look, capitals
    only where that leaves no doubt."""
    partners: dict[Path, Path] = {}
    for fold in (str, str.casefold):
        unmatched = [path for path in images if path not in partners]
        used = set(partners.values())
        offered = [path for path in labels if path not in used]
        keys = [
            [tuple(map(fold, (*parts_of(path.parent), base_name(path, ending)))) for path in paths]
            for paths, ending in ((unmatched, endings.images), (offered, endings.labels))
        ]
        matches = match_parts(keys[0], offered=keys[1])
        roots = [_depth(images), _depth(labels)]
        below = [[key[root:] for key in own] for own, root in zip(keys, roots, strict=True)]
        matches = without_contradictions(matches, names=below[0], offered=below[1])
        partners |= {unmatched[i]: offered[j] for i, j in matches.chosen.items()}
    return partners


def base_name(path: Path, ending: str) -> str:
    """The name without suffix and `ending`: only at its end, so that `img_img` keeps its first half. In normal form."""
    name = path.name if path.is_dir() and not path.suffix else stem(path)
    if path.name.lower().endswith(CELLPOSE):
        name = name[: -len("_seg")]
    name, ending = normal_form(name), normal_form(ending)
    return name.removesuffix(ending) if ending and name != ending else name


def _depth(paths: Sequence[Path]) -> int:
    """How many folders all `paths` have in common."""
    folders = [parts_of(path.parent) for path in paths]
    if not folders:
        return 0
    low, high = min(folders), max(folders)
    return next((k for k, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
