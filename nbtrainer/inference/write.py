"""Label images as files: in the format of the image that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.formats import stem

_NIFTI = (".nii", ".nii.gz")


def label_name(image: Path) -> str:
    """The name of the label file for `image`: `.nii.gz` for NIfTI, else `.tif`."""
    return f"{stem(image)}{'.nii.gz' if image.name.lower().endswith(_NIFTI) else '.tif'}"


def write_label(labels: np.ndarray, image: Path, folder: Path) -> Path:
    """Write `labels` ([z,] y, x) for the file `image` into `folder`; NIfTI keeps place and spacing of the image."""
    target = folder / label_name(image)
    if target.suffix == ".tif":
        import tifffile

        tifffile.imwrite(target, labels, compression="zlib")
    else:
        import nibabel

        source: Any = nibabel.load(image)
        made = nibabel.Nifti1Image(np.transpose(labels), source.affine, dtype=labels.dtype)
        made.header.set_xyzt_units(*source.header.get_xyzt_units())
        nibabel.save(made, target)
    return target
