"""What a run works with: where its parts are, and what they are made of."""

import numpy as np
import tifffile
import torch

from nbtrainer.config import Config
from nbtrainer.engine.build import Job, build
from nbtrainer.runs import RunDirectory


def _job(config: Config) -> Job:
    return build(config, RunDirectory.create(config.resolve(config.output.root), "test", ""))


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
    record = job.checkpoint(None, {})
    expected = torch.rand(3)
    record["resume"]["random"] = record["resume"]["random"]["cpu"]  # as it was until 0.1
    job.restore(record)
    assert torch.equal(torch.rand(3), expected)
