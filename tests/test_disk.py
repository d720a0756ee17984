import importlib
import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import nbtrainer as nbt
from nbtrainer import disk
from nbtrainer.errors import UserError

NOBODY = 65534


@pytest.fixture
def closed(tmp_path):
    """A folder with something in it that may not be entered by who runs the test."""
    if sys.platform == "win32":
        pytest.skip("needs permissions as Linux has them")
    for name in ("checks", "engine", "inference", "io.formats.tiff"):
        importlib.import_module(f"nbtrainer.{name}")  # which may lie where nobody may enter
    nbt.check(_config())  # so does what is imported at the first use
    folder = tmp_path / "closed"
    (folder / "images").mkdir(parents=True)
    folder.chmod(0o000)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o755)


def _config(**sections):
    return nbt.Config(data={"datasets": [{"images": "images", "labels": "labels"}]}, **sections)


@pytest.mark.parametrize(
    "ask",
    [disk.exists, disk.is_folder, disk.is_file, disk.list_folder, disk.read_text, disk.make_folder],
)
def test_a_folder_that_may_not_be_entered_is_named_at_its_setting(closed, ask):
    with pytest.raises(UserError, match=r"output\.root: .*closed.* may not be \w+ by you"):
        ask(closed / "images", "output.root")


def test_results_that_would_go_into_a_closed_folder_are_found_before_a_run(closed):
    findings = nbt.check(_config(output={"root": str(closed / "runs")}))
    assert any(finding.where == "output.root" and "by you" in finding.wrong for finding in findings)


def test_images_in_a_closed_folder_are_a_finding_of_their_data_set(closed):
    config = _config()
    config.data.datasets[0].images = str(closed / "images")
    findings = nbt.check(config)
    assert any(each.where == "data.datasets[0].images" and "may not be" in each.wrong for each in findings)
    with pytest.raises(UserError, match="may not be"):
        nbt.pairs(config)


def _evaluate(folder):
    nbt.evaluate(folder, folder, folder)


@pytest.mark.parametrize("ask", [nbt.attach, nbt.load_model, nbt.resume, nbt.Config.load, _evaluate])
def test_whatever_lies_in_a_closed_folder_is_refused_in_a_sentence(closed, ask):
    with pytest.raises(UserError, match="by you"):
        ask(closed / "run")


@pytest.mark.parametrize(
    ("root", "name", "where"),
    [("a\0b", "", "output.root"), ("x" * 5000, "", "output.root"), ("runs", "\U0001f600" * 100, "output.name")],
    ids=["null", "long", "emoji"],
)
def test_a_path_that_no_disk_can_have_is_a_finding(tmp_path, root, name, where):
    config = _config(output={"name": name})
    config.output.root = str(tmp_path / root)
    assert where in {finding.where for finding in nbt.check(config) if finding.level == "error"}


def test_links_in_a_circle_are_told(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UserError, match="leads in a circle"):
        disk.exists(tmp_path / "a")


def test_what_is_written_has_its_name_only_when_it_is_whole(tmp_path):
    target = tmp_path / "a.tif"
    target.write_text("old")
    with pytest.raises(KeyError), disk.write_aside(target) as aside:  # noqa: PT012, the middle of writing
        aside.write_text("half")
        assert target.read_text() == "old"
        raise KeyError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "a.zarr"
    for name in ("old", "new"):
        with disk.write_aside(target) as aside:
            aside.mkdir()
            (aside / name).write_text("x")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_a_folder_is_never_replaced_by_a_file(tmp_path):
    (tmp_path / "a.tif").mkdir()
    (tmp_path / "a.tif" / "mine").write_text("x")
    with pytest.raises(UserError, match=r"a\.tif: it is a folder, not a file"):
        disk.write_text(tmp_path / "a.tif", "y")
    assert (tmp_path / "a.tif" / "mine").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_link_stays_a_link_to_what_was_written(tmp_path):
    (tmp_path / "real.json").write_text("1")
    (tmp_path / "link.json").symlink_to("real.json")
    disk.write_json(tmp_path / "link.json", 2)
    assert (tmp_path / "link.json").is_symlink() and (tmp_path / "real.json").read_text() == "2\n"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    disk.write_text(pipe, "through")
    reader.join()
    assert read == ["through"] and pipe.is_fifo()


def test_what_a_crash_left_long_ago_is_removed_when_the_file_is_written_again(tmp_path):
    for age in (0, 10**6):
        left = tmp_path / f".a.json.{age}.part"
        left.mkdir()
        os.utime(left, (left.stat().st_mtime - age,) * 2)
    disk.write_json(tmp_path / "a.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.json.0.part", "a.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' device of a full disk")
def test_a_full_disk_is_a_sentence(tmp_path):
    (tmp_path / "a.json").symlink_to("/dev/full")
    with pytest.raises(UserError, match="the disk is full"):
        disk.write_json(tmp_path / "a.json", {})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan"), -np.inf])
def test_json_has_null_where_there_is_no_number(tmp_path, value):
    file = disk.write_json(tmp_path / "a.json", {"x": [value, (value, 1.5)]})
    refuse = pytest.fail
    assert json.loads(file.read_text(), parse_constant=refuse) == {"x": [None, [None, 1.5]]}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' + "9" * 5000 + "}", '"\\ud800"', "{", ""])
def test_absurd_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        disk.parse_json(text)


def test_a_text_that_would_never_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "list.txt")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    for name in ("list.txt", "zero.txt"):
        with pytest.raises(UserError, match="no ordinary file"):
            disk.read_text(tmp_path / name)


def test_a_file_named_by_a_foreign_file_lies_in_its_folder_or_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "page.html").write_text("x")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "home" / "link").symlink_to(tmp_path / "secret")
    home = tmp_path / "home"
    assert disk.file_below(home, "page.html", by="it").read_text() == "x"
    for name in ("../secret", str(tmp_path / "secret"), "link"):
        with pytest.raises(UserError, match="lies outside of"):
            disk.file_below(home, name, by="it")
    for name in ("missing", ".", "a\0b"):
        with pytest.raises(UserError):
            disk.file_below(home, name, by="it")


@pytest.mark.parametrize("name", ["table.csv", "log.txt"])
def test_a_folder_that_is_not_there_is_named_and_not_the_hidden_one(tmp_path, trained_once, name):
    with pytest.raises(UserError) as told:
        trained_once.save_log(tmp_path / "nowhere" / name)
    assert str(told.value) == f"{tmp_path / 'nowhere'}: it does not exist. Check the path."


def test_what_cannot_be_written_is_called_by_its_own_name(tmp_path):
    target = tmp_path / "table.csv"
    with pytest.raises(UserError) as told, disk.write_aside(target) as aside:
        (aside / "below").write_text("text")
    assert str(told.value) == f"{target}: it does not exist. Check the path."
