"""Which folders lie on a mounted drive, and the journal of a run that does."""

import errno
import os
from collections import namedtuple
from pathlib import Path

import pytest

from nbtrainer.runs import events
from nbtrainer.runs.drive import is_on_drive, local_journal
from nbtrainer.runs.journal import Journal, JournalReader

Partition = namedtuple("Partition", "mountpoint fstype opts")


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """A folder that counts as a drive, and a machine with temporary files of its own."""
    (tmp_path / "drive").mkdir()
    monkeypatch.setenv("NBTRAINER_DRIVES", str(tmp_path / "drive"))
    enter_machine(tmp_path / "machine", monkeypatch)
    return tmp_path / "drive"


def enter_machine(folder, monkeypatch):
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr("tempfile.tempdir", str(folder))


def texts(path):
    return [event.text for event in JournalReader(path).read_new()]


def write(journal, *lines):
    for text in lines:
        journal.append(events.Warned(text=text))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *[(kind, True) for kind in ("fuse", "fuse.rclone", "nfs4", "cifs", "9p")],
        *[(kind, False) for kind in ("ext4", "fuseblk", "tmpfs")],
    ],
)
def test_network_and_fuse_file_systems_are_drives(tmp_path, kind, expected):
    (tmp_path / "mounted" / "runs").mkdir(parents=True)
    mounts = [Partition("/", "ext4", "rw"), Partition(str(tmp_path / "mounted"), kind, "rw")]
    assert is_on_drive(tmp_path / "mounted" / "runs", mounts) == expected
    assert not is_on_drive(tmp_path, mounts)
    # a folder that is still to be made lies where those above it lie
    assert is_on_drive(tmp_path / "mounted" / "new" / "run", mounts) == expected


def test_the_latest_mount_at_a_place_counts(tmp_path):
    mounts = [
        Partition("/", "ext4", "rw"),
        Partition(str(tmp_path), "nfs", "rw"),
        Partition(str(tmp_path), "ext4", "rw"),
    ]
    assert not is_on_drive(tmp_path, mounts)


def test_where_temporary_files_lie_on_the_same_drive_it_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not is_on_drive(tmp_path, [Partition("/", "9p", "rw")])


def test_folders_that_are_named_and_that_of_colab_are_drives(drive, tmp_path):
    assert is_on_drive(drive / "runs", []) and not is_on_drive(tmp_path, [])
    assert is_on_drive(Path("/content/drive/MyDrive/runs"), [])


def test_the_folder_of_this_machine_for_journals_is_of_its_user_alone(drive):
    local = local_journal(drive / "events.jsonl")
    assert local is not None and local_journal(drive / "other" / "events.jsonl") != local
    if os.name == "posix":
        assert local.parent.stat().st_mode & 0o077 == 0


def test_a_journal_on_a_drive_is_read_at_once_here_and_elsewhere_as_it_was_copied(drive, tmp_path, monkeypatch):
    path = drive / "events.jsonl"
    journal = Journal(path)
    reader = JournalReader(path)
    write(journal, "a", "b")
    journal.copy(waits=True)
    write(journal, "c")
    assert [event.text for event in reader.read_new()] == ["a", "b", "c"]
    assert [event.text for event in journal.uncopied] == ["c"]
    enter_machine(tmp_path / "other", monkeypatch)
    assert texts(path) == ["a", "b"]
    enter_machine(tmp_path / "machine", monkeypatch)
    journal.close()
    assert path.read_bytes().count(b"\n") == 3
    # nothing is left here, and who has read so far reads on
    assert not local_journal(path).exists() and reader.read_new() == []
    Journal(path).append(events.Warned(text="d"))
    assert [event.text for event in reader.read_new()] == ["d"]


def test_what_a_killed_process_did_not_copy_is_taken_on_by_the_next_on_this_machine(drive):
    path = drive / "events.jsonl"
    killed = Journal(path)
    write(killed, "a")
    killed.copy(waits=True)
    write(killed, "b")
    killed.close(copies=False)
    following = Journal(path)
    write(following, "c")
    following.close()
    assert path.read_bytes().count(b"\n") == 3 and texts(path) == ["a", "b", "c"]


def test_a_machine_that_comes_back_takes_nothing_from_what_another_wrote(drive, tmp_path, monkeypatch):
    path = drive / "events.jsonl"
    first = Journal(path)
    write(first, "a")
    first.copy(waits=True)
    write(first, "late")
    enter_machine(tmp_path / "other", monkeypatch)
    second = Journal(path)
    write(second, "b", "c")
    second.copy(waits=True)
    enter_machine(tmp_path / "machine", monkeypatch)
    assert texts(path) == ["a", "b", "c"]  # what lies here is another's past
    first.close()
    enter_machine(tmp_path / "third", monkeypatch)
    assert texts(path) == ["a", "b", "c", "late"]
    write(second, "d")
    second.close()
    assert texts(path) == ["a", "b", "c", "late", "d"]


def test_a_new_run_of_an_old_name_begins_with_nothing(drive):
    path = drive / "events.jsonl"
    old = Journal(path)
    write(old, "old")
    old.copy(waits=True)
    old.close(copies=False)
    path.unlink()
    assert texts(path) == []
    new = Journal(path)
    write(new, "new")
    new.close()
    assert texts(path) == ["new"]


def test_a_drive_that_refuses_keeps_its_copy_and_gets_the_rest_later(drive, monkeypatch):
    path = drive / "events.jsonl"
    journal = Journal(path)
    write(journal, "a")
    journal.copy(waits=True)
    write(journal, "b")
    away = drive.rename(drive.with_name("away"))
    with pytest.raises(Exception, match="does not exist"):
        journal.copy(waits=True)
    away.rename(drive)
    assert path.read_bytes().count(b"\n") == 1 and len(journal.uncopied) == 1
    journal.copy(waits=True)
    assert path.read_bytes().count(b"\n") == 2 and journal.uncopied == []
    journal.close()


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
def test_a_local_journal_that_somebody_removes_is_copied_all_the_same(drive):
    path = drive / "events.jsonl"
    journal = Journal(path)
    write(journal, "a")
    local_journal(path).unlink()
    write(journal, "b")
    journal.close()
    assert texts(path) == ["a", "b"]


def test_while_the_drive_is_away_this_machine_reads_its_own(drive, monkeypatch):
    path = drive / "events.jsonl"
    journal = Journal(path)
    write(journal, "a")
    journal.copy(waits=True)
    write(journal, "b")
    open_file = Path.open

    def open_while_away(self, *arguments, **options):
        if self.is_relative_to(drive):
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", str(self))
        return open_file(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_while_away)
    assert texts(path) == ["a", "b"]
    monkeypatch.undo()
    journal.close()
