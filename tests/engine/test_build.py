"""What a run works with: where its parts are, and what they are made of."""

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.config import Config
from nbtrainer.data.cache import Cache
from nbtrainer.engine.build import build
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.job_record import checkpoint_record, restore
from nbtrainer.engine.nan_loss import diverged
from nbtrainer.runs import RunDirectory, events


def _job(config: Config) -> TrainingJob:
    return build(config, RunDirectory.create(config.resolve(config.output.root), data_task="test", name=""))


def test_validation_has_a_loss_of_its_own_on_the_processor(small_config, tmp_path):
    label = np.random.default_rng(0).integers(0, 3, (64, 64)).astype(np.uint8)
    for path in (tmp_path / "set" / "labels").iterdir():
        tifffile.imwrite(path, label)
    small_config.update(task={"kind": "semantic", "class_weights": "auto"}, compile={"loss": "auto"})
    job = _job(small_config)
    # stands for a graphics card: what is there cannot be calculated with what is here
    job.stepper.loss.to("meta")
    scores = job.validator.scores(lambda done, of: None, lambda: False)
    assert scores is not None and np.isfinite(scores[0]["loss"])


def test_the_random_numbers_of_a_checkpoint_of_before_are_taken_over(small_config):
    job = _job(small_config)
    record = checkpoint_record(job, None, {})
    expected = torch.rand(3)
    record["resume"]["random"] = record["resume"]["random"]["cpu"]  # as it was until 0.1
    restore(job, record)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("wrong", "words"), [(np.nan, "no finite numbers"), (1e9, "expects about 1")])
def test_a_loss_that_is_no_number_is_blamed_on_the_image_that_caused_it(small_config, tmp_path, wrong, words):
    path = tmp_path / "set" / "images" / "img_1.tif"
    array = tifffile.imread(path).astype(np.float32)
    tifffile.imwrite(path, array)
    small_config.update(sampling={"method": "image"}, training={"batch_size": 3}, data={"validation_fraction": 0})
    small_config.update(
        normalization={"method": "none", "outliers": "ignore"}, augmentation={"strength": "none"}
    )  # nothing is cut off
    job = _job(small_config)
    assert "learning rate" in str(diverged(job, "the loss became nan", 0))
    job.patches.images.intensity_map(1)  # measured while all was well
    job.patches.images.cache, job.patches.images.fingerprints = Cache(0), None
    tifffile.imwrite(path, np.where(array > array.mean(), wrong, array).astype(np.float32))
    said = str(diverged(job, "the loss became nan", 0))
    assert "img_1.tif: the loss became nan" in said and "learning rate" not in said and words in said


def test_files_that_changed_before_a_run_is_resumed_are_told(small_config, tmp_path):
    small_config.training.epochs = 1
    run = nbt.train(small_config)
    label = tmp_path / "set" / "labels" / "img_1.tif"
    tifffile.imwrite(label, np.roll(tifffile.imread(label), 3, axis=0))
    run = nbt.resume(run.directory, training={"epochs": 2})
    run.wait()
    assert run.status == "finished", run.error
    warned = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert any("changed since the run was stopped: img_1.tif" in text for text in warned)


def test_what_a_batch_shows_is_counted_where_it_is_made(small_config):
    job = _job(small_config)
    made = job.batch(0)
    assert job.sampling_summary()["patches"] == 0
    assert sum(sum(each.pixels.values()) for each in made.summary) == made.targets.numel()
    assert [each.image for each in made.summary] == [place.index for place in made.locations]
    job.record_batch(made)
    assert job.sampling_summary()["patches"] == 2
