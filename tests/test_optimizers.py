from itertools import pairwise

import pytest
import torch

from nbtrainer import optimizers
from nbtrainer.catalog import OPTIMIZERS, SCHEDULES

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
    other = optimizers.create(
        name, [torch.nn.Parameter(torch.tensor(2.0))], learning_rate=0.06, momentum=0.5, weight_decay=0.1
    )
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
    course = [optimizers.one_cycle(progress / 100, _schedule(0.1)) for progress in range(101)]
    assert course[0] < 0.05
    assert max(course) == course[10] == pytest.approx(1.0)
    assert course[-1] < 0.002
    assert all(later <= earlier for earlier, later in pairwise(course[10:]))


def test_warm_up_ends_at_the_full_rate_and_stays():
    assert optimizers.warm_up(0.0, _schedule(0.2)) < 0.05
    assert optimizers.warm_up(0.2, _schedule(0.2)) == optimizers.warm_up(1.0, _schedule(0.2)) == 1.0
    assert optimizers.warm_up(0.0, _schedule(0.0)) == optimizers.one_cycle(0.0, _schedule(0.0)) == 1.0
    assert optimizers.constant(0.3, _schedule(0.1)) == 1.0


def _schedule(warm_up_fraction=0.0, **changed):
    settings = {"milestones": (0.5, 0.75), "step_epochs": 100, "decay": 0.1, "power": 0.9, "epochs": 300} | changed
    return optimizers.Schedule(warm_up_fraction, **settings)


def test_steps_fall_at_each_milestone():
    rates = [optimizers.steps(progress, _schedule()) for progress in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert optimizers.steps(0.05, _schedule(0.1)) < 1


def test_polynomial_is_the_formula_and_ends_low():
    assert optimizers.polynomial(0.25, _schedule()) == pytest.approx(0.75**0.9)
    assert optimizers.polynomial(0.5, _schedule(power=1.0)) == pytest.approx(0.5)
    assert 0 < optimizers.polynomial(1.0, _schedule()) < 0.01


def test_omnipose_rises_over_ten_epochs_and_is_halved_in_the_last_hundred():
    def rate(epoch, epochs=300):
        return optimizers.omnipose((epoch + 0.5) / epochs, _schedule(epochs=epochs))

    assert [rate(epoch) for epoch in (0, 4, 9, 150, 199)] == pytest.approx([0.1, 0.5, 1, 1, 1])
    assert [rate(epoch) for epoch in (200, 209, 210, 299)] == pytest.approx([0.5, 0.5, 0.25, 0.5**10])
    assert rate(99, epochs=100) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_is_a_share_of_the_rate_all_along(name):
    course = [SCHEDULES.load(name)(progress / 200, _schedule(0.1)) for progress in range(201)]
    assert all(0 < share <= 1 for share in course) and max(course) == pytest.approx(1)


def test_step_falls_after_the_same_number_of_epochs():
    rates = [optimizers.step(epoch / 300, _schedule(step_epochs=60, decay=0.5)) for epoch in (0, 59, 60, 119, 120, 299)]
    assert rates == pytest.approx([1, 1, 0.5, 0.5, 0.25, 0.0625])


@pytest.mark.parametrize("was_fused", [True, False])
def test_an_optimizer_goes_on_fused_or_not_as_it_is_here_whatever_was_saved(was_fused):
    def create(fused):
        weight = torch.nn.Parameter(torch.tensor([2.0]))
        return weight, torch.optim.Adam([weight], lr=0.1, fused=fused)

    def step(weight, optimizer):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()

    saved_weight, saved = create(was_fused)
    step(saved_weight, saved)
    weight, optimizer = create(not was_fused)
    weight.data.copy_(saved_weight.data)
    optimizers.load_optimizer_state(optimizer, saved.state_dict())
    assert optimizer.param_groups[0]["fused"] is not was_fused
    step(saved_weight, saved)
    step(weight, optimizer)
    # the fused kernel corrects the bias in float32
    torch.testing.assert_close(weight, saved_weight, atol=1e-4, rtol=0)
    assert (
        optimizers.create("adam", [weight], learning_rate=0.1, momentum=0.9, weight_decay=0.0).defaults["fused"] is None
    )
