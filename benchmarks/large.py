"""Training on a file far larger than the memory: seconds until the first step, and anonymous memory above the model's."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr

from benchmarks.opening import SIDE, Watch, anonymous_mb, make_tiff, make_zarr

_STEPS = 20
# discs are written into the first slices only: the rest stays a hole
_WRITTEN = 4


def large(gigabytes: float) -> list[dict[str, Any]]:
    """One row for each kind of file, read as slices and as a volume; and for a small file, to compare with."""
    rows = []
    for make, make_label in ((make_tiff, _tiff_label), (make_zarr, _zarr_label)):
        with tempfile.TemporaryDirectory() as folder:
            image = make(Path(folder), gigabytes)
            label = make_label(Path(folder), gigabytes)
            small = _small(Path(folder))
            for dim in (2, 3):
                rows += [_alone(image, label, dim), _alone(*small, dim)]
                rows[-2]["above_a_small_file_mb"] = rows[-2]["peak_anonymous_mb"] - rows[-1]["peak_anonymous_mb"]
    return rows


def train(image: Path, label: Path, dim: int) -> dict[str, Any]:
    """Check and train a few steps; what they took."""
    import nbtrainer as nbt

    config = nbt.Config.preset("binary_2d")
    config.update(
        task={"dim": dim},
        data={"datasets": [{"images": str(image), "labels": str(label)}]},
        sampling={"patch_size": [256, 256] if dim == 2 else [32, 64, 64]},
        training={"iterations": _STEPS, "batch_size": 4, "precision": "float32", "torch_compile": "off"},
        model={"features": [8, 16]},
        output={"root": str(image.parent / "runs")},
    )
    began = time.monotonic()
    with Watch() as watch:
        findings = nbt.check(config)
        checked = time.monotonic() - began
        run = nbt.train(config)
    if run.status != "finished":
        raise RuntimeError(run.error)
    return {
        "file": image.name,
        "dim": dim,
        "check_seconds": round(checked, 1),
        "run_seconds": round(time.monotonic() - began - checked, 1),
        "findings": [finding.wrong for finding in findings],
        "peak_anonymous_mb": round(max(watch.peak, anonymous_mb())),
    }


def _alone(image: Path, label: Path, dim: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.large", str(image), str(label), str(dim)]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def _discs(depth: int, side: int) -> np.ndarray:
    y, x = np.ogrid[:64, :64]
    disc = (np.hypot(y - 32, x - 32) < 20).astype(np.uint8)
    return np.tile(disc, (depth, side // 64, side // 64))


def _tiff_label(folder: Path, gigabytes: float) -> Path:
    path = folder / "label.tif"
    shape = tifffile.TiffFile(folder / "sparse.tif").series[0].shape
    stored = tifffile.memmap(path, shape=shape, dtype=np.uint8, bigtiff=True, photometric="minisblack")
    stored[:_WRITTEN] = _discs(_WRITTEN, SIDE)
    return path


def _zarr_label(folder: Path, gigabytes: float) -> Path:
    path = folder / "label.zarr"
    shape = zarr.open_array(folder / "sparse.zarr", mode="r").shape
    stored = zarr.create_array(path, shape=shape, chunks=(64, 256, 256), dtype="uint8")
    stored[:_WRITTEN, :1024] = _discs(_WRITTEN, SIDE)[:, :1024]
    return path


def _small(folder: Path) -> tuple[Path, Path]:
    label = _discs(64, 256)
    tifffile.imwrite(folder / "small.tif", label.astype(np.uint16) * 1000)
    tifffile.imwrite(folder / "small_label.tif", label)
    return folder / "small.tif", folder / "small_label.tif"


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
