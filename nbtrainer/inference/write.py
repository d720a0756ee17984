"""Label images and maps as files: in the format of the image that they belong to, or another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.formats import stem
from nbtrainer.errors import UserError

_NIFTI = (".nii", ".nii.gz")
FORMATS = ("auto", "tif", "nii.gz", "zarr")


def label_name(image: Path, format: str = "auto", addition: str = "") -> str:
    """The name of the file for `image`: its stem, `addition`, and by "auto" `.nii.gz` for NIfTI, else `.tif`."""
    if format not in FORMATS:
        raise UserError("format", f"{format} is unknown", f"Choose one of {', '.join(FORMATS)}")
    own = "nii.gz" if image.name.lower().endswith(_NIFTI) else "tif"
    return f"{stem(image)}{addition}.{own if format == 'auto' else format}"


def write_array(array: np.ndarray, image: Path, target: Path, spacing: Sequence[float] | None = None) -> Path:
    """Write labels or a map ([z,] y, x) for the file `image` to `target`.

    NIfTI keeps place and spacing of a NIfTI image; else `spacing` (micrometres per pixel) is noted, if it is known.
    """
    if target.name.endswith(".zarr"):
        _write_zarr(array, target, spacing)
    elif target.suffix == ".tif":
        _write_tiff(array, target, spacing)
    else:
        _write_nifti(array, image, target, spacing)
    return target


def _write_tiff(array: np.ndarray, target: Path, spacing: Sequence[float] | None) -> None:
    import tifffile

    known: dict[str, Any] = {}
    if spacing is not None and array.dtype in (np.uint8, np.uint16, np.float32):  # ImageJ knows no others
        known = {"imagej": True, "resolution": (1 / spacing[-1], 1 / spacing[-2]), "metadata": {"unit": "um"}}
        known["metadata"]["axes"] = "ZYX"[-array.ndim :]
        if len(spacing) == 3:
            known["metadata"]["spacing"] = spacing[0]
    tifffile.imwrite(target, array, compression="zlib", **known)


def _write_zarr(array: np.ndarray, target: Path, spacing: Sequence[float] | None) -> None:
    """As OME-Zarr 0.5 with one resolution, which napari and Fiji open."""
    import zarr

    group = zarr.open_group(target, mode="w", zarr_format=3)
    chunks = tuple(min(length, 64 if array.ndim == 3 else 1024) for length in array.shape)
    stored = group.create_array("0", shape=array.shape, chunks=chunks, dtype=array.dtype)
    stored[...] = array
    axes = "zyx"[-array.ndim :]
    scale = list(spacing) if spacing is not None and len(spacing) == array.ndim else [1.0] * array.ndim
    unit = {"unit": "micrometer"} if spacing is not None else {}
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {
                "name": target.stem,
                "axes": [{"name": axis, "type": "space", **unit} for axis in axes],
                "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
            }
        ],
    }


def _write_nifti(array: np.ndarray, image: Path, target: Path, spacing: Sequence[float] | None) -> None:
    import nibabel

    affine, units = (
        np.diag([*(step / 1000 for step in reversed(spacing or ())), *[1.0] * (4 - len(spacing or ()))]),
        "mm",
    )
    if image.name.lower().endswith(_NIFTI):
        source: Any = nibabel.load(image)
        affine, units = source.affine, source.header.get_xyzt_units()[0]
    made = nibabel.Nifti1Image(np.transpose(array), affine, dtype=array.dtype)
    made.header.set_xyzt_units(units)
    nibabel.save(made, target)
