"""The best settings of a decoder on images whose truth is known: thresholds tried one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Thresholds = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The best settings found; `score` with them, `first_score` with those that it began with, `tried` how many in all."""

    settings: Thresholds
    score: float
    first_score: float
    tried: int


def tune(
    decode: Callable[..., np.ndarray],
    candidates: Mapping[str, Sequence[float]],
    defaults: Mapping[str, float],
    *,
    predictions: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    score: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float],
    most_tries: int = 60,
) -> Tuned:
    """The settings of `decode` with the highest score, looked for along one setting at a time.

    Parameters
    ----------
    decode
        Labels from one prediction, `decode(prediction, **settings)`.
    candidates
        The values to try for each setting; settings are taken in this order.
    defaults
        Where the search begins: one value for each name of `candidates`, which need not be among them.
    score
        One number for the labels of all predictions and their truths, larger is better; NaN counts as the worst.
    most_tries
        How many settings are tried at most, the defaults among them. Each decodes every prediction once.

    First all settings take their first candidates together, then their second ..., since where several thresholds are
    too high to find anything, changing one of them changes nothing. From the best of those, or the defaults if none is
    better, the best candidate of each setting in turn is kept, the earlier one of equals, until a whole round changes
    nothing. The result depends on nothing else, and never scores less than `defaults`.

    Raises
    ------
    ValueError
        If `defaults` and `candidates` do not name the same settings.

    >>> tuned = tune(
    ...     lambda prediction, threshold: prediction > threshold,
    ...     candidates={"threshold": [0.3, 0.5, 0.7]},
    ...     defaults={"threshold": 0.5},
    ...     predictions=[np.array([0.1, 0.4, 0.9])],
    ...     truths=[np.array([False, True, True])],
    ...     score=lambda labels, truths: float((labels[0] == truths[0]).mean()),
    ... )
    >>> tuned.settings, tuned.score, tuned.tried
    ({'threshold': 0.3}, 1.0, 3)
    """
    if set(defaults) != set(candidates):
        raise ValueError(f"defaults for {sorted(defaults)}, candidates for {sorted(candidates)}")
    known: dict[tuple[float, ...], float] = {}

    def try_out(settings: Thresholds) -> float:
        key = tuple(settings[name] for name in candidates)
        if key not in known:
            value = float(score([decode(prediction, **settings) for prediction in predictions], truths))
            known[key] = -np.inf if np.isnan(value) else value
        return known[key]

    best = dict(defaults)
    first_score = best_score = try_out(best)
    for place in range(max(map(len, candidates.values()), default=0)):
        together = {name: values[min(place, len(values) - 1)] for name, values in candidates.items() if values}
        if len(known) < most_tries and try_out(best | together) > best_score:
            best, best_score = best | together, try_out(best | together)
    changed = True
    while changed:
        changed = False
        for name, values in candidates.items():
            for value in values:
                other = best | {name: value}
                if tuple(other[key] for key in candidates) not in known and len(known) >= most_tries:
                    return Tuned(settings=best, score=best_score, first_score=first_score, tried=len(known))
                if try_out(other) > best_score:
                    best, best_score, changed = other, known[tuple(other[key] for key in candidates)], True
    return Tuned(settings=best, score=best_score, first_score=first_score, tried=len(known))
