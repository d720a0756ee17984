from pathlib import Path

import pytest

from nbtrainer.data.pair import Pair
from nbtrainer.data.split import split_pairs


def _pairs(count: int, use: str = "auto") -> list[Pair]:
    return [Pair(Path(f"{use}{k}"), Path(f"l{k}"), use) for k in range(count)]


@pytest.mark.feature(101, 102)
@pytest.mark.parametrize(
    ("count", "fraction", "expected"), [(80, 0.1, 8), (4, 0.1, 1), (10, 0.25, 2), (10, 0, 0), (1, 0.5, 0), (2, 0.9, 1)]
)
def test_the_share_is_rounded_and_at_least_one_image_validates_and_one_trains(count, fraction, expected):
    split = split_pairs(_pairs(count), fraction, seed=1)
    assert len(split.validation) == expected
    assert len(split.train) == count - expected
    assert not {pair.image for pair in split.train} & {pair.image for pair in split.validation}


@pytest.mark.feature(45)
def test_the_seed_chooses():
    assert split_pairs(_pairs(30), 0.2, seed=1) == split_pairs(_pairs(30), 0.2, seed=1)
    assert split_pairs(_pairs(30), 0.2, seed=1) != split_pairs(_pairs(30), 0.2, seed=2)


@pytest.mark.feature(59)
def test_a_dataset_may_be_given_one_purpose():
    split = split_pairs([*_pairs(4), *_pairs(2, "train"), *_pairs(3, "validation"), *_pairs(1, "test")], 0.25, seed=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (5, 4, 1)
