import gc
import os
import threading
from pathlib import Path

import h5py
import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

from nbtrainer.errors import UserError
from nbtrainer.io.formats import SUFFIXES, is_image, open_image, stem, version


def test_a_file_is_opened_once_until_it_changes(tmp_path, volume):
    path = tmp_path / "a.npy"
    np.save(path, volume)
    first = open_image(path)
    assert open_image(path) is first
    other = tmp_path / "other.npy"
    np.save(other, volume[:2])
    os.replace(other, path)
    assert open_image(path).shape == (2, 40, 50)
    assert np.array_equal(first.read(), volume)


def test_a_file_that_was_cut_short_while_it_is_open_is_told(tmp_path, volume):
    for name, settings in (("a.tif", {}), ("b.tif", {"compression": "zlib"})):
        tifffile.imwrite(tmp_path / name, volume, photometric="minisblack", **settings)
        opened = open_image(tmp_path / name)
        os.truncate(tmp_path / name, 5000)
        with pytest.raises(UserError, match="incomplete"):
            opened.read()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts handles where Linux lists them")
def test_handles_are_closed_when_nobody_holds_the_file(tmp_path, monkeypatch, volume):
    monkeypatch.setattr("nbtrainer.io.formats.opening._MOST_OPEN", 3)
    before = len(os.listdir("/proc/self/fd"))
    for k in range(20):
        np.save(tmp_path / f"{k}.npy", volume)
        assert open_image(tmp_path / f"{k}.npy").read().shape == volume.shape
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 6


def test_many_threads_open_and_read_at_once(tmp_path, volume):
    for k in range(8):
        tifffile.imwrite(tmp_path / f"{k}.tif", volume + k, photometric="minisblack", compression="zlib")
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(40):
            k, z = int(rng.integers(8)), int(rng.integers(6))
            if not np.array_equal(open_image(tmp_path / f"{k}.tif").array[z, 3:30], volume[z, 3:30] + k):
                wrong.append((k, z))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix not in (".zarr", ".ome.zarr")])
def test_empty_files_text_and_folders_under_an_images_name_are_told(tmp_path, suffix):
    empty, text, folder = (tmp_path / f"{name}{suffix}" for name in ("empty", "text", "folder"))
    empty.touch()
    text.write_text("this is no image, it is a shopping list\n" * 40)
    folder.mkdir()
    for path, message in ((empty, "empty"), (text, "text"), (folder, "folder")):
        with pytest.raises(UserError, match=rf"{path.name}: .*{message if path is not text else ''}") as told:
            open_image(path)
        assert told.value.remedy and "Traceback" not in str(told.value) and len(str(told.value)) < 600


def test_missing_unknown_and_odd_files_are_told(tmp_path):
    (tmp_path / "a.doc").write_text("x")
    (tmp_path / "a.tif").symlink_to(tmp_path / "gone.tif")
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    np.save(tmp_path / "b.npy", np.zeros((3, 3)))
    for name, message in (
        ("gone.tif", "there is no such file"),
        ("nowhere/a.h5/raw", "there is no such file"),
        ("a.doc", r"files of the kind '\.doc' cannot be read. Use one of .tif, .*\.zarr"),
        ("a.tif", "leads nowhere"),
        ("pipe.png", "no ordinary file"),
        ("b.npy/inside", "there is no 'inside' in this file"),
    ):
        with pytest.raises(UserError, match=message):
            open_image(tmp_path / name)


def test_an_index_outside_the_image_is_numpys_error(tmp_path, volume):
    np.save(tmp_path / "a.npy", volume)
    array = open_image(tmp_path / "a.npy").array
    with pytest.raises(IndexError):
        array[6]
    with pytest.raises(IndexError):
        array[0, 0, 0, 0]
    assert array[-1, 5:2].shape == (0, 50)
    assert array[..., 100:].shape == (6, 40, 0)


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("a.tif", True, "a"),
        ("a b.OME.TIFF", True, "a b"),
        ("a.nii.gz", True, "a"),
        ("a.v2.h5", True, "a.v2"),
        ("a.ome.zarr", True, "a"),
        ("a.zarr.zip", True, "a"),
        ("a.json", True, "a"),
        ("a.gz", False, "a"),
        ("a.txt", False, "a"),
        (".tif", False, ".tif"),
        ("._a.tif", False, "._a"),
    ],
)
def test_names_tell_images_and_stems(name, image, expected):
    assert is_image(Path("folder") / name) is image
    assert stem(Path("folder") / name) == expected


