"""Label images and maps as files: in the format of the image that they belong to, or another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.disk import write_aside
from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.formats import Orientation, stem

_NIFTI = (".nii", ".nii.gz")
FORMATS = ("auto", "tif", "nii.gz", "zarr", "png")


def label_name(image: Path, *, format: str = "auto", addition: str = "") -> str:
    """The name of the file for `image`: its stem, `addition`, and by "auto" `.nii.gz` for NIfTI, else `.tif`."""
    if format not in FORMATS:
        raise SettingError(
            "format", f"{format} is unknown", f"Choose one of {', '.join(FORMATS)}", suggestions=tuple(FORMATS)
        )
    own = "nii.gz" if image.name.lower().endswith(_NIFTI) else "tif"
    return f"{stem(image)}{addition}.{own if format == 'auto' else format}"


def write_array(
    array: np.ndarray,
    *,
    image: Path,
    target: Path,
    spacing: Sequence[float] | None = None,
    axes: str = "",
    orientation: Orientation | None = None,
) -> Path:
    """Write labels or a map for the file `image` to `target`.

    It is written aside and renamed: nothing half-written bears its name.

    Parameters
    ----------
    axes
        A letter of TZYX for each axis of `array`; without them the last ones of ZYX.
    spacing
        Micrometres per pixel along the last axes, noted if they are known.
    orientation
        Where the image lies in space, which NIfTI keeps, so that both still lie on each other.

    Raises
    ------
    UserError
        If the disk refuses it, or a PNG is asked for of what it cannot hold: stacks, decimals, labels above 65,535.
    """
    axes = axes or "ZYX"[-array.ndim :]
    with write_aside(target) as aside:
        if target.name.endswith(".zarr"):
            _write_zarr(array, aside, spacing, axes, orientation)
        elif target.suffix == ".tif":
            _write_tiff(array, aside, spacing, axes)
        elif target.suffix == ".png":
            _write_png(array, target=aside, image=image)
        else:
            _write_nifti(array, image, target=aside, spacing=spacing, axes=axes, orientation=orientation)
    return target


def _write_tiff(array: np.ndarray, target: Path, spacing: Sequence[float] | None, axes: str) -> None:
    """Grey pages that say what their axes are, whatever their number: three slices are no colours."""
    import tifffile

    known: dict[str, Any] = {"metadata": {"axes": axes}}
    if spacing is not None and array.dtype in (np.uint8, np.uint16, np.float32):  # ImageJ knows no others
        known |= {"imagej": True, "resolution": (1 / spacing[-1], 1 / spacing[-2])}
        known["metadata"]["unit"] = "um"
        if len(spacing) == 3:
            known["metadata"]["spacing"] = spacing[0]
    elif spacing is not None:
        known |= {"resolution": (1e4 / spacing[-1], 1e4 / spacing[-2]), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(target, array, compression="zlib", photometric="minisblack", **known)


def _write_png(array: np.ndarray, *, target: Path, image: Path) -> None:
    """Grey numbers of 8 or 16 bits, the smallest that hold all."""
    import imageio.v3 as imageio

    highest = int(array.max(initial=0))
    if array.ndim != 2 or highest > 65535 or array.dtype.kind not in "bui":
        wrong = "a stack" if array.ndim != 2 else f"labels up to {highest:,}"
        raise DataError(str(image), f"a PNG cannot hold {wrong}", "Choose the format tif")
    imageio.imwrite(target, array.astype(np.uint8 if highest < 256 else np.uint16), extension=".png")


def _write_zarr(
    array: np.ndarray, target: Path, spacing: Sequence[float] | None, axes: str, orientation: Orientation | None
) -> None:
    """As OME-Zarr 0.5 with one resolution, which napari and Fiji open."""
    import zarr

    group = zarr.open_group(target, mode="w", zarr_format=3)
    lengths = {"T": 1, "Z": 64}
    side = 64 if "Z" in axes else 1024
    chunks = tuple(min(length, lengths.get(axis, side)) for axis, length in zip(axes, array.shape, strict=True))
    stored = group.create_array("0", shape=array.shape, chunks=chunks, dtype=array.dtype)
    stored[...] = array
    steps = dict(zip("xyz", reversed(spacing or ()), strict=False))
    scale = [steps.get(axis.lower(), 1.0) for axis in axes]
    unit = {"unit": "micrometer"} if spacing is not None else {}
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if orientation is not None and orientation.system == "OME-Zarr" and spacing is not None:
        origin = dict(zip("xyz", orientation.origin, strict=True))
        moved = [1e3 * origin.get(axis.lower(), 0.0) for axis in axes]
        transformations.append({"type": "translation", "translation": moved})
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {
                "name": target.stem,
                "axes": [
                    {"name": "t", "type": "time"} if axis == "T" else {"name": axis.lower(), "type": "space", **unit}
                    for axis in axes
                ],
                "datasets": [{"path": "0", "coordinateTransformations": transformations}],
            }
        ],
    }


def _write_nifti(
    array: np.ndarray,
    image: Path,
    *,
    target: Path,
    spacing: Sequence[float] | None,
    axes: str,
    orientation: Orientation | None,
) -> None:
    import nibabel

    spatial = axes.replace("T", "")
    steps = dict(zip("XYZ", reversed(spacing or ()), strict=False))
    affine = np.diag([*(steps.get(axis, 1000.0) / 1000 for axis in spatial[::-1]), *[1.0] * (4 - len(spatial))])
    if orientation is not None and orientation.steps.keys() >= set(spatial):
        affine = orientation.affine(spatial[::-1])
    if "T" in axes and len(spatial) == 2:  # the third axis of NIfTI is depth
        array = array[:, np.newaxis]
    made = nibabel.Nifti1Image(np.transpose(array), affine, dtype=array.dtype)
    made.header.set_xyzt_units("mm", "sec" if "T" in axes else None)
    nibabel.save(made, target)
