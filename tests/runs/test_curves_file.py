"""`curves.png`: drawn at validations, and once more when the run has ended."""

import hashlib

import pytest

from nbtrainer.runs import events, listeners
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.listeners import Emitter


def _planned():
    return events.Planned(
        step=0,
        total_steps=6,
        epochs=3,
        steps_per_epoch=2,
        max_minutes=None,
        training_images=2,
        validation_images=1,
        parameters=1,
        device="cpu",
        threads=1,
        monitor="validation_dice",
        higher_is_better=True,
        metrics=["dice"],
        chosen={},
        measured_ms={},
    )


def _epoch(number, dice):
    scores = {"train_loss": 1 / number, "validation_loss": 1 / number, "train_dice": dice, "validation_dice": dice}
    return events.EpochEnded(epoch=number, step=2 * number, scores=scores, elapsed_seconds=1.0, learning_rate=0.1)


def _drawn(directory):
    return hashlib.md5(directory.curves.read_bytes()).hexdigest() if directory.curves.exists() else ""


@pytest.mark.feature(137)
def test_curves_are_drawn_at_each_validation_and_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(listeners, "_SECONDS_BETWEEN_CURVES", -1.0)
    directory = RunDirectory.create(tmp_path, data_task="t", name="")
    emit = Emitter(directory)
    emit(_planned())
    seen = [_drawn(directory)]
    for number, dice in ((1, 0.4), (2, 0.7), (3, 0.8)):
        emit(_epoch(number, dice))
        seen.append(_drawn(directory))
    emit.close()

    assert seen[0] == ""
    assert len(set(seen)) == 4


@pytest.mark.feature(137)
def test_the_final_curves_show_what_came_after_the_last_drawing(tmp_path, monkeypatch):
    monkeypatch.setattr(listeners, "_SECONDS_BETWEEN_CURVES", 1e6)
    directory = RunDirectory.create(tmp_path, data_task="t", name="")
    emit = Emitter(directory)
    emit(_planned())
    emit(_epoch(1, 0.4))
    first = _drawn(directory)
    emit(_epoch(2, 0.7))
    assert first and _drawn(directory) == first

    emit(events.Finished(step=4, reason="all steps done", elapsed_seconds=2.0))
    emit.close()

    assert _drawn(directory) != first
