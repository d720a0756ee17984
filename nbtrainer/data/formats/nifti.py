"""NIfTI: .nii read where it lies, .nii.gz unpacked."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from nbtrainer.data.formats.opened import Opened
from nbtrainer.data.formats.problems import check_inflation, damaged, no_pixels, not_numbers
from nbtrainer.data.formats.regions import Bounds, Regions, Whole
from nbtrainer.data.formats.spacing import micrometres, sane
from nbtrainer.data.formats.stored import Stored
from nbtrainer.data.formats.unpacked import OnProgress

_PIECE_BYTES = 8 * 2**20


def open_file(path: Path) -> Opened:
    """The volume with its axes reversed, z y x (time, channels before them), scaled as its header says."""
    image: Any = nibabel.load(path)
    # nibabel empties the header's own fields of offset and scaling
    header, proxy = image.header, image.dataobj
    dtype, shape = proxy.dtype, tuple(int(length) for length in proxy.shape)
    # a volume of one time point is stored with a fourth axis of length 1
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 5:
        raise damaged(path, f"{len(shape)} axes are too many")
    if dtype.kind not in "buif":
        raise not_numbers(path, dtype)
    if 0 in shape:
        raise no_pixels(path, shape)
    slope, intercept = proxy.slope, proxy.inter
    stored, offset = shape[::-1], int(proxy.offset)
    array: Regions
    if path.name.lower().endswith(".gz"):
        check_inflation(path, offset + int(np.prod(stored, dtype=object)) * dtype.itemsize, path.stat().st_size)
        array = Whole(path, stored, dtype, lambda: _pieces(path, offset, dtype))
    else:
        array = Stored(path, dtype, stored, offset)
    if (slope, intercept) != (1, 0) and np.isfinite([slope, intercept]).all():
        array = Scaled(array, slope, intercept)
    return Opened(array, "CTZYX"[-len(stored) :], _spacing(header))


class Scaled(Regions):
    """Another array's values times `slope` plus `intercept`, as decimals."""

    def __init__(self, stored: Any, slope: float, intercept: float) -> None:
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
