"""Folders train, val and test of images and labels, with lists: made aside from pairs, then moved into place as a whole."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nbtrainer.data.blocks import checked_side, divide_pair
from nbtrainer.data.pair import Pair, describe_order
from nbtrainer.errors import DataError, SettingError, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.annotations.cellpose import is_cellpose
from nbtrainer.io.formats import channel_files, is_image, stem
from nbtrainer.progress import OnProgress

By = Literal["copy", "link", "list"]

# the names of the folders, and what they are for
USES = {"train": "train", "val": "validation", "test": "test"}
# small files that say where the image's data lie: apart from these they are worth nothing
_REFERRING = (".mhd", ".nhdr")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was made. `counts` has the pairs of each folder, `datasets` is ready for `config.data.datasets`; `by` says
    what was done to the files in the end, since links are not permitted everywhere."""

    folder: Path
    counts: dict[str, int]
    datasets: list[dict[str, str]]
    by: str


def write_split_folders(
    parts: Mapping[str, Sequence[Pair]],
    *,
    output_root: Path,
    data_task: str,
    by: By,
    progress: OnProgress | None,
    side: int | None,
) -> Prepared:
    """Make `<output_root>/<data_task>` of the pairs of each part, which are named as `USES` names them.

    `side`: divide larger images into blocks of about so many pixels a side. Raises `UserError` if names clash, the folders
    are there already or cannot be written, or files would be worth nothing in another place.
    """
    if by not in get_args(By):
        raise SettingError("by", f"{by!r} is unknown", f"Use {', '.join(get_args(By))}")
    if data_task in ("", ".", "..") or set(data_task) & set("/\\"):
        raise SettingError("data_task", f"{data_task!r} is no name for a folder", "Give a name without slashes")
    folder = output_root / data_task
    _refuse_what_is_there(folder)
    names = {name: _names(pairs) for name, pairs in parts.items()}
    notes = describe_order([pair for pairs in parts.values() for pair in pairs])
    if notes:
        warnings.warn(notes, UserWarning, stacklevel=5)
    if by != "list":
        _refuse_what_cannot_move(parts)
    elif side is not None:
        raise SettingError("by", "blocks of images are new files, which cannot be only listed", "Choose copy or link")
    side = None if side is None else checked_side(side)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    aside = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".prepare-", dir=folder))
        how, counts = _fill(aside, parts=parts, names=names, by=by, progress=progress, side=side)
        _move(aside, folder=folder, parts=list(parts))
    except OSError as error:
        wrong = f"{error.filename or folder} cannot be written or read ({error.strerror or error})"
        raise UserError("output_root", wrong, "Choose another folder, or make room") from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        if aside is None or not any((folder / name).exists() for name in USES):
            _remove_empty(made)
    ending = ".txt" if by == "list" else ""
    datasets = [
        {
            "images": str(folder / name / f"images{ending}"),
            "labels": str(folder / name / f"labels{ending}"),
            "use": USES[name],
        }
        for name in parts
    ]
    return Prepared(folder=folder, counts={name: counts.get(name, 0) for name in USES}, datasets=datasets, by=how)


def _refuse_what_is_there(folder: Path) -> None:
    for name in USES:
        path = folder / name
        if path.is_dir():
            entries = sorted(entry.name for entry in path.iterdir())
            if not entries:
                continue
            wrong = f"{path} is there already and holds {', '.join(entries[:3])}{' ...' if len(entries) > 3 else ''}"
        elif path.exists() or path.is_symlink():
            wrong = f"{path} is there already and is no folder"
        else:
            continue
        raise SettingError("data_task", wrong, "Choose another name, or remove what is there")


def _refuse_what_cannot_move(parts: Mapping[str, Sequence[Pair]]) -> None:
    """Refuse what is not whole without its surroundings: places in a container, and files that refer to others."""
    # each once: outlines of many images may be in one large file
    for path in {path for pairs in parts.values() for pair in pairs for path in pair.files}:
        if path.suffix.lower() in _REFERRING or not path.exists() or _lists_sections(path):
            wrong = "it belongs to other files, and would be worth nothing without them in another folder"
            raise DataError(str(path), wrong, "Prepare by list, which leaves files where they are")


def _lists_sections(path: Path) -> bool:
    return path.suffix.lower() == ".json" and not is_annotation(path)


