import errno
import json
import math

import pytest

from nbtrainer.runs import events
from nbtrainer.runs.journal import Journal, JournalReader


def test_events_come_back_as_they_were(tmp_path):
    journal = Journal(tmp_path / "events.jsonl")
    written = [
        events.Warned(text="a\nb <&> ü"),
        events.EpochEnded(
            epoch=1,
            step=5,
            scores={"train_loss": math.inf, "validation_dice": 0.5},
            learning_rate=0.1,
            elapsed_seconds=1.0,
        ),
    ]
    for event in written:
        journal.append(event)
    assert JournalReader(tmp_path / "events.jsonl").read_new() == written


def test_a_reader_reads_on_and_waits_for_a_line_that_is_being_written(tmp_path):
    path = tmp_path / "events.jsonl"
    reader = JournalReader(path)
    assert reader.read_new() == []
    Journal(path).append(events.Warned(text="one"))
    assert [event.text for event in reader.read_new()] == ["one"]
    line = json.dumps(events.Warned(text="two").as_record())
    with path.open("a") as file:
        file.write(line[:20])
    assert reader.read_new() == []
    with path.open("a") as file:
        file.write(line[20:] + "\n")
    assert [event.text for event in reader.read_new()] == ["two"]


def test_half_a_line_of_a_killed_process_spoils_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "warned", "te')
    Journal(path).append(events.Warned(text="after"))
    assert [event.text for event in JournalReader(path).read_new()] == ["after"]


def test_events_and_fields_of_a_later_version_are_left_out(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"event": "teleported", "to": 3}\n{"event": "warned", "text": "x", "colour": "red", "time": 1.0}\n'
    )
    assert JournalReader(path).read_new() == [events.Warned(text="x", time=1.0)]


def test_a_line_of_another_shape_is_left_out_and_told(tmp_path):
    path = tmp_path / "events.jsonl"
    with path.open("w") as file:
        for record in (
            {"event": "epoch_ended", "epoch": 1, "step": 2, "scores": 3, "learning_rate": 0.1, "elapsed_seconds": 1},
            {"event": "stopped", "step": [1]},
            {"event": ["warned"], "text": "x"},
            {"event": "report_written"},
            [1],
            {"event": "warned", "text": {"float": "no number"}},
            {"event": "warned", "text": "good"},
        ):
            file.write(json.dumps(record) + "\n")
    told = [event.text for event in JournalReader(path).read_new()]
    assert told[-1] == "good"
    assert [text.split(" of ")[0] for text in told[:-1]] == ["line 1", "line 2", "line 4"]
    assert all(str(path) in text for text in told[:-1])


class _FullDisk:
    """A file that takes as many bytes as it is told there is room for."""

    def __init__(self, file):
        self._file, self.room = file, 10

    def write(self, content):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(content[: self.room])
        self.room -= taken
        return taken

    def fileno(self):
        return self._file.fileno()

    def close(self):
        self._file.close()


def test_what_a_full_disk_does_not_take_is_written_when_there_is_room_again(tmp_path):
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    journal._file = disk = _FullDisk(journal._file)
    for text in "ab":
        with pytest.raises(OSError, match="No space left"):
            journal.append(events.Warned(text=text))
    disk.room = 10_000
    journal.append(events.Warned(text="c"), is_synced=True)
    assert [event.text for event in JournalReader(path).read_new()] == ["a", "b", "c"]
    disk.room = 0
    with pytest.raises(OSError, match="No space left"):
        journal.append(events.Warned(text="d"))
    journal.close()  # which raises nothing
