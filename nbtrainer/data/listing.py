"""The files that a path, a folder, a wildcard or a list stands for."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nbtrainer.data.file_names import existing, normal_form
from nbtrainer.disk import read_text
from nbtrainer.errors import DataError, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.formats import channel_files, is_image, stem
from nbtrainer.io.formats.magic_bytes import suffix_by_content

LISTS = (".txt", ".lst")
CELLPOSE = "_seg.npy"
# files that are images only if they are chosen themselves
_NOT_LISTED = (".json", ".zip", CELLPOSE)
# what is no image and lies beside images anywhere
_BESIDE: tuple[str, ...] = (
    *(".txt", ".lst", ".csv", ".tsv", ".xlsx", ".xls", ".json", ".xml", ".yaml", ".yml", ".md", ".pdf", ".html"),
    *(".log", ".db", ".ini", ".zip", ".py", ".ipynb", ".roi", ".geojson", ".doc", ".docx", ".pt", ".md5", ".toml"),
)
_USUAL = (".tif", ".png", ".nii.gz")
# labels of other programs that are none here
_NO_IMAGES = {
    ".txt": "if these are labels for YOLO, export them as COCO or LabelMe outlines, or as label images",
    ".xml": "if these are labels in Pascal VOC's or another program's XML, export them as COCO outlines or label images",
    ".csv": "if these are outlines or boxes, export them as COCO outlines or label images",
}
_OTHER_PROGRAMS = {
    ".dcm": "convert DICOM to NIfTI, for instance with dcm2niix",
    ".dicom": "convert DICOM to NIfTI, for instance with dcm2niix",
    ".svs": "export the parts that you need as TIFF, for instance from QuPath",
    ".ndpi": "export the parts that you need as TIFF, for instance from QuPath",
}


def list_files(source: Path, where: str, *, look_one_level_down: bool, outlines: bool = False) -> list[Path]:
    """The image files that `source` means, in natural order (img2 before img10).

    A folder means the images directly in it (and one level down, if asked); a wildcard (`raw/*.tif`) what it matches;
    a `.txt` or `.lst` file one path a line, relative to itself; `x{_0000,_0001}.tif` an image with a file for each
    channel; any other file itself. `outlines`: files with outlines
    of objects count too. Accents may be written composed or not. Raises `UserError` naming the setting `where`.
    """
    source = existing(source)
    if source.is_dir() and not is_image(source) and not _is_inside(source):
        try:
            files = _in_folder(source, look_one_level_down=look_one_level_down, outlines=outlines)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            wrong = f"the folder {error.filename or source} cannot be looked into ({reason})"
            raise DataError(where, wrong, "Ask for permission to read it, or choose another folder") from None
        if not files:
            raise DataError(where, f"the folder {source} holds no images", _instead(source))
        return natural_order(files)
    if _are_there(channel_files(source)):
        return [source]
    if source.exists():
        return _read_list(source, where) if source.suffix.lower() in LISTS else [source]
    if any(sign in str(source) for sign in "*?["):
        files = [path for path in _matching(source) if path.is_file() or is_image(path)]
        if not files:
            raise DataError(where, f"nothing matches {source}", "Check the folder and the wildcard")
        return natural_order(files)
    if _is_inside(source):
        return [source]
    raise DataError(
        where, f"there is no folder or file {source}", "Check the path, or choose it with the folder button"
    )


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """`paths` sorted as people do: img2 before img10; accents as they look."""
    return sorted(
        paths,
        key=lambda path: [
            int(part) if place % 2 else part.lower()  # every second one is a number
            for place, part in enumerate(re.split(r"(\d+)", normal_form(str(path))))
        ],
    )


def describe_unreadable(folder: Path) -> str:
    """What lies in `folder` that looks like images and cannot be read, with what to do: `2 files end in .bmp, ...`.

    Empty if there is nothing of the kind.
    """
    if not folder.is_dir():
        return ""
    names = [path.name for path in _entries(folder) if path.is_file() and not is_image(path)]
    counts = Counter(suffix for name in names if (suffix := Path(name).suffix.lower()) and suffix not in _BESIDE)
    if not counts:
        return ""
    suffix, count = counts.most_common(1)[0]
    others = sum(counts.values()) - count
    more = f" (and {others} more {'has a suffix' if others == 1 else 'have suffixes'} unknown here)" if others else ""
    files = "1 file ends" if count == 1 else f"{count} files end"
    how = _OTHER_PROGRAMS.get(suffix, "save such images as TIFF or PNG")
    return f"{files} in {suffix}, which cannot be read{more}: {how}"


def describe_foreign_labels(images: Sequence[Path]) -> str:
    """What lies beside `images` under their names and is a label of another program, with what to do; empty if nothing."""
    for suffix, how in _NO_IMAGES.items():
        count = sum(image.with_name(f"{stem(image)}{suffix}").is_file() for image in images)
        if count:
            return f"{count} of them {'has' if count == 1 else 'have'} a {suffix} file: {how}"
    return ""


def _instead(folder: Path) -> str:
    """What to do about a folder without images: about what lies in it, else what it should hold."""
    unreadable = describe_unreadable(folder)
    if unreadable:
        return unreadable
    inside = [path for path in _entries(folder) if path.is_dir() and any(map(is_image, _entries(path)))]
    if inside:
        return f"There are images in the folder {inside[0].name} in it: choose that, or set look_one_level_down"
    files = _describe_content(folder)
    return f"{files}It needs images, for instance {', '.join(_USUAL)}; docs/data.md lists all kinds"


def _describe_content(folder: Path) -> str:
    """What a folder without images holds, by the most frequent suffix, and what can be made of that; empty if nothing."""
    files = [path for path in _entries(folder) if path.is_file()]
    if not files:
        return "It is empty. " if not _entries(folder) else ""
    suffix, count = Counter(path.suffix.lower() for path in files).most_common(1)[0]
    if suffix:
        how = _NO_IMAGES.get(suffix, "which is no kind of image")
        return f"{'1 file ends' if count == 1 else f'{count} files end'} in {suffix}: {how}. "
    try:
        name, known = suffix_by_content(next(path for path in files if not path.suffix))
    except OSError:
        name = known = ""
    how = f"the first is a {name}: add {known} to such names" if known else "give each the suffix of its kind"
    return f"{'1 file has' if count == 1 else f'{count} files have'} no suffix: {how}. "


def _entries(folder: Path) -> list[Path]:
    """What is in `folder` and not hidden; nothing where it cannot be looked into."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []


