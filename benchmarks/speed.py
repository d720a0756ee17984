"""Ratios within one run, because machines differ: our loop against the pure step, our crops against MONAI's."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import edt
import numpy as np
import tifffile
import torch
from monai import transforms
from scipy.spatial import cKDTree

import nbtrainer as nbt
from nbtrainer.augment import sample_spatial
from nbtrainer.augment.warp import warp_patch
from nbtrainer.config.transforms.spatial import Elastic, Rotate
from nbtrainer.data.normalize import IntensityTransform
from nbtrainer.data.prefetch import prefetch
from nbtrainer.data.views import ArrayView
from nbtrainer.engine.build import build
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.trainer import train
from nbtrainer.engine.training_patches import training_patches
from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.labels.flow.masks import masks_from_fields
from nbtrainer.runs import RunDirectory

_STEPS = 20


def loop(rounds: int, dim: int = 2) -> dict[str, Any]:
    """Whole run (data, steps, events, validation left out) against the pure step: MONAI UNet 32-256, 8 x 256 x 256; in 3D
    16-128, 2 x 64^3, every patch warped."""
    with tempfile.TemporaryDirectory() as folder:
        return _loop(_job(Path(folder), dim), rounds)


def _loop(job: TrainingJob, rounds: int) -> dict[str, Any]:
    found = []
    batch = job.batch(0)
    images, targets = batch.images, batch.targets
    for _ in range(3):
        job.stepper.step(images, targets, 1e-3)
    for number in range(rounds):
        began = time.monotonic()
        for _ in range(_STEPS):
            job.stepper.step(images, targets, 1e-3)
        pure = (time.monotonic() - began) / _STEPS
        whole = _run_steps(job, number)
        began = time.monotonic()
        for step in range(_STEPS):
            job.batch(step)
        data = (time.monotonic() - began) / _STEPS
        found.append((whole / pure, 1000 * pure, 1000 * data))
    ratio, pure_ms, data_ms = (round(statistics.median(column), 3) for column in zip(*found, strict=True))
    chosen = (job.config.training.precision, job.config.training.memory_format)
    return {
        "tile": job.config.sampling.patch_size,
        "loop / pure step": ratio,
        "pure step ms": pure_ms,
        "data ms a batch": data_ms,
        "chosen": chosen,
    }


def augmentation(rounds: int, dim: int = 2) -> dict[str, Any]:
    """One augmented crop of 256 x 256 or 64^3, image and label, one thread: ours (`standard`) against MONAI's dictionary
    transforms; and how much more two threads deliver."""
    torch.set_num_threads(1)
    config = nbt.Config.preset("binary_2d")
    size, count = ([256, 256], 100) if dim == 2 else ([64, 64, 64], 12)
    with tempfile.TemporaryDirectory() as folder:
        dataset: dict[str, Any] = {"use": "train"}
        if dim == 2:
            sample = nbt.samples.path("nuclei2d")
            dataset |= {"images": sample / "images", "labels": sample / "labels"}
        else:
            dataset |= _volume(Path(folder))
        config.update(task={"dim": dim}, data={"datasets": [dataset]}, sampling={"patch_size": size})
        ours = [image for image, _ in nbt.patches(config, 4)]
        theirs, rough = _monai(dim), _monai(dim, (5, 7))
        sample = {"image": torch.tensor(ours[0]), "label": torch.tensor(ours[0] > 0).float()}
        theirs(sample)
        found = []
        for _ in range(rounds):
            began = time.process_time()
            for _ in nbt.patches(config, count):
                pass
            mine = (time.process_time() - began) / count
            began = time.process_time()
            for _ in range(max(4, count // 4)):
                theirs(sample)
            monai = (time.process_time() - began) / max(4, count // 4)
            began = time.process_time()
            for _ in range(max(4, count // 4)):
                rough(sample)
            cheap = (time.process_time() - began) / max(4, count // 4)
            found.append((1000 * mine, 1000 * monai, 1000 * cheap, _threads(config, count), *_warps(size)))
    mine_ms, monai_ms, rough_ms, gain, ours_ms, torch_ms = (
        statistics.median(column) for column in zip(*found, strict=True)
    )
    return {
        "crop": size,
        "ours ms": round(mine_ms, 2),
        "MONAI ms": round(monai_ms, 2),
        "times as fast": round(monai_ms / mine_ms, 1),
        "MONAI ms with rougher bends (3D only)": round(rough_ms, 2),
        "two threads deliver": round(gain, 2),
        "warp alone ms": round(ours_ms, 2),
        "the same by torch for a whole batch, ms a crop": round(torch_ms, 2),
    }


def fields(rounds: int) -> dict[str, float]:
    """Milliseconds for the flow fields of 182 cells in 512 x 512 pixels and of 48 balls in 64 x 128 x 128, beside the
    exact distance alone, and for masks from the fields of the first. Touching cells of random points, 37 % foreground."""
    plane, volume = _cells((512, 512), 182, 0.37), _cells((64, 128, 128), 48, 0.26)
    encoded = flow_fields(plane)
    distance = np.where(plane == 0, np.float32(-5), encoded.distance)
    jobs = {
        "exact distance 2D": lambda: edt.edt(plane),
        "fields 2D": lambda: flow_fields(plane),
        "exact distance 3D": lambda: edt.edt(volume),
        "fields 3D": lambda: flow_fields(volume),
        "masks 2D": lambda: masks_from_fields(
            distance,
            flow=encoded.flow,
            method="join",
            mask_threshold=0.0,
            min_border_depth=0.55,
            flow_threshold=0.4,
            hole_size=3.0,
            min_size=15,
        ),
    }
    return {name: _median_ms(job, 5 * rounds) for name, job in jobs.items()}


def _cells(shape: tuple[int, ...], count: int, share: float) -> np.ndarray:
    """Touching cells of random points, the outer parts of which are background until `share` is left."""
    points = np.random.default_rng(0).random((count, len(shape))) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    far, owner = cKDTree(points).query(grid)
    return np.where(far <= np.quantile(far, share), owner + 1, 0).astype(np.uint16)


def _median_ms(job: Callable[[], Any], times: int) -> float:
    job()
    taken = []
    for _ in range(times):
        began = time.monotonic()
        job()
        taken.append(1000 * (time.monotonic() - began))
    return round(statistics.median(taken), 1)


def _threads(config: nbt.Config, count: int) -> float:
    """How many times as many patches two threads deliver as one; in batches of 8, as training asks for them."""
    patches = training_patches(config)

    def batch(number: int) -> list[np.ndarray]:
        return [patches.patch(8 * number + place).image for place in range(8)]

    seconds = []
    for workers in (1, 2):
        began = time.monotonic()
        for _ in prefetch(batch, range(count), workers):
            pass
        seconds.append(time.monotonic() - began)
    return seconds[0] / seconds[1]


def _warps(size: list[int]) -> tuple[float, float]:
    """Milliseconds for one warp of image and label: our pass on the processor, and torch's for a batch of 4 on the device
    (the graphics card, where there is one)."""
    rng = np.random.default_rng(0)
    shape = [2 * length for length in size]
    image, label = rng.random((1, *shape), dtype=np.float32), rng.integers(0, 99, shape).astype(np.uint8)
    transforms = [Elastic(displacement=4.0, control_point_distance=32), Rotate(degrees=180.0)]
    warp = sample_spatial(rng, transforms, size)
    centre = [length / 2 for length in shape]
    began = time.monotonic()
    for _ in range(8):
        warp_patch(
            ArrayView(image),
            ArrayView(label, is_label=True),
            intensities=IntensityTransform.unchanged(1),
            centre=centre,
            size=size,
            transform=warp,
        )
    ours = (time.monotonic() - began) / 8
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = torch.from_numpy(image)[None].repeat(4, *[1] * (image.ndim)).to(device)
    labels = torch.from_numpy(label.astype(np.float32))[None, None].repeat(4, *[1] * (image.ndim)).to(device)
    turned = 0.5 * torch.tensor(warp.matrix, dtype=torch.float32, device=device)
    theta = torch.cat([turned, torch.zeros(len(size), 1, device=device)], 1).expand(4, -1, -1)
    grid = torch.nn.functional.affine_grid(theta, [4, 1, *size], align_corners=False)
    seconds = []
    for _ in range(4):
        began = time.monotonic()
        for array, mode in ((images, "bilinear"), (labels, "nearest")):
            warped = torch.nn.functional.grid_sample(array, grid, mode, "reflection", align_corners=False)
        float(warped.flatten()[0])  # waits for the device
        seconds.append((time.monotonic() - began) / 4)
    return 1000 * ours, 1000 * statistics.median(seconds)


def _volume(folder: Path) -> dict[str, Any]:
    """A volume of noise with a label, larger than its patches."""
    rng = np.random.default_rng(0)
    tifffile.imwrite(folder / "image.tif", rng.integers(0, 255, (128, 128, 128)).astype(np.uint8))
    tifffile.imwrite(folder / "label.tif", (rng.random((128, 128, 128)) > 0.5).astype(np.uint8))
    return {"images": folder / "image.tif", "labels": folder / "label.tif"}


def _job(scratch: Path, dim: int) -> TrainingJob:
    folder = nbt.samples.path("nuclei2d")
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": folder / "images", "labels": folder / "labels", "use": "train"}]
    if dim == 3:
        config.data.datasets = [_volume(scratch) | {"use": "train"}]
        config.update(
            task={"dim": 3},
            sampling={"patch_size": [64, 64, 64]},
            model={"features": [16, 32, 64, 128]},
            training={"batch_size": 2},
        )
    config.update(training={"iterations": _STEPS, "steps_per_epoch": _STEPS}, output={"preview_tiles": 0})
    directory = RunDirectory.create(Path(tempfile.mkdtemp()), data_task="speed", name="")
    return build(config, directory)


def _run_steps(job: TrainingJob, number: int) -> float:
    """Seconds per step of the real loop, from its own steps events; the end of the epoch is not counted."""
    job.clock.step = job.clock.closed_at = 0
    seconds: list[float] = []

    def emit(event: Any) -> None:
        if hasattr(event, "seconds_per_step"):
            seconds.append(event.seconds_per_step * event.steps)

    train(job, emit, lambda: "", {})
    return float(np.sum(seconds)) / _STEPS


def _monai(dim: int, sigma: tuple[float, float] = (9, 10.5)) -> Any:
    """The same job as `standard`: turn, zoom, bend, flip, contrast, scale and shift of intensity.

    In 3D its bends are noise blurred by a Gaussian; a sigma of 10 makes them as smooth as ours with knots 32 voxels apart.
    """
    keys, modes = ["image", "label"], ["bilinear", "nearest"]
    shared = {"prob": 1.0, "scale_range": (0.25,) * dim, "mode": modes, "padding_mode": "reflection"}
    bend = (
        transforms.Rand2DElasticd(keys, spacing=(32, 32), magnitude_range=(4, 4), rotate_range=3.14, **shared)
        if dim == 2
        else transforms.Rand3DElasticd(
            keys, sigma_range=sigma, magnitude_range=(100, 300), rotate_range=(3.14, 0, 0), **shared
        )
    )
    return transforms.Compose(
        [
            bend,
            *(transforms.RandFlipd(keys, prob=0.5, spatial_axis=axis) for axis in range(dim)),
            transforms.RandAdjustContrastd(["image"], prob=1.0, gamma=(0.8, 1.25)),
            transforms.RandScaleIntensityd(["image"], factors=0.25, prob=1.0),
            transforms.RandShiftIntensityd(["image"], offsets=0.1, prob=1.0),
        ]
    )
