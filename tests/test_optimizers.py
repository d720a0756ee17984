from itertools import pairwise

import pytest
import torch

from nbtrainer import optimizers
from nbtrainer.catalog import OPTIMIZERS

# names of the menu, and what each is in torch
_IN_TORCH = {
    "adam": "Adam",
    "adamw": "AdamW",
    "radam": "RAdam",
    "nadam": "NAdam",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adamax": "Adamax",
}


def test_all_of_the_menu_are_known_here():
    assert set(_IN_TORCH) == set(OPTIMIZERS)


def _path(optimizer: torch.optim.Optimizer, weight: torch.nn.Parameter) -> list[float]:
    """The values of a weight while its square is made small."""
    seen = []
    for _ in range(8):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
        seen.append(float(weight.detach()))
    return seen


@pytest.mark.feature(19)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.feature(*{"sgd": (2, 3), "radam": (3,)}.get(name, (2,))))
        for name in _IN_TORCH
    ],
)
def test_every_optimizer_is_the_one_of_its_name_at_the_learning_rate_that_is_set(name):
    mine, torchs = (torch.nn.Parameter(torch.tensor(2.0)) for _ in range(2))
    momentum = {"momentum": 0.5} if name in ("sgd", "rmsprop") else {}
    own = getattr(torch.optim, _IN_TORCH[name])([torchs], lr=0.03, weight_decay=0.1, **momentum)
    found = optimizers.create(name, [mine], learning_rate=0.03, momentum=0.5, weight_decay=0.1)
    assert type(found) is type(own)
    assert _path(found, mine) == pytest.approx(_path(own, torchs))
    other = optimizers.create(name, [torch.nn.Parameter(torch.tensor(2.0))], 0.06, momentum=0.5, weight_decay=0.1)
    assert other.param_groups[0]["lr"] == 0.06


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_goes_downhill_at_its_learning_rate(name):
    weight = torch.nn.Parameter(torch.tensor(2.0))
    optimizer = optimizers.create(name, [weight], learning_rate=0.05, momentum=0.5, weight_decay=0.0)
    for _ in range(50):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert abs(float(weight.detach())) < 2.0


def test_one_cycle_rises_peaks_and_ends_low():
    course = [optimizers.one_cycle(progress / 100, 0.1) for progress in range(101)]
    assert course[0] < 0.05
    assert max(course) == course[10] == pytest.approx(1.0)
    assert course[-1] < 0.002
    assert all(later <= earlier for earlier, later in pairwise(course[10:]))


def test_warm_up_ends_at_the_full_rate_and_stays():
    assert optimizers.warm_up(0.0, 0.2) < 0.05
    assert optimizers.warm_up(0.2, 0.2) == optimizers.warm_up(1.0, 0.2) == 1.0
    assert optimizers.warm_up(0.0, 0.0) == optimizers.one_cycle(0.0, 0.0) == 1.0
    assert optimizers.constant(0.3, 0.1) == 1.0
