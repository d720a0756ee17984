import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from nbtrainer import losses, models, optimizers
from nbtrainer.catalog import LOSSES
from nbtrainer.config.compile import Compile
from nbtrainer.engine.micro_batches import Answers, what_parts_change
from nbtrainer.engine.stepper import Stepper
from nbtrainer.losses.pixels import CrossEntropy
from nbtrainer.metrics import ConfusionCounts
from nbtrainer.runs import events, sentences
from nbtrainer.tasks import Task
from nbtrainer.tasks.binary import Binary
from nbtrainer.tasks.instance_contour import InstanceContour
from nbtrainer.tasks.instance_flow import InstanceFlow
from nbtrainer.tasks.semantic import Semantic
from nbtrainer.tasks.unsupervised import Unsupervised

CPU = torch.device("cpu")


def _stepper(**settings: object) -> Stepper:
    torch.manual_seed(0)
    network = models.create("unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
    optimizer = optimizers.create("sgd", network.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    return Stepper(
        network=network,
        loss=CrossEntropy(),
        optimizer=optimizer,
        device=torch.device("cpu"),
        precision="float32",
        pixel_predictions=Binary.create().pixels,
        **settings,
    )


def _batch(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 1, 16, 16, generator=generator)
    return images, (images > 0).float()


def _flat(counts: ConfusionCounts) -> list[float]:
    return [value for values in counts.plain().values() for value in values]


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_a_step_in_parts_is_the_same_step(parts):
    whole, split = _stepper(), _stepper(micro_batches=parts)
    loss, counts = whole.step(*_batch(), 0.1)
    loss_in_parts, counts_in_parts = split.step(*_batch(), 0.1)
    assert float(loss_in_parts) == pytest.approx(float(loss), rel=1e-5)
    assert _flat(counts_in_parts) == pytest.approx(_flat(counts), rel=1e-4)
    for one, other in zip(whole.network.parameters(), split.network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_batches_of_a_step_add_their_gradients():
    whole, summed = _stepper(), _stepper(accumulate=3)
    loss, counts = whole.step(*_batch(), 0.1)
    loss_of_all, counts_of_all = summed.step(*_batch(), 0.1)
    assert float(loss_of_all) == pytest.approx(
        float(loss), rel=1e-5
    )  # a mean over pixels: that of all is that of the batches
    assert _flat(counts_of_all) == pytest.approx(_flat(counts), rel=1e-4)
    assert len(summed.patch_errors) == 6 and torch.allclose(summed.patch_errors, whole.patch_errors, atol=1e-6)
    for one, other in zip(whole.network.parameters(), summed.network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("largest", [0.01, 1000.0])
def test_gradients_are_shortened_to_the_largest_length(largest):
    plain, clipped = _stepper(), _stepper(max_gradient_norm=largest)
    before = torch.cat([weights.detach().flatten().clone() for weights in plain.network.parameters()])
    for stepper in (plain, clipped):
        stepper.step(*_batch(), 1.0)  # SGD: what the weights moved is the gradient
    moved, limited = (
        before - torch.cat([weights.detach().flatten() for weights in stepper.network.parameters()])
        for stepper in (plain, clipped)
    )
    assert float(limited.norm()) == pytest.approx(min(largest, float(moved.norm())), rel=1e-3)
    assert float(torch.nn.functional.cosine_similarity(limited, moved, dim=0)) == pytest.approx(1, abs=1e-4)


# a kind that each loss is for
_KINDS = [(name, next(iter(entry.kinds))) for name, entry in LOSSES.items()]
_KINDS += [(name, "semantic") for name, entry in LOSSES.items() if {"binary", "semantic"} <= set(entry.kinds)]
_KINDS.append(("bce_dice", "instance_contour"))  # several targets, each with its own loss
_TASKS = {
    "binary": Binary.create(),
    "semantic": Semantic.create(values=(0, 1, 2), class_weights=(0.2, 1.0, 3.0), ignored=9),
    "instance_contour": InstanceContour.create(with_distance=True, affinities="nearest", ignored=9),
    "instance_flow": InstanceFlow.create(ignored=9),
    "unsupervised": Unsupervised.create(),
}


def _labelled(task: Task, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch with ignored pixels, which are not spread evenly over it, nor is the foreground."""
    rng = np.random.default_rng(3)
    images = rng.normal(size=(count, 1, 16, 16)).astype(np.float32)
    labels = (rng.random((count, 16, 16)) < np.linspace(0.1, 0.8, count)[:, None, None]).astype(np.uint32)
    labels[:, :5] *= 2
    for number, label in enumerate(labels):
        label[: 2 * number] = task.ignored
    targets = [task.target(image, label) for image, label in zip(images, labels, strict=True)]
    return torch.from_numpy(images), torch.from_numpy(np.stack(targets))


def _gradients(task: Task, loss: str, network: str, parts: int) -> tuple[float, torch.Tensor]:
    torch.manual_seed(0)
    made = models.create(
        network,
        dim=2,
        input_channels=1,
        output_channels=task.output_channels,
        features=[4, 8],
        reconstructs_input=task.reconstructs_input,
    )
    _without_dropout(made)
    optimizer = optimizers.create("sgd", made.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    parameters = Compile().loss_parameters
    if LOSSES[loss].is_regularizer:  # beside a loss, as everywhere
        terms = [losses.WeightedLoss(name, 1.0, parameters) for name in ("dice", loss)]
        module = losses.create_sum(terms, task.loss_settings, parameters, may_ignore=True)
    else:
        module = losses.create(loss, task.loss_settings, parameters, may_ignore=True)
    stepper = Stepper(
        network=made,
        loss=module,
        optimizer=optimizer,
        device=CPU,
        precision="float32",
        pixel_predictions=task.pixels,
        micro_batches=parts,
    )
    value, _ = stepper.step(*_labelled(task, 4), 0.0)
    return float(value), torch.cat([weights.grad.flatten() for weights in made.parameters()])


def _without_dropout(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


@pytest.mark.parametrize(("loss", "kind"), _KINDS)
def test_a_batch_in_parts_has_the_loss_and_gradient_of_the_batch_also_with_ignored_pixels(loss, kind):
    # instance normalization
    whole = _gradients(_TASKS[kind], loss, "unet", 1)
    split = _gradients(_TASKS[kind], loss, "unet", 3)
    assert split[0] == pytest.approx(whole[0], rel=1e-5)
    assert torch.allclose(split[1], whole[1], rtol=1e-3, atol=1e-5 * float(whole[1].abs().max()))


def test_a_batch_in_parts_is_the_same_where_groups_are_normalized():
    whole = _gradients(_TASKS["unsupervised"], "normalized_cuts", "wnet", 1)
    split = _gradients(_TASKS["unsupervised"], "normalized_cuts", "wnet", 2)
    assert split[0] == pytest.approx(whole[0], rel=1e-5)
    assert torch.allclose(split[1], whole[1], rtol=1e-3, atol=1e-5 * float(whole[1].abs().max()))
    network = models.create("wnet", dim=2, input_channels=1, output_channels=3, features=[4, 8])
    assert what_parts_change(network) == "dropout draws other random numbers"
    _without_dropout(network)
    assert what_parts_change(network) == ""


def _refuse(is_too_much: bool) -> None:
    if is_too_much:
        raise MemoryError("not enough memory")


class TestANetworkThatNormalizesOverTheBatch:
    """Its statistics are those of each part: that is told, and all else is as in the whole batch."""

    def test_the_loss_and_gradient_are_those_of_the_whole_batch_seen_in_parts(self):
        images, targets = _labelled(_TASKS["binary"], 4)
        torch.manual_seed(0)
        network = models.create("style_unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
        loss = losses.create("bce_dice", {}, Compile().loss_parameters, may_ignore=True)
        expected = loss(torch.cat([network(part) for part in images.split(2)]), targets)
        expected.backward()
        gradient = torch.cat([weights.grad.flatten() for weights in network.parameters()])
        found = _gradients(_TASKS["binary"], "bce_dice", "style_unet", 2)
        assert found[0] == pytest.approx(expected.item(), rel=1e-5)
        assert torch.allclose(found[1], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max()))

    def test_before_that_it_keeps_less_and_all_stays_the_same(self):
        def after_a_step(recomputes: bool) -> list[torch.Tensor]:
            torch.manual_seed(0)
            network = models.create("style_unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
            network.recomputes = recomputes
            optimizer = optimizers.create(
                "sgd", network.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0
            )
            stepper = Stepper(
                network=network,
                loss=CrossEntropy(),
                optimizer=optimizer,
                device=CPU,
                precision="float32",
                pixel_predictions=Binary.create().pixels,
            )
            stepper.step(*_batch(4), 0.1)
            stepper.step(*_batch(3), 0.1)
            weights = [value for name, value in network.state_dict().items() if "tracked" not in name]
            return [*weights, torch.rand(3)]

        for one, other in zip(after_a_step(False), after_a_step(True), strict=True):
            assert torch.allclose(one, other, atol=1e-6)

    def test_that_comes_first_when_memory_runs_out(self):
        torch.manual_seed(0)
        network = models.create("style_unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
        told: list[tuple[int, int]] = []
        optimizer = optimizers.create("sgd", network.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0)
        stepper = Stepper(
            network=network,
            loss=CrossEntropy(),
            optimizer=optimizer,
            device=CPU,
            precision="float32",
            pixel_predictions=Binary.create().pixels,
        )
        stepper.on_batch_split = lambda patches, parts: told.append((patches, parts))
        # stands for a machine with room for the network that keeps less, and for two images at once
        network.register_forward_pre_hook(lambda module, given: _refuse(len(given[0]) > 2 or not module.recomputes))
        stepper.step(*_batch(4), 0.1)
        assert told == [(4, 1), (2, 2)] and network.recomputes and stepper.is_short_of_memory
        said = sentences.sentence(events.BatchReduced(step=1, tiles=4, parts=1))
        assert "keeps less for the way back" in said and "the result stays the same" in said

    @pytest.mark.parametrize("sizes", [(2, 2), (3, 3, 1)])
    def test_its_running_statistics_move_to_the_mean_of_the_parts_in_one_step(self, sizes):
        network = nn.Sequential(nn.BatchNorm2d(1, momentum=0.3))
        parts = [torch.full((size, 1, 4, 4), float(10 * number)) for number, size in enumerate(sizes, 1)]
        answers = Answers(network, network, parts)
        assert network[0].running_mean == 0
        answers.logits.sum().backward()
        answers.backward()
        assert float(network[0].running_mean) == pytest.approx(0.3 * float(torch.cat(parts).mean()), rel=1e-5)
        assert network[0].momentum == 0.3

    def test_the_log_says_what_changes(self):
        words = what_parts_change(
            models.create("style_unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
        )
        assert "normalizes over the batch, and now over each part by itself" in words
        said = sentences.sentence(events.BatchReduced(step=1, tiles=2, parts=4, changes=words))
        assert words in said and "the result stays the same" not in said
        assert (
            what_parts_change(models.create("unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])) == ""
        )


def test_dropout_leaves_out_the_same_on_the_way_back():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Dropout(0.5), nn.Conv2d(2, 1, 1))
    seen: list[torch.Tensor] = []
    network[1].register_forward_hook(lambda module, given, answer: seen.append(answer.detach() == 0))
    answers = Answers(network, network, torch.randn(4, 1, 8, 8).split(2))
    answers.logits.sum().backward()
    answers.backward()
    assert torch.equal(seen[0], seen[2]) and torch.equal(seen[1], seen[3]) and not torch.equal(seen[0], seen[1])


class _ShortOfMemory(nn.Module):
    """Stands for a machine on which more than two images at once do not fit, which shows after half of the pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Conv2d(1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answer = self.layers(images)
        if len(images) > 2:
            raise MemoryError("not enough memory")
        return answer


def test_a_step_that_is_done_again_starts_from_where_the_first_try_did():
    def after_a_step(parts: int) -> list[torch.Tensor]:
        torch.manual_seed(0)
        network = _ShortOfMemory()
        optimizer = optimizers.create("sgd", network.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0)
        stepper = Stepper(
            network=network,
            loss=CrossEntropy(),
            optimizer=optimizer,
            device=CPU,
            precision="float32",
            pixel_predictions=Binary.create().pixels,
            micro_batches=parts,
        )
        stepper.step(*_batch(4), 0.1)
        assert stepper.micro_batches == 2
        return [*network.state_dict().values(), torch.rand(3)]

    assert all(map(torch.equal, after_a_step(1), after_a_step(2)))


def test_trying_out_a_compiled_network_compiles_what_the_steps_use_and_leaves_no_trace():
    compiled: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        compiled.append(len(inputs))
        return graph.forward

    torch._dynamo.reset()
    stepper = _stepper()
    stepper.network = stepper.forward = models.create(
        "wnet", dim=2, input_channels=1, output_channels=3, features=[4, 8]
    )
    stepper.network.eval()  # as validation leaves it
    before = [torch.get_rng_state(), *map(torch.clone, stepper.network.state_dict().values())]
    stepper.loss, stepper.pixel_predictions = (
        losses.create("normalized_cuts", Unsupervised.create().loss_settings, {}, may_ignore=False),
        Unsupervised.create().pixels,
    )
    forward = torch.compile(stepper.network, backend=backend, dynamic=False)
    stepper.try_out(forward, _batch()[0])
    assert all(map(torch.equal, before, [torch.get_rng_state(), *stepper.network.state_dict().values()]))
    in_trial = len(compiled)
    stepper.forward = forward
    images = _batch()[0]
    stepper.step(images, torch.cat([images, (images > 0).float()], 1), 0.1)
    assert in_trial > 0 and len(compiled) == in_trial


# a real limit on the memory of a real process: the first halvings do not fit either
_LIMITED = """
import resource, sys, torch, psutil
from nbtrainer import models, optimizers
from nbtrainer.engine.stepper import Stepper
from nbtrainer.errors import UserError
from nbtrainer.losses.pixels import CrossEntropy
from nbtrainer.tasks.binary import Binary
torch.set_num_threads(1)
network = models.create("unet", dim=2, input_channels=1, output_channels=1, features=[16, 32])
optimizer = optimizers.create("adam", network.parameters(), learning_rate=1e-3, momentum=0.0, weight_decay=0.0)
pixels = Binary.create().pixels
options = {"device": torch.device("cpu"), "precision": "float32", "pixel_predictions": pixels}
stepper = Stepper(network=network, loss=CrossEntropy(), optimizer=optimizer, **options)
stepper.split_on_oom = sys.argv[2] == "may"
stepper.on_batch_split = lambda patches, parts: print("reduced", patches, parts, flush=True)
stepper.step(torch.randn(1, 1, 64, 64), torch.ones(1, 1, 64, 64), 1e-3)
size = int(sys.argv[1])
images = torch.randn(8, 1, size, size)
limit = psutil.Process().memory_info().vms + 800 * 1024**2
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    loss, _ = stepper.step(images, (images > 0).float(), 1e-3)
    print("done", bool(torch.isfinite(loss)))
except UserError as error:
    print("refused", error)
"""


def _limited(size: int, may: str) -> str:
    done = subprocess.run([sys.executable, "-c", _LIMITED, str(size), may], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, which only Linux does exactly")
class TestWhenMemoryRunsOut:
    @pytest.mark.feature(99)
    def test_the_same_step_is_done_in_smaller_parts(self):
        said = _limited(512, "may")
        assert "reduced 4 2" in said
        assert "done True" in said

    @pytest.mark.feature(99)
    def test_when_one_tile_alone_is_too_large_the_user_is_advised(self):
        said = _limited(2048, "may")
        assert "reduced 1 8" in said
        assert (
            "refused sampling.patch_size: memory ran out even with one patch at a time. Reduce the patch height and width"
            in said
        )

    def test_without_leave_to_reduce_the_user_is_told_of_the_switch(self):
        said = _limited(512, "may not")
        assert "refused training.batch_size: memory ran out" in said
