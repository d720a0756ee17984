"""A folder of images and labels becomes `<output_root>/<data_task>/{train,val,test}/{images,labels}`, with lists."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.layouts import find_sources
from nbtrainer.data.pair import Naming, Pair
from nbtrainer.data.split_folders import USES, By, Prepared, write_split_folders
from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.formats import is_image
from nbtrainer.progress import OnProgress

Share = float | str
"""A fraction or a percentage: 0.7, 70 or `70%`."""
PathLike = str | os.PathLike[str]


def prepare(
    images: PathLike,
    labels: PathLike,
    output_root: PathLike,
    data_task: str,
    *,
    naming: Naming,
    seed: int,
    train: Share = 0.7,
    validation: Share = 0.1,
    test: Share = 0.2,
    by: By = "copy",
    progress: OnProgress | None = None,
    divide: int | None = None,
) -> Prepared:
    """Pair images with labels, divide them by chance, and lay them out for training.

    Pairs are found as for training, by `naming`; a warning names those made by order. `seed` decides which image goes
    where; shares are fractions or percentages (0.7, 70 or "70%"), rounded so that each that is above 0 gets an image.
    `divide`: images are divided into blocks of about so many pixels a side, where they are larger; all blocks of an
    image go the same way. Labels named otherwise than their images are renamed after them. By `copy`; by `link`
    (symbolic, else hard, else a copy); or by `list`: nothing but `images.txt` and `labels.txt`, which are written in
    each case, one path a line, relative to the list. Omnipose's `_links.txt` comes along.

    Everything is made aside and moved into place at the end, so that nothing half remains if this is interrupted.

    Raises
    ------
    UserError
        If the shares do not add up to 1, images are too few, have no label or share a name, or a split is there already.
    """
    if Path(images).absolute() == Path(labels).absolute():
        raise SettingError("labels", f"{labels} is given as images and as labels", "Give the folder of the labels")
    pairs = find_pairs(Path(images), Path(labels), "", naming, use="auto")
    shares = split_shares(train, validation=validation, test=test)
    return _divide_by_chance(pairs, output_root, data_task, shares, seed=seed, by=by, progress=progress, divide=divide)


def _divide_by_chance(
    pairs: Sequence[Pair],
    output_root: PathLike,
    data_task: str,
    shares: Mapping[str, float],
    *,
    seed: int,
    by: By,
    progress: OnProgress | None,
    divide: int | None,
) -> Prepared:
    counts = share_counts(len(pairs), shares)
    order = np.random.default_rng(_check_seed(seed)).permutation(len(pairs)).tolist()
    parts: dict[str, list[Pair]] = {}
    for name, count in counts.items():
        chosen, order = sorted(order[:count]), order[count:]
        parts[name] = [pairs[index] for index in chosen]
    return write_split_folders(
        parts, output_root=Path(output_root), data_task=data_task, by=by, progress=progress, side=divide
    )


def prepare_dataset(
    dataset: PathLike,
    output_root: PathLike,
    data_task: str,
    *,
    naming: Naming,
    seed: int,
    train: Share = 0.7,
    validation: Share = 0.1,
    test: Share = 0.2,
    by: By = "copy",
    progress: OnProgress | None = None,
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
            raise DataError("dataset", f"{where} has no folder {source.labels.name}", "Add the labels")
    if not sources and not any(map(is_image, dataset.iterdir() if dataset.is_dir() else [])):
        raise DataError(
            "dataset",
            f"{dataset} has no folder {' or '.join(missing)}",
            "It needs images and labels, or train, val and test with images and labels in each",
        )
    pairs = find_pairs(dataset, None, "", naming, use="auto")
    if not uses or len(uses) < len(sources):
        shares = split_shares(train, validation=validation, test=test)
        return _divide_by_chance(
            pairs, output_root, data_task, shares, seed=seed, by=by, progress=progress, divide=divide
        )
    if "train" not in uses:
        names = " and ".join(name for name, use in USES.items() if use in uses)
        raise DataError("dataset", f"{dataset} has {names} but no folder train", "Add it")
    parts = {name: [pair for pair in pairs if pair.use == use] for name, use in USES.items() if use in uses}
    return write_split_folders(
        parts, output_root=Path(output_root), data_task=data_task, by=by, progress=progress, side=divide
    )


def split_shares(train: Share, *, validation: Share, test: Share) -> dict[str, float]:
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
            raise SettingError(
                name, f"{share!r} is no share", "Give a fraction or a percentage: 0.7, 70 or 70%"
            ) from None
    by = 100 if any(share > 1 for share in plain.values()) else 1
    return {name: marked[name] / 100 if name in marked else plain[name] / by for name in given}


def share_counts(count: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`count` images divided by `shares`: as near as whole numbers come, at least one for each share above 0.

    Raises `UserError` if the shares are not from 0 to 1 with a sum of 1, or there are fewer images than shares.
    """
    text = " + ".join(f"{100 * share:.6g} %" for share in shares.values())
    nonzero = {name: share for name, share in shares.items() if share > 0}
    if not all(0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise SettingError(
            "train, validation, test",
            f"the shares {text} do not add up to 100 %",
            "Give fractions such as 0.7, 0.1 and 0.2, or percentages such as 70, 10 and 20",
        )
    if "train" not in nonzero:
        raise SettingError("train", "no image would be left to train", "Give a share above 0")
    if count < len(nonzero):
        raise DataError(
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


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise SettingError("seed", f"{seed} is below 0", "Give a whole number from 0")
    return seed
