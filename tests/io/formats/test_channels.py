"""Images of which each channel is a file of its own."""

import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from factories import make_naming

import nbtrainer as nbt
from nbtrainer.api import prepare
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.listing import list_files
from nbtrainer.errors import UserError
from nbtrainer.inference.batch import files_in, images_in, is_one_channel, predict_files
from nbtrainer.io.formats import open_image, stem, version
from nbtrainer.io.formats.channels import join_for_model


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
    assert stem(path) == "a" and list_files(path, "i", look_one_level_down=False) == [path]
    assert version(path)[1] == sum((tmp_path / f"a_000{k}.tif").stat().st_size for k in (0, 1))
    tifffile.imwrite(path, second)  # a file of this very name is itself
    assert open_image(path).axes == "YX"


def test_channels_that_do_not_fit_together_are_named(tmp_path):
    _channels(tmp_path, "a", "_0000")
    tifffile.imwrite(tmp_path / "a_0001.tif", np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match=r"a_0001.tif: this channel is 8 x 8 uint8, but a_0000.tif is 64 x 64 uint8"):
        open_image(tmp_path / "a{_0000,_0001}.tif")


@pytest.mark.parametrize("mirrored", [True, False])
def test_channels_are_compared_in_space(tmp_path, mirrored):
    values = np.random.default_rng(0).integers(0, 200, (6, 7, 8), np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2.0, 2, 2, 1])), tmp_path / "a_0000.nii.gz")
    affine = np.diag([-2.0 if mirrored else 2.0, 2, 2, 1])
    affine[0, 3] = 2 * (len(values) - 1) if mirrored else 30
    nibabel.save(nibabel.Nifti1Image(values[::-1] if mirrored else values, affine), tmp_path / "a_0001.nii.gz")
    opened = open_image(tmp_path / "a{_0000,_0001}.nii.gz")
    first, second = opened.read()
    assert np.array_equal(first, second)
    told = (
        "its axes point to .*, those of a_0000.nii.gz to"
        if mirrored
        else "it lies up to 30 mm from the place of a_0000"
    )
    (note,) = opened.notes
    assert note.startswith("a_0001.nii.gz: ") and re.search(told, note)


@pytest.mark.parametrize("endings", [("_0000", "_0001"), ("_ch00", "_ch01"), ("_w1", "_w2"), ("-C1", "-C2", "-C3")])
def test_channels_are_joined_where_the_label_has_their_common_name(tmp_path, endings):
    for name in ("x", "y"):
        _channels(tmp_path / "raw", name, *endings)
        _label(tmp_path / "lab", f"{name}.tif")
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")
    assert [(stem(pair.image), stem(pair.required_label), len(pair.files)) for pair in pairs] == [
        (name, name, len(endings) + 1) for name in ("x", "y")
    ]


def test_numbered_images_with_labels_of_their_own_are_no_channels(tmp_path):
    _channels(tmp_path / "raw", "x", "_0000", "_0001")
    for ending in ("_0000", "_0001"):
        _label(tmp_path / "lab", f"x{ending}.tif")
    pairs = find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")
    assert [pair.image.name for pair in pairs] == ["x_0000.tif", "x_0001.tif"]


def test_a_missing_channel_is_told(tmp_path):
    for name, endings in (("x", ("_0000", "_0001")), ("y", ("_0000", "_0001")), ("z", ("_0000",))):
        _channels(tmp_path / "raw", name, *endings)
        _label(tmp_path / "lab", f"{name}.tif")
    with pytest.raises(UserError, match=r"z has 1 channel \(z_0000.tif\), but most images have 2"):
        find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")


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
    pairs = find_pairs(tmp_path, None, "d", make_naming(), use="auto")
    assert [(stem(pair.image), pair.required_label.name, pair.use) for pair in pairs] == [
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
        for pair in find_pairs(Path(dataset["images"]), Path(dataset["labels"]), "d", make_naming(), use="auto"):
            assert open_image(pair.image).axes == "CYX" and stem(pair.image) == stem(pair.required_label)


def test_an_image_that_lacks_a_channel_hinders_no_other_from_being_predicted(small_config, tmp_path):
    for name in ("x", "y", "z"):
        _channels(tmp_path / "raw", name, "_0000", "_0001")
        _label(tmp_path / "lab", f"{name}.tif")
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")}]
    model = nbt.load_model(nbt.train(small_config).directory)
    (tmp_path / "raw" / "y_0001.tif").unlink()
    files, _ = files_in([tmp_path / "raw"])
    images = images_in(files, model)
    assert [image.name for image in images] == ["x{_0000,_0001}.tif", "y{_0000}.tif", "z{_0000,_0001}.tif"]
    outcomes = list(predict_files(model, images, tmp_path / "out"))
    assert [outcome.target is not None for outcome in outcomes] == [True, False, True]
    assert "y{_0000}.tif: it has 1 channel, but the model was trained on 2" in str(outcomes[1].findings[0])


def test_a_series_of_colour_images_is_no_set_of_channels(tmp_path):
    for number in range(3):
        tifffile.imwrite(tmp_path / f"a_000{number}.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    files = list_files(tmp_path, "images", look_one_level_down=False)
    assert join_for_model(files, 3, (), is_one_channel) == files
