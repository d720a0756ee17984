import numpy as np
import pytest

from nbtrainer.labels.tune_thresholds import tune


def _threshold(prediction, low, high):
    return ((prediction > low) & (prediction < high)).astype(np.uint8)


def _agreement(found, truths):
    return float(np.mean([np.mean((a > 0) == (b > 0)) for a, b in zip(found, truths, strict=True)]))


RNG = np.random.default_rng(0)
PREDICTIONS = [RNG.random((30, 30)) for _ in range(2)]
TRUTHS = [_threshold(prediction, 0.3, 0.8) for prediction in PREDICTIONS]
CANDIDATES = {"low": [0.1, 0.2, 0.3, 0.4], "high": [0.5, 0.6, 0.7, 0.8]}


def test_the_right_thresholds_are_found():
    found = tune(
        _threshold, CANDIDATES, {"low": 0.5, "high": 0.9}, predictions=PREDICTIONS, truths=TRUTHS, score=_agreement
    )
    assert found.settings == {"low": 0.3, "high": 0.8}
    assert found.score == 1 > found.first_score


def test_nothing_is_worse_than_the_defaults_and_equals_change_nothing():
    found = tune(
        _threshold, CANDIDATES, {"low": 0.3, "high": 0.8}, predictions=PREDICTIONS, truths=TRUTHS, score=lambda *_: 0.5
    )
    assert found.settings == {"low": 0.3, "high": 0.8} and found.score == found.first_score == 0.5


def test_decodes_are_bounded_and_none_is_made_twice():
    asked = []

    def decode(prediction, **settings):
        asked.append(tuple(settings.values()))
        return _threshold(prediction, **settings)

    for most in (1, 3, 100):
        asked.clear()
        found = tune(
            decode,
            CANDIDATES,
            {"low": 0.5, "high": 0.9},
            predictions=PREDICTIONS,
            truths=TRUTHS,
            score=_agreement,
            most_tries=most,
        )
        assert len(asked) == 2 * found.tried <= 2 * most
        assert len(set(asked)) == found.tried


def test_a_score_that_is_no_number_never_wins():
    score = {0.1: np.nan, 0.2: 0.2}
    found = tune(
        lambda p, low: np.full((1, 1), low),
        {"low": [0.1, 0.2]},
        {"low": 0.1},
        predictions=[0],
        truths=[0],
        score=lambda a, b: score[a[0][0, 0]],
    )
    assert found.settings == {"low": 0.2}


def test_names_have_to_agree():
    with pytest.raises(ValueError, match="high"):
        tune(_threshold, CANDIDATES, {"low": 0.5}, predictions=PREDICTIONS, truths=TRUTHS, score=_agreement)
