"""Errors keep their class, findings and suggestions, wherever they are told again."""

import errno
import pickle

import pytest

import nbtrainer as nbt
from nbtrainer.disk_errors import DiskError, disk_error
from nbtrainer.errors import DataError, Finding, ModelError, SettingError, UserError


@pytest.mark.parametrize("kind", [SettingError, DataError, ModelError])
def test_an_error_made_of_findings_is_of_the_class_that_was_asked(kind):
    error = kind.of([Finding(where="a", wrong="bad"), Finding(where="b", wrong="worse", suggestions=(1,))])

    assert type(error) is kind
    assert isinstance(error, nbt.UserError)
    assert str(error) == "a: bad.\nb: worse."
    assert error.suggestions == ()
    assert error.findings[1].suggestions == (1,)


def test_an_error_in_another_place_keeps_class_remedy_and_suggestions():
    error = DataError("label.tif", "it is grey", "Try 1", suggestions=(1,)).replace(where="data.datasets")

    assert type(error) is DataError
    assert str(error) == "data.datasets: it is grey. Try 1."
    assert error.suggestions == (1,)


def test_an_error_of_the_disk_keeps_its_number_in_another_place():
    error = DiskError("a.tif", "the disk is full")
    error.errno = 28

    assert error.replace(where="output.root").errno == 28


@pytest.mark.parametrize(
    ("section", "name", "value", "suggestion"),
    [
        ("training", "epoch", 3, "training.epochs"),
        ("compile", "optimizer", "adm", "adam"),
        ("compile", "metrics", ["dise", "iou"], ("dice", "iou")),
        ("training", "batch_size", 0, 1),
        ("training", "batch_size", 2.5, 2),
        ("sampling", "foreground_fraction", 1.5, 1),
    ],
)
def test_a_refused_value_comes_with_the_nearest_right_one(section, name, value, suggestion):
    config = nbt.Config()

    with pytest.raises(UserError) as refused:
        setattr(getattr(config, section), name, value)

    assert refused.value.suggestions == (suggestion,)


def test_a_mistake_says_by_its_class_where_it_lies(tmp_path):
    with pytest.raises(nbt.SettingError, match=r"training\.epochs"):
        nbt.Config(training={"epochs": 0})
    with pytest.raises(nbt.SettingError, match="Did you mean"):
        nbt.Config().set("training.epoch", 3)
    with pytest.raises(nbt.ModelError, match="no such file"):
        nbt.load_model(tmp_path / "gone.pt")


@pytest.mark.parametrize("kind", [UserError, SettingError, DataError, ModelError, nbt.ComputerError])
def test_an_error_comes_back_whole_from_another_process(kind):
    error = kind.of([nbt.Finding(where="a", wrong="bad"), nbt.Finding(where="b", wrong="worse", suggestions=(1,))])

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind and again.findings == error.findings and str(again) == str(error)


def test_an_error_of_the_disk_keeps_its_number_in_another_process():
    error = DiskError("a.tif", "the disk is full")
    error.errno = errno.ENOSPC
    assert pickle.loads(pickle.dumps(error)).errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("number", "is_mistake"), [(errno.ENOENT, True), (errno.EACCES, True), (errno.ENOSPC, False), (errno.EIO, False)]
)
def test_a_wrong_path_is_a_mistake_and_a_full_disk_is_none(number, is_mistake):
    assert disk_error(OSError(number, "x"), "a.tif").is_mistake is is_mistake
