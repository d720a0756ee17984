"""What holds for every loss of the catalog: its formula, its gradient, and finite values whatever comes."""

from inspect import signature

import loss_formulas
import numpy as np
import pytest
import torch

from nbtrainer import losses
from nbtrainer.catalog import LOSSES, TASKS
from nbtrainer.catalog.losses import PARAMETERS
from nbtrainer.config.compile import Compile
from nbtrainer.losses.shapes import gap_weights, signed_distance

DEFAULTS = Compile().loss_parameters
OF_CLASSES = {"classes": 3, "class_weights": None}
# of one kind each that has separate channels, and classes
CASES = [
    (name, kind)
    for name, entry in LOSSES.items()
    for kind in ("binary", "semantic")
    if entry.suits(kind) and not entry.channels
]
CONTOUR = [name for name, entry in LOSSES.items() if entry.channels]
# MONAI calculates these in 32 bits
SINGLE_PRECISION = ("focal", "dice_focal")


def create(name, kind, **parameters):
    settings = OF_CLASSES if kind == "semantic" else {}
    return losses.create(name, settings, DEFAULTS | parameters, may_ignore=False)


def random_case(kind, shape=(9, 11), seed=0):
    """Logits (2, 3, ...) and a target as a task encodes it; blobs, so that there are shapes to look at."""
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.nn.functional.avg_pool2d if len(shape) == 2 else torch.nn.functional.avg_pool3d
    noise = smooth(torch.randn(2, 3, *shape, generator=generator), 3, stride=1, padding=1)
    logits = 2 * torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64)
    target = noise.argmax(1, keepdim=True) if kind == "semantic" else noise > 0.1
    return logits, target.double()


def shares(target, kind):
    return np.moveaxis(np.eye(3)[target[:, 0].long().numpy()], -1, 1) if kind == "semantic" else target.numpy()


@pytest.mark.parametrize("shape", [(9, 11), (4, 6, 7)])
@pytest.mark.parametrize("kind", ["binary", "semantic"])
def test_losses_are_their_formulas(kind, shape):
    logits, target = random_case(kind, shape)
    formulas = loss_formulas.of_classes if kind == "semantic" else loss_formulas.of_channels
    expected = formulas(logits.numpy(), shares(target, kind))
    found = {name: float(create(name, kind)(logits, target)) for name in expected}
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_formulas_are_of_all_losses_that_are_not_judged_elsewhere():
    logits, target = random_case("binary")
    judged = set(loss_formulas.of_channels(logits.numpy(), target.numpy()))
    logits, target = random_case("semantic")
    judged |= set(loss_formulas.of_classes(logits.numpy(), shares(target, "semantic")))
    elsewhere = {
        *("binary_crossentropy", "categorical_crossentropy", "jaccard", "dice", "generalized_dice", "tversky"),
        *("bce_jaccard", "bce_dice", "dice_ce", "jaccard_ce", "focal", "dice_focal"),
        *("omnipose", "normalized_cuts"),
    }
    assert judged | elsewhere | set(CONTOUR) == set(LOSSES) and not judged & elsewhere


