import unicodedata
from pathlib import Path

import pytest
import tifffile
from factories import make_naming
from numpy import zeros

from nbtrainer.data.file_names import existing, is_meant, match_parts, parts_of, shortest_names, without_contradictions
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.listing import list_files


def _matched(wanted: list[str], offered: list[str]) -> dict[str, str]:
    ours, theirs = [parts_of(name) for name in wanted], [parts_of(name) for name in offered]
    matches = without_contradictions(match_parts(ours, offered=theirs), names=ours, offered=theirs)
    return {wanted[i]: offered[j] for i, j in matches.chosen.items()}


def test_names_match_with_as_much_of_the_path_as_both_have():
    assert _matched(["/d/x/a.png", "/d/y/a.png"], ["y/a.png", "x/a.png"]) == {
        "/d/x/a.png": "x/a.png",
        "/d/y/a.png": "y/a.png",
    }
    assert _matched(["/d/x/a.png", "/d/y/a.png"], ["C:\\data\\y\\a.png"]) == {"/d/y/a.png": "C:\\data\\y\\a.png"}
    assert _matched(["/d/x/a.png"], ["elsewhere/a.png"]) == {"/d/x/a.png": "elsewhere/a.png"}


def test_what_may_mean_two_is_ambiguous():
    ours, theirs = [parts_of("/d/x/a.png"), parts_of("/d/y/a.png")], [parts_of("a.png")]
    assert match_parts(ours, offered=theirs).ambiguous == {0: [0], 1: [0]}
    assert match_parts(theirs, offered=ours).ambiguous == {0: [0, 1]}


def test_folders_that_differ_are_told_apart_where_others_agree():
    assert _matched(["/d/train/a.png", "/d/train/b.png"], ["train/a.png", "val/b.png"]) == {
        "/d/train/a.png": "train/a.png"
    }


@pytest.mark.parametrize(
    ("written", "expected"), [("a.tif", True), ("a", True), ("x/a.tif", True), ("y/a.tif", False), ("b", False)]
)
def test_a_file_is_meant_by_its_name_or_the_end_of_its_path(tmp_path, written, expected):
    assert is_meant(tmp_path / "x" / "a.tif", written) is expected


def test_accents_are_compared_as_they_look(tmp_path):
    for number, name in enumerate(("é 1", "f1", "z1")):
        for folder, form in (("raw", "NFC"), ("lab", "NFD")):
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / f"{unicodedata.normalize(form, name)}.tif", zeros((4, 4 + number)))
    pairs = find_pairs(
        tmp_path / "raw", tmp_path / "lab", "d", make_naming(exclude=(unicodedata.normalize("NFD", "é 1"),)), use="auto"
    )
    assert [pair.image.name for pair in pairs] == ["f1.tif", "z1.tif"]
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")
    composed = [unicodedata.normalize("NFC", pair.required_label.name) for pair in pairs]
    assert [pair.image.name for pair in pairs] == composed and not any(pair.paired_by_order for pair in pairs)


def test_what_is_typed_finds_a_file_whose_accents_are_written_otherwise(tmp_path):
    folder = tmp_path / unicodedata.normalize("NFD", "Zellé")
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", zeros((4, 4)))
    typed = tmp_path / unicodedata.normalize("NFC", "Zellé")
    assert existing(typed / "a.tif") == folder / "a.tif"
    assert (
        list_files(typed, "i", look_one_level_down=False)
        == list_files(typed / "*.tif", "i", look_one_level_down=False)
        == [folder / "a.tif"]
    )
    wild = tmp_path / unicodedata.normalize("NFC", "*é") / "a.tif"
    assert list_files(wild, "i", look_one_level_down=False) == [folder / "a.tif"]
    (tmp_path / "list.txt").write_text(f"{typed.name}/a.tif\n", encoding="utf-8")
    assert list_files(tmp_path / "list.txt", "i", look_one_level_down=False) == [folder / "a.tif"]


def test_capitals_make_no_difference_where_no_other_name_does(tmp_path):
    for folder, names in (("raw", ("Cell_1.tif", "cell_2.TIF")), ("lab", ("cell_1.tif", "CELL_2.tif"))):
        (tmp_path / folder).mkdir()
        for name in names:
            tifffile.imwrite(tmp_path / folder / name, zeros((4, 4)))
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")
    assert {pair.image.name: pair.required_label.name for pair in pairs} == {
        "Cell_1.tif": "cell_1.tif",
        "cell_2.TIF": "CELL_2.tif",
    }
    assert not any(pair.paired_by_order for pair in pairs)


def test_files_of_one_name_are_called_with_their_folders():
    paths = [Path("/d/x/1/a.tif"), Path("/d/y/1/a.tif"), Path("/d/x/1/b.tif")]
    assert shortest_names(paths) == ["x/1/a.tif", "y/1/a.tif", "b.tif"]
