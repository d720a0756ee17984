"""Against the definitions of the tools' documents, calculated by hand in numpy."""

import numpy as np
import pytest
import torch
from loss_formulas import of_channels

from nbtrainer import losses
from nbtrainer.catalog import LOSSES
from nbtrainer.config.compile import Compile
from nbtrainer.losses.flow import FlowLoss
from nbtrainer.losses.pixels import rare_weights

S = 1e-5
DEFAULTS = Compile().loss_parameters
# of foreground channels, and of classes that exclude each other
LEARNED = {name: entry for name, entry in LOSSES.items() if not entry.is_regularizer}
SEPARATE = [name for name, entry in LEARNED.items() if entry.suits("binary")]
CLASSES = [name for name, entry in LEARNED.items() if entry.suits("semantic")]
# they look at neighbours: cut out of its place, a pixel has another loss
SHAPES = [name for name, entry in LOSSES.items() if entry.at.startswith("nbtrainer.losses.shapes:")]
# the truth itself has a loss: that of p - y log p, and of a background that counts ten million times
ABOVE_0 = ("poisson", "mean_absolute_percentage_error")
_FEATURES = {
    "jaccard": 4,
    "binary_crossentropy": 5,
    "bce_jaccard": 6,
    "dice": 7,
    "mean_squared_error": 8,
    "mean_absolute_error": 9,
    "focal": 10,
    "dice_focal": 11,
    "generalized_dice": 12,
    "dice_ce": 13,
    "tversky": 14,
}


def _by_hand(name: str, p: np.ndarray, y: np.ndarray) -> float:
    """Of one channel (B, 1, Y, X)."""
    own = of_channels(np.log(p / (1 - p)), y)
    if name in own:
        return own[name]
    overlap = (p * y).sum()
    bce = float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
    jaccard = 1 - (overlap + S) / (p.sum() + y.sum() - overlap + S)
    dice = 1 - (2 * overlap + S) / (p.sum() + y.sum() + S)
    true = np.where(y > 0, p, 1 - p)
    focal = float(-((1 - true) ** 2 * np.log(true)).mean())
    return {
        "binary_crossentropy": bce,
        "jaccard": jaccard,
        "dice": dice,
        "bce_jaccard": bce + jaccard,
        "bce_dice": bce + dice,
        "dice_ce": bce + dice,
        "focal": focal,
        "dice_focal": 0.5 * dice + focal,
        "generalized_dice": dice,
        "tversky": dice,
    }[name]


def _marked(name: str) -> object:
    """A loss, with its number in the checklist."""
    number = _FEATURES.get(name)
    return pytest.param(name, marks=[] if number is None else [pytest.mark.feature(number)])


@pytest.mark.parametrize("name", [_marked(name) for name in SEPARATE])
def test_a_loss_is_its_formula(name):
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(3, 1, 16, 16)), (rng.random((3, 1, 16, 16)) > 0.6) * 1.0
    found = losses.create(name, {}, DEFAULTS, may_ignore=False)(
        torch.tensor(logits, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    )
    assert float(found) == pytest.approx(_by_hand(name, 1 / (1 + np.exp(-logits)), y), abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_of_classes_prefers_the_truth(name):
    torch.manual_seed(0)
    truth = torch.randint(0, 3, (2, 1, 8, 8))
    right = 6 * torch.nn.functional.one_hot(truth[:, 0], 3).movedim(-1, 1).float()
    loss = losses.create(name, {"classes": 3, "class_weights": None}, DEFAULTS, may_ignore=False)
    found, other = loss(right, truth.float()), loss(right.roll(1, dims=1), truth.float())
    assert found < other
    if name not in ABOVE_0:
        assert found < 0.1 < other


@pytest.mark.feature(15)
@pytest.mark.parametrize("name", ["categorical_crossentropy", "dice_ce", "jaccard_ce"])
def test_a_loss_of_classes_is_its_formula(name):
    torch.manual_seed(0)
    logits, truth = torch.randn(2, 4, 6, 5), torch.randint(0, 4, (2, 1, 6, 5))
    p = logits.softmax(1).numpy().astype(np.float64)
    y = np.moveaxis(np.eye(4)[truth[:, 0].numpy()], -1, 1)
    cross_entropy = float(-(y * np.log(p)).sum(1).mean())
    overlap, both = ((a * b).sum((0, 2, 3)) for a, b in ((p, y), (p + y, np.ones_like(y))))
    dice = 1 - (2 * overlap + S) / (both + S)
    jaccard = 1 - (overlap + S) / (both - overlap + S)
    expected = {"dice_ce": dice.mean(), "jaccard_ce": jaccard.mean()}.get(name, 0) + cross_entropy
    loss = losses.create(name, {"classes": 4, "class_weights": None}, DEFAULTS, may_ignore=False)
    assert float(loss(logits, truth.float())) == pytest.approx(expected, abs=1e-4)


def test_weights_of_classes_are_those_of_cross_entropy():
    logits, truth = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 1, 4, 4))
    weighted = losses.create(
        "categorical_crossentropy", {"classes": 3, "class_weights": (1.0, 5.0, 2.0)}, DEFAULTS, may_ignore=False
    )
    log, weights = logits.log_softmax(1), torch.tensor([1.0, 5.0, 2.0])
    own = -log.gather(1, truth) * weights[truth]
    assert weighted(logits, truth.float()) == pytest.approx(float(own.sum() / weights[truth].sum()), rel=1e-5)