def _names(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """Under which names an image and its label are kept: the image's own, and the same with the label's ending."""
    known: dict[str, Path] = {}
    names = []
    for pair in pairs:
        base, _ = _split_ending(pair.image)
        other = known.setdefault(base.lower(), pair.image)
        if other is not pair.image:
            wrong = f"{other} and {pair.image} have the same name, and their labels would too"
            raise DataError("images", wrong, "Rename one of them")
        label_base, label_suffix = _split_ending(pair.required_label)
        if pair.annotated_as is not None:  # one file for many images stays one
            label_base = base
        names.append((pair.image.name, pair.required_label.name if label_base == base else base + label_suffix))
    return names


def _split_ending(path: Path) -> tuple[str, str]:
    """A file's name without its ending, and the ending: `scan` and `.nii.gz`, `cells` and `_seg.npy`."""
    base = path.name[: -len("_seg.npy")] if is_cellpose(path) else stem(path)
    if path.is_dir() and not is_image(path):  # a folder of masks
        base = path.name
    return base, path.name[len(base) :]


def _fill(
    aside: Path,
    *,
    parts: Mapping[str, Sequence[Pair]],
    names: Mapping[str, Sequence[tuple[str, str]]],
    by: By,
    progress: OnProgress | None,
    side: int | None,
) -> tuple[str, dict[str, int]]:
    """Make the folders and lists of all parts in `aside`; returns what was done to the files, and the pairs of each part."""
    total, done = sum(map(len, parts.values())), 0
    used: set[str] = {by}
    counts: dict[str, int] = {}
    for part, pairs in parts.items():
        lists: dict[str, list[str]] = {"images": [], "labels": []}
        for kind in lists:
            (aside / part / kind if by != "list" else aside / part).mkdir(parents=True, exist_ok=True)
        for pair, file_names in zip(pairs, names[part], strict=True):
            used |= _put_pair(pair, file_names, folder=aside / part, lists=lists, by=by, side=side)
            done += 1
            if progress:
                progress(done, total)
        for kind, lines in lists.items():
            (aside / part / f"{kind}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts[part] = len(lists["images"])
    return next(how for how in ("list", "copy", "hard link", "link") if how in used), counts


def _put_pair(
    pair: Pair, file_names: tuple[str, str], *, folder: Path, lists: Mapping[str, list[str]], by: By, side: int | None
) -> set[str]:
    """Put a pair, or its blocks, into `folder`, and add it to the `lists`; returns what was done to its files."""
    links = pair.links or pair.required_label.with_name(f"{_split_ending(pair.required_label)[0]}_links.txt")
    large = None if side is None else divide_pair(pair, side)
    if large is not None:
        for name in large.write(folder, _split_ending(pair.image)[0], links if links.is_file() else None):
            for kind, lines in lists.items():
                lines.append(f"{kind}/{name}")
        return set()
    used: set[str] = set()
    for kind, source, name in zip(lists, (pair.image, pair.required_label), file_names, strict=True):
        if by == "list":
            # as it will be seen from where the folder is moved to
            lists[kind].append(_relative(source, folder=folder.parent.parent / folder.name))
            continue
        target = folder / kind / name
        used |= {_put(file, target=target.with_name(file.name), by=by) for file in channel_files(source)}
        if not channel_files(source) and (pair.annotated_as is None or not target.exists()):
            used.add(_put(source, target=target, by=by))
        lists[kind].append(f"{kind}/{name}")
    if by != "list" and links.is_file():
        _put(links, target=folder / "labels" / f"{_split_ending(pair.image)[0]}_links.txt", by=by)
    return used


def _put(source: Path, *, target: Path, by: By) -> str:
    """Copy or link one file or folder; returns which of the two it was."""
    source = source.resolve()
    if target.exists():
        raise DataError(str(source), f"a block of another image has the name {target.name} too", "Rename this image")
    if by == "link":
        try:
            target.symlink_to(source, target_is_directory=source.is_dir())
            return "link"
        except OSError:  # Windows without the right to, or a file system without links
            pass
        try:
            os.link(source, target)
            return "hard link"
        except OSError:
            pass
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    return "copy"


def _relative(path: Path, *, folder: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive of Windows
        relative = str(path.resolve())
    # a list takes a line that begins with # for a comment
    return f".{os.sep}{relative}" if relative.startswith("#") else relative


def _move(aside: Path, *, folder: Path, parts: Sequence[str]) -> None:
    """Move all parts into place, or none."""
    try:
        for part in parts:
            if (folder / part).is_dir():
                (folder / part).rmdir()
            (aside / part).rename(folder / part)
    except BaseException:
        for part in parts:
            if not (aside / part).exists():
                shutil.rmtree(folder / part, ignore_errors=True)
        raise


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
