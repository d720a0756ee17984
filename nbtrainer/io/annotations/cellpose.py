"""The masks in Cellpose's `_seg.npy`, read without running what a pickle may hold.

Such a file is a pickled dict, and unpickling runs whatever code its author wanted. Here the pickle may name only the
few things that numpy arrays and numbers are made of, and even these are replaced by the inert records below, so that
nothing but this module's own code is called. Arrays are made afterwards, from checked bytes.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.outline import Outline, written_path

_ADVICE = "In Cellpose, choose File > Save masks as PNG/TIF, and use that file"


def is_cellpose(path: Path) -> bool:
    """Whether the name is that of a file in which Cellpose keeps its work."""
    return path.name.lower().endswith("_seg.npy")


def read_cellpose(path: Path) -> list[Outline]:
    """Each object of the masks, slice by slice in a stack; raises `UserError` if the file holds anything unusual."""
    try:
        with path.open("rb") as file:
            content = _load(file)
        masks = content["masks"].array()
        if masks.ndim not in (2, 3) or masks.dtype.kind not in "bui":
            raise ValueError(f"masks are {masks.dtype} with {masks.ndim} axes")
        named = content.get("filename")
    except OSError as error:
        raise DataError(str(path), f"this file cannot be read ({error.strerror})", "Check the path") from None
    except Exception as error:  # a broken pickle makes Python stumble over anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(str(path), f"the masks in this Cellpose file cannot be read ({reason})", _ADVICE) from None
    image = written_path(named) if isinstance(named, str) else ""
    if masks.ndim == 2:
        return outlines_of_labels(masks, image)
    return [outline for z, plane in enumerate(masks) for outline in outlines_of_labels(plane, image, z)]


def outlines_of_labels(plane: np.ndarray, image: str = "", z: int | None = None) -> list[Outline]:
    """Each value above 0 in a label image (Y, X) as an object, stored as a mask; `name` is the value."""
    from scipy.ndimage import find_objects  # 0.1 s to import

    ids, index = np.unique(plane, return_inverse=True)
    index = index.reshape(plane.shape)
    outlines = []
    for number, (value, box) in enumerate(zip(ids.tolist(), find_objects(index + 1), strict=True)):
        if value > 0 and box is not None:
            corner = np.array([[float(edge.start) for edge in box]])
            mask = index[box] == number
            outlines.append(
                Outline(points=corner, kind="mask", name=str(value), image=image, z=z, part_of=value, mask=mask)
            )
    return outlines


def _load(file: BinaryIO) -> dict[str, Any]:
    """The dict in the file, with `_Record` in the place of arrays."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if shape != () or dtype != np.dtype(object):
        raise ValueError("it does not hold a dict")
    entries = _Unpickler(file, encoding="latin1").load().state[-1]
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise ValueError("it does not hold a dict")
    return entries[0]


class _Record:
    """What a pickle says about an array, a number type or a number: how it was made, and its state."""

    __slots__ = ("made_of", "state")

    def __init__(self, *made_of: Any) -> None:
        self.made_of = made_of
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The plain array (numbers only) of a record whose state is (version, shape, type, Fortran order, bytes)."""
        _, shape, kind, fortran, content = self.state
        if isinstance(content, str):  # written by Python 2
            content = content.encode("latin1")
        if not isinstance(content, bytes) or not all(isinstance(length, int) and length >= 0 for length in shape):
            raise ValueError("the masks are no plain numbers")
        code, order = kind.made_of[0], kind.state[1]
        dtype = np.dtype(code).newbyteorder(order if order in ("<", ">") else "=")
        if dtype.kind not in "bui":
            raise ValueError(f"the masks are {dtype}")
        # frombuffer and reshape check that the bytes are as many as the shape says
        return (
            np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
        )


class _Unpickler(pickle.Unpickler):
    """Knows by name only what arrays and numbers need, and makes records of it."""

    def find_class(self, module: str, name: str) -> Any:
        core = module.replace("numpy._core", "numpy.core")
        if (core, name) in _KNOWN:
            # a new function each time: a pickle could change the attributes of one that others use
            return lambda *made_of: _Record(*made_of)
        if (module, name) == ("_codecs", "encode"):  # how Python 2 and protocol 2 write bytes
            return lambda text, encoding="latin1": str.encode(text, "latin1")
        raise ValueError(f"it would run {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError("it refers to something outside")


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