def test_a_folder_is_an_image_only_as_zarr(tmp_path):
    (tmp_path / "a.tif").mkdir()
    (tmp_path / "a.zarr").mkdir()
    assert not is_image(tmp_path / "a.tif") and is_image(tmp_path / "a.zarr")


def test_a_version_is_time_and_size(tmp_path):
    path = tmp_path / "a.h5"
    assert version(path) == version(path / "raw") == (0, 0)
    path.write_bytes(b"12345")
    assert version(path) == version(path / "raw") == (path.stat().st_mtime_ns, 5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_child_process_opens_and_reads_by_itself(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume, photometric="minisblack", compression="zlib")
    opened = open_image(tmp_path / "a.tif")
    assert opened.read((slice(0, 1),)).size
    child = os.fork()
    if child == 0:
        good = np.array_equal(opened.read(), volume) and np.array_equal(open_image(tmp_path / "a.tif").read(), volume)
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_a_file_is_decides_its_content_and_a_wrong_name_is_told(tmp_path, volume):
    page = (volume[0] >> 8).astype(np.uint8)
    for written, called in ((".png", ".tif"), (".png", ".jpg"), (".tif", ".png"), (".png", ".nii"), (".tif", "")):
        imageio.imwrite(tmp_path / f"a{written}", page)
        wrong = (tmp_path / f"a{written}").rename(tmp_path / f"wrong{called}")
        opened = open_image(wrong)
        assert np.array_equal(opened.read(), page)
        assert f"it is a {written[1:].upper().replace('TIF', 'TIFF')}" in opened.notes[0]
    for kind in (".npy", ".h5"):
        if kind == ".npy":
            np.save(tmp_path / "a.npy", volume)
        else:
            with h5py.File(tmp_path / "a.h5", "w") as file:
                file["raw"] = volume
        wrong = (tmp_path / f"a{kind}").rename(tmp_path / f"other{kind}.tif")
        assert np.array_equal(open_image(wrong).read(), volume)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a" + bytes(400), "GIF"),
        (b"PK\x03\x04" + bytes(400), "zip file"),
        (bytes(128) + b"DICM" + bytes(400), "DICOM"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(tmp_path, content, said):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UserError, match=f"cannot be read: it is a {said}"):
        open_image(tmp_path / "a.tif")


def test_of_a_file_with_image_and_label_each_reader_takes_its_own(tmp_path, volume):
    label = (volume > 30000).astype(np.uint8)
    names = [
        ("raw", "label"),
        ("image", "masks"),
        ("data", "gt"),
        ("t1", "segmentation"),
        ("volumes/raw", "volumes/labels"),
    ]
    for number, (image_name, label_name) in enumerate(names):
        paths = [tmp_path / f"{number}.h5"]
        with h5py.File(paths[0], "w") as file:
            file[label_name], file[image_name] = label, volume
        if "/" not in image_name:
            paths.append(tmp_path / f"{number}.npz")
            np.savez(paths[1], **{label_name: label, image_name: volume})
        for path in paths:
            assert np.array_equal(open_image(path).read(), volume)
            assert np.array_equal(open_image(path, for_label=True).read(), label)


def test_two_labels_in_one_file_are_not_chosen_by_chance(tmp_path, volume):
    np.savez(tmp_path / "a.npz", raw=volume, image=volume)
    with pytest.raises(UserError, match="several labels: raw, image"):
        open_image(tmp_path / "a.npz", for_label=True)