@pytest.mark.parametrize(
    ("name", "kind", "settings", "expected"),
    [
        (
            "binary_focal",
            "binary",
            {"focal_gamma": 0.5, "focal_alpha": 0.9},
            lambda p, y: loss_formulas.binary_focal(p, y, gamma=0.5, alpha=0.9),
        ),
        (
            "categorical_focal",
            "semantic",
            {"focal_gamma": 0.5, "focal_alpha": 0.9},
            lambda p, y: loss_formulas.categorical_focal(p, y, gamma=0.5, alpha=0.9),
        ),
        ("huber", "binary", {"huber_delta": 0.2}, lambda p, y: loss_formulas.huber(p, y, delta=0.2)),
        ("cosine", "binary", {"loss_smoothing": 5.0}, lambda p, y: loss_formulas.cosine(p, y, s=5.0)),
        (
            "cl_dice",
            "binary",
            {"loss_smoothing": 2.0, "skeleton_iterations": 1},
            lambda p, y: loss_formulas.cl_dice(p, y, s=2.0, iterations=1),
        ),
        ("hausdorff", "binary", {"hausdorff_exponent": 1.0}, lambda p, y: loss_formulas.hausdorff(p, y, exponent=1.0)),
        (
            "border_crossentropy",
            "binary",
            {"border_weight": 3.0, "border_sigma": 1.0},
            lambda p, y: loss_formulas.border_crossentropy(p, y, weight=3.0, sigma=1.0),
        ),
        (
            "binary_focal_jaccard",
            "binary",
            {"overlap_weight": 3.0, "loss_smoothing": 2.0},
            lambda p, y: loss_formulas.binary_focal(p, y) + 3 * loss_formulas.jaccard(p, y, s=2.0),
        ),
        (
            "categorical_focal_dice",
            "semantic",
            {"overlap_weight": 3.0, "loss_smoothing": 2.0},
            lambda p, y: loss_formulas.categorical_focal(p, y) + 3 * loss_formulas.dice(p, y, s=2.0),
        ),
        (
            "dice",
            "binary",
            {"overlap_per_patch": True, "loss_smoothing": 100.0},
            lambda p, y: np.mean([loss_formulas.dice(p[i : i + 1], y[i : i + 1], s=100.0) for i in range(len(p))]),
        ),
        (
            "dice",
            "semantic",
            {"overlap_with_background": False},
            lambda p, y: loss_formulas.dice(p[:, 1:], y[:, 1:]),
        ),
        (
            "jaccard_ce",
            "semantic",
            {"overlap_with_background": False, "overlap_weight": 0.0},
            lambda p, y: -np.log((p * y).sum(1)).mean(),
        ),
    ],
)
def test_parameters_are_those_of_the_formulas(name, kind, settings, expected):
    logits, target = random_case(kind)
    probabilities = (loss_formulas.softmax if kind == "semantic" else loss_formulas.sigmoid)(logits.numpy())
    loss = losses.create(
        name, OF_CLASSES if kind == "semantic" else {}, Compile(**settings).loss_parameters, may_ignore=False
    )
    value = expected(probabilities, shares(target, kind))
    assert float(loss(logits, target)) == pytest.approx(float(value), rel=1e-5)
    assert abs(float(create(name, kind)(logits, target)) - value) > 1e-4


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error", "binary_focal"])
def test_what_is_rare_counts_as_much_as_the_rest_where_it_shall(name):
    logits = torch.zeros(1, 1, 10, 10, dtype=torch.float64)
    truth = torch.zeros_like(logits)
    truth[..., :2, :] = 1  # a fifth, so that each counts four times
    logits[truth == 1] = 1.0
    own = create(name, "binary", foreground_weight=0.5)(logits, truth)
    balanced = create(name, "binary", foreground_weight=0.5, balance=1.0)(logits, truth)
    only_rare = create(name, "binary", foreground_weight=0.5)(logits[..., :2, :], truth[..., :2, :]) / 5
    assert float(balanced - own) == pytest.approx(3 * float(only_rare))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_gradient_is_that_of_the_loss(name, kind):
    # distances of predictions are calculated anew for each number of the gradient
    logits, target = random_case(kind, shape=(3, 4) if name == "hausdorff" else (5, 6), seed=3)
    loss = create(name, kind)
    if name in SINGLE_PRECISION:
        assert torch.autograd.gradcheck(
            lambda x: loss(x, target), logits.requires_grad_(), eps=1e-2, atol=1e-3, rtol=1e-2, nondet_tol=1e-6
        )
        return
    scale = 1e-8 if name == "mean_absolute_percentage_error" else 1.0
    assert torch.autograd.gradcheck(lambda x: scale * loss(x, target), logits.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=["32", "16", "b16"])
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_loss_and_gradient_are_finite_whatever_truth_and_logits_are(name, kind, dtype):
    loss = create(name, kind)
    mixed = random_case(kind)[1].float()
    truths = [torch.zeros_like(mixed), torch.ones_like(mixed), mixed]
    sign = torch.where(torch.arange(11) % 2 == 0, 1.0, -1.0).expand(2, 3, 9, 11)
    for truth in truths:
        for logits in (torch.zeros(2, 3, 9, 11), torch.full((2, 3, 9, 11), 1e4), 1e4 * sign, -1e4 * sign, 60 * sign):
            values = logits.to(dtype).requires_grad_()
            value = loss(values, truth)
            value.backward()
            assert value.isfinite(), name
            # in percent of a background of 1e-7 a slope is 1e6, which 16 bits do not hold; the scaler of gradients sees to it
            if name != "mean_absolute_percentage_error" or dtype != torch.float16:
                assert values.grad.float().isfinite().all(), name


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if "gamma" in LOSSES[case[0]].parameters])
def test_focal_losses_of_any_power_have_a_gradient_where_pixels_are_certain(name, kind, gamma):
    _, truth = random_case(kind)
    loss = create(name, kind, gamma=gamma)
    for size in (0.0, 20.0, 1e4):
        logits = size * torch.where(torch.arange(11) % 2 == 0, 1.0, -1.0).expand(2, 3, 9, 11)
        logits = (logits * torch.tensor([1.0, -1.0, 0.5]).view(3, 1, 1)).requires_grad_()
        loss(logits, truth.float()).backward()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_calculated_in_full(dtype):
    for name, kind in CASES:
        logits, target = (each.float() for each in random_case(kind, shape=(40, 40)))
        loss = create(name, kind)
        half = loss(logits.to(dtype), target)
        assert half.dtype == torch.float32
        assert torch.equal(half, loss(logits.to(dtype).float(), target)), name


