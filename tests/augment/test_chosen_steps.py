import numpy as np
import pytest

from nbtrainer.augment import select_transforms

STEPS = [{"kind": kind, "probability": 0.2} for kind in ("none", "blur", "blur", "blur", "flip")]


def test_each_takes_the_whole_list_and_draws_nothing():
    rng = np.random.default_rng(0)
    assert select_transforms(rng, STEPS, "each", rotate_and_flip=False) == STEPS
    assert rng.random() == np.random.default_rng(0).random()


def test_one_takes_an_entry_more_often_the_more_often_it_is_listed():
    rng = np.random.default_rng(0)
    drawn = [select_transforms(rng, STEPS, "one", rotate_and_flip=False) for _ in range(1000)]
    assert all(len(steps) == 1 for steps in drawn)
    shares = {kind: np.mean([steps[0]["kind"] == kind for steps in drawn]) for kind in ("none", "blur", "flip")}
    assert shares == pytest.approx({"none": 0.2, "blur": 0.6, "flip": 0.2}, abs=0.05)
    # it happens for certain; of a flip, the probability is that of each axis
    assert {(steps[0]["kind"], steps[0]["probability"]) for steps in drawn} == {
        ("none", 1.0),
        ("blur", 1.0),
        ("flip", 0.2),
    }
    assert STEPS[0]["probability"] == 0.2


def test_turns_and_flips_come_first_and_besides_the_list_even_if_it_is_empty():
    rng = np.random.default_rng(0)
    for apply in ("each", "one"):
        assert [step["kind"] for step in select_transforms(rng, [], apply, rotate_and_flip=True)] == [
            "rotate90",
            "flip",
        ]
        assert len(select_transforms(rng, STEPS, apply, rotate_and_flip=True)) == 2 + (5 if apply == "each" else 1)
