"""Zarr (2 and 3) in folders and zip files: arrays, groups, and OME-Zarr's pyramids at full resolution."""

from __future__ import annotations

import json
import os
import posixpath
import weakref
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from nbtrainer.disk import file_below, read_text
from nbtrainer.io.formats.axis_names import axis_letters
from nbtrainer.io.formats.chunk_cache import LARGEST_CHUNK
from nbtrainer.io.formats.chunked import Bounds, Regions, Whole
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.handles import Handle, borrow, keep, put_away
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.members import choose
from nbtrainer.io.formats.npy import refuse_pickle
from nbtrainer.io.formats.orientation import Orientation
from nbtrainer.io.formats.problems import check_room, damaged, not_inside
from nbtrainer.io.formats.spacing import micrometres, sane
from nbtrainer.io.formats.zarr_stores import MOST_METADATA_BYTES, FolderStore, ZarrLimits, ZippedStore

_METADATA = ("zarr.json", ".zarray", ".zgroup")
# a pyramid in a pyramid in a pyramid: nobody means that
_DEEPEST = 8

Described = tuple[str, dict[str, float], Orientation | None]


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The array `inside`; of a group its full resolution if it is OME-Zarr, else the only array or the usual one."""
    store = _store(path)
    top = _top(path)
    name = _array_name(
        path, store, top=top, name=posixpath.join(top, inside) if inside else top, inside=inside, for_label=for_label
    )
    array: Any = _node(path, store, name)
    axes, spacing, place = _describe_array(path, store, name, array)
    return ImageFile(array=_regions(path, store, array), axes=axes, spacing=spacing, orientation=place)


class ZarrArray(Regions):
    """An array in a zarr store, of which the library reads only the chunks of a region."""

    def __init__(self, path: Path, array: Any, limits: ZarrLimits) -> None:
        super().__init__(path, array.shape, array.dtype)
        self._limits, self._name, self._version = limits, array.path, version(path)
        # a folder holds nothing open
        self._array = array if path.is_dir() else None
        if self._array is None:
            keep(self._key, Handle(array, _close))
            weakref.finalize(self, put_away, self._key)

    def _region(self, bounds: Bounds) -> np.ndarray:
        region = tuple(slice(*bound) for bound in bounds)
        if self._array is not None:
            return np.asarray(self._array[region])
        handle = borrow(self._key, self._opened_again)
        return np.asarray(handle.thing[region])

    @property
    def _key(self) -> tuple[str, str, str, tuple[int, int]]:
        return "zarr", str(self.path.absolute()), self._name, self._version

    def _opened_again(self) -> Handle[Any]:
        store = _store(self.path)
        array = _node(self.path, store, self._name)
        store.limits = self._limits
        return Handle(array, _close)


def _close(array: Any) -> None:
    array.store.close()


def _regions(path: Path, store: Any, array: Any) -> Regions:
    """`array`, of which chunks are read; one with chunks too large for that is unpacked."""
    itemsize = np.dtype(array.dtype).itemsize
    inner, outer = (
        int(np.prod(shape, dtype=object)) * itemsize
        for shape in (array.chunks, getattr(array, "shards", None) or array.chunks)
    )
    store.limits = ZarrLimits(stored=outer, unpacked=inner, codecs=_codecs(array))
    if inner <= LARGEST_CHUNK:
        return ZarrArray(path, array, store.limits)
    # every region would unpack all of its chunk again
    check_room(path, 3 * inner, "unpacking one of its chunks")
    step = array.chunks[0]
    return Whole(
        path,
        array.shape,
        array.dtype,
        lambda: (array[at : at + step] for at in range(0, array.shape[0], step)),
        array.path,
    )


def _codecs(array: Any) -> frozenset[str]:
    """The names of what compresses the chunks."""
    metadata = array.metadata.to_dict()
    entries = [*(metadata.get("codecs") or ()), *(metadata.get("filters") or ()), metadata.get("compressor")]
    configs = [each if isinstance(each, dict) else getattr(each, "get_config", dict)() for each in entries if each]
    return frozenset(str(config.get("name", config.get("id", ""))).rpartition(".")[2] for config in configs)


def _store(path: Path) -> Any:
    return FolderStore(path) if path.is_dir() else ZippedStore(path)


def _top(path: Path) -> str:
    """Where the store begins: a zipped folder holds it one folder down."""
    if path.is_dir():
        if not any((path / name).is_file() for name in _METADATA):
            raise damaged(path, "this folder holds no zarr array")
        return ""
    with zipfile.ZipFile(path) as archive:
        folders = [posixpath.dirname(name) for name in archive.namelist() if posixpath.basename(name) in _METADATA]
    if not folders:
        raise damaged(path, "this zip file holds no zarr array")
    return min(folders, key=lambda folder: (folder.count("/") + bool(folder), folder))


def _node(path: Path, store: Any, name: str) -> Any:
    """The array or group called `name`; its description is looked at first, because pickled data runs when it is read."""
    for metadata in _METADATA:
        text = _text(path, posixpath.join(name, metadata))
        # parsed and written again: an escape (pi\u0063kle) would hide the word
        if text and "pickle" in json.dumps(json.loads(text)):
            refuse_pickle(path, b"|O")
    return zarr.open(store=store, path=name, mode="r")


def _text(path: Path, name: str) -> str:
    try:
        if path.is_dir():
            return read_text(file_below(path, name, by=path.name)) if os.path.exists(path / name) else ""
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(name).file_size > MOST_METADATA_BYTES:
                raise damaged(path, f"{name} in it is too large")
            return archive.read(name).decode("utf-8")
    except (OSError, KeyError):
        return ""


def _array_name(path: Path, store: Any, *, top: str, name: str, inside: str, for_label: bool) -> str:
    for _ in range(_DEEPEST):
        try:
            node = _node(path, store, name)
        except (FileNotFoundError, KeyError, zarr.errors.BaseZarrError):
            if inside:
                raise not_inside(path, inside, _arrays(path, _node(path, store, top))) from None
            raise
        if isinstance(node, zarr.Array):
            return name
        attributes = dict(node.attrs)
        levels = _multiscales(attributes)
        listed = _labels(node) if for_label and not inside else []
        if listed:
            below = posixpath.join("labels", choose(path, listed, for_label=True))
        elif levels:
            below = str(levels["datasets"][0]["path"])
        elif "bioformats2raw.layout" in {**attributes, **_ome(attributes)}:
            below = "0"
        else:
            below = choose(path, _arrays(path, node), for_label)
        name = posixpath.join(name, below)
    raise damaged(path, "its groups are nested too deeply")


def _labels(node: Any) -> list[str]:
    """The labels that OME-Zarr keeps inside an image."""
    group = node.get("labels")
    if not isinstance(group, zarr.Group):
        return []
    listed = _ome(dict(group.attrs)).get("labels")
    return [str(label) for label in listed] if isinstance(listed, list) else sorted(group.keys())


def _arrays(path: Path, node: Any) -> list[str]:
    """The arrays with two axes or more anywhere in a group."""
    if isinstance(node, zarr.Array):
        return []
    return sorted(name for name, member in node.members(max_depth=None) if getattr(member, "ndim", 0) >= 2)


def _describe_array(path: Path, store: Any, name: str, array: Any) -> Described:
    """Axes, spacing and place: from the OME description of a group above, else from the names of the dimensions."""
    folder, below = posixpath.split(name)
    while name:
        levels = _multiscales(dict(_attributes(path, folder)))
        if levels and any(str(level.get("path")) == below for level in levels["datasets"]):
            return _of_ome(levels, below, array.ndim)
        if not folder:
            break
        folder, part = posixpath.split(folder)
        below = f"{part}/{below}"
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    return axis_letters([str(axis) for axis in names], array.ndim), {}, None


def _attributes(path: Path, folder: str) -> dict[str, Any]:
    for name, key in (("zarr.json", "attributes"), (".zattrs", "")):
        text = _text(path, posixpath.join(folder, name))
        if text:
            attributes = json.loads(text)
            return dict(attributes.get(key, {}) if key else attributes)
    return {}


def _ome(attributes: dict[str, Any]) -> dict[str, Any]:
    ome = attributes.get("ome")  # since 0.5
    return ome if isinstance(ome, dict) else attributes


def _multiscales(attributes: dict[str, Any]) -> dict[str, Any]:
    multiscales = _ome(attributes).get("multiscales")
    first = multiscales[0] if isinstance(multiscales, list) and multiscales else {}
    return first if isinstance(first, dict) and first.get("datasets") else {}


def _of_ome(levels: dict[str, Any], below: str, ndim: int) -> Described:
    # before 0.3 there were always five axes, and nobody named them
    axes = levels.get("axes") or ["t", "c", "z", "y", "x"][-ndim:]
    names = [str(axis["name"] if isinstance(axis, dict) else axis) for axis in axes]
    units = [axis.get("unit") if isinstance(axis, dict) else None for axis in axes]
    level = next(level for level in levels["datasets"] if str(level.get("path")) == below)
    scale, moved = np.ones(len(names)), np.zeros(len(names))
    stated = is_moved = False
    for transformation in (*level.get("coordinateTransformations", ()), *levels.get("coordinateTransformations", ())):
        kind = transformation.get("type")
        if kind not in ("scale", "translation") or len(transformation.get(kind, ())) != len(names):
            continue
        values = np.array(transformation[kind], float)
        if kind == "scale":
            scale, moved, stated = scale * values, moved * values, True
        else:
            moved, is_moved = moved + values, True
    spacing = {
        name.lower(): float(length) * micrometre
        for name, unit, length in zip(names, units, scale, strict=True)
        if stated and name.lower() in ("z", "y", "x") and (micrometre := micrometres(unit))
    }
    types = [axis.get("type") if isinstance(axis, dict) else None for axis in axes]
    letters = axis_letters(names, ndim, types)
    return letters, sane(**spacing), _place(letters, units=units, scale=scale, moved=moved) if is_moved else None


def _place(letters: str, *, units: list[str | None], scale: np.ndarray, moved: np.ndarray) -> Orientation | None:
    """Where a level lies, by its scale and translation, in millimetres; None if they have no unit of length."""
    matrix, own = np.zeros((3, 4)), ""
    for number, letter in enumerate(letters):
        unit = micrometres(units[number])
        if letter in "XYZ" and unit is not None:
            row = "XYZ".index(letter)
            matrix[row, len(own)], matrix[row, 3] = scale[number] * unit / 1e3, moved[number] * unit / 1e3
            own += letter
    return Orientation.of(matrix[:, [*range(len(own)), 3]], letters=own, system="OME-Zarr") if own else None
