"""Which of several arrays in one file is meant when the path does not say: an image, or a label."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.io.formats.problems import choose_inside

_IMAGES = ("raw", "image", "images", "img", "intensity", "intensities")
_LABELS = (
    "label", "labels", "mask", "masks", "seg", "segmentation", "segmentations", "gt", "ground_truth", "groundtruth",
    "annotation", "annotations", "instances", "truth",
)  # fmt: skip
# what either may be called
_EITHER = ("data", "volume", "exported_data", "vol0", "arr_0")


def choose(path: Path, names: list[str], for_label: bool = False) -> str:
    """The only one of `names`, or the first with a usual name (its last part counts) for an image, or for a label.

    What has a name of the other is taken only where nothing else is there. Raises `UserError` if several are left.
    """
    if len(names) == 1:
        return names[0]
    own, others = (_LABELS, _IMAGES) if for_label else (_IMAGES, _LABELS)
    rest = [name for name in names if _last(name) not in others]
    for usual_name in (*own, *_EITHER):
        matches = [name for name in rest if _last(name) == usual_name]
        if matches:
            return min(matches, key=lambda name: (name.count("/"), names.index(name)))
    if len(rest) == 1:
        return rest[0]
    raise choose_inside(path, rest or names, "label" if for_label else "image")


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower().replace(" ", "_").replace("-", "_")