@pytest.mark.parametrize("name", SEPARATE)
def test_a_loss_prefers_the_truth_and_has_a_gradient_without_foreground(name):
    loss = losses.create(name, {}, DEFAULTS, may_ignore=False)
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., :4] = 1
    right, wrong = (truth * 2 - 1) * 5, (1 - truth * 2) * 5
    assert loss(right, truth) < loss(wrong, truth)
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    loss(logits, torch.zeros(1, 1, 8, 8)).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", SEPARATE)
def test_unknown_pixels_enter_no_loss_and_no_gradient(name):
    torch.manual_seed(0)
    logits = torch.randn(3, 2, 8, 9, requires_grad=True)
    target = (torch.rand(3, 2, 8, 9) > 0.5).float()
    unknown = torch.rand(3, 8, 9) > 0.6
    target.movedim(1, -1)[unknown] = float("nan")
    loss = losses.create(name, {}, DEFAULTS, may_ignore=True)
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
    assert torch.equal(loss(logits, full), losses.create(name, {}, DEFAULTS, may_ignore=False)(logits, full))


@pytest.mark.parametrize("name", CLASSES)
def test_unknown_pixels_enter_no_loss_of_classes(name):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 8, 9), torch.randint(0, 3, (2, 1, 8, 9)).float()
    unknown = torch.rand(2, 8, 9) > 0.6
    target[:, 0][unknown] = float("nan")
    loss = losses.create(name, {"classes": 3, "class_weights": None}, DEFAULTS, may_ignore=True)
    value = loss(logits, target)
    other = logits.clone()
    other.movedim(1, -1)[unknown] = 50.0
    assert torch.isfinite(value) and torch.equal(loss(other, target), value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tversky", {"tversky_alpha": 0.3, "tversky_beta": 0.7, "loss_smoothing": 1.0}),
        ("focal", {"focal_gamma": 0.5}),
        ("dice", {"loss_smoothing": 1.0}),
        ("bce_jaccard", {"loss_smoothing": 1.0}),
        ("dice_focal", {"loss_smoothing": 1.0, "focal_gamma": 3.0}),
    ],
)
def test_the_parameters_of_a_loss_are_those_of_its_formula(name, settings):
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(3, 1, 16, 16)), (rng.random((3, 1, 16, 16)) > 0.9) * 1.0
    p = 1 / (1 + np.exp(-logits))
    s, gamma = settings.get("loss_smoothing", S), settings.get("focal_gamma", 2.0)
    hit, false_alarm, miss = (p * y).sum(), (p * (1 - y)).sum(), ((1 - p) * y).sum()
    dice = 1 - (2 * hit + s) / (2 * hit + false_alarm + miss + s)
    true = np.where(y > 0, p, 1 - p)
    focal = float(-((1 - true) ** gamma * np.log(true)).mean())
    expected = {
        "tversky": 1 - (hit + s) / (hit + 0.3 * false_alarm + 0.7 * miss + s),
        "focal": focal,
        "dice": dice,
        "bce_jaccard": float(-np.log(true).mean()) + 1 - (2 * hit + s) / (2 * (hit + false_alarm + miss) + s),
        "dice_focal": 0.5 * dice + focal,
    }[name]
    loss = losses.create(name, {}, Compile(**settings).loss_parameters, may_ignore=False)
    found = loss(torch.tensor(logits, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
    assert float(found) == pytest.approx(expected, rel=1e-4)
    assert abs(expected - _by_hand(name, p, y)) > 1e-3


def test_every_parameter_of_a_loss_is_a_setting_and_every_such_setting_is_used():
    used = {name for entry in LOSSES.values() for name in entry.parameters}
    assert used == set(DEFAULTS)


def test_rare_pixels_count_as_pytorch_connectomics_lets_them():
    rng = np.random.default_rng(2)
    y = np.zeros((4, 1, 10, 10))
    y[0, 0, :2] = 1  # a fifth
    y[1, 0, :9] = 1  # nearly all: background is rare
    y[2, 0, 0, 0] = 1  # a hundredth, which counts as a twentieth
    logits = rng.normal(size=y.shape)
    weights = np.ones_like(y)
    weights[0][y[0] == 1] = 4
    weights[1][y[1] == 0] = 9
    weights[2][y[2] == 1] = 19
    p = 1 / (1 + np.exp(-logits))
    expected = (weights * -(y * np.log(p) + (1 - y) * np.log(1 - p))).mean()
    parameters = Compile(foreground_balance=1.0).loss_parameters
    loss = losses.create("binary_crossentropy", {}, parameters, may_ignore=False)
    assert float(loss(torch.tensor(logits), torch.tensor(y))) == pytest.approx(expected, rel=1e-6)


def test_overlap_counts_as_much_as_its_weight():
    logits, y = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()

    def value(name, **settings):
        parameters = Compile(**settings).loss_parameters
        return float(losses.create(name, {}, parameters, may_ignore=False)(logits, y))

    dice, cross_entropy = value("dice"), value("binary_crossentropy")
    assert value("bce_dice", overlap_weight=0.5) == pytest.approx(cross_entropy + 0.5 * dice, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in [*SEPARATE, *CLASSES] if name not in SHAPES])
def test_what_is_masked_equals_what_is_cut_out_and_with_all_known_is_the_same_to_the_last_bit(name):
    torch.manual_seed(0)
    of_classes = name in CLASSES
    settings = {"classes": 3, "class_weights": (1.0, 5.0, 2.0)} if of_classes else {}
    logits = torch.randn(2, 3, 8, 9)
    target = torch.randint(0, 3, (2, 1, 8, 9)).float() if of_classes else (torch.rand(2, 3, 8, 9) > 0.5).float()
    masked, plain = (losses.create(name, settings, DEFAULTS, may_ignore=each) for each in (True, False))
    known = torch.rand(2, 8, 9) > 0.4
    holed = target.clone()
    holed.movedim(1, -1)[~known] = float("nan")
    cut = [each.movedim(1, 0)[None, :, known] for each in (logits, target)]
    for loss, other in (
        ((masked, logits, target), (plain, logits, target)),
        ((masked, logits, holed), (plain, *cut)),
    ):
        values, gradients = [], []
        for function, values_in, truth in (loss, other):
            values_in = values_in.clone().requires_grad_(True)
            # a background that counts ten million times leaves few digits
            scale = 1e-7 if name == "mean_absolute_percentage_error" else 1
            values.append(scale * function(values_in, truth))
            gradients.append(torch.autograd.grad(values[-1], values_in)[0])
        if loss[2] is target:
            assert torch.equal(*values) and torch.equal(*gradients)
        else:
            torch.testing.assert_close(*values)
            torch.testing.assert_close(gradients[0].movedim(1, 0)[None, :, known], gradients[1])


@pytest.mark.parametrize("name", [*(name for name in [*SEPARATE, *CLASSES] if not LOSSES[name].on_processor), "flow"])
def test_no_loss_asks_the_device_what_it_holds(name):
    settings = {"classes": 3, "class_weights": (1.0, 5.0, 2.0)} if name in CLASSES else {}
    loss = FlowLoss() if name == "flow" else losses.create(name, settings, DEFAULTS, may_ignore=True)
    # a device without values: whoever asks for one fails
    logits = torch.randn(2, 4 if name == "flow" else 3, 8, 9, device="meta", requires_grad=True)
    target = torch.zeros(2, 1 if name in CLASSES else logits.shape[1], 8, 9, device="meta")
    loss.to("meta")(logits, target).backward()
    assert logits.grad.shape == logits.shape


def test_what_is_rare_in_a_patch_is_counted_among_its_known_pixels():
    target = torch.zeros(2, 1, 4, 8)
    target[0, 0, 0, :4] = 1
    target[1, 0, :2] = 1
    known = torch.ones(2, 1, 4, 8, dtype=torch.bool)
    known[0, :, :, 4:] = False
    whole = rare_weights(target, 1.0, known=known)
    assert torch.equal(whole[:1, ..., :4], rare_weights(target[:1, ..., :4], 1.0))
    assert torch.equal(whole[1:], rare_weights(target[1:], 1.0))
