"""Files that were broken, or made, to take what is not theirs: memory, time, other files, the process itself."""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import zlib

import h5py
import nibabel
import numpy as np
import pytest
import tifffile
import zarr
from zarr.codecs import GzipCodec, ZstdCodec

from nbtrainer.errors import UserError
from nbtrainer.io.formats import chunked, open_image

SimpleITK = pytest.importorskip("SimpleITK")
pytest.importorskip("nrrd")


def _png(path, width, height):
    """A picture of one bit a pixel, in a few hundred kilobytes."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = bytes(1 + (width + 7) // 8)
    packed = zlib.compressobj(9)
    data = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def _nrrd(path, sizes, data, encoding="gzip", **fields):
    told = "".join(f"{key.replace('_', ' ')}: {value}\n" for key, value in fields.items())
    head = f"NRRD0004\ntype: uint8\ndimension: {len(sizes)}\nsizes: {' '.join(map(str, sizes))}\nencoding: {encoding}\n{told}\n"
    path.write_bytes(head.encode() + data)


OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="64" SizeY="64" SizeZ="1000000" SizeC="1000000" '
    'SizeT="1000000"><TiffData/></Pixels></Image></OME>'
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of memory")
def test_files_too_large_for_the_memory_are_findings_and_the_check_goes_on(tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        for name in "abcd":
            tifffile.imwrite(tmp_path / kind / f"{name}.tif", np.eye(64, dtype=np.uint8) * 9)
    images = tmp_path / "images"
    for name in "abc":
        (images / f"{name}.tif").unlink()
    _png(images / "a.png", 45_000, 45_000)
    tifffile.imwrite(images / "b.ome.tif", np.zeros((64, 64), np.uint8), description=OME, metadata=None)
    _nrrd(images / "c.nrrd", (10**10, 10**10, 64), b"x")
    code = f"""
import resource
import nbtrainer as nbt
config = nbt.Config(data={{"datasets": [{{"images": {str(images)!r}, "labels": {str(tmp_path / "labels")!r}}}]}})
nbt.check(nbt.Config())
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 2**30,) * 2)
for finding in nbt.check(config):
    print(finding.where, finding.wrong)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("a.png", "b.ome.tif", "c.nrrd"):
        assert name in done.stdout


def test_a_size_that_no_computer_counts_is_told(tmp_path):
    _nrrd(tmp_path / "a.nrrd", (2**31, 2**31, 2**31), b"x", "ascii")
    with pytest.raises(UserError, match="it says that it is 2,147,483,648 x"):
        open_image(tmp_path / "a.nrrd")


def test_a_compressed_file_that_says_more_than_it_can_hold_is_told(tmp_path):
    _nrrd(tmp_path / "a.nrrd", (60_000, 60_000), gzip.compress(bytes(1000)))
    image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4))
    image.header.set_data_shape((30_000, 30_000, 30))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(image.header.binaryblock + bytes(1000)))
    for name in ("a.nrrd", "a.nii.gz"):
        with pytest.raises(UserError, match="it says that it holds"):
            open_image(tmp_path / name).read()


def test_a_compressed_file_that_holds_more_than_it_says_is_told_before_it_is_unpacked(tmp_path):
    _nrrd(tmp_path / "a.nrrd", (1000, 1000), gzip.compress(bytes(50_000_000)))
    with pytest.raises(UserError, match="cannot be read"):
        open_image(tmp_path / "a.nrrd").read()


@pytest.mark.parametrize(
    "name",
    [
        "%s%s%s%s%s%s 0 8 1",
        "%n%n%n%n 0 8 1",
        "slice%99999d.raw 0 8 1",
        "slice%d%d.raw 0 8 1",
        "%d%s 0 1 1",
        "100%.raw",
        "slice%03d.raw 0 999999999 1",
        "/etc/passwd",
        "../outside.raw",
        "LIST\n../outside.raw",
        "x" * 2000,
    ],
)
def test_the_data_file_of_a_metaimage_lies_beside_it_and_is_no_format(tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "outside.raw").write_bytes(bytes(64))
    head = "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\n"
    (folder / "a.mhd").write_text(f"{head}ElementDataFile = {name}\n")
    with pytest.raises(UserError, match=r"a\.mhd|outside|passwd"):
        open_image(folder / "a.mhd")


