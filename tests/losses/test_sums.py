"""Sums of losses, of one target and of several, and the regularizers in them."""

import numpy as np
import pytest
import torch
from loss_formulas import sigmoid

from nbtrainer import losses
from nbtrainer.catalog import LOSSES
from nbtrainer.config.compile import Compile
from nbtrainer.config.loss_terms import LOSS_TERMS
from nbtrainer.losses.targets import Target

DEFAULTS = Compile().loss_parameters
TARGETS = [Target("foreground", 1), Target("contour", 1, 2.0), Target("distance", 1, 0.5, "mean_squared_error")]


def weighted(*terms):
    """Terms as settings have them, as the losses take them."""
    return [
        losses.WeightedLoss(term.loss, term.weight, term.parameters)
        for term in Compile(loss_terms=list(terms)).loss_terms
    ]


def create(*terms, settings=None, may_ignore=False):
    return losses.create_sum(weighted(*terms), settings or {}, DEFAULTS, may_ignore=may_ignore)


def alone(name, **parameters):
    return losses.create(name, {}, DEFAULTS | parameters, may_ignore=False)


@pytest.fixture
def case():
    torch.manual_seed(0)
    return torch.randn(2, 3, 12, 13), (torch.rand(2, 3, 12, 13) > 0.6).float()


def test_a_sum_is_that_of_its_losses_times_their_weights_and_each_is_a_term(case):
    total = create(
        {"loss": "dice", "weight": 0.5, "smoothing": 1.0},
        {"loss": "tversky", "weight": 2.0, "alpha": 0.3, "beta": 0.7},
        {"loss": "cl_dice", "weight": 0.0},
        {"loss": "tversky"},
    )
    value = total(*case)
    one, two, three, four = (
        float(loss(*case))
        for loss in (
            alone("dice", smoothing=1.0),
            alone("tversky", alpha=0.3, beta=0.7),
            alone("cl_dice"),
            alone("tversky"),
        )
    )
    assert float(value) == pytest.approx(0.5 * one + 2 * two + four, rel=1e-6)
    assert {name: float(term) for name, term in total.terms.items()} == {
        "dice": one,
        "tversky": two,
        "cl_dice": three,
        "tversky 2": four,
    }


def test_one_loss_of_weight_1_is_the_loss_alone_to_the_last_bit(case):
    for name in LOSS_TERMS:
        if LOSSES[name].suits("binary") and not LOSSES[name].channels:
            results = []
            for loss in (create({"loss": name}), alone(name)):
                logits = case[0].clone().requires_grad_()
                value = loss(logits, case[1])
                results.append((value, torch.autograd.grad(value, logits)[0]))
            assert all(torch.equal(one, other) for one, other in zip(*results, strict=True)), name


def test_each_of_several_targets_has_the_sum_for_itself_unless_it_has_a_loss_of_its_own(case):
    total = create({"loss": "dice"}, {"loss": "boundary", "weight": 0.1}, settings={"targets": TARGETS})
    value = total(*case)
    logits, target = case
    sums = [
        float(
            alone("dice")(logits[:, [at]], target[:, [at]]) + 0.1 * alone("boundary")(logits[:, [at]], target[:, [at]])
        )
        for at in (0, 1)
    ]
    distance = float(alone("mean_squared_error")(logits[:, 2:], target[:, 2:]))
    assert float(value) == pytest.approx((sums[0] + 2 * sums[1] + 0.5 * distance) / 3.5, rel=1e-6)
    assert list(total.terms) == [
        *("foreground", "foreground, dice", "foreground, boundary"),
        *("contour", "contour, dice", "contour, boundary"),
        "distance",
    ]
    assert not any(term.requires_grad for term in total.terms.values())


def test_regularizers_of_channels_are_added_once_for_all_targets(case):
    logits, target = case
    names = ("foreground_contour", "contour_distance", "foreground_distance")
    plain = create({"loss": "dice"}, settings={"targets": TARGETS})
    total = create({"loss": "dice"}, *({"loss": name, "weight": 2.0} for name in names), settings={"targets": TARGETS})
    value = total(logits, target)
    own = {name: float(total.terms[name]) for name in names}
    assert float(value) == pytest.approx(float(plain(logits, target)) + 2 * sum(own.values()), rel=1e-6)
    assert "foreground, dice" in total.terms

    foreground, contour, distance = np.moveaxis(sigmoid(logits.numpy().astype(float)), 1, 0)
    distance = 2 * distance - 1
    assert own["contour_distance"] == pytest.approx(float(((contour * np.maximum(distance, 0)) ** 2).mean()), rel=1e-5)
    inside, outside = np.maximum(distance, 0), np.maximum(-distance, 0)
    expected = (-inside * np.log(foreground) - outside * np.log(1 - foreground)).mean()
    assert own["foreground_distance"] == pytest.approx(float(expected), rel=1e-5)
    padded = np.pad(foreground, ((0, 0), (1, 1), (1, 1)), mode="edge")
    edge = np.hypot(padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1], padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2])
    wide = np.pad(edge, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = edge.shape[1:]
    wide = np.max([wide[:, y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)
    assert own["foreground_contour"] == pytest.approx(float(((wide - contour) ** 2).mean()), rel=1e-4)


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5)])
@pytest.mark.parametrize("name", [name for name, entry in LOSSES.items() if entry.channels])
def test_the_gradient_of_a_regularizer_is_its_own(name, shape):
    torch.manual_seed(0)
    loss = LOSSES.load(name)({"foreground": 0, "contour": 1, "distance": 2})
    logits = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, torch.zeros_like(x)), logits)
    for size in (0.0, 1e4):
        values = (size * torch.sign(logits.detach())).half().requires_grad_()
        value = loss(values, torch.zeros_like(values))
        value.backward()
        assert value.isfinite() and values.grad.isfinite().all()


