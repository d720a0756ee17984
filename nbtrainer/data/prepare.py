"""A folder of images and labels becomes `<output_root>/<data_task>/{train,val,test}/{images,labels}`, with lists."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from nbtrainer.data.blocks import checked_side, divided
from nbtrainer.data.layouts import find_sources
from nbtrainer.data.pair import Naming, Pair, find_pairs, order_told
from nbtrainer.errors import UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.annotations.cellpose import is_cellpose
from nbtrainer.io.formats import channel_files, is_image, stem

By = Literal["copy", "link", "list"]
Share = float | str
"""A fraction or a percentage: 0.7, 70 or `70%`."""
PathLike = str | os.PathLike[str]
Progress = Callable[[int, int], None]
"""Told after each file: how many are done, of how many."""

# the names of the folders, and what they are for
_USES = {"train": "train", "val": "validation", "test": "test"}
# small files that say where the image's data lie: apart from these they are worth nothing
_REFERRING = (".mhd", ".nhdr")


@dataclass(frozen=True)
class Prepared:
    """What was made. `counts` has the pairs of each folder, `datasets` is ready for `config.data.datasets`; `by` says
    what was done to the files in the end, since links are not permitted everywhere."""

    folder: Path
    counts: dict[str, int]
    datasets: list[dict[str, str]]
    by: str


def prepare(
    images: PathLike,
    labels: PathLike,
    output_root: PathLike,
    data_task: str,
    train: Share = 0.7,
    validation: Share = 0.1,
    test: Share = 0.2,
    seed: int = 42,
    by: By = "copy",
    progress: Progress | None = None,
    divide: int | None = None,
) -> Prepared:
    """Pair images with labels, divide them by chance, and lay them out for training.

    Pairs are found as for training; a warning tells of those made by order. `seed` decides who goes where; shares are fractions or percentages (0.7, 70
    or "70%"), rounded so that each that is above 0 gets an image. `divide`: images are divided into blocks of about so many
    pixels a side, where they are larger; all blocks of an image go the same way. Labels named otherwise than their images are renamed after them. By `copy`; by `link`
    (symbolic, else hard, else a copy); or by `list`: nothing but `images.txt` and `labels.txt`, which are written in
    each case, one path a line, relative to the list. Omnipose's `_links.txt` comes along.

    Everything is made aside and moved into place at the end, so that nothing half remains if this is interrupted.

    Raises
    ------
    UserError
        If the shares do not add up to 1, images are too few, have no label or share a name, or a split is there already.
    """
    if Path(images).absolute() == Path(labels).absolute():
        raise UserError("labels", f"{labels} is given as images and as labels", "Give the folder of the labels")
    pairs = find_pairs(Path(images), Path(labels), "", Naming())
    shares = split_shares(train, validation, test)
    return _divide_by_chance(pairs, output_root, data_task, shares, seed, by, progress, divide)


def _divide_by_chance(
    pairs: Sequence[Pair],
    output_root: PathLike,
    data_task: str,
    shares: Mapping[str, float],
    seed: int,
    by: By,
    progress: Progress | None,
    divide: int | None,
) -> Prepared:
    counts = share_counts(len(pairs), shares)
    order = np.random.default_rng(_checked_seed(seed)).permutation(len(pairs)).tolist()
    parts: dict[str, list[Pair]] = {}
    for name, count in counts.items():
        chosen, order = sorted(order[:count]), order[count:]
        parts[name] = [pairs[index] for index in chosen]
    return _lay_out(parts, Path(output_root), data_task, by, progress, divide)


def prepare_dataset(
    dataset: PathLike,
    output_root: PathLike,
    data_task: str,
    train: Share = 0.7,
    validation: Share = 0.1,
    test: Share = 0.2,
    seed: int = 42,
    by: By = "copy",
    progress: Progress | None = None,
    divide: int | None = None,
) -> Prepared:
    """As `prepare`, for a folder with images and labels in it, laid out in any way that training takes (see
    `find_sources`). What is divided already (into `train`, `val` and `test`, `train` among them) stays so; the shares
    are not used then."""
    dataset = Path(dataset)
    sources = find_sources(dataset, "dataset")
    uses = [source.use for source in sources if source.use != "auto"]
    missing = [name for name in ("images", "labels") if not (dataset / name).is_dir()]
    for source in sources:
        if source.labels is not None and not source.labels.is_dir():
            where = source.labels.parent
            raise UserError("dataset", f"{where} has no folder {source.labels.name}", "Add the labels")
    if not sources and not any(map(is_image, dataset.iterdir() if dataset.is_dir() else [])):
        raise UserError(
            "dataset",
            f"{dataset} has no folder {' or '.join(missing)}",
            "It needs images and labels, or train, val and test with images and labels in each",
        )
    pairs = find_pairs(dataset, None, "", Naming())
    if not uses or len(uses) < len(sources):
        shares = split_shares(train, validation, test)
        return _divide_by_chance(pairs, output_root, data_task, shares, seed, by, progress, divide)
    if "train" not in uses:
        names = " and ".join(name for name, use in _USES.items() if use in uses)
        raise UserError("dataset", f"{dataset} has {names} but no folder train", "Add it")
    parts = {name: [pair for pair in pairs if pair.use == use] for name, use in _USES.items() if use in uses}
    return _lay_out(parts, Path(output_root), data_task, by, progress, divide)


def split_shares(train: Share, validation: Share, test: Share) -> dict[str, float]:
    """The shares as fractions. Plain numbers are percentages if one of them is above 1; text may end in `%`.

    Raises `UserError` if one is no number.
    """
    given = {"train": train, "val": validation, "test": test}
    plain: dict[str, float] = {}
    marked: dict[str, float] = {}
    for name, share in given.items():
        text = str(share).strip()
        try:
            (marked if text.endswith("%") else plain)[name] = float(text.removesuffix("%").replace(",", "."))
        except ValueError:
            raise UserError(name, f"{share!r} is no share", "Give a fraction or a percentage: 0.7, 70 or 70%") from None
    by = 100 if any(share > 1 for share in plain.values()) else 1
    return {name: marked[name] / 100 if name in marked else plain[name] / by for name in given}


def share_counts(count: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`count` images divided by `shares`: as near as whole numbers come, at least one for each share above 0.

    Raises `UserError` if the shares are not from 0 to 1 with a sum of 1, or there are fewer images than shares.
    """
    text = " + ".join(f"{100 * share:.6g} %" for share in shares.values())
    nonzero = {name: share for name, share in shares.items() if share > 0}
    if not all(0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise UserError(
            "train, validation, test",
            f"the shares {text} do not add up to 100 %",
            "Give fractions such as 0.7, 0.1 and 0.2, or percentages such as 70, 10 and 20",
        )
    if "train" not in nonzero:
        raise UserError("train", "no image would be left to train", "Give a share above 0")
    if count < len(nonzero):
        raise UserError(
            "images",
            f"{count} {'pair' if count == 1 else 'pairs'} cannot be divided among {', '.join(nonzero)}",
            "Add images, or set a share to 0",
        )
    counts = {name: max(1, int(share * count)) for name, share in nonzero.items()}
    while (missing := count - sum(counts.values())) != 0:
        step = 1 if missing > 0 else -1
        able = [name for name in counts if step > 0 or counts[name] > 1]
        name = max(able, key=lambda name: step * (nonzero[name] * count - counts[name]))
        counts[name] += step
    return counts


def _checked_seed(seed: int) -> int:
    if seed < 0:
        raise UserError("seed", f"{seed} is below 0", "Give a whole number from 0")
    return seed


def _lay_out(
    parts: Mapping[str, Sequence[Pair]],
    output_root: Path,
    data_task: str,
    by: By,
    progress: Progress | None,
    side: int | None,
) -> Prepared:
    if by not in get_args(By):
        raise UserError("by", f"{by!r} is unknown", f"Use {', '.join(get_args(By))}")
    if data_task in ("", ".", "..") or set(data_task) & set("/\\"):
        raise UserError("data_task", f"{data_task!r} is no name for a folder", "Give a name without slashes")
    folder = output_root / data_task
    _refuse_what_is_there(folder)
    names = {name: _names(pairs) for name, pairs in parts.items()}
    notes = order_told([pair for pairs in parts.values() for pair in pairs])
    if notes:
        warnings.warn(notes, UserWarning, stacklevel=5)
    if by != "list":
        _refuse_what_cannot_move(parts)
    elif side is not None:
        raise UserError("by", "blocks of images are new files, which cannot be only listed", "Choose copy or link")
    side = None if side is None else checked_side(side)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    aside = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".prepare-", dir=folder))
        how, counts = _fill(aside, parts, names, by, progress, side)
        _move(aside, folder, list(parts))
    except OSError as error:
        wrong = f"{error.filename or folder} cannot be written or read ({error.strerror or error})"
        raise UserError("output_root", wrong, "Choose another folder, or make room") from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        if aside is None or not any((folder / name).exists() for name in _USES):
            _remove_empty(made)
    ending = ".txt" if by == "list" else ""
    datasets = [
        {
            "images": str(folder / name / f"images{ending}"),
            "labels": str(folder / name / f"labels{ending}"),
            "use": _USES[name],
        }
        for name in parts
    ]
    return Prepared(folder, {name: counts.get(name, 0) for name in _USES}, datasets, how)


