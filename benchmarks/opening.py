"""Opening and cropping files far larger than the memory: seconds, and anonymous memory of a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
import zarr

from nbtrainer.io.formats import ImageFile, open_image

SIDE = 8192
_CROPS = 100


def opening(gigabytes: float) -> list[dict[str, Any]]:
    """One row for each kind of file; the files are sparse and removed afterwards."""
    rows = []
    for make in (make_tiff, make_compressed_tiff, make_zarr, make_npy):
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), gigabytes)
            rows.append(measure_alone(path))
    return rows


def measure_alone(path: Path) -> dict[str, Any]:
    """What `measure` finds in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.opening", str(path)]
    root = Path(__file__).parent.parent
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True, cwd=root).stdout)


def make_tiff(folder: Path, gigabytes: float) -> Path:
    """An uncompressed BigTIFF whose pixels are a hole in the disk."""
    path = folder / "sparse.tif"
    tifffile.memmap(path, shape=_shape(gigabytes), dtype=np.uint16, bigtiff=True, photometric="minisblack")
    return path


def make_compressed_tiff(folder: Path, gigabytes: float) -> Path:
    """A BigTIFF of compressed tiles of 512 x 512, all of them the same."""
    path, (depth, side, _) = folder / "tiles.tif", _shape(gigabytes)
    tile = np.tile(np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16), (8, 8))
    encoded = imagecodecs.zstd_encode(tile)
    tifffile.imwrite(
        path,
        (encoded for _ in range(depth * (side // 512) ** 2)),
        shape=(depth, side, side),
        dtype=tile.dtype,
        bigtiff=True,
        photometric="minisblack",
        tile=tile.shape,
        compression="zstd",
    )
    return path


def make_zarr(folder: Path, gigabytes: float) -> Path:
    """A zarr array of which no chunk was written."""
    path = folder / "sparse.zarr"
    zarr.create_array(path, shape=_shape(gigabytes), chunks=(64, 256, 256), dtype="uint16")
    return path


def make_npy(folder: Path, gigabytes: float) -> Path:
    """An NPY file whose pixels are a hole in the disk."""
    path = folder / "sparse.npy"
    np.lib.format.open_memmap(path, "w+", np.uint16, _shape(gigabytes))
    return path


def measure(path: Path) -> dict[str, Any]:
    """Seconds to open `path` and to read crops of it, and the largest anonymous memory meanwhile."""
    before = anonymous_mb()
    began = time.monotonic()
    opened = open_image(path)
    seconds = time.monotonic() - began
    with Watch() as watch:
        flat, cube = (_seconds(opened, size) for size in ((1, 256, 256), (64, 64, 64)))
    return {
        "file": path.name,
        "gigabytes": round(opened.nbytes / 1e9, 1),
        "open_seconds": round(seconds, 3),
        f"{_CROPS}_crops_of_256x256_seconds": round(flat, 2),
        f"{_CROPS}_crops_of_64x64x64_seconds": round(cube, 2),
        "before_mb": round(before),
        "peak_anonymous_mb": round(max(watch.peak, anonymous_mb())),
    }


def _shape(gigabytes: float) -> tuple[int, int, int]:
    return max(64, round(gigabytes * 1e9 / 2 / SIDE**2)), SIDE, SIDE


def _seconds(opened: ImageFile, size: tuple[int, ...]) -> float:
    rng = np.random.default_rng(0)
    began = time.monotonic()
    for _ in range(_CROPS):
        corner = [int(rng.integers(length - side + 1)) for length, side in zip(opened.shape, size, strict=True)]
        opened.read(tuple(slice(start, start + side) for start, side in zip(corner, size, strict=True)))
    return time.monotonic() - began


class Watch:
    """Asks for the anonymous memory every few milliseconds."""

    def __init__(self) -> None:
        self.peak, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.peak = max(self.peak, anonymous_mb())


def anonymous_mb() -> float:
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
