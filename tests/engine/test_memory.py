"""Memory that runs out, at any moment of a run, and what is said of it before."""

import pytest
import torch

import nbtrainer as nbt
from nbtrainer import losses, models
from nbtrainer.augment.device import sources
from nbtrainer.engine.memory_need import MemoryNeed, fitting_batch, measure_need
from nbtrainer.inference import tiled
from nbtrainer.models.unet import UNet
from nbtrainer.runs import events

CPU = torch.device("cpu")
GB = 10**9


class OutOfMemoryAt:
    """The forward pass of a network, with a device that is full at some of its calls."""

    def __init__(self, monkeypatch, is_full):
        self.calls, self.failed, forward = [], 0, UNet.forward

        def refused(network, images):
            self.calls.append((network.training, len(images)))
            if is_full(self):
                self.failed += 1
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(network, images)

        monkeypatch.setattr(UNet, "forward", refused)

    @property
    def training_calls(self):
        return sum(is_training for is_training, _ in self.calls)

    @property
    def now(self):
        return self.calls[-1]


@pytest.fixture
def config(small_config):
    small_config.update(training={"epochs": 4, "steps_per_epoch": 30})
    return small_config


def steps_of(run):
    told = [event for event in run.events if isinstance(event, events.StepsDone)]
    assert [event.step - event.steps for event in told] == [0, *(event.step for event in told[:-1])]
    return told[-1].step


@pytest.mark.feature(99)
@pytest.mark.parametrize("step", [1, 100])
def test_a_step_that_does_not_fit_is_done_in_parts_and_no_step_is_missing(config, monkeypatch, step):
    # the first call measures the memory that is needed
    full = OutOfMemoryAt(monkeypatch, lambda self: self.now == (True, 2) and self.training_calls > step)
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert full.failed == 1 and steps_of(run) == 120
    (split,) = (event for event in run.events if isinstance(event, events.BatchReduced))
    assert split.step == step - 1 and split.parts == 2
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]


def test_a_validation_that_does_not_fit_is_tried_once_more(config, monkeypatch):
    fails = []

    def once(self):
        is_validation = not self.now[0] and self.training_calls > 40
        if is_validation and not fails:
            fails.append(len(self.calls))
            return True
        return False

    OutOfMemoryAt(monkeypatch, once)
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert fails and steps_of(run) == 120
    assert [row["epoch"] for row in run.history if "validation_dice" in row] == [1, 2, 3, 4]


def test_a_validation_for_which_there_is_no_memory_at_all_is_left_out(config, monkeypatch):
    steps = OutOfMemoryAt(monkeypatch, lambda self: False)
    predict = tiled.predict_tiled

    def refused(*arguments, **others):
        if 40 < steps.training_calls < 80:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(*arguments, **others)

    monkeypatch.setattr(tiled, "predict_tiled", refused)
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert steps_of(run) == 120
    assert [row["epoch"] for row in run.history if "validation_dice" in row] == [1, 3, 4]
    assert any(
        "memory ran out in the validation" in each.text for each in run.events if isinstance(each, events.Warned)
    )


def test_the_memory_of_a_step_grows_with_the_batch_and_is_told_before_the_first(small_config):
    network = models.create("unet", dim=2, input_channels=1, output_channels=1, features=[8, 16])
    loss = losses.create("bce_dice", {}, small_config.compile.loss_parameters, may_ignore=False)
    needs = []
    for side in (64, 128):
        image = torch.rand(1, 1, side, side)
        needs.append(
            measure_need(network, loss=loss, image=image, target=(image > 0.5).float(), device=CPU, precision="float32")
        )
    assert needs[0].fixed == needs[1].fixed == 16 * sum(weights.numel() for weights in network.parameters())
    assert needs[1].per_patch == pytest.approx(4 * needs[0].per_patch, rel=0.05)
    run = nbt.train(small_config)
    (told,) = (event for event in run.events if isinstance(event, events.MemoryEstimated))
    first_step = next(event for event in run.events if isinstance(event, events.StepsDone))
    assert run.events.index(told) < run.events.index(first_step)
    assert 0 < told.needed_bytes < told.free_bytes


@pytest.mark.parametrize(
    ("free", "patches", "device", "batch"),
    [
        (100 * GB, 1000, "cpu", 8),
        (100 * GB, 1000, "cuda", 32),
        (100 * GB, 5, "cuda", 4),
        (6 * GB, 1000, "cuda", 2),
        (1, 1000, "cuda", 1),
    ],
)
def test_the_largest_batch_that_fits_is_taken(free, patches, device, batch):
    need = MemoryNeed(fixed=GB, per_patch=GB)
    assert fitting_batch(need, free, torch.device(device), patches=patches) == batch


@pytest.mark.feature(108)
def test_a_batch_that_is_auto_is_written_as_the_number_that_it_became(small_config):
    small_config.update(training={"batch_size": "auto"})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert nbt.Config.load(run.directory / "config.json").training.batch_size in (1, 2, 4, 8)
    assert list(nbt.patches(small_config, 2))


def test_images_that_stay_on_the_device_count_in_the_memory_that_is_told(small_config):
    needed = []
    for where in ("processor", "device"):
        small_config.update(training={"augment_on": where, "epochs": 1})
        run = nbt.train(small_config)
        needed += [event.needed_bytes for event in run.events if isinstance(event, events.MemoryEstimated)]
        images = next(event.training_images for event in run.events if isinstance(event, events.Planned))
    # a byte of image and one of label for each pixel
    assert needed[1] - needed[0] == 2 * images * 64 * 64


def test_a_set_that_is_read_region_by_region_takes_nothing_of_the_device(small_config, monkeypatch):
    monkeypatch.setattr(sources, "_SHARE", 0.0)
    needed = []
    for where in ("processor", "device"):
        small_config.update(training={"augment_on": where, "epochs": 1})
        needed += [
            event.needed_bytes for event in nbt.train(small_config).events if isinstance(event, events.MemoryEstimated)
        ]
    assert needed[0] == needed[1]
