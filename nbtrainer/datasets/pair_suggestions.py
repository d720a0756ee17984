"""Pairs found by what names have in common, where they do not agree letter by letter."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.config import Config
from nbtrainer.data.file_names import matching_files, normal_form
from nbtrainer.data.listing import list_files
from nbtrainer.data.match_names import base_name
from nbtrainer.errors import UserError
from nbtrainer.io.formats import stem


def suggest_pairs(config: Config, index: int) -> list[tuple[Path, Path]]:
    """Each image of dataset `index` with the one label whose name fits; what has no partner is left out.

    Names fit that are equal, apart from small and capital letters and from what all images or all labels have at their
    beginning and end. Empty if nothing fits, or if a name fits twice.
    """
    dataset = config.data.datasets[index]
    try:
        images = list_files(config.resolve(dataset.images), "images", look_one_level_down=dataset.look_one_level_down)
        labels = list_files(
            config.resolve(dataset.labels), "labels", look_one_level_down=dataset.look_one_level_down, outlines=True
        )
    except UserError:
        return []
    if not dataset.images.strip() or not dataset.labels.strip():
        return []
    left_out = matching_files(images, dataset.exclude)
    ending = normal_form(dataset.img_filter)
    images = [path for path in images if _stem(path).endswith(ending) and path not in left_out]
    if len(images) > 1 and len(labels) == 1:
        return []
    for names_of in (_names, _bare_names):
        of_images, of_labels = names_of(images, dataset.img_filter), names_of(labels, dataset.mask_filter)
        by_name = dict(zip(of_labels, labels, strict=True))
        if len(by_name) < len(labels) or len(set(of_images)) < len(images):
            continue
        pairs = [(image, by_name[name]) for image, name in zip(images, of_images, strict=True) if name in by_name]
        if len(pairs) >= min(len(images), len(labels)) - _MOST_LONELY * len(images) and pairs:
            return pairs
    return []


# of the smaller number of files, at most this share may be without a partner: else names say nothing
_MOST_LONELY = 0.5


def _names(paths: list[Path], ending: str) -> list[str]:
    return [base_name(path, ending).casefold() for path in paths]


def _stem(path: Path) -> str:
    return normal_form(stem(path))


def _bare_names(paths: list[Path], ending: str) -> list[str]:
    """Names without what all of them begin and end with; digits are kept whole."""
    names = _names(paths, ending)
    if len(names) < 2:
        return names
    start = _common_start(names).rstrip("0123456789")
    names = [name[len(start) :] for name in names]
    end = _common_start([name[::-1] for name in names])[::-1].lstrip("0123456789")
    return [name.removesuffix(end) if end else name for name in names]


def _common_start(names: list[str]) -> str:
    first, last = min(names), max(names)
    length = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]
