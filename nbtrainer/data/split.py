"""Which images train, which validate, which test."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nbtrainer.data.name_patterns import find_in_names
from nbtrainer.data.pair import Crop, Pair
from nbtrainer.errors import SettingError

# of an axis, at most this share is given up for the gap between blocks
_LARGEST_GAP = 1 / 20


class Split(NamedTuple):
    """Pairs by their use; no pair, and of a divided image no pixel, is in two of the lists."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]


def split_pairs(
    pairs: list[Pair],
    validation_fraction: float,
    *,
    seed: int,
    groups: str,
    gap: int,
    folds: int,
    fold: int,
    part_of: Callable[[Pair], Crop] | None = None,
) -> Split:
    """`pairs` by use; of those with use `auto`, this share is chosen for validation by `seed`.

    With `folds` (0: none) it is `fold`, counted from 1, of as many parts, alike in size, in which each of them is once: of
    images, groups or blocks as below.

    The share is rounded, with at least one image if it is above 0. What is chosen is

    - images, each by itself, or with `groups` (a regular expression) all those together in whose name it finds the
      same text (of its first group, if it has one);
    - where all images are slices of one stack, or of few and long ones: successive slices at one end of each, with
      `gap` slices left out between;
    - where there is a single image: a block at one end of its longest axis, with `gap` pixels left out between.
      `part_of` gives what of the image is used, from and to along each axis; without it, the image trains.

    A gap takes at most a twentieth of the axis. Raises `UserError` if the expression takes too long, or there are fewer
    images than folds.
    """
    undecided = [pair for pair in pairs if pair.use == "auto"]
    trains = any(pair.use == "train" for pair in pairs)
    rng = np.random.default_rng(seed)
    train: list[Pair] = []
    validation: list[Pair] = []
    if folds and undecided:
        train, validation = _one_fold(undecided, rng, folds=folds, fold=fold, groups=groups, gap=gap, part_of=part_of)
    elif validation_fraction <= 0 or not undecided:
        train, validation = undecided, []
    elif trains and len(undecided) == 1:
        train, validation = [], undecided
    elif _is_divided(undecided, validation_fraction, groups):
        for file in dict.fromkeys(pair.image for pair in undecided):
            its = [pair for pair in undecided if pair.image == file]
            some, others = _divide(its, validation_fraction, rng, gap, part_of)
            train, validation = [*train, *some], [*validation, *others]
    else:
        train, validation = _choose(undecided, validation_fraction, rng, groups, trains)
    return Split(
        train + [pair for pair in pairs if pair.use == "train"],
        validation + [pair for pair in pairs if pair.use == "validation"],
        [pair for pair in pairs if pair.use == "test"],
    )


def _is_divided(pairs: list[Pair], fraction: float, groups: str) -> bool:
    """Whether images or stacks are divided into blocks: a single one, or stacks longer than what is to validate."""
    counts = Counter(pair.image for pair in pairs)
    if len(counts) == 1:
        return True
    return not groups and min(counts.values()) > max(1, round(fraction * len(pairs)))


def _choose(
    pairs: list[Pair], fraction: float, rng: np.random.Generator, groups: str, others_train: bool
) -> tuple[list[Pair], list[Pair]]:
    """The pairs that train and those that validate: whole groups; slices of one stack stay together."""
    members = _members(pairs, groups)
    names = list(members)
    count = max(1, round(fraction * len(pairs)))
    most = len(names) if others_train else len(names) - 1
    chosen: set[int] = set()
    for name in [names[place] for place in rng.permutation(len(names))[: max(0, most)]]:
        # a group that would take more than half of itself too many is left to train, unless nothing was chosen yet
        if not chosen or len(chosen) + len(members[name]) / 2 <= count:
            chosen.update(members[name])
        if len(chosen) >= count:
            break
    train = [pair for index, pair in enumerate(pairs) if index not in chosen]
    return train, [pair for index, pair in enumerate(pairs) if index in chosen]


def _members(pairs: list[Pair], groups: str) -> dict[str, list[int]]:
    """The numbers of the pairs that go the same way, by group or image."""
    members: dict[str, list[int]] = {}
    attempts = (
        find_in_names(groups, [pair.image.name for pair in pairs], "data.split_groups")
        if groups
        else [None] * len(pairs)
    )
    for index, (pair, group) in enumerate(zip(pairs, attempts, strict=True)):
        members.setdefault(str(pair.image) if group is None else group, []).append(index)
    return members


