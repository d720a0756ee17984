import numpy as np
import pytest

from nbtrainer.augment import select_transforms
from nbtrainer.config.augmentation import Augmentation

LISTED = [{"kind": kind, "probability": 0.2} for kind in ("none", "blur", "blur", "blur", "flip")]


def test_each_takes_the_whole_list_and_draws_nothing():
    rng = np.random.default_rng(0)
    augmentation = Augmentation(steps=LISTED, apply="each", rotate_and_flip=False)
    assert select_transforms(rng, augmentation) == augmentation.steps
    assert rng.random() == np.random.default_rng(0).random()


def test_one_takes_an_entry_more_often_the_more_often_it_is_listed():
    rng = np.random.default_rng(0)
    augmentation = Augmentation(steps=LISTED, apply="one", rotate_and_flip=False)
    drawn = [select_transforms(rng, augmentation) for _ in range(1000)]
    assert all(len(selected) == 1 for selected in drawn)
    shares = {kind: np.mean([selected[0].kind == kind for selected in drawn]) for kind in ("none", "blur", "flip")}
    assert shares == pytest.approx({"none": 0.2, "blur": 0.6, "flip": 0.2}, abs=0.05)
    # it happens for certain; of a flip, the probability is that of each axis
    assert {(selected[0].kind, selected[0].probability) for selected in drawn} == {
        ("none", 1.0),
        ("blur", 1.0),
        ("flip", 0.2),
    }
    assert augmentation.steps[0].probability == 0.2


def test_turns_and_flips_come_first_and_besides_the_list_even_if_it_is_empty():
    rng = np.random.default_rng(0)
    for apply in ("each", "one"):
        alone = Augmentation(steps=[], apply=apply, rotate_and_flip=True)
        assert [transform.kind for transform in select_transforms(rng, alone)] == ["rotate90", "flip"]
        listed = Augmentation(steps=LISTED, apply=apply, rotate_and_flip=True)
        assert len(select_transforms(rng, listed)) == 2 + (5 if apply == "each" else 1)