def test_two_steps_of_each_loss_make_it_smaller():
    for name, kind in CASES:
        torch.manual_seed(0)
        logits, target = (each.float() for each in random_case(kind))
        logits.requires_grad_()
        optimizer = torch.optim.Adam([logits], lr=0.05)
        loss, values = create(name, kind), []
        for _ in range(3):
            optimizer.zero_grad()
            value = loss(logits, target)
            value.backward()
            optimizer.step()
            values.append(float(value.detach()))
        assert values[2] < values[1] < values[0], name


# shapes


def test_a_gap_in_a_line_costs_centre_line_dice_more_than_the_same_pixels_at_its_side():
    truth = torch.zeros(1, 1, 31, 31)
    truth[..., 14:17, :] = 1
    gap, notch = truth.clone(), truth.clone()
    gap[..., 14:17, 15:17] = 0
    notch[..., 14, 12:18] = 0
    cl_dice, dice = (create(name, "binary") for name in ("cl_dice", "dice"))
    assert dice(20 * gap - 10, truth) == pytest.approx(float(dice(20 * notch - 10, truth)), abs=1e-4)
    assert cl_dice(20 * gap - 10, truth) > 2 * cl_dice(20 * notch - 10, truth)


def test_centre_line_dice_of_one_image_is_that_of_monai():
    from monai.losses import SoftclDiceLoss

    logits, target = (each[:1, :1].float() for each in random_case("binary", (40, 40)))
    loss = create("cl_dice", "binary", smoothing=1.0)
    # up to 1.5 it left out the first channel, and now it can; it adds 1e-4 to T + S
    option = {"include_background": False} if "include_background" in signature(SoftclDiceLoss).parameters else {}
    two = [torch.cat([torch.zeros_like(each), each], dim=1) for each in (logits.sigmoid(), target)]
    expected = SoftclDiceLoss(iter_=3, **option)(*two)
    assert float(loss(logits, target)) == pytest.approx(float(expected), abs=1e-4)


def test_the_boundary_loss_grows_with_the_distance_of_what_is_wrong():
    truth = torch.zeros(1, 1, 21, 21)
    truth[..., 8:13, 8:13] = 1
    loss, values = create("boundary", "binary"), []
    for distance in (1, 3, 6):
        wrong = truth.clone()
        wrong[..., 10, 12 + distance] = 1
        values.append(float(loss(40 * wrong - 20, truth)))
    assert values[0] < values[1] < values[2]
    assert [value * 21**2 for value in values] == pytest.approx([1, 3, 6], rel=1e-4)
    assert float(loss(40 * truth - 20, truth)) == pytest.approx(0, abs=1e-5)


def test_distances_to_a_boundary_are_negative_inside_and_0_without_one():
    mask = np.zeros((5, 7), bool)
    mask[1:4, 2:5] = True
    distance = signed_distance(mask)
    assert distance[2, 3] == -1 and distance[1, 2] == 0 and distance[2, 0] == 2 and distance[0, 3] == 1
    assert not signed_distance(np.zeros((5, 7), bool)).any() and not signed_distance(np.ones((5, 7), bool)).any()