def test_a_regularizer_is_smallest_where_what_is_predicted_agrees():
    yes, no = torch.full((1, 1, 9, 9), 8.0), torch.full((1, 1, 9, 9), -8.0)
    object_ = no.clone()
    object_[..., 3:6, 3:6] = 8.0
    rim = no.clone()
    rim[..., 1:8, 1:8] = 8.0
    rim[..., 4, 4] = -8.0
    truth = torch.zeros(1, 3, 9, 9)
    for name, agreeing, other in (
        ("foreground_contour", (object_, rim, no), (object_, no, no)),
        ("foreground_distance", (object_, rim, object_), (object_, rim, -object_)),
        ("contour_distance", (object_, rim, -rim), (object_, rim, yes)),
    ):
        loss = LOSSES.load(name)({"foreground": 0, "contour": 1, "distance": 2})
        assert loss(torch.cat(agreeing, 1), truth) < loss(torch.cat(other, 1), truth) / 2, name


def test_unknown_pixels_enter_no_term_of_a_sum(case):
    logits, target = case
    target = target.clone()
    unknown = torch.rand(2, 12, 13) > 0.7
    target.movedim(1, -1)[unknown] = float("nan")
    every = [
        {"loss": name}
        for name, entry in LOSSES.items()
        if entry.suits("instance_contour") and name != "mean_absolute_percentage_error"
    ]
    total = create(*every, settings={"targets": TARGETS}, may_ignore=True)
    values = logits.clone().requires_grad_()
    value = total(values, target)
    value.backward()
    assert value.isfinite() and not values.grad.movedim(1, -1)[unknown].any()
    other = logits.clone()
    other.movedim(1, -1)[unknown] = 50.0
    assert torch.equal(total(other, target), value)
    assert float(total(logits, torch.full_like(target, float("nan"))).detach()) == 0


def test_a_sum_for_classes_takes_their_weights():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 8, 8), torch.randint(0, 3, (2, 1, 8, 8)).float()
    settings = {"classes": 3, "class_weights": (1.0, 5.0, 2.0)}
    total = create({"loss": "categorical_crossentropy"}, {"loss": "dice", "weight": 3}, settings=settings)
    each = [
        losses.create(name, settings, DEFAULTS, may_ignore=False)(logits, target)
        for name in ("categorical_crossentropy", "dice")
    ]
    assert float(total(logits, target)) == pytest.approx(float(each[0] + 3 * each[1]), rel=1e-6)


def test_losses_of_cellseg3d_are_those_of_monai_with_its_settings():
    from monai.losses import DiceCELoss, DiceFocalLoss, DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss

    torch.manual_seed(0)
    logits, target = torch.randn(1, 1, 6, 7, 8), (torch.rand(1, 1, 6, 7, 8) > 0.7).float()
    for terms, monai in (
        ([{"loss": "dice"}], DiceLoss(sigmoid=True)),
        # a smoothing of 1e-5 beside one over a size squared would change it
        ([{"loss": "generalized_dice"}], GeneralizedDiceLoss(sigmoid=True, smooth_nr=1e-12, smooth_dr=1e-12)),
        ([{"loss": "dice"}, {"loss": "binary_crossentropy", "weight": 0.5}], DiceCELoss(sigmoid=True, lambda_ce=0.5)),
        ([{"loss": "tversky"}], TverskyLoss(sigmoid=True)),
        ([{"loss": "focal"}], FocalLoss()),
        ([{"loss": "dice", "weight": 0.5}, {"loss": "focal"}], DiceFocalLoss(sigmoid=True, lambda_dice=0.5)),
        ([{"loss": "dice_focal"}], DiceFocalLoss(sigmoid=True, lambda_dice=0.5)),
    ):
        assert float(create(*terms)(logits, target)) == pytest.approx(float(monai(logits, target)), rel=1e-4), terms
    # several patches: MONAI takes each by itself
    logits, target = torch.randn(3, 1, 8, 9), (torch.rand(3, 1, 8, 9) > torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1, 1))
    own = create({"loss": "dice", "per_patch": True})(logits, target.float())
    assert float(own) == pytest.approx(float(DiceLoss(sigmoid=True)(logits, target.float())), rel=1e-5)


def test_the_preset_of_plantbio_has_the_loss_of_its_configurations():
    """Binary cross-entropy with the weights "1", and half of Dice of each sample with a smoothing of 100."""
    from nbtrainer.config import Config

    settings = Config.preset("plantbio_semantic_2d").compile
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 20, 20), torch.zeros(2, 1, 20, 20)
    target[0, ..., :4, :], target[1, ..., :8, :] = 1, 1  # a fifth, and two fifths
    p, y = sigmoid(logits.numpy().astype(float)), target.numpy()
    weights = np.where(y > 0, np.array([4, 1.5]).reshape(2, 1, 1, 1), 1)
    entropy = (weights * -(y * np.log(p) + (1 - y) * np.log(1 - p))).mean()
    axes = (1, 2, 3)
    dice = (1 - (2 * (p * y).sum(axes) + 100) / ((p + y).sum(axes) + 100)).mean()
    loss = losses.create(settings.loss, {}, settings.loss_parameters, may_ignore=False)
    assert float(loss(logits, target)) == pytest.approx(float(entropy + 0.5 * dice), rel=1e-5)