@pytest.mark.parametrize(
    "line", ["Comment = %n%n", "elementdatafile : %s", "ElementDataFile : %s", "Comment = " + "x" * 2000, "\x01\x02"]
)
def test_nothing_odd_in_the_header_of_a_metaimage_reaches_itk(tmp_path, line):
    head = f"ObjectType = Image\nNDims = 3\n{line}\nDimSize = 4 4 4\nElementType = MET_UCHAR\n"
    (tmp_path / "a.mha").write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + bytes(64))
    with pytest.raises(UserError, match="header"):
        open_image(tmp_path / "a.mha")


def test_a_metaimage_of_numbered_files_is_read(tmp_path):
    volume = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    for number, plane in enumerate(volume, 1):
        (tmp_path / f"slice{number:03d}.raw").write_bytes(plane.tobytes())
    head = "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\n"
    (tmp_path / "a.mhd").write_text(f"{head}ElementDataFile = slice%03d.raw 1 4 1\n")
    assert np.array_equal(open_image(tmp_path / "a.mhd").read(), volume)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.raw", "link.raw"])
def test_the_data_file_of_a_nrrd_lies_beside_it(tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "outside.raw").write_bytes(bytes(16))
    (folder / "link.raw").symlink_to("../outside.raw")
    _nrrd(folder / "a.nhdr", (4, 4), b"", "raw", data_file=name)
    with pytest.raises(UserError, match="lies outside of"):
        open_image(folder / "a.nhdr")


def test_hdf5_takes_no_bytes_of_other_files_for_pixels(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"s" * 4096)
    with h5py.File(folder / "raw.h5", "w") as file:
        file.create_dataset("raw", (64, 64), "u1", external=[(str(tmp_path / "secret"), 0, 4096)])
    layout = h5py.VirtualLayout((64, 64), "u1")
    layout[...] = h5py.VirtualSource(str(folder / "raw.h5"), "raw", (64, 64))
    for name, source in (("near", "raw.h5"), ("far", str(tmp_path / "other.h5"))):
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["raw"] = np.zeros((64, 64), np.uint8)
        layout = h5py.VirtualLayout((64, 64), "u1")
        layout[...] = h5py.VirtualSource(source, "raw", (64, 64))
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.create_virtual_dataset("raw", layout)
    for name, wrong in (
        ("raw", "bytes of another file"),
        ("near", "bytes of another file"),
        ("far", "lies outside of"),
    ):
        with pytest.raises(UserError, match=wrong):
            open_image(folder / f"{name}.h5")


def test_a_virtual_dataset_of_files_beside_it_is_read(tmp_path, volume):
    layout = h5py.VirtualLayout(volume.shape, volume.dtype)
    for number, plane in enumerate(volume):
        with h5py.File(tmp_path / f"part{number}.h5", "w") as file:
            file["plane"] = plane
        layout[number] = h5py.VirtualSource(f"part{number}.h5", "plane", plane.shape)
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("raw", layout)
    assert np.array_equal(open_image(tmp_path / "all.h5").read(), volume)


@pytest.mark.parametrize("largest", [2**26, 100])
def test_chunks_of_hdf5_as_large_as_the_image_are_unpacked_once(tmp_path, monkeypatch, largest):
    monkeypatch.setattr("nbtrainer.io.formats.hdf5._CACHED_BYTES", 10)
    monkeypatch.setattr("nbtrainer.io.formats.hdf5.LARGEST_CHUNK", largest)
    monkeypatch.setattr(chunked, "LARGEST_CHUNK", largest)
    array = np.random.default_rng(0).integers(0, 9, (50, 40, 30), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=array, chunks=(50, 24, 30), compression="gzip")
    opened = open_image(tmp_path / "a.h5")
    assert np.array_equal(opened.read(), array)
    assert np.array_equal(opened.read((slice(3, 9), slice(20, 30), slice(1, 5))), array[3:9, 20:30, 1:5])


def _zarr(path, codecs=None, chunk=(64, 64), **settings):
    array = zarr.create_array(path, shape=(128, 128), chunks=chunk, dtype="u1", compressors=codecs, **settings)
    array[...] = np.arange(128 * 128, dtype=np.uint8).reshape(128, 128)
    return path


