import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_naming

from nbtrainer.api import prepare, prepare_dataset
from nbtrainer.data import split_folders
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.listing import list_files
from nbtrainer.data.pair_files import pair_files
from nbtrainer.data.prepare import share_counts, split_shares
from nbtrainer.errors import UserError


def _source(folder: Path, count: int, image: str = "img {}.tif", label: str = "img {}.tif") -> tuple[Path, Path]:
    """Images whose one value is their number, labels with the same value."""
    for kind, name in (("images", image), ("labels", label)):
        (folder / kind).mkdir(parents=True)
        for number in range(1, count + 1):
            tifffile.imwrite(folder / kind / name.format(number), np.full((4, 4), number, np.uint8))
    return folder / "images", folder / "labels"


def _tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _numbers(images: Path, labels: Path) -> list[int]:
    """The numbers of the pairs, as training would find them; each image has its own label."""
    pairs = pair_files(
        list_files(images, "i", look_one_level_down=False),
        list_files(labels, "l", look_one_level_down=False),
        "d",
        make_naming(),
        use="auto",
    )
    found = [(int(tifffile.imread(pair.image)[0, 0]), int(tifffile.imread(pair.label)[0, 0])) for pair in pairs]
    assert all(image == label for image, label in found)
    return [image for image, _ in found]


