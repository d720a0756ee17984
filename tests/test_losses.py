"""Against the definitions of EPySeg's document, calculated by hand in numpy."""

import numpy as np
import pytest
import torch

from nbtrainer.catalog import LOSSES
from nbtrainer.losses import Ignoring

S = 1e-5


def _by_hand(name: str, p: np.ndarray, y: np.ndarray) -> float:
    overlap = (p * y).sum()
    bce = float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
    jaccard = 1 - (overlap + S) / (p.sum() + y.sum() - overlap + S)
    dice = 1 - (2 * overlap + S) / (p.sum() + y.sum() + S)
    return {
        "binary_crossentropy": bce,
        "jaccard": jaccard,
        "dice": dice,
        "bce_jaccard": bce + jaccard,
        "bce_dice": bce + dice,
        "mean_squared_error": ((p - y) ** 2).mean(),
        "mean_absolute_error": np.abs(p - y).mean(),
    }[name]


@pytest.mark.feature(4, 5, 6, 7, 8, 9)
@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_is_its_formula(name):
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(3, 1, 16, 16)), (rng.random((3, 1, 16, 16)) > 0.6) * 1.0
    found = LOSSES.load(name)()(torch.tensor(logits, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
    assert float(found) == pytest.approx(_by_hand(name, 1 / (1 + np.exp(-logits)), y), abs=1e-5)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_prefers_the_truth_and_has_a_gradient_without_foreground(name):
    loss = LOSSES.load(name)()
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., :4] = 1
    right, wrong = (truth * 2 - 1) * 5, (1 - truth * 2) * 5
    assert loss(right, truth) < loss(wrong, truth)
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    loss(logits, torch.zeros(1, 1, 8, 8)).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_unknown_pixels_enter_no_loss_and_no_gradient(name):
    torch.manual_seed(0)
    logits = torch.randn(3, 2, 8, 9, requires_grad=True)
    target = (torch.rand(3, 2, 8, 9) > 0.5).float()
    unknown = torch.rand(3, 8, 9) > 0.6
    target.movedim(1, -1)[unknown] = float("nan")
    loss = Ignoring(LOSSES.load(name)())
    value = loss(logits, target)
    value.backward()
    assert torch.isfinite(value) and (logits.grad.movedim(1, -1)[unknown] == 0).all()
    assert (logits.grad.movedim(1, -1)[~unknown] != 0).any()
    # what stands there does not matter, and alone the known pixels have the same loss
    other = logits.detach().clone()
    other.movedim(1, -1)[unknown] = 50.0
    assert torch.equal(loss(other, target), value)
    nothing = loss(logits, torch.full_like(target, float("nan")))
    assert nothing == 0
    full = torch.nan_to_num(target)
    assert torch.equal(loss(logits, full), LOSSES.load(name)()(logits, full))
