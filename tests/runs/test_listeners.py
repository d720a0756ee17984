import csv

import pytest

from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.journal import JournalReader
from nbtrainer.runs.listeners import Emitter


def _epoch(number):
    scores = {"train_loss": 1.0 / number}
    return events.EpochEnded(epoch=number, step=number, scores=scores, learning_rate=0.1, elapsed_seconds=1.0)


@pytest.fixture
def directory(tmp_path):
    return RunDirectory.create(tmp_path, data_task="task", name="")


def test_files_that_could_not_be_written_for_a_while_are_complete_again_and_that_is_told_once(directory):
    emit = Emitter(directory)
    emit(_epoch(1))
    directory.history.unlink()
    directory.history.symlink_to(directory.path / "a drive that is away" / "history.csv")
    directory.log.unlink()
    directory.log.mkdir()
    emit(_epoch(2))
    emit(_epoch(3))
    directory.history.unlink()
    directory.log.rmdir()
    emit(_epoch(4))
    emit.close()
    with directory.history.open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
    # the first line went with the file
    assert [line.split("epoch ")[1][0] for line in directory.log.read_text().splitlines() if "epoch" in line] == [
        "2",
        "3",
        "4",
    ]
    warned = [event.text for event in JournalReader(directory.events).read_new() if isinstance(event, events.Warned)]
    assert len(warned) == 2
    assert any("log.txt could not be written" in text and "tried again" in text for text in warned)
    assert any("history.csv or curves.png could not be written" in text for text in warned)


def test_a_journal_that_misses_steps_for_a_while_ends_no_run_but_one_that_misses_an_epoch_does(directory):
    emit = Emitter(directory)
    steps = events.StepsDone(
        step=1, epoch=1, steps=1, loss=1.0, seconds_per_step=1.0, learning_rate=0.1, elapsed_seconds=1.0
    )
    emit._journal._file.close()  # the drive is away
    emit._journal._file = directory.events.open("rb", buffering=0)
    emit(steps)
    with pytest.raises(OSError, match="writing"):
        emit(_epoch(1))
    emit._journal._file = directory.events.open("ab", buffering=0)
    emit(steps)
    emit.close()
    found = JournalReader(directory.events).read_new()
    assert [type(event) for event in found] == [events.StepsDone, events.EpochEnded, events.StepsDone]
