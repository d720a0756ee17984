"""HDF5 files: one dataset, read by region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nbtrainer.disk import file_below
from nbtrainer.errors import DataError
from nbtrainer.io.formats.axis_names import axis_letters
from nbtrainer.io.formats.chunk_cache import LARGEST_CHUNK
from nbtrainer.io.formats.chunked import Bounds, Chunked, Regions, Whole
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.members import choose
from nbtrainer.io.formats.problems import check_room, damaged, not_inside
from nbtrainer.io.formats.spacing import sane

# HDF5 itself keeps chunks of this size while a file is open
_CACHED_BYTES = 2**20
_SLAB_BYTES = 16 * 2**20
# virtual datasets of virtual datasets
_DEEPEST = 4


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The dataset `inside`; without a name the only one of two axes or more, or the one with a usual name."""
    with _file(path) as file:
        names = _datasets(file)
        name = _choose_dataset(path, file, inside, names, for_label) if inside else choose(path, names, for_label)
        dataset = file[name]
        axes = _axes(dataset)
        _check_sources(path, dataset)
        return ImageFile(array=_array(path, name, dataset), axes=axes, spacing=_spacing(dataset))


def _array(path: Path, name: str, dataset: h5py.Dataset) -> Regions:
    """`dataset` by region; in chunks that are kept, or unpacked, where HDF5 would unpack large ones again each time."""
    array = Hdf5Array(path, name, dataset.shape, dataset.dtype)
    chunk = dataset.chunks
    chunk_bytes = int(np.prod(chunk, dtype=object)) * dataset.dtype.itemsize if chunk else 0
    if chunk is None or not dataset.id.get_create_plist().get_nfilters() or chunk_bytes <= _CACHED_BYTES:
        return array
    if chunk_bytes <= LARGEST_CHUNK:

        def decode(place: tuple[int, ...]) -> np.ndarray:
            starts = [k * size for k, size in zip(place, chunk, strict=True)]
            ends = map(min, [start + size for start, size in zip(starts, chunk, strict=True)], array.shape)
            return array[tuple(map(slice, starts, ends))]

        return Chunked(path, array.shape, array.dtype, chunk=tuple(map(min, chunk, array.shape)), decode=decode)
    # the chunk, its compressed bytes, and what is read of it
    check_room(path, 3 * chunk_bytes, "unpacking one of its chunks")
    return Whole(path, array.shape, array.dtype, lambda: _slabs(path, name, chunk_bytes), name)


def _slabs(path: Path, name: str, chunk_bytes: int) -> Iterator[np.ndarray]:
    """The dataset in C order, in pieces, from a file that keeps the last chunk unpacked."""
    with h5py.File(path, "r", locking=False, rdcc_nbytes=chunk_bytes + 2**20) as file:
        dataset = file[name]
        row_bytes = max(1, dataset.nbytes // len(dataset))
        step = max(1, _SLAB_BYTES // row_bytes)
        for start in range(0, len(dataset), step):
            yield dataset[start : start + step]


def _check_sources(path: Path, dataset: h5py.Dataset, depth: int = 0) -> None:
    """Raise if the pixels would come out of files that are not beside this one: it may come from somebody else.

    HDF5 takes the bytes of any file as pixels (external storage), and other files' datasets (virtual ones), which may
    do the same.
    """
    if dataset.external:
        raise DataError(
            str(path),
            f"its pixels are the bytes of another file ({dataset.external[0][0]}), which is not read",
            "If you trust it, save the image as a file of its own, for example with h5repack",
        )
    if not dataset.is_virtual:
        return
    if depth > _DEEPEST:
        raise damaged(path, "its virtual datasets lead to each other")
    for source in dict.fromkeys((source.file_name, source.dset_name) for source in dataset.virtual_sources()):
        name, inside = source
        file = path if name == "." else file_below(path.parent, name, by=path.name)
        with _file(file) as opened:
            if isinstance(opened.get(inside), h5py.Dataset):
                _check_sources(file, opened[inside], depth + 1)


class Hdf5Array(Regions):
    """A dataset of an HDF5 file.

    The file is opened for each read (0.2 ms): an open handle would keep this process from writing the file again.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__(path, shape, dtype)
        self._name = name

    def _region(self, bounds: Bounds) -> np.ndarray:
        with _file(self.path) as file:
            dataset = file[self._name]
            if dataset.shape != self.shape:
                raise DataError(str(self.path), "this file was changed while it was in use", "Open it again")
            try:
                return np.asarray(dataset[tuple(slice(*bound) for bound in bounds)])
            except OSError as error:
                if "filter" in str(error) or "plugin" in str(error):
                    raise DataError(
                        str(self.path),
                        "this file is compressed in a way that h5py does not know by itself",
                        "Save it with gzip, or install more with: pip install hdf5plugin",
                    ) from error
                raise


def _file(path: Path) -> h5py.File:
    # a lock would keep other processes from writing the file, and fails on some network drives
    return h5py.File(path, "r", locking=False)


def _datasets(file: h5py.File) -> list[str]:
    """The datasets with two axes or more, in the file's order."""
    names: list[str] = []

    def see(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim >= 2:
            names.append(name)

    file.visititems(see)
    return names


def _choose_dataset(path: Path, file: h5py.File, inside: str, names: list[str], for_label: bool) -> str:
    item = file.get(inside)
    if isinstance(item, h5py.Dataset):
        return inside
    within = [name for name in names if name.startswith(f"{inside}/")]
    if not isinstance(item, h5py.Group) or not within:
        raise not_inside(path, inside, names)
    return choose(path, within, for_label)


def _axes(dataset: h5py.Dataset) -> str:
    """From vigra's `axistags`, an attribute `axes`, or the labels of the dimensions."""
    letters: list[str] = []
    tags, axes = dataset.attrs.get("axistags"), dataset.attrs.get("axes")
    if tags is not None:
        letters = [str(tag["key"]) for tag in json.loads(_text(tags))["axes"]]
    elif axes is not None:
        letters = [_text(axis) for axis in (axes if np.ndim(axes) else _text(axes))]
    else:
        letters = [dimension.label for dimension in dataset.dims]
    return axis_letters(letters, dataset.ndim)


def _spacing(dataset: h5py.Dataset) -> dict[str, float]:
    """From `element_size_um` (z, y, x), which Fiji's plugins and ilastik write."""
    stated = dataset.attrs.get("element_size_um")
    if stated is None:
        return {}
    sizes = [float(size) for size in np.ravel(stated)]
    return sane(**dict(zip("xyz", reversed(sizes), strict=False)))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