def _one_fold(
    pairs: list[Pair],
    rng: np.random.Generator,
    *,
    folds: int,
    fold: int,
    groups: str,
    gap: int,
    part_of: Callable[[Pair], Crop] | None,
) -> tuple[list[Pair], list[Pair]]:
    """The pairs that train and those that validate in one of the folds."""
    if folds < 2:
        raise SettingError("data.folds", "one fold would leave nothing to train", "Give 2 or more, or 0 for no folds")
    if fold > folds:
        raise SettingError("data.fold", f"there is no fold {fold} of {folds}", f"Give 1 to {folds}")
    if _is_divided(pairs, 1 / folds, groups):
        train: list[Pair] = []
        validation: list[Pair] = []
        for file in dict.fromkeys(pair.image for pair in pairs):
            its = [pair for pair in pairs if pair.image == file]
            some, others = _divide_into_folds(its, folds=folds, fold=fold, gap=gap, part_of=part_of)
            train, validation = [*train, *some], [*validation, *others]
        return train, validation
    members = list(_members(pairs, groups).values())
    if len(members) < folds:
        what = "groups (data.split_groups)" if groups else "images"
        raise _too_many_folds(folds, f"there are {len(members)} {what}", len(members))
    parts: list[list[int]] = [[] for _ in range(folds)]
    # the largest first: so the parts become as alike in size as they can
    shuffled = [members[place] for place in rng.permutation(len(members))]
    for own in sorted(shuffled, key=len, reverse=True):
        min(parts, key=len).extend(own)
    chosen = set(parts[fold - 1])
    train = [pair for index, pair in enumerate(pairs) if index not in chosen]
    return train, [pair for index, pair in enumerate(pairs) if index in chosen]


def _divide_into_folds(
    pairs: list[Pair], *, folds: int, fold: int, gap: int, part_of: Callable[[Pair], Crop] | None
) -> tuple[list[Pair], list[Pair]]:
    """One image or one stack: a block of it validates, and what lies before and behind trains."""
    if len(pairs) > 1:  # successive slices
        ordered = sorted(pairs, key=lambda pair: pair.slice or 0)
        blocks, block = _fold_blocks(len(ordered), folds=folds, fold=fold, gap=gap)
        return [pair for ends in blocks for pair in ordered[slice(*ends)]], ordered[slice(*block)]
    whole = part_of(pairs[0]) if part_of is not None else ()
    lengths = [stop - start for start, stop in whole]
    if not lengths:
        return pairs, []
    axis = lengths.index(max(lengths))
    blocks, block = _fold_blocks(lengths[axis], folds=folds, fold=fold, gap=gap)
    train = [dataclasses.replace(pairs[0], crop=_part(whole, axis, ends)) for ends in blocks]
    return train, [dataclasses.replace(pairs[0], crop=_part(whole, axis, block))]


def _fold_blocks(length: int, *, folds: int, fold: int, gap: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """From and to of the one or two blocks that train and of the one that validates, of an axis of `length`."""
    if length < folds:
        raise _too_many_folds(folds, f"what is divided is {length} long", length)
    gap = min(gap, math.floor(length * _LARGEST_GAP))
    start, stop = round(length * (fold - 1) / folds), round(length * fold / folds)
    blocks = [(0, start - gap), (stop + gap, length)]
    return [(first, last) for first, last in blocks if first < last], (start, stop)


def _too_many_folds(folds: int, wrong: str, most: int) -> SettingError:
    remedy = f"Choose {most} folds or fewer" if most > 1 else "Add images; they are divided where use is auto"
    return SettingError("data.folds", f"{wrong}, too few for {folds} folds", remedy)


def _divide(
    pairs: list[Pair],
    fraction: float,
    rng: np.random.Generator,
    gap: int,
    part_of: Callable[[Pair], Crop] | None,
) -> tuple[list[Pair], list[Pair]]:
    """One image or one stack as two separate blocks."""
    at_start = bool(rng.integers(2))
    if len(pairs) > 1:  # successive slices
        ordered = sorted(pairs, key=lambda pair: pair.slice or 0)
        first, second = _blocks(len(ordered), fraction, gap, at_start)
        return ordered[slice(*first)], ordered[slice(*second)]
    if part_of is None:
        return pairs, []
    whole = part_of(pairs[0])
    lengths = [stop - start for start, stop in whole]
    if not lengths or max(lengths) < 2:
        return pairs, []
    axis = lengths.index(max(lengths))
    train, validation = (
        dataclasses.replace(pairs[0], crop=_part(whole, axis, block))
        for block in _blocks(lengths[axis], fraction, gap, at_start)
    )
    return [train], [validation]


def _blocks(length: int, fraction: float, gap: int, at_start: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """From and to of what trains and what validates, of an axis of `length`."""
    gap = min(gap, math.floor(length * _LARGEST_GAP))
    validates = min(max(1, round(fraction * length)), length - gap - 1)
    if at_start:
        return (validates + gap, length), (0, validates)
    return (0, length - validates - gap), (length - validates, length)


def _part(whole: Crop, axis: int, block: tuple[int, int]) -> Crop:
    """`whole`, along `axis` only from and to of `block`, counted from its start."""
    start = whole[axis][0]
    return tuple((start + block[0], start + block[1]) if number == axis else ends for number, ends in enumerate(whole))