@pytest.mark.feature(41, 42, 44)
@pytest.mark.parametrize("by", ["copy", "link", "list"])
def test_every_pair_is_in_one_of_three_folders_and_in_its_lists(by, tmp_path):
    seen: list[tuple[int, int]] = []
    done = prepare(
        *_source(tmp_path / "my data", 20),
        tmp_path / "out root",
        "cells",
        by=by,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert done.counts == {"train": 14, "val": 2, "test": 4} and done.by == by
    assert done.folder == tmp_path / "out root" / "cells"
    assert [dataset["use"] for dataset in done.datasets] == ["train", "validation", "test"]
    assert seen == [(number, 20) for number in range(1, 21)]
    numbers = [_numbers(Path(dataset["images"]), Path(dataset["labels"])) for dataset in done.datasets]
    assert sorted(sum(numbers, [])) == list(range(1, 21))
    for part, expected in zip(("train", "val", "test"), numbers, strict=True):
        assert _numbers(done.folder / part / "images.txt", done.folder / part / "labels.txt") == expected
        assert not any(
            Path(line).is_absolute() for line in (done.folder / part / "images.txt").read_text().splitlines()
        )
        assert (done.folder / part / "images").is_dir() == (by != "list")
    assert not [path for path in done.folder.iterdir() if path.name.startswith(".")]


@pytest.mark.feature(45)
def test_the_seed_decides_who_goes_where(tmp_path):
    source = _source(tmp_path, 20)

    def trained(name: str, seed: int) -> list[int]:
        done = prepare(*source, tmp_path, name, seed=seed, by="list")
        return _numbers(Path(done.datasets[0]["images"]), Path(done.datasets[0]["labels"]))

    assert trained("a", 1) == trained("b", 1) != trained("c", 2)


@pytest.mark.feature(46)
def test_files_of_other_names_are_paired_in_order_and_stay_together(tmp_path):
    done = prepare(*_source(tmp_path, 12, "raw_{}.tif", "a{}_mask.tiff"), tmp_path / "out", "x")
    for dataset in done.datasets:
        names = [{path.stem for path in Path(dataset[kind]).iterdir()} for kind in ("images", "labels")]
        assert names[0] == names[1]
        _numbers(Path(dataset["images"]), Path(dataset["labels"]))


@pytest.mark.feature(43)
@pytest.mark.parametrize("val", ["val", "validation"])
def test_a_dataset_that_is_divided_stays_so(val, tmp_path):
    for part, count in (("train", 3), (val, 2), ("test", 1)):
        _source(tmp_path / "data" / part, count)
    done = prepare_dataset(tmp_path / "data", tmp_path / "out", "x")
    assert done.counts == {"train": 3, "val": 2, "test": 1}
    assert _numbers(done.folder / "val" / "images", done.folder / "val" / "labels") == [1, 2]
    shutil.rmtree(tmp_path / "data" / "test")
    assert prepare_dataset(tmp_path / "data", tmp_path / "out", "y").counts["test"] == 0
    shutil.rmtree(tmp_path / "data" / "train")
    with pytest.raises(UserError, match="but no folder train"):
        prepare_dataset(tmp_path / "data", tmp_path / "out", "z")


@pytest.mark.feature(44)
def test_a_dataset_that_is_not_divided_is(tmp_path):
    _source(tmp_path / "data", 4)
    assert prepare_dataset(tmp_path / "data", tmp_path / "out", "x").counts == {"train": 2, "val": 1, "test": 1}
    shutil.rmtree(tmp_path / "data" / "labels")
    with pytest.raises(UserError, match="has no folder labels"):
        prepare_dataset(tmp_path / "data", tmp_path / "out", "y")


@pytest.mark.feature(55)
def test_links_of_labels_come_along_under_their_new_name(tmp_path):
    images, labels = _source(tmp_path, 3, "a{}.tif", "b{}.tif")
    (labels / "b2_links.txt").write_text("1,2\n")
    done = prepare(images, labels, tmp_path / "out", "x")
    assert [path.name for path in done.folder.rglob("*_links.txt")] == ["a2_links.txt"]


def test_names_are_kept_with_their_whole_ending(tmp_path):
    images, labels = _source(tmp_path, 4, "a{}.ome.tif", "b{}_masks.tiff")
    for number in range(1, 5):
        (labels / f"b{number}_masks.tiff").rename(labels / f"b{number}_seg.npy")
    done = prepare(images, labels, tmp_path / "out", "x")
    names = {path.name for path in done.folder.rglob("labels/*")}
    assert names == {"a1_seg.npy", "a2_seg.npy", "a3_seg.npy", "a4_seg.npy"}


def test_outlines_of_many_images_in_one_file_go_with_each(tmp_path):
    images, _ = _source(tmp_path, 4)
    listed = [{"id": number, "file_name": f"all/img {number}.tif"} for number in range(1, 5)]
    (tmp_path / "coco.json").write_text(json.dumps({"images": listed, "annotations": [], "categories": []}))
    done = prepare(images, tmp_path / "coco.json", tmp_path / "out", "x")
    assert [path.name for path in done.folder.rglob("labels/*")] == ["coco.json"] * 3
    pairs = find_pairs(done.folder, None, "d", make_naming(), use="auto")
    assert sorted(pair.annotated_as for pair in pairs) == [f"all/img {number}.tif" for number in range(1, 5)]
    lists = find_pairs(
        done.folder / "train" / "images.txt", done.folder / "train" / "labels.txt", "d", make_naming(), use="auto"
    )
    assert [pair.image.name for pair in lists] == [pair.image.name for pair in pairs if pair.use == "train"]


def test_what_is_worth_nothing_elsewhere_is_only_listed(tmp_path):
    images, labels = _source(tmp_path, 3)
    (labels / "img 2.tif").unlink()
    (labels / "img 2.mhd").write_text("ElementDataFile = elsewhere.raw")
    with pytest.raises(UserError, match=r"img 2.mhd: it belongs to other files.*Prepare by list"):
        prepare(images, labels, tmp_path / "out", "x")
    assert prepare(images, labels, tmp_path / "out", "x", by="list").counts["train"] == 1


@pytest.mark.parametrize(
    ("count", "shares", "expected"),
    [
        (3, (0.7, 0.1, 0.2), (1, 1, 1)),
        (10, (0.7, 0.1, 0.2), (7, 1, 2)),
        (11, (0.7, 0.1, 0.2), (8, 1, 2)),
        (1000, (1 / 3, 1 / 3, 1 / 3), (334, 333, 333)),
        (5, (0.98, 0.01, 0.01), (3, 1, 1)),
        (1, (1, 0, 0), (1, 0, 0)),
        (7, (0.9, 0.1, 0), (6, 1, 0)),
        (4, (0.02, 0.49, 0.49), (1, 2, 1)),
    ],
)
def test_shares_become_whole_numbers(count, shares, expected):
    names = ("train", "val", "test")
    counts = share_counts(count, dict(zip(names, shares, strict=True)))
    assert tuple(counts.get(name, 0) for name in names) == expected


@pytest.mark.feature(44)
@pytest.mark.parametrize(
    "shares", [(0.7, 0.1, 0.2), (70, 10, 20), ("70%", "10 %", "20%"), ("70", "10", "20"), ("0,7", 0.1, "20%")]
)
def test_shares_are_fractions_or_percentages(shares, tmp_path):
    done = prepare(
        *_source(tmp_path, 10),
        tmp_path / "out",
        "x",
        **dict(zip(("train", "validation", "test"), shares, strict=True)),
        by="list",
    )
    assert done.counts == {"train": 7, "val": 1, "test": 2}
    assert split_shares(99, validation=1, test=0) == {"train": 0.99, "val": 0.01, "test": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 0.8}, "the shares 80 % .* do not add up to 100 %"),
        ({"train": 70, "validation": 10, "test": 10}, "70 % . 10 % . 10 % do not add up to 100 %. Give fractions"),
        ({"train": "70%", "validation": 70, "test": "20%"}, "do not add up to 100 %"),
        ({"train": "much"}, "train: 'much' is no share. Give a fraction or a percentage"),
        ({"divide": 8}, "blocks of 8 pixels a side show too little"),
        ({"divide": 512, "by": "list"}, "blocks of images are new files"),
        ({"train": 1.1, "validation": -0.1, "test": 0}, "do not add up to 100 %"),
        ({"train": float("nan")}, "do not add up to 100 %"),
        ({"train": 0, "validation": 0.5, "test": 0.5}, "no image would be left to train"),
        ({"by": "move"}, "by: 'move' is unknown. Use copy, link, list"),
        ({"seed": -1}, "seed: -1 is below 0"),
        ({"data_task": "a/b"}, "data_task: 'a/b' is no name"),
        ({"data_task": ".."}, "data_task: '..' is no name"),
        ({"data_task": ""}, "data_task: '' is no name"),
        ({"labels": "images"}, "is given as images and as labels"),
        ({"images": "gone"}, "images: there is no folder or file"),
    ],
)
def test_mistakes_are_refused_and_nothing_is_written(options, message, tmp_path):
    images, labels = _source(tmp_path, 5)
    given = {"images": images, "labels": labels, "output_root": tmp_path / "out", "data_task": "x"} | options
    given |= {kind: tmp_path / given[kind] for kind in ("images", "labels")}
    with pytest.raises(UserError, match=message):
        prepare(**given)
    assert not (tmp_path / "out").exists()


