"""A folder of single images becomes one stack, and a stack single images; one page is in memory at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nbtrainer.data.listing import list_files
from nbtrainer.data.prepare import PathLike
from nbtrainer.errors import DataError, SettingError, UserError
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats import ImageFile, open_image
from nbtrainer.progress import OnProgress

# offsets of a classic TIFF end at 4 GiB
_CLASSIC_TIFF_BYTES = 2**32 - 2**25


def stack_images(
    folder: PathLike, out: PathLike, *, progress: OnProgress | None = None, labels: bool = False
) -> tuple[int, ...]:
    """Write the images of `folder` (or of a wildcard or list), in natural order, as the slices of the TIFF `out`.

    Returns the shape: (Z, Y, X), or (Z, Y, X, 3 or 4) for colours. Values are kept (lossless compression); palettes
    give images their colours, and `labels` the numbers that are stored. Raises
    `UserError` if an image differs from the first in size or type (it is named), is a stack itself, or `out` exists.
    """
    import tifffile

    out = Path(out)
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise SettingError("out", f"{out.name} is no name for a stack", "Let it end in .tif")
    _refuse(out)
    files = list_files(Path(folder), "folder", look_one_level_down=False)
    opened = open_image(files[0], labels)
    first, is_colour = opened.read(), opened.axes == "YXS" and opened.shape[-1] in (3, 4)
    if first.ndim != 2 and not is_colour:
        raise DataError(
            str(files[0]), f"{format_shape(first.shape)} is no single image", "Give images of one slice each"
        )
    shape = (len(files), *first.shape)
    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(
            partial,
            _pages(files, first, progress, labels),
            shape=shape,
            dtype=first.dtype,
            bigtiff=first.nbytes * len(files) > _CLASSIC_TIFF_BYTES,
            compression="zlib",
            photometric="rgb" if is_colour else "minisblack",
            metadata={"axes": "ZYXS" if is_colour else "ZYX"},
        )
        os.replace(partial, out)
    except OSError as error:
        raise _unwritable(out, error) from None
    finally:
        partial.unlink(missing_ok=True)
    return shape


def unstack_images(
    stack: PathLike, out_folder: PathLike, *, progress: OnProgress | None = None, labels: bool = False
) -> list[Path]:
    """Write each slice of a stack (its first axis) as `<stem>_<number>.tif` into a new or empty folder.

    Axes and pixels are kept (see `stack_images`). Numbers begin at 1 and have as many digits as the last one, so that any sorting keeps the order. Raises
    `UserError` if `stack` is a single image or `out_folder` holds something.
    """
    import tifffile

    stack, out_folder = Path(stack), Path(out_folder)
    _refuse(out_folder)
    count, slices, axes = _slices(stack, labels)
    digits = len(str(count))
    aside = None
    try:
        out_folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".unstack-", dir=out_folder.parent))
        made = aside / out_folder.name
        made.mkdir()
        for number, image in enumerate(slices, 1):
            photometric = "rgb" if axes.endswith("S") and image.shape[-1] in (3, 4) else "minisblack"
            metadata = {"axes": axes} if "?" not in axes else {}
            path = made / f"{stack.stem}_{number:0{digits}}.tif"
            tifffile.imwrite(path, image, compression="zlib", photometric=photometric, metadata=metadata)
            if progress:
                progress(number, count)
        if out_folder.is_dir():
            out_folder.rmdir()
        made.rename(out_folder)
    except OSError as error:
        raise _unwritable(out_folder, error) from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
    return sorted(out_folder.iterdir())


def _pages(files: list[Path], first: np.ndarray, progress: OnProgress | None, labels: bool) -> Iterator[np.ndarray]:
    for number, file in enumerate(files, 1):
        page = first if number == 1 else open_image(file, labels).read()
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            wrong = f"it is {format_shape(page.shape)} {page.dtype}, but {files[0].name} is {format_shape(first.shape)} {first.dtype}"
            raise DataError(
                str(file), wrong, "All slices need the same size and type; leave this one out or convert it"
            )
        if progress:
            progress(number, len(files))
        yield np.ascontiguousarray(page)


def _slices(stack: Path, labels: bool) -> tuple[int, Iterator[np.ndarray], str]:
    """How many slices a stack has, the slices, read one at a time, and the axes of each."""
    opened = open_image(stack, labels)
    axes, shape = opened.axes, opened.shape
    axis = next((axes.index(letter) for letter in "ZT?C" if letter in axes and shape[axes.index(letter)] > 1), None)
    # without names the last axis may be colour
    if axis is None or opened.array.ndim < 3 or (set(axes) == {"?"} and len(shape) == 3 and shape[-1] in (3, 4)):
        raise DataError(str(stack), f"{format_shape(shape)} is a single image", "Give a stack")
    rest = axes[:axis] + axes[axis + 1 :]
    rest = "YXS" if rest == "???" and shape[-1] in (3, 4) else rest
    return shape[axis], (_slice(opened, axis=axis, number=number) for number in range(shape[axis])), rest


def _slice(opened: ImageFile, *, axis: int, number: int) -> np.ndarray:
    region = [slice(None)] * len(opened.shape)
    region[axis] = slice(number, number + 1)
    return opened.read(tuple(region)).squeeze(axis)


def _refuse(path: Path) -> None:
    """Refuse to write over a file, or into a folder that holds something."""
    if path.is_dir() and not any(path.iterdir()) and path.suffix.lower() not in (".tif", ".tiff"):
        return
    if path.exists() or path.is_symlink():
        raise SettingError("out", f"{path} is there already", "Choose another name, or remove it")


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        "out", f"{path} cannot be written ({error.strerror or error})", "Choose another folder, or make room"
    )
