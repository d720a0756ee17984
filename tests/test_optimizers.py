from itertools import pairwise

import pytest
import torch

from nbtrainer import optimizers
from nbtrainer.catalog import OPTIMIZERS


@pytest.mark.feature(2, 3, 19)
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
