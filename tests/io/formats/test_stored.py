"""Uncompressed arrays read where they lie: right in every region, and alive whatever other programs do to the file."""

import subprocess
import sys
import threading

import nibabel
import numpy as np
import pytest
import tifffile

from nbtrainer.errors import UserError
from nbtrainer.io.formats import chunked, open_image
from nbtrainer.io.formats.decompressed import cache_folder
from nbtrainer.io.formats.memory_mapped import MemoryMapped


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", ">f4", "<f8", "?"])
@pytest.mark.parametrize("shape", [(300, 70), (3, 5, 400), (2, 9, 30, 40), (4, 1, 20000)])
def test_every_region_is_what_numpy_reads(tmp_path, dtype, shape):
    rng = np.random.default_rng(len(shape))
    array = (rng.random(shape) * 200).astype(dtype)
    (tmp_path / "a.raw").write_bytes(b"header!" + array.tobytes())
    stored = MemoryMapped(tmp_path / "a.raw", dtype, shape, 7)
    assert np.array_equal(stored[...], array) and stored[...].dtype.isnative
    for _ in range(40):
        ends = [sorted(rng.integers(0, length + 1, 2)) for length in shape]
        region = tuple(slice(int(low), int(high)) for low, high in ends)
        assert np.array_equal(stored[region], array[region])


def test_bytes_that_are_neither_true_nor_false_are_true(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(range(6)))
    read = MemoryMapped(tmp_path / "a.raw", "?", (2, 3), 0)[...]
    assert read.view(np.uint8).tolist() == [[0, 1, 1], [1, 1, 1]]


def _npy(path, array):
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


def _npz(path, array):
    np.savez(path.with_suffix(".npz"), image=array)
    return path.with_suffix(".npz")


def _tiff(path, array):
    tifffile.imwrite(path.with_suffix(".tif"), array)
    return path.with_suffix(".tif")


def _pages(path, array):
    with tifffile.TiffWriter(path.with_suffix(".tif")) as tif:
        for plane in array:
            tif.write(plane, metadata=None, description="a page", contiguous=False)
    return path.with_suffix(".tif")


def _nifti(path, array):
    nibabel.save(nibabel.Nifti1Image(array.T, np.eye(4)), path.with_suffix(".nii"))
    return path.with_suffix(".nii")


def _nrrd(path, array):
    head = f"NRRD0004\ntype: uint16\ndimension: 3\nsizes: {' '.join(map(str, array.shape[::-1]))}\nencoding: raw\nendian: little\n\n"
    path.with_suffix(".nrrd").write_bytes(head.encode() + array.tobytes())
    return path.with_suffix(".nrrd")


WRITERS = [_npy, _npz, _tiff, _pages, _nifti, _nrrd]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_is_cut_short_and_written_again_while_it_is_read_ends_no_process(tmp_path, write):
    path = write(tmp_path / "a", np.random.default_rng(0).integers(0, 2**16, (8, 300, 300), np.uint16))
    code = f"""
import threading, time
from pathlib import Path
from nbtrainer.io.formats import open_image
from nbtrainer.errors import UserError
path = Path({str(path)!r})
whole = path.read_bytes()
opened, ended = open_image(path), threading.Event()

def write_again():
    while not ended.is_set():
        with path.open("r+b") as file:
            file.truncate(0)
            file.write(whole)

writer = threading.Thread(target=write_again)
writer.start()
for _ in range(300):
    try:
        opened.read()
    except UserError as error:
        assert "incomplete" in str(error)
ended.set()
writer.join()
assert opened.read().shape == (8, 300, 300)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")
def test_thousands_of_files_are_open_at_once_in_few_handles(tmp_path):
    for number in range(300):
        np.save(tmp_path / f"{number}.npy", np.full((4, 4), number, np.uint16))
    code = f"""
import resource
from pathlib import Path
from nbtrainer.io.formats import open_image
open_image(Path({str(tmp_path)!r}) / "0.npy").read()
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
opened = [open_image(Path({str(tmp_path)!r}) / f"{{number}}.npy") for number in range(300)]
for _ in range(2):
    assert [int(each.read()[0, 0]) for each in opened] == list(range(300))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_was_replaced_while_it_was_not_open_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("nbtrainer.io.formats.handles.MOST_OPEN", 1)
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    np.save(tmp_path / "b.npy", np.zeros((4, 4)))
    first = open_image(tmp_path / "a.npy")
    second = open_image(tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", np.ones((4, 4)))
    (tmp_path / "c.npy").replace(tmp_path / "a.npy")
    assert second.read().shape == (4, 4)
    with pytest.raises(UserError, match=r"a\.npy: this file was replaced by another"):
        first.read()


def test_an_unpacked_copy_that_was_taken_away_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(chunked, "LARGEST_CHUNK", 100)
    monkeypatch.setattr("nbtrainer.io.formats.handles.MOST_OPEN", 1)
    array = np.arange(1000, dtype=np.uint16).reshape(10, 100)
    np.savez_compressed(tmp_path / "a.npz", image=array)
    np.save(tmp_path / "b.npy", array)
    opened = open_image(tmp_path / "a.npz")
    assert np.array_equal(opened.read(), array)
    open_image(tmp_path / "b.npy").read()  # takes the only handle
    (copy,) = cache_folder().glob("*.npy")
    copy.unlink()
    assert np.array_equal(opened.read(), array)


def test_many_threads_read_one_file_at_once(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (20, 60, 60), np.uint8)
    opened = open_image(_npy(tmp_path / "a", array))
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            region = tuple(slice(k, k + 9) for k in rng.integers(0, 12, 3))
            if not np.array_equal(opened.read(region), array[region]):
                wrong.append(region)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
