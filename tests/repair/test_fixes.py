from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer import api
from nbtrainer.config import Config
from nbtrainer.errors import Finding
from nbtrainer.io.formats import open_image
from nbtrainer.repair import FIXES
from nbtrainer.repair.ensemble import dense_boxes, packed


def _label(config: Config, number: int = 1) -> Path:
    return Path(config.data.datasets[0].labels) / f"img_{number}.tif"


def _image(config: Config, number: int = 1) -> Path:
    return Path(config.data.datasets[0].images) / f"img_{number}.tif"


def _labels(config: Config) -> list[np.ndarray]:
    return [open_image(Path(row["label"])).read() for row in sorted(nbt.pairs(config), key=lambda row: row["name"])]


def _fixable(config: Config, name: str) -> list[Finding]:
    return [finding for finding in nbt.check(config) if finding.fix == name]


def _mended(config: Config, name: str) -> str:
    """One repair; the finding must be gone, and the user's files as they were."""
    before = {
        path: path.read_bytes() for path in sorted(Path(config.output.root).parent.rglob("*.*")) if path.is_file()
    }
    (finding,) = _fixable(config, name)
    said = nbt.fix(config, finding)
    assert not _fixable(config, name)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert api.fix_title(finding) == FIXES[name].title
    return said


def test_colours_become_the_same_numbers_in_every_label(small_config):
    sound = _labels(small_config)
    for number in (0, 1, 2):
        colours = np.array([[0, 0, 0], [200, 10, 10]], np.uint8)[sound[number]]
        tifffile.imwrite(_label(small_config, number), colours, photometric="rgb")
    assert len(_fixable(small_config, "colours")) == 3
    (said,) = nbt.fix_all(small_config)
    assert "3 labels" in said and "colours that became numbers (" in said
    assert all(np.array_equal(new, old) for new, old in zip(_labels(small_config), sound, strict=True))


def test_a_label_that_was_scaled_gets_its_values_back(small_config):
    sound = _labels(small_config)[1] * np.uint8(255)
    blurred = cv2.resize(cv2.resize(sound, (48, 48)), (64, 64), interpolation=cv2.INTER_CUBIC)
    tifffile.imwrite(_label(small_config), blurred)
    assert "labels-1" in _mended(small_config, "snap")
    found = _labels(small_config)[1]
    assert set(np.unique(found)) == {0, 255}
    assert np.mean((found > 0) != (sound > 0)) < 0.02


def test_decimals_become_the_whole_numbers_that_were_drawn(small_config):
    sound = _labels(small_config)[1]
    tifffile.imwrite(_label(small_config), cv2.GaussianBlur(sound.astype(np.float32), (0, 0), 0.7))
    _mended(small_config, "snap")
    assert set(np.unique(_labels(small_config)[1])) == {0, 1}


def test_transparency_is_dropped(small_config):
    sound = _labels(small_config)[1]
    tifffile.imwrite(_label(small_config), np.stack([sound, sound * 255], axis=-1), metadata={"axes": "YXS"})
    _mended(small_config, "alpha")
    assert np.array_equal(_labels(small_config)[1], sound)


def test_negative_values_become_background(small_config):
    sound = _labels(small_config)[1].astype(np.int16)
    tifffile.imwrite(_label(small_config), np.where(sound == 0, -1, sound))
    _mended(small_config, "negative")
    assert np.array_equal(_labels(small_config)[1], sound)


def test_values_are_numbered_in_all_labels_and_in_the_settings(small_config):
    for number in range(3):
        label = _labels(small_config)[number]
        tifffile.imwrite(_label(small_config, number), label * np.uint8(127 * (1 + number % 2)))
    small_config.data.labels_of_interest = [254]
    nbt.fix(small_config, Finding(where="labels", wrong="grey", fix="classes"))
    assert [set(np.unique(label)) for label in _labels(small_config)] == [{0, 1}, {0, 2}, {0, 1}]
    assert small_config.data.labels_of_interest == [2]


def test_connected_parts_and_holes_are_mended_slice_by_slice(small_config):
    label = np.zeros((64, 64), np.uint8)
    label[4:20, 4:20] = label[40:50, 40:50] = 1
    label[10, 10] = 0
    tifffile.imwrite(_label(small_config), label)
    file = str(_label(small_config))
    nbt.fix(small_config, Finding(where=file, wrong="pieces", fix="pieces", files=(file,)))
    file = str(_repaired(small_config, "img_1.tif"))
    nbt.fix(small_config, Finding(where=file, wrong="holes", fix="holes", files=(file,)))
    found = _labels(small_config)[1]
    assert (found[10, 10], found[45, 45], found.max()) == (1, 2, 2)


def _repaired(config: Config, name: str) -> Path:
    return next(Path(row["label"]) for row in nbt.pairs(config) if row["name"] == name)