def _in_folder(folder: Path, *, look_one_level_down: bool, outlines: bool) -> list[Path]:
    files = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        # other programs leave their own .json and .zip beside images
        name = path.name.lower()
        is_other = name.endswith(_NOT_LISTED) and not name.endswith(".zarr.zip")
        if (is_image(path) and not is_other) or (outlines and path.is_file() and is_annotation(path)):
            files.append(path)
        elif look_one_level_down and path.is_dir():
            files += _in_folder(path, look_one_level_down=False, outlines=outlines)
    return files


def _matching(source: Path) -> Iterator[Path]:
    """What a path with wildcards matches. Its folders are taken as they are where they exist; `**` is any folders."""
    parts = source.parts
    start = Path(parts[0]) if source.is_absolute() else Path()
    yield from _below(start, parts[1:] if source.is_absolute() else parts)


def _below(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    plain = existing(folder / parts[0])
    if os.path.lexists(plain):
        yield from _below(plain, parts[1:])
        return
    if parts[0] == "**":
        yield from _below(folder, parts[1:])
        for entry in _entries(folder):
            if entry.is_dir() and not entry.is_symlink():
                yield from _below(entry, parts)
        return
    pattern = normal_form(parts[0])
    for entry in _entries(folder):
        if fnmatch.fnmatch(normal_form(entry.name), pattern):
            yield from _below(entry, parts[1:])


def _are_there(files: list[Path]) -> bool:
    return bool(files) and all(file.is_file() for file in files)


def _is_inside(source: Path) -> bool:
    """Whether a path goes on inside a container, such as volumes.h5/raw or plate.zarr/labels/0."""
    return any(parent.is_file() or (is_image(parent) and parent.exists()) for parent in source.parents)


def _read_list(source: Path, where: str) -> list[Path]:
    try:
        lines = [line.strip() for line in read_text(source, where).splitlines()]
    except UserError as error:
        wrong = f"the list {source} cannot be used: {error.wrong}"
        raise error.replace(where=where, wrong=wrong, remedy="Save it as UTF-8 text") from None
    files = [source.parent / Path(line).expanduser() for line in lines if line and not line.startswith("#")]
    files = [existing(path) for path in files]
    if not files:
        raise DataError(where, f"the list {source} is empty", "Write one path a line into it")
    missing = next((path for path in files if not path.exists() and not _are_there(channel_files(path))), None)
    if missing is not None:
        raise DataError(where, f"{source.name} lists {missing}, which does not exist", "Mend the list")
    return files
