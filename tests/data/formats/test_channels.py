"""Images of which each channel is a file of its own."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.data.formats import open_image, stem, version
from nbtrainer.data.listing import list_files
from nbtrainer.data.pair import Naming, find_pairs
from nbtrainer.data.prepare import prepare
from nbtrainer.errors import UserError


def _channels(folder: Path, name: str, *endings: str, shape: tuple[int, ...] = (64, 64)) -> list[np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(name.encode()))
    arrays = [rng.integers(0, 200, shape, np.uint8) for _ in endings]
    for ending, array in zip(endings, arrays, strict=True):
        tifffile.imwrite(folder / f"{name}{ending}.tif", array)
    return arrays


def _label(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    label = np.zeros((64, 64), np.uint8)
    label[10:30, 10:30] = 1
    tifffile.imwrite(folder / name, label)


def test_files_that_are_a_channel_each_are_opened_as_one_image(tmp_path):
    first, second = _channels(tmp_path, "a", "_0000", "_0001")
    path = tmp_path / "a{_0000,_0001}.tif"
    opened = open_image(path)
    assert opened.axes == "CYX" and np.array_equal(opened.read(), [first, second])
    assert np.array_equal(opened.array[1, 3:5, 2:9], second[3:5, 2:9])
    assert stem(path) == "a" and list_files(path, "i") == [path]
    assert version(path)[1] == sum((tmp_path / f"a_000{k}.tif").stat().st_size for k in (0, 1))
    tifffile.imwrite(path, second)  # a file of this very name is itself
    assert open_image(path).axes == "YX"


def test_channels_that_do_not_fit_together_are_named(tmp_path):
    _channels(tmp_path, "a", "_0000")
    tifffile.imwrite(tmp_path / "a_0001.tif", np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match=r"a_0001.tif: this channel is 8 x 8 uint8, but a_0000.tif is 64 x 64 uint8"):
        open_image(tmp_path / "a{_0000,_0001}.tif")


@pytest.mark.parametrize("endings", [("_0000", "_0001"), ("_ch00", "_ch01"), ("_w1", "_w2"), ("-C1", "-C2", "-C3")])
def test_channels_are_joined_where_the_label_has_their_common_name(tmp_path, endings):
    for name in ("x", "y"):
        _channels(tmp_path / "raw", name, *endings)
        _label(tmp_path / "lab", f"{name}.tif")
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", Naming())
    assert [(stem(pair.image), stem(pair.truth), len(pair.files)) for pair in pairs] == [
        (name, name, len(endings) + 1) for name in ("x", "y")
    ]


def test_numbered_images_with_labels_of_their_own_are_no_channels(tmp_path):
    _channels(tmp_path / "raw", "x", "_0000", "_0001")
    for ending in ("_0000", "_0001"):
        _label(tmp_path / "lab", f"x{ending}.tif")
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", Naming())
    assert [pair.image.name for pair in pairs] == ["x_0000.tif", "x_0001.tif"]


def test_a_missing_channel_is_told(tmp_path):
    for name, endings in (("x", ("_0000", "_0001")), ("y", ("_0000", "_0001")), ("z", ("_0000",))):
        _channels(tmp_path / "raw", name, *endings)
        _label(tmp_path / "lab", f"{name}.tif")
    with pytest.raises(UserError, match=r"z has 1 channel \(z_0000.tif\), but most images have 2"):
        find_pairs(tmp_path / "raw", tmp_path / "lab", "d", Naming())


@pytest.mark.parametrize("beside", [False, True])
def test_a_network_learns_from_channels_in_files(small_config, tmp_path, beside):
    for name in ("x", "y", "z"):
        _channels(tmp_path / "raw", name, "_0000", "_0001")
        _label(tmp_path / ("raw" if beside else "lab"), f"{name}{'_masks' if beside else ''}.tif")
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": "" if beside else str(tmp_path / "lab")}]
    assert [str(finding) for finding in nbt.check(small_config) if finding.level == "error"] == []
    assert [row["channels"] for row in nbt.pairs(small_config)] == [2, 2, 2]
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    scores = nbt.evaluate(run.directory, tmp_path / "raw", None if beside else tmp_path / "lab")
    assert [row["image"] for row in scores["images"]] == [f"{name}{{_0000,_0001}}.tif" for name in ("x", "y", "z")]


def test_nnunets_folders_are_found_by_themselves(tmp_path):
    for part, names in (("Tr", ("a", "b")), ("Ts", ("c",))):
        for name in names:
            for folder, endings in ((f"images{part}", ("_0000", "_0001")), (f"labels{part}", ("",))):
                (tmp_path / folder).mkdir(exist_ok=True)
                for ending in endings:
                    image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), np.eye(4))
                    nibabel.save(image, tmp_path / folder / f"{name}{ending}.nii.gz")
    pairs = find_pairs(tmp_path, None, "d", Naming())
    assert [(stem(pair.image), pair.truth.name, pair.use) for pair in pairs] == [
        ("a", "a.nii.gz", "auto"),
        ("b", "b.nii.gz", "auto"),
        ("c", "c.nii.gz", "test"),
    ]
    assert open_image(pairs[0].image).shape == (2, 7, 6, 5)


@pytest.mark.parametrize("by", ["copy", "link", "list"])
def test_channels_in_files_are_prepared_together(tmp_path, by):
    for name in ("x", "y", "z"):
        _channels(tmp_path / "raw", name, "_0000", "_0001")
        _label(tmp_path / "lab", f"{name}.tif")
    done = prepare(tmp_path / "raw", tmp_path / "lab", tmp_path / "out", "t", by=by)
    for dataset in done.datasets:
        for pair in find_pairs(Path(dataset["images"]), Path(dataset["labels"]), "d", Naming()):
            assert open_image(pair.image).axes == "CYX" and stem(pair.image) == stem(pair.truth)