@pytest.mark.parametrize("shape", [(40, 50), (8, 20, 20)])
def test_gaps_between_objects_are_those_of_all_distances(shape):
    rng = np.random.default_rng(0)
    mask = rng.random(shape) > 0.97
    weights = gap_weights(mask, sigma=1.5)
    assert weights == pytest.approx(loss_formulas.gaps(mask, 1.5), abs=4e-4)
    assert weights.max() > 0.1 and not weights[mask].any()


def test_background_near_one_object_alone_counts_no_more():
    mask = np.zeros((30, 30), bool)
    mask[10:15, 10:15] = True
    assert not gap_weights(mask, sigma=5.0).any()


# what the catalog says


def test_each_loss_says_its_formula_its_activation_and_its_kinds():
    for entry in LOSSES.values():
        assert entry.formula and entry.kinds and entry.activation
        assert set(entry.kinds) <= set(TASKS) and set(entry.parameters) <= set(PARAMETERS)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("binary_focal_loss", "binary_focal"),
        ("cce_jaccard_loss", "jaccard_ce"),
        ("sparse_categorical_crossentropy", "categorical_crossentropy"),
        ("cosine_proximity", "cosine"),
        ("logcosh", "log_cosh"),
        ("huber_loss", "huber"),
        ("dice", "dice"),
    ],
)
def test_a_loss_is_found_by_the_name_that_it_has_elsewhere(alias, name):
    assert Compile(loss=alias).loss == name
    assert Compile(loss_terms=[{"loss": alias}]).loss_terms[0].loss == name


def test_every_loss_of_epyseg_has_its_place():
    names = [
        "mean_squared_error",
        "mse",
        "mean_absolute_error",
        "mae",
        "jaccard_loss",
        "dice_loss",
        "binary_crossentropy",
        "bce",
        "categorical_crossentropy",
        "binary_focal_loss",
        "categorical_focal_loss",
        "bce_dice_loss",
        "bce_jaccard_loss",
        "cce_dice_loss",
        "cce_jaccard_loss",
        "binary_focal_dice_loss",
        "binary_focal_jaccard_loss",
        "categorical_focal_dice_loss",
        "categorical_focal_jaccard_loss",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "squared_hinge",
        "hinge",
        "categorical_hinge",
        "logcosh",
        "huber_loss",
        "sparse_categorical_crossentropy",
        "kullback_leibler_divergence",
        "poisson",
        "cosine_proximity",
    ]
    assert len(names) == 30
    assert [name for name in names if LOSSES.name_of(name) not in LOSSES] == []


def test_no_name_stands_for_two_losses():
    names = [name for entry in LOSSES.values() for name in (entry.name, *entry.aliases)]
    assert len(names) == len(set(names))


# what is learned by other means than masks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=["32", "16", "b16"])
@pytest.mark.parametrize("truth", ["background", "object", "discs"])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_the_losses_of_flows_and_of_images_are_finite_whatever_comes(dtype, truth, size):
    from nbtrainer.tasks.instance_flow import InstanceFlow
    from nbtrainer.tasks.unsupervised import Unsupervised

    label = {
        "background": np.zeros((20, 20)),
        "object": np.ones((20, 20)),
        "discs": np.kron(np.eye(2), np.ones((10, 10))),
    }
    flow, cuts = InstanceFlow.create(), Unsupervised.create()
    image = torch.from_numpy(label[truth].astype(np.float32))[None, None]
    cases = (
        ("omnipose", flow, torch.from_numpy(flow.encode(label[truth].astype(np.uint8)))[None], flow.output_channels),
        ("normalized_cuts", cuts, image, cuts.output_channels),
    )
    for name, task, target, channels in cases:
        loss = losses.create(name, task.loss_settings, DEFAULTS, may_ignore=False)
        sign = torch.where(torch.arange(20) % 3 == 0, 1.0, -1.0).expand(1, channels, 20, 20)
        output = (size * sign).to(dtype).requires_grad_()
        value = loss(output, target.float())
        value.backward()
        assert value.isfinite() and output.grad.float().isfinite().all(), name
        assert all(term.isfinite() for term in loss.terms.values())
