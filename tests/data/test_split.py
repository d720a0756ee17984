from pathlib import Path

import pytest
from factories import make_split

from nbtrainer.data.pair import Pair
from nbtrainer.errors import SettingError


def _pairs(count: int, use: str = "auto") -> list[Pair]:
    return [Pair(Path(f"{use}{k}"), Path(f"l{k}"), use=use) for k in range(count)]


@pytest.mark.feature(101, 102)
@pytest.mark.parametrize(
    ("count", "fraction", "expected"), [(80, 0.1, 8), (4, 0.1, 1), (10, 0.25, 2), (10, 0, 0), (1, 0.5, 0), (2, 0.9, 1)]
)
def test_the_share_is_rounded_and_at_least_one_image_validates_and_one_trains(count, fraction, expected):
    split = make_split(_pairs(count), fraction, seed=1)
    assert len(split.validation) == expected
    assert len(split.train) == count - expected
    assert not {pair.image for pair in split.train} & {pair.image for pair in split.validation}


@pytest.mark.feature(45)
def test_the_seed_chooses():
    assert make_split(_pairs(30), 0.2, seed=1) == make_split(_pairs(30), 0.2, seed=1)
    assert make_split(_pairs(30), 0.2, seed=1) != make_split(_pairs(30), 0.2, seed=2)


