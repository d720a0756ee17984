"""Against the definitions of EPySeg's document, calculated by hand in numpy."""

import numpy as np
import pytest
import torch

from nbtrainer.catalog import LOSSES

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
