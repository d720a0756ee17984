import pytest

from nbtrainer.io.annotations.classes import format_classes, number_classes, parse_classes


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({("myelin", None), ("axon", None)}, {"axon": 1, "myelin": 2}),
        ({("myelin", 3), ("axon", 7)}, {"myelin": 3, "axon": 7}),  # the files agree
        ({("cell", 1), ("nucleus", 1), ("cell", 2)}, {"cell": 1, "nucleus": 2}),  # they do not
        ({("", 4), ("5", 5)}, {"": 4, "5": 5}),
        ({("2", 2), ("axon", None), ("", None)}, {"": 1, "2": 2, "axon": 3}),  # a number means itself
        (set(), {}),
    ],
)
def test_classes_are_numbered_as_files_do_or_by_name(found, expected):
    assert number_classes(found) == expected


def test_the_ignore_value_is_no_number_of_a_class():
    assert number_classes({("a", None), ("b", None)}, reserved=1) == {"a": 2, "b": 3}


def test_the_user_says_which_classes_count():
    given = ["axon", "myelin=4", "a=b=9", "other"]
    assert number_classes({("dirt", 1), ("axon", 2)}, given) == {"axon": 1, "myelin": 4, "a=b": 9, "other": 10}


@pytest.mark.parametrize("numbers", [{"axon": 1, "": 2}, {"x=1": 1, "y": 7, "z": 8}, {"3": 3}])
def test_classes_are_written_as_they_are_read(numbers):
    assert parse_classes(format_classes(numbers)) == numbers