@pytest.mark.feature(59)
def test_a_dataset_may_be_given_one_purpose():
    split = make_split([*_pairs(4), *_pairs(2, "train"), *_pairs(3, "validation"), *_pairs(1, "test")], 0.25, seed=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (5, 4, 1)


@pytest.mark.feature(44, 102)
def test_images_of_one_group_go_the_same_way():
    pairs = [Pair(Path(f"mouse{mouse}_{k}.tif"), Path("l"), use="auto") for mouse in range(6) for k in range(5)]
    for seed in range(5):
        split = make_split(pairs, 0.2, seed=seed, groups=r"mouse\d+")
        groups = [{pair.image.name.partition("_")[0] for pair in part} for part in split[:2]]
        assert not groups[0] & groups[1] and len(split.validation) == 5


@pytest.mark.parametrize("length", [2, 3, 21, 100, 1000])
@pytest.mark.parametrize("gap", [0, 8])
def test_a_single_image_is_divided_into_blocks_with_a_gap(length, gap):
    (pair,) = _pairs(1)
    ends = set()
    for seed in range(8):
        split = make_split([pair], 0.2, seed=seed, gap=gap, part_of=lambda pair: ((0, length // 2 or 1), (0, length)))
        ((_, train),) = (each.crop for each in split.train)
        ((_, validation),) = (each.crop for each in split.validation)
        first, second = sorted([train, validation])
        assert first[0] == 0 and second[1] == length
        assert second[0] - first[1] == min(gap, length // 20)
        assert validation[1] - validation[0] == max(1, round(0.2 * length))
        ends.add(validation[0] == 0)
    assert ends == {True, False}  # the seed chooses the end


def test_slices_of_one_stack_are_divided_and_those_between_are_not_used():
    slices = [Pair(Path("stack.tif"), Path("l"), slice=k, use="auto") for k in range(200)]
    split = make_split(slices, 0.1, seed=0)
    numbers = [[pair.slice for pair in part] for part in split[:2]]
    assert [len(part) for part in numbers] == [172, 20]
    assert min(abs(a - b) for a in numbers[0] for b in numbers[1]) == 9


def test_two_long_stacks_are_divided_each_and_many_short_ones_stay_whole():
    two = [Pair(Path(f"s{n}.tif"), Path("l"), slice=k, use="auto") for n in range(2) for k in range(100)]
    split = make_split(two, 0.2, seed=0)
    assert {pair.image.name for pair in split.validation} == {"s0.tif", "s1.tif"}
    many = [Pair(Path(f"s{n}.tif"), Path("l"), slice=k, use="auto") for n in range(30) for k in range(4)]
    split = make_split(many, 0.2, seed=0)
    assert not {pair.image for pair in split.train} & {pair.image for pair in split.validation}
    assert len(split.validation) == 24


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_image_validates_in_one_fold_and_trains_in_the_others(folds):
    pairs = [*_pairs(11), *_pairs(2, "train"), *_pairs(1, "test")]
    splits = [make_split(pairs, 0.2, seed=3, folds=folds, fold=fold) for fold in range(1, folds + 1)]
    validated = [pair.image.name for split in splits for pair in split.validation]
    assert sorted(validated) == sorted(f"auto{k}" for k in range(11))
    sizes = [len(split.validation) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    assert all(len(split.train) == 13 - len(split.validation) and len(split.test) == 1 for split in splits)
    assert splits[0] != make_split(pairs, 0.2, seed=4, folds=folds, fold=1)


def test_groups_and_stacks_stay_together_in_a_fold():
    pairs = [Pair(Path(f"mouse{mouse}_{k}.tif"), Path("l"), use="auto") for mouse in range(6) for k in range(1 + mouse)]
    stacks = [Pair(Path(f"stack{s}.tif"), Path("l"), use="auto", slice=k) for s in range(4) for k in range(5)]
    for some, groups in ((pairs, r"mouse\d+"), (stacks, "")):
        splits = [make_split(some, 0.2, seed=0, groups=groups, folds=4, fold=fold) for fold in (1, 2, 3, 4)]
        assert sorted(pair.name for split in splits for pair in split.validation) == sorted(pair.name for pair in some)
        for split in splits:
            own, others = (
                {pair.image.name.partition("_")[0] for pair in use} for use in (split.validation, split.train)
            )
            assert own and not own & others


@pytest.mark.parametrize("count", [1, 2])
def test_few_long_stacks_are_divided_into_blocks_of_which_each_validates_once(count):
    pairs = [Pair(Path(f"stack{s}.tif"), Path("l"), use="auto", slice=k) for s in range(count) for k in range(60)]
    splits = [make_split(pairs, 0.2, seed=0, folds=5, fold=fold, gap=2) for fold in range(1, 6)]
    assert sorted(pair.name for split in splits for pair in split.validation) == sorted(pair.name for pair in pairs)
    for number, split in enumerate(splits):
        slices = [pair.slice for pair in split.validation if pair.image == pairs[0].image]
        assert slices == list(range(12 * number, 12 * number + 12))
        near = {slices[0] - 2, slices[0] - 1, slices[-1] + 1, slices[-1] + 2}
        assert {pair.slice for pair in split.train} == set(range(60)) - set(slices) - near


def test_a_single_image_is_divided_along_its_longest_axis_into_blocks_with_gaps():
    (pair,) = _pairs(1)
    folds = [
        make_split([pair], 0.2, seed=0, folds=4, fold=fold, gap=3, part_of=lambda _: ((0, 50), (10, 110)))
        for fold in (1, 2, 3, 4)
    ]
    assert [split.validation[0].crop for split in folds] == [
        ((0, 50), ends) for ends in ((10, 35), (35, 60), (60, 85), (85, 110))
    ]
    assert [[part.crop[1] for part in split.train] for split in folds[:2]] == [[(38, 110)], [(10, 32), (63, 110)]]


def test_folds_that_cannot_be_made_are_refused():
    with pytest.raises(SettingError, match=r"there are 3 images, too few for 4 folds\. Choose 3 folds or fewer"):
        make_split(_pairs(3), 0.2, seed=0, folds=4, fold=1)
    with pytest.raises(SettingError, match="there is no fold 4 of 3"):
        make_split(_pairs(3), 0.2, seed=0, folds=3, fold=4)
    with pytest.raises(SettingError, match="one fold would leave nothing to train"):
        make_split(_pairs(3), 0.2, seed=0, folds=1, fold=1)
