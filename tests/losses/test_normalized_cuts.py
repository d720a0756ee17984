"""Against the formula written out over all pairs of pixels."""

import numpy as np
import pytest
import torch

from nbtrainer.losses.normalized_cuts import NormalizedCuts, soft_normalized_cuts
from nbtrainer.tasks.unsupervised import Unsupervised


def cuts_loss(**changed):
    """The loss with the settings' defaults for what a test does not name."""
    return NormalizedCuts(**{**Unsupervised.create().loss_settings, **changed})


def _dense(p: np.ndarray, image: np.ndarray, radius: float, sigma_spatial: float, sigma_intensity: float) -> float:
    """K - Σ_k Σ_uv w p_k(u) p_k(v) / Σ_uv w p_k(u); p (K, ...), image (C, ...)."""
    places = np.stack(np.meshgrid(*map(np.arange, image.shape[1:]), indexing="ij"), axis=-1).reshape(-1, image.ndim - 1)
    values = image.reshape(len(image), -1).T
    far = np.linalg.norm(places[:, None] - places[None], axis=-1)
    unlike = ((values[:, None] - values[None]) ** 2).sum(axis=-1)
    w = np.exp(-(far**2) / sigma_spatial**2) * np.exp(-unlike / sigma_intensity**2) * (far <= radius)
    p = p.reshape(len(p), -1)
    return len(p) - sum((k @ w @ k) / (k @ w.sum(axis=1)) for k in p)


@pytest.mark.parametrize(("shape", "channels", "classes"), [((6, 6), 1, 2), ((6, 6), 3, 4), ((4, 4, 4), 1, 3)])
@pytest.mark.parametrize(("radius", "sigma_spatial", "sigma_intensity"), [(2, 4.0, 1.0), (1, 0.7, 3.0), (5, 2.0, 0.4)])
def test_cuts_are_those_of_all_pairs(shape, channels, classes, radius, sigma_spatial, sigma_intensity):
    torch.manual_seed(0)
    image = torch.rand(2, channels, *shape, dtype=torch.float64) * 3
    p = torch.randn(2, classes, *shape, dtype=torch.float64).softmax(dim=1)
    found = soft_normalized_cuts(
        p, image=image, radius=radius, sigma_spatial=sigma_spatial, sigma_intensity=sigma_intensity
    )
    by_hand = [_dense(p[i].numpy(), image[i].numpy(), radius, sigma_spatial, sigma_intensity) for i in range(2)]
    assert found.tolist() == pytest.approx(by_hand)


@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 3)])
def test_the_gradient_is_that_of_the_formula(shape):
    torch.manual_seed(0)
    image = torch.rand(1, 1, *shape, dtype=torch.float64)
    logits = torch.randn(1, 3, *shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: soft_normalized_cuts(x.softmax(1), image=image, radius=2, sigma_spatial=4.0, sigma_intensity=1.0),
        (logits,),
    )


def _two_tones() -> tuple[torch.Tensor, torch.Tensor]:
    """(image, partition along its edge), (1, 1, 16, 16) and (1, 2, 16, 16)."""
    torch.manual_seed(0)
    bright = torch.zeros(1, 1, 16, 16)
    bright[..., 4:12, 4:12] = 1
    return bright + 0.002 * torch.randn(bright.shape), torch.cat([1 - bright, bright], dim=1)


def test_the_partition_along_the_edges_costs_least():
    image, along = _two_tones()
    loss = cuts_loss(reconstruction_weight=0)
    costs = [
        float(loss(torch.cat([20 * partition - 10, image], dim=1), image))
        for partition in (along, along.roll(3, 2), along.roll((4, 4), (2, 3)))
    ]
    even = float(loss(torch.cat([torch.zeros(1, 2, 16, 16), image], dim=1), image))
    assert costs[0] < 0.01 and costs[0] < min(costs[1:]) and costs[0] < even
    assert even == pytest.approx(0.5, abs=0.01)  # (K - 1) x the weight of 0.5


def test_the_loss_is_the_weighted_sum_of_its_terms():
    torch.manual_seed(0)
    image, output = torch.randn(2, 1, 8, 8), torch.randn(2, 4, 8, 8, requires_grad=True)
    loss = cuts_loss(classes=3, cuts_weight=0.3, reconstruction_weight=0.2)
    value = loss(output, image)
    assert loss.terms["reconstruction"] == pytest.approx(float(((output[:, 3:] - image) ** 2).mean()))
    assert value.item() == pytest.approx(
        float(0.3 * loss.terms["normalized_cuts"] + 0.2 * loss.terms["reconstruction"])
    )
    assert not any(term.requires_grad for term in loss.terms.values())
    value.backward()
    assert torch.isfinite(output.grad).all() and (output.grad != 0).any(dim=(0, 2, 3)).all()


def test_an_image_painted_right_has_no_error():
    image, along = _two_tones()
    for reconstruction, painted in (("mse", image), ("bce", 40 * image - 20)):
        loss = cuts_loss(reconstruction=reconstruction)
        loss(torch.cat([along, painted], dim=1), image.round().clamp(0, 1) if reconstruction == "bce" else image)
        assert loss.terms["reconstruction"] < 1e-3
        loss(torch.cat([along, -painted], dim=1), image)
        assert loss.terms["reconstruction"] > 0.1


def test_the_scale_of_the_image_does_not_change_the_cuts():
    image, along = _two_tones()
    loss, cuts = cuts_loss(), []
    for scaled in (image, 7 * image - 3):
        loss(torch.cat([along, scaled], dim=1), scaled)
        cuts.append(float(loss.terms["normalized_cuts"]))
    assert cuts[0] == pytest.approx(cuts[1], rel=1e-3)


def test_an_even_patch_and_a_class_that_is_nowhere_give_finite_gradients():
    output = torch.zeros(1, 4, 6, 6)
    output[:, 1] = 200
    output.requires_grad_()
    value = cuts_loss(classes=3)(output, torch.full((1, 1, 6, 6), 3.0))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(output.grad).all()


def test_half_precision_is_computed_in_full():
    torch.manual_seed(0)
    image, output = torch.rand(1, 1, 32, 32), torch.randn(1, 3, 32, 32)
    full = cuts_loss()(output, image)
    with torch.autocast("cpu", torch.bfloat16):
        half = cuts_loss()(output.bfloat16(), image)
    assert half.dtype == torch.float32 and half == pytest.approx(float(full), rel=1e-2)


def test_a_truth_behind_the_image_is_not_looked_at():
    torch.manual_seed(0)
    image, output = torch.rand(1, 2, 8, 8), torch.randn(1, 5, 8, 8)
    loss = cuts_loss(classes=3)
    unknown = torch.full((1, 1, 8, 8), float("nan"))
    assert torch.equal(loss(output, torch.cat([image, unknown], dim=1)), loss(output, image))
