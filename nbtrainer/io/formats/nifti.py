"""NIfTI: .nii read where it lies, .nii.gz unpacked."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from nbtrainer.io.formats.chunked import Bounds, Regions, Whole
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.memory_mapped import MemoryMapped
from nbtrainer.io.formats.orientation import Orientation
from nbtrainer.io.formats.problems import check_inflation, damaged, no_pixels, not_numbers
from nbtrainer.io.formats.spacing import micrometres, sane
from nbtrainer.progress import OnProgress

_PIECE_BYTES = 8 * 2**20
# what it has to say of a broken file stands in our own sentence
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
_GZIP = b"\x1f\x8b"
_TIMES = ("sec", "msec", "usec")


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The volume with its axes reversed, z y x (time, channels before them), scaled as its header says."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
    header = _header(path, is_packed)
    dtype, shape = header.get_data_dtype(), tuple(int(length) for length in header.get_data_shape())
    # a volume of one time point is stored with a fourth axis of length 1
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 5:
        raise damaged(path, f"{len(shape)} axes are too many")
    if dtype.kind not in "buif":
        raise not_numbers(path, dtype)
    if 0 in shape:
        raise no_pixels(path, shape)
    slope, intercept = header.get_slope_inter()
    stored, offset = shape[::-1], int(header.get_data_offset())
    array: Regions
    if is_packed:
        check_inflation(
            path, nbytes=offset + int(np.prod(stored, dtype=object)) * dtype.itemsize, compressed=path.stat().st_size
        )
        array = Whole(path, stored, dtype, lambda: _pieces(path, offset, dtype))
    else:
        array = MemoryMapped(path, dtype, stored, offset)
    # a slope of 0 or none means that the numbers are what they are
    if slope is not None and (slope, intercept) != (1, 0) and np.isfinite([slope, intercept or 0]).all():
        array = ScaledArray(array, slope=slope, intercept=intercept or 0)
    time = "T" if _has_time(header) else "?"
    return ImageFile(
        array=array,
        axes=f"C{time}ZYX"[-len(stored) :],
        spacing=_spacing(header),
        orientation=_place(header, len(stored)),
    )


class ScaledArray(Regions):
    """Another array's values times `slope` plus `intercept`, as decimals."""

    def __init__(self, stored: Any, *, slope: float, intercept: float) -> None:
        # float32 holds every number of 16 bits
        exact = np.float32 if stored.dtype.itemsize <= 2 or stored.dtype == np.float32 else np.float64
        super().__init__(stored.path, stored.shape, exact)
        self._stored, self._slope, self._intercept = stored, self.dtype.type(slope), self.dtype.type(intercept)

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """As `Whole.prepare`."""
        if isinstance(self._stored, Whole):
            self._stored.prepare(on_progress)

    def _region(self, bounds: Bounds) -> np.ndarray:
        return np.asarray(self._stored._region(bounds).astype(self.dtype) * self._slope + self._intercept)


def _header(path: Path, is_packed: bool) -> Any:
    """The header by what the file is, whatever it is called; raises what nibabel raises."""
    with gzip.open(path) if is_packed else path.open("rb") as file:
        length = file.read(4)
        file.seek(0)
        is_second = 540 in (int.from_bytes(length, "little"), int.from_bytes(length, "big"))
        return (nibabel.Nifti2Header if is_second else nibabel.Nifti1Header).from_fileobj(file)


def _has_time(header: Any) -> bool:
    """Whether the fourth axis is surely time: it has a unit and a length of its own. Modalities are kept there too."""
    step = float(header["pixdim"][4])
    return header.get_xyzt_units()[1] in _TIMES and np.isfinite(step) and step not in (0, 1)


def _place(header: Any, ndim: int) -> Orientation | None:
    """Where it lies, if the header says so; a header without a code is not believed."""
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        return None
    unit = (micrometres(header.get_xyzt_units()[0]) or 1e3) / 1e3
    letters = "XYZ"[: min(ndim, 3)]
    affine = header.get_best_affine()[:3] * unit
    return Orientation.of(affine[:, [*range(len(letters)), 3]], letters=letters)


def _pieces(path: Path, offset: int, dtype: np.dtype[Any]) -> Iterator[np.ndarray]:
    with gzip.open(path) as file:
        file.seek(offset)
        step = _PIECE_BYTES // dtype.itemsize * dtype.itemsize
        while data := file.read(step):
            yield np.frombuffer(data, dtype)


def _spacing(header: Any) -> dict[str, float]:
    unit = micrometres(header.get_xyzt_units()[0]) or 1e3
    zooms = [float(zoom) * unit for zoom in header.get_zooms()[:3]]
    return sane(**dict(zip("xyz", zooms, strict=False)))