def _refuse_what_is_there(folder: Path) -> None:
    for name in _USES:
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
        raise UserError("data_task", wrong, "Choose another name, or remove what is there")


def _refuse_what_cannot_move(parts: Mapping[str, Sequence[Pair]]) -> None:
    """Refuse what is not whole without its surroundings: places in a container, and files that refer to others."""
    # each once: outlines of many images may be in one large file
    for path in {path for pairs in parts.values() for pair in pairs for path in pair.files}:
        if path.suffix.lower() in _REFERRING or not path.exists() or _lists_sections(path):
            wrong = "it belongs to other files, and would be worth nothing without them in another folder"
            raise UserError(str(path), wrong, "Prepare by list, which leaves files where they are")


def _lists_sections(path: Path) -> bool:
    return path.suffix.lower() == ".json" and not is_annotation(path)


def _names(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """Under which names an image and its label are kept: the image's own, and the same with the label's ending."""
    known: dict[str, Path] = {}
    names = []
    for pair in pairs:
        base, _ = _parted(pair.image)
        other = known.setdefault(base.lower(), pair.image)
        if other is not pair.image:
            wrong = f"{other} and {pair.image} have the same name, and their labels would too"
            raise UserError("images", wrong, "Rename one of them")
        label_base, label_suffix = _parted(pair.required_label)
        if pair.annotated_as is not None:  # one file for many images stays one
            label_base = base
        names.append((pair.image.name, pair.required_label.name if label_base == base else base + label_suffix))
    return names


def _parted(path: Path) -> tuple[str, str]:
    """A file's name without its ending, and the ending: `scan` and `.nii.gz`, `cells` and `_seg.npy`."""
    base = path.name[: -len("_seg.npy")] if is_cellpose(path) else stem(path)
    if path.is_dir() and not is_image(path):  # a folder of masks
        base = path.name
    return base, path.name[len(base) :]


def _fill(
    aside: Path,
    parts: Mapping[str, Sequence[Pair]],
    names: Mapping[str, Sequence[tuple[str, str]]],
    by: By,
    progress: Progress | None,
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
        for pair, file_name in zip(pairs, names[part], strict=True):
            links = pair.links or pair.required_label.with_name(f"{_parted(pair.required_label)[0]}_links.txt")
            large = None if side is None else divided(pair, side)
            if large is not None:
                for name in large.write(aside / part, _parted(pair.image)[0], links if links.is_file() else None):
                    for kind, lines in lists.items():
                        lines.append(f"{kind}/{name}")
                done += 1
                if progress:
                    progress(done, total)
                continue
            for kind, source, name in zip(lists, (pair.image, pair.required_label), file_name, strict=True):
                if by == "list":
                    # as it will be seen from the folder that `aside` becomes a part of
                    lists[kind].append(_relative(source, aside.parent / part))
                    continue
                target = aside / part / kind / name
                for file in channel_files(source):
                    used.add(_put(file, target.with_name(file.name), by))
                if not channel_files(source) and (pair.annotated_as is None or not target.exists()):
                    used.add(_put(source, target, by))
                lists[kind].append(f"{kind}/{name}")
            if by != "list" and links.is_file():
                _put(links, aside / part / "labels" / f"{_parted(pair.image)[0]}_links.txt", by)
            done += 1
            if progress:
                progress(done, total)
        for kind, lines in lists.items():
            (aside / part / f"{kind}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts[part] = len(lists["images"])
    return next(how for how in ("list", "copy", "hard link", "link") if how in used), counts


def _put(source: Path, target: Path, by: By) -> str:
    """Copy or link one file or folder; returns which of the two it was."""
    source = source.resolve()
    if target.exists():
        raise UserError(str(source), f"a block of another image has the name {target.name} too", "Rename this image")
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


def _relative(path: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive of Windows
        relative = str(path.resolve())
    # a list takes a line that begins with # for a comment
    return f".{os.sep}{relative}" if relative.startswith("#") else relative


def _move(aside: Path, folder: Path, parts: Sequence[str]) -> None:
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
