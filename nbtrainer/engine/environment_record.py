"""What a run was made with: versions, machine and files, written beside its settings."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from nbtrainer._version import __version__
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.inference import xla

# what images, patches, networks and scores are made with
_PACKAGES = (
    "torch",
    "torch_xla",
    "monai",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "numba",
    "edt",
    "connected-components-3d",
    "tifffile",
    "nibabel",
    "zarr",
    "h5py",
)


@functools.cache  # asked at every checkpoint, and each version is read from a file
def versions() -> Mapping[str, str]:
    """nbtrainer's, Python's, and those of the packages that are installed."""
    installed = {"nbtrainer": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # optional, or under another name
            continue
    return MappingProxyType(installed)


def device_title(device: torch.device) -> str:
    """What `device` is called: the graphics card, or the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xla" and xla.hardware() != "CPU":
        return xla.hardware()
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8", errors="replace").splitlines() if cpu.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return processor if device.type == "cpu" else f"{device.type} ({processor})"


def environment_record(device: torch.device, fingerprints: Fingerprints | None) -> dict[str, Any]:
    """Plain values for a file: `files` are time (nanoseconds) and size (bytes) of all that was read, by path."""
    return {
        "versions": dict(versions()),
        "platform": platform.platform(),
        "device": device_title(device),
        "threads": torch.get_num_threads(),
        "files": {} if fingerprints is None else fingerprints.as_record(),
    }
