import numpy as np
import pytest
import torch

from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.losses.flow import FlowLoss


def target(dim=2):
    grid = np.meshgrid(*[np.arange(-10, 11)] * dim, indexing="ij")
    fields = flow_fields((np.sqrt(sum(axis**2 for axis in grid)) <= 7).astype(np.uint8))
    distance = np.where(fields.distance > 0, fields.distance, -5)
    return torch.from_numpy(
        np.concatenate([5 * fields.flow, distance[None], fields.boundary[None]]).astype(np.float32)
    )[None]


def perfect(wanted):
    prediction = wanted.clone()
    prediction[:, -1] = 40 * (2 * wanted[:, -1] - 1)
    return prediction


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("with_boundary", [True, False])
def test_the_loss_is_0_at_the_target(dim, with_boundary):
    wanted = target(dim)
    prediction = perfect(wanted) if with_boundary else wanted[:, :-1]
    assert float(FlowLoss()(prediction, wanted)) == pytest.approx(0, abs=1e-5)


def changed(wanted, name):
    prediction = perfect(wanted)
    if name == "flow":
        prediction[:, :2] += 1
    elif name == "distance":
        prediction[:, 2] += 1
    elif name == "boundary":
        prediction[:, 3] = 0
    elif name == "norm":
        prediction[:, :2] *= 0.5
    elif name in ("direction", "euler"):
        prediction[:, :2] = torch.stack([-wanted[:, 1], wanted[:, 0]], dim=1)
    return prediction


@pytest.mark.parametrize("name", ["flow", "direction", "boundary", "norm", "distance", "euler"])
def test_each_term_reacts_to_what_it_judges(name):
    wanted, loss = target(), FlowLoss()
    total = loss(changed(wanted, name), wanted)
    assert loss.terms[name] > 0.01
    assert float(total) == pytest.approx(float(sum(loss.terms.values())), rel=1e-5)


def test_terms_that_do_not_see_a_change_stay_0():
    wanted, loss = target(), FlowLoss()
    loss(changed(wanted, "norm"), wanted)
    # the direction is the same; the distance and the boundary too
    assert all(float(loss.terms[name]) == pytest.approx(0, abs=1e-5) for name in ("direction", "distance", "boundary"))
    loss(changed(wanted, "distance"), wanted)
    assert all(float(loss.terms[name]) == pytest.approx(0, abs=1e-5) for name in ("flow", "norm", "euler"))


def test_the_sizes_of_the_terms_are_the_published_ones():
    wanted, loss = target(), FlowLoss()
    loss(changed(wanted, "distance"), wanted)
    weight = (1 + (wanted[:, 2] > 0).float()) / 2
    assert float(loss.terms["distance"]) == pytest.approx(2 * float((weight / 25).mean()), rel=1e-5)
    loss(changed(wanted, "flow"), wanted)
    assert float(loss.terms["flow"]) == pytest.approx(10 * float((weight / 25).mean()), rel=1e-5)
    loss(changed(wanted, "boundary"), wanted)
    assert float(loss.terms["boundary"]) == pytest.approx(2 * np.log(2), rel=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_every_channel_is_learned_also_the_boundary(dim):
    wanted = target(dim)
    prediction = torch.zeros_like(wanted, requires_grad=True)
    loss = FlowLoss()
    loss(prediction, wanted).backward()
    assert prediction.grad.isfinite().all()
    assert (prediction.grad.abs().flatten(2).sum(dim=2) > 0).all()
    assert not any(term.requires_grad for term in loss.terms.values())


def test_unknown_pixels_count_in_no_term():
    wanted = target()
    holed = wanted.clone()
    holed[..., 5:9, 3:15] = float("nan")
    prediction = perfect(wanted)
    prediction[..., 5:9, 3:15] = 100
    prediction.requires_grad_(True)
    total = FlowLoss()(prediction, holed)
    total.backward()
    assert float(total.detach()) == pytest.approx(0, abs=1e-5)
    assert not prediction.grad[..., 5:9, 3:15].any()
    # what is left is judged as if it stood alone
    half = torch.full_like(wanted, float("nan"))
    half[..., :10] = wanted[..., :10]
    other = changed(wanted, "distance")
    first, second = FlowLoss(), FlowLoss()
    first(other, half)
    second(other[..., :10], wanted[..., :10])
    assert float(first.terms["distance"]) == pytest.approx(float(second.terms["distance"]), rel=1e-5)


def test_a_target_of_unknown_pixels_alone_gives_0():
    wanted = torch.full_like(target(), float("nan"))
    prediction = torch.ones_like(wanted, requires_grad=True)
    total = FlowLoss()(prediction, wanted)
    total.backward()
    assert float(total.detach()) == 0 and not prediction.grad.any()


def test_wrong_channels_are_refused():
    with pytest.raises(ValueError, match="2 flow components"):
        FlowLoss()(torch.zeros(1, 2, 8, 8), target())