def test_a_repaired_nifti_keeps_its_affine(small_config, tmp_path):
    folder = tmp_path / "volumes"
    volume = np.zeros((8, 16, 16), np.int16)
    volume[2:5, 2:9, 2:9] = 1
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    for name, array in (("images", np.random.default_rng(0).random((16, 16, 8)).astype(np.float32)), ("labels", None)):
        (folder / name).mkdir(parents=True)
        data = array if array is not None else np.where(volume.T == 0, -1, volume.T).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(data, affine), folder / name / "a.nii.gz")
    small_config.update(task={"dim": 3}, sampling={"patch_size": [8, 8, 8]})
    small_config.data.datasets = [{"images": folder / "images", "labels": folder / "labels"}]
    _mended(small_config, "negative")
    repaired = Path(nbt.pairs(small_config)[0]["label"])
    assert repaired.name == "a.nii.gz"
    assert np.array_equal(nibabel.load(repaired).affine, affine)
    assert np.array_equal(open_image(repaired).read(), volume)


def test_files_are_paired_by_what_their_names_have_in_common(small_config):
    folder = Path(small_config.data.datasets[0].labels)
    for number in range(3):
        (folder / f"img_{number}.tif").rename(folder / f"Mask-{number}.tif")
    (folder / "Mask-1.tif").rename(folder / "Mask-7.tif")
    (Path(small_config.data.datasets[0].images) / "img_1.tif").rename(_image(small_config, 9))
    (folder / "Mask-3.tif").write_bytes((folder / "Mask-0.tif").read_bytes())
    assert "2 images of data.datasets[0]" in _mended(small_config, "pair_by_name")
    assert [row["name"] for row in sorted(nbt.pairs(small_config), key=lambda row: row["name"])] == [
        "img_0.tif",
        "img_2.tif",
    ]


def test_a_broken_file_is_left_out(small_config):
    _image(small_config).write_bytes(b"II*\x00broken")
    assert "img_1.tif is left out" in _mended(small_config, "exclude")
    assert {row["name"] for row in nbt.pairs(small_config)} == {"img_0.tif", "img_2.tif"}


def test_a_copy_of_a_whole_dataset_is_left_out(small_config):
    dataset = small_config.data.datasets[0].model_dump()
    small_config.data.datasets = [dataset | {"use": "train"}, dataset | {"use": "validation"}]
    nbt.fix_all(small_config)
    assert len(small_config.data.datasets) == 1


@pytest.mark.feature(64)
def test_sparse_images_are_packed_into_dense_ones(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=4, shape=(600, 600), name="sparse")]
    before = sum(int(np.count_nonzero(label)) for label in _labels(small_config))
    assert "cropped to where objects are" in _mended(small_config, "crop")
    labels = _labels(small_config)
    assert sum(int(np.count_nonzero(label)) for label in labels) == before
    assert all(label.size < 600 * 600 / 20 for label in labels)


def test_crops_neither_overlap_nor_cut_objects():
    rng = np.random.default_rng(0)
    foreground = np.zeros((300, 400), bool)
    for y, x in rng.integers(0, 280, (12, 2)):
        foreground[y : y + 8, x : x + 8] = True
    boxes = dense_boxes(foreground, margin=6)
    covered = np.zeros(foreground.shape, int)
    for box in boxes:
        covered[box] += 1
    assert covered.max() == 1 and covered[foreground].all()
    corners, shape = packed([foreground[box].shape for box in boxes])
    drawn = np.zeros(shape, int)
    for (y, x), box in zip(corners, boxes, strict=True):
        height, width = foreground[box].shape
        drawn[y : y + height, x : x + width] += 1
    assert drawn.max() == 1 and drawn.sum() == covered.sum()


def test_repairs_never_write_over_each_other(small_config):
    own = [_label(small_config, number) for number in (0, 1)]
    for path in own:
        tifffile.imwrite(path, tifffile.imread(path).astype(np.int16) - 1)
    for path in own:
        finding = Finding(where=str(path), wrong="negative", fix="negative", files=(str(path),))
        nbt.fix(small_config, finding)
    folder = Path(small_config.output.root) / "default" / "repaired"
    assert sorted(path.name for path in folder.iterdir()) == ["labels-1", "labels-2"]


def test_what_cannot_be_mended_is_said(small_config):
    with pytest.raises(nbt.UserError, match="there is no repair"):
        nbt.fix(small_config, Finding(where="x", wrong="y"))
    with pytest.raises(nbt.UserError, match="not among the labels"):
        nbt.fix(small_config, Finding(where="x.tif", wrong="y", fix="snap"))
    assert not Path(small_config.output.root).exists()


def test_a_tree_of_train_and_val_becomes_a_dataset_for_each(small_config, write_pairs, tmp_path):
    for name in ("train", "val"):
        write_pairs(count=2, name=f"tree/{name}")
    broken = tmp_path / "tree" / "train" / "labels" / "img_0.tif"
    tifffile.imwrite(broken, tifffile.imread(broken).astype(np.int16) - 1)
    # the same pictures in both would be a leak
    for path in (tmp_path / "tree" / "val" / "images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path)[::-1])
    small_config.data.datasets = [{"images": tmp_path / "tree"}]
    _mended(small_config, "negative")
    assert [dataset.use for dataset in small_config.data.datasets] == ["train", "validation"]
    assert len(nbt.pairs(small_config)) == 4


def test_a_finding_has_a_picture(small_config):
    tifffile.imwrite(_image(small_config), np.full((64, 64), 7, np.uint8))
    (finding,) = _fixable(small_config, "exclude")
    assert api.finding_picture(small_config, finding).pixels.shape == (64, 64, 3)
    assert api.finding_picture(small_config, Finding(where="training.device", wrong="odd")) is None