def test_too_few_or_unequal_images_are_refused(tmp_path):
    with pytest.raises(UserError, match="2 pairs cannot be divided among train, val, test"):
        prepare(*_source(tmp_path / "a", 2), tmp_path / "out", "x")
    images, labels = _source(tmp_path / "b", 5)
    (labels / "img 3.tif").unlink()
    with pytest.raises(UserError, match=r"No label was found for img 3.tif"):
        prepare(images, labels, tmp_path / "out", "x")
    images, labels = _source(tmp_path / "c", 4, label="m{}.tif")
    (images / "img 1.png").write_bytes(b"")
    (labels / "m0.tif").write_bytes(b"")
    with pytest.raises(UserError, match="have the same name"):
        prepare(images, labels, tmp_path / "out", "x", train=1, validation=0, test=0)


def test_a_split_that_is_there_is_never_overwritten(tmp_path):
    source = _source(tmp_path, 5)
    prepare(*source, tmp_path / "out", "x")
    before = _tree(tmp_path / "out")
    with pytest.raises(UserError, match=r"train is there already and holds images, images.txt, labels \.\.\."):
        prepare(*source, tmp_path / "out", "x")
    assert _tree(tmp_path / "out") == before
    for part in ("train", "val", "test"):  # empty folders are no split, and runs beside them stay
        (tmp_path / "out" / "y" / part).mkdir(parents=True)
    (tmp_path / "out" / "y" / "run-001").mkdir()
    prepare(*source, tmp_path / "out", "y")
    assert _tree(tmp_path / "out" / "y") == sorted([*_tree(tmp_path / "out" / "x"), "run-001"])
    (tmp_path / "out" / "z").mkdir()
    (tmp_path / "out" / "z" / "val").write_text("a file")
    with pytest.raises(UserError, match="val is there already and is no folder"):
        prepare(*source, tmp_path / "out", "z")


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_an_interruption_leaves_nothing(stop, tmp_path):
    source = _source(tmp_path / "in", 5)

    def interrupt(done: int, total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(*source, tmp_path / "deep" / "out", "x", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_interruption_while_folders_are_moved_leaves_nothing(tmp_path, monkeypatch):
    source = _source(tmp_path / "in", 5)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "test":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(*source, tmp_path / "out", "x")
    assert not (tmp_path / "out").exists()


def test_where_links_are_not_permitted_files_are_copied_and_this_is_said(tmp_path, monkeypatch):
    def refused(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    source = _source(tmp_path, 3)
    monkeypatch.setattr(Path, "symlink_to", refused)
    assert prepare(*source, tmp_path / "out", "a", by="link").by == "hard link"
    monkeypatch.setattr(os, "link", refused)
    assert prepare(*source, tmp_path / "out", "b", by="link").by == "copy"


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(split_folders.shutil, "copy2", full)
    with pytest.raises(UserError, match="No space left on device"):
        prepare(*_source(tmp_path, 3), tmp_path / "out", "a")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="output_root"):
        prepare(tmp_path / "images", tmp_path / "labels", tmp_path / "file", "a")
