"""What must hold of every opened file, whatever its format."""

import threading
from pathlib import Path

import numpy as np
import pytest

from nbtrainer.errors import UserError
from nbtrainer.io.formats import ImageFile, open_image


def opens_as(path: Path, whole: np.ndarray, axes: str, for_label: bool = False) -> ImageFile:
    """`path` opens with `axes` and reads as `whole`: all of it, by region, and from several threads at once."""
    opened = open_image(path, for_label)
    assert (opened.axes, opened.shape, opened.dtype) == (axes, whole.shape, whole.dtype.newbyteorder("="))
    assert opened.nbytes == whole.nbytes
    read = opened.read()
    assert read.flags.c_contiguous and read.dtype.isnative and np.array_equal(read, whole)
    for region in _regions(whole.shape):
        assert np.array_equal(opened.read(region), whole[region])
        assert np.array_equal(opened.array[region], whole[region])
    assert np.array_equal(np.asarray(opened.array[1, ..., -1]), whole[1, ..., -1])
    _reads_in_threads(opened, whole)
    return opened


def never_read_when_cut(path: Path, parts=(0.02, 0.1, 0.3, 0.5, 0.8, 0.95)) -> None:
    """Whatever part of the file is missing, a `UserError` names the file."""
    data = path.read_bytes()
    for part in parts:
        cut = path.with_name(f"cut_{part}_{path.name}")
        cut.write_bytes(data[: int(len(data) * part)])
        with pytest.raises(UserError, match="cut_"):
            open_image(cut).read()


def _regions(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    rng = np.random.default_rng(5)
    regions = [tuple(slice(1, None, 2) for _ in shape), tuple(slice(None, None, -1) for _ in shape)]
    for _ in range(10):
        starts = [int(rng.integers(length)) for length in shape]
        regions.append(tuple(slice(k, int(rng.integers(k, n)) + 1) for k, n in zip(starts, shape, strict=True)))
    return regions


def _reads_in_threads(opened: ImageFile, whole: np.ndarray) -> None:
    wrong: list[object] = []

    def read() -> None:
        for region in _regions(whole.shape):
            if not np.array_equal(opened.read(region), whole[region]):
                wrong.append(region)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
