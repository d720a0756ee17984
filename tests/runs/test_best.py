import itertools
import math

import numpy as np
import pytest

from nbtrainer.engine.checkpoint import BestCheckpoints
from nbtrainer.runs import events
from nbtrainer.runs.best import best_epoch
from nbtrainer.ui.dashboard.run_state import RunState


@pytest.mark.parametrize("higher", [True, False])
def test_dashboard_and_disk_call_the_same_epoch_the_best(tmp_path, higher):
    rng = np.random.default_rng(0)
    values, losses = [0.0, 0.5, math.nan], [0.3, 0.2, math.inf]
    for _ in range(200):
        kept, story = BestCheckpoints(tmp_path, 3, higher), RunState()
        story.planned = events.Planned(
            step=0, total_steps=9, epochs=9, steps_per_epoch=1, max_minutes=None, training_images=1, validation_images=1,
            parameters=1, device="cpu", threads=1, monitor="validation_dice", higher_is_better=higher, metrics=["dice"],
            chosen={}, measured_ms={},
        )  # fmt: skip
        for epoch in range(1, 7):
            score, loss = float(rng.choice(values)), float(rng.choice(losses))
            if kept.earns_a_place(score, loss=loss):
                kept.enter(score, epoch=epoch, step=epoch, loss=loss)
            scores = {"validation_dice": score, "validation_loss": loss}
            story.take(
                events.EpochEnded(epoch=epoch, step=epoch, scores=scores, learning_rate=0.1, elapsed_seconds=1.0)
            )
        shown = story.best("validation_dice")
        assert (shown and shown[0]) == (kept.best and kept.best["epoch"])


def test_of_equal_scores_the_lower_loss_is_best_and_of_equal_losses_the_earlier():
    rows = [(1, 0.5, 0.3), (2, 0.5, 0.1), (3, 0.5, 0.1), (4, 0.4, 0.0)]
    for order in itertools.permutations(rows[:2]):
        listed = [(epoch, {"dice": dice, "validation_loss": loss}) for epoch, dice, loss in [*order, *rows[2:]]]
        assert best_epoch(listed, "dice", higher=True) == (2, 0.5)
    assert best_epoch([(1, {"dice": math.nan}), (2, {})], "dice", higher=True) is None