def test_a_chunk_that_is_a_link_is_followed_only_within_the_store(tmp_path):
    path = _zarr(tmp_path / "a.zarr")
    whole = open_image(path).read()
    (path / "c" / "0" / "0").rename(path / "c" / "kept")
    (path / "c" / "0" / "0").symlink_to("../kept")
    assert np.array_equal(open_image(path).read(), whole)
    (path / "c" / "kept").rename(tmp_path / "secret")
    for target in (tmp_path / "secret", "/dev/zero"):
        (path / "c" / "0" / "0").unlink()
        (path / "c" / "0" / "0").symlink_to(target)
        with pytest.raises(UserError, match=r"is a link to .* is not followed"):
            open_image(path).read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_chunk_that_is_a_pipe_is_refused(tmp_path):
    path = _zarr(tmp_path / "a.zarr")
    (path / "c" / "0" / "0").unlink()
    os.mkfifo(path / "c" / "0" / "0")
    with pytest.raises(UserError, match="no ordinary file"):
        open_image(path).read()


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        (GzipCodec(), gzip.compress(bytes(200_000_000))),
        (GzipCodec(), b"".join([gzip.compress(bytes(1_000_000))] * 200)),
        (ZstdCodec(), b"\x28\xb5\x2f\xfd\xe0" + (3 * 10**9).to_bytes(8, "little") + bytes(2000)),
    ],
)
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_chunk_that_becomes_larger_than_a_chunk_is_refused_before_it_does(tmp_path, codec, packed, is_zipped):
    path = _zarr(tmp_path / "a.zarr", [codec])
    (path / "c" / "0" / "0").write_bytes(packed)
    if is_zipped:
        path = tmp_path / shutil.make_archive(str(tmp_path / "b.zarr"), "zip", path)
    with pytest.raises(UserError, match="would become larger than"):
        open_image(path).read()


def test_a_chunk_larger_than_what_it_is_made_of_is_refused_unread(tmp_path):
    path = _zarr(tmp_path / "a.zarr", None)
    with (path / "c" / "0" / "0").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(UserError, match="10,000,000,000 bytes, where at most"):
        open_image(path).read()


@pytest.mark.parametrize("chunk", [(128, 128), (64, 64)])
def test_chunks_of_zarr_too_large_to_be_kept_are_unpacked_once(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("nbtrainer.io.formats.zarr_arrays.LARGEST_CHUNK", 100)
    monkeypatch.setattr(chunked, "LARGEST_CHUNK", 100)
    opened = open_image(_zarr(tmp_path / "a.zarr", [GzipCodec()], chunk))
    assert np.array_equal(opened.read(), np.arange(128 * 128, dtype=np.uint8).reshape(128, 128))


def test_shards_of_zarr_are_read_as_before(tmp_path):
    path = _zarr(tmp_path / "a.zarr", [GzipCodec()], (32, 32), shards=(64, 64))
    whole = np.arange(128 * 128, dtype=np.uint8).reshape(128, 128)
    assert np.array_equal(open_image(path).read(), whole)
    assert np.array_equal(open_image(path).read((slice(3, 40), slice(30, 70))), whole[3:40, 30:70])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.npy", "a.h5", "a.nii.gz", "a.json", "a.zarr"])
def test_pipes_and_devices_are_no_images(tmp_path, name):
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        path = tmp_path / name
        make(path)
        with pytest.raises(UserError, match=r"no ordinary file|folder"):
            open_image(path)
        path.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")
def test_many_zipped_stores_are_open_at_once_in_few_handles(tmp_path):
    path = _zarr(tmp_path / "a.zarr", [GzipCodec()])
    zipped = shutil.make_archive(str(tmp_path / "0.zarr"), "zip", path)
    for number in range(1, 60):
        shutil.copyfile(zipped, tmp_path / f"{number}.zarr.zip")
    code = f"""
import resource
from pathlib import Path
from nbtrainer.io.formats import open_image
from nbtrainer.io.formats import handles
handles.MOST_OPEN = 10
folder = Path({str(tmp_path)!r})
open_image(folder / "0.zarr.zip").read()
resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
opened = [open_image(folder / f"{{number}}.zarr.zip") for number in range(60)]
for _ in range(2):
    assert {{each.read().shape for each in opened}} == {{(128, 128)}}
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_tiff_whose_size_was_broken_is_no_large_empty_image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((64, 64), np.uint8), rowsperstrip=16, compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tif:
        tif.pages[0].tags["ImageLength"].overwrite(30_000)
    with pytest.raises(UserError, match=r"it lists 4 of the 1,875 strips"):
        open_image(tmp_path / "a.tif")
