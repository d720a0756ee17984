"""Broken inputs: each a small dataset with one thing wrong, and what the check must say of it.

A case is a function that damages a sound dataset of five images (`World`); `CASES` has all of them by name.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import h5py
import nibabel
import numpy as np
import roifile
import tifffile
import zarr
from PIL import Image

from nbtrainer.config import Config

SIZE = 64
COUNT = 5


@dataclass
class World:
    """A sound dataset in `folder`, and the settings that use it; cases damage either."""

    folder: Path
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        for number in range(COUNT):
            self.write(number, *pair(number))
        self.config = Config(
            data={"datasets": [{"images": self.images, "labels": self.labels}]},
            sampling={"patch_size": [32, 32]},
            model={"features": [4, 8]},
            augmentation={"strength": "light"},
            output={"root": self.folder / "runs"},
        )

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def labels(self) -> Path:
        return self.folder / "labels"

    def image(self, number: int = 1) -> Path:
        return self.images / f"img_{number}.tif"

    def label(self, number: int = 1) -> Path:
        return self.labels / f"img_{number}.tif"

    def write(self, number: int, image: np.ndarray | None, label: np.ndarray | None) -> None:
        for path, array in ((self.image(number), image), (self.label(number), label)):
            if array is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, array)

    def use(self, **dataset: Any) -> None:
        """Change settings of the dataset."""
        self.config.data.datasets = [self.config.data.datasets[0].model_dump() | dataset]

    def also(self, **dataset: Any) -> None:
        """Add a dataset that differs from the first in these settings."""
        first = self.config.data.datasets[0].model_dump()
        self.config.data.datasets = [first, first | dataset]

    def set(self, path: str, value: Any) -> None:
        self.config.set(path, value)

    def every_label(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        for number in range(COUNT):
            self.write(number, None, change(pair(number)[1]))

    def every_image(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        for number in range(COUNT):
            self.write(number, change(pair(number)[0]), None)

    def volumes(self) -> None:
        """Three sound volumes instead of the images."""
        for folder in (self.images, self.labels):
            shutil.rmtree(folder)
        for number in range(3):
            image, label = pair(number)
            self.write(number, np.stack([image + np.uint8(z) for z in range(16)]), np.stack([label] * 16))
        self.config.update(task={"dim": 3}, sampling={"patch_size": [8, 32, 32]})


def pair(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image of discs, and its label."""
    rng = np.random.default_rng(number)
    y, x = np.ogrid[:SIZE, :SIZE]
    label = np.zeros((SIZE, SIZE), np.uint8)
    for place in rng.uniform(12, 52, (2, 2)):
        label[np.hypot(y - place[0], x - place[1]) < 10] = 1
    return (60 + 120 * label + rng.normal(0, 12, label.shape)).clip(0, 250).astype(np.uint8), label


@dataclass(frozen=True)
class Case:
    """`damage(world)` breaks a sound world; one finding of this `level` must then say `says` (capitals do not matter)."""

    name: str
    level: str
    says: str
    damage: Callable[[World], Any]


CASES: dict[str, Case] = {}


def case(level: str, says: str, **variations: list[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function below is a case, or with `argument=[values]` one for each value."""

    def add(damage: Callable[..., Any]) -> Callable[..., Any]:
        if not variations:
            CASES[damage.__name__] = Case(damage.__name__, level, says, damage)
        for argument, values in variations.items():
            for number, value in enumerate(values):
                short = str(value).strip()
                name = f"{damage.__name__}-{short if 0 < len(short) < 24 and short.isprintable() else number}"
                name = f"{damage.__name__}-{number}" if isinstance(value, bytes) else name
                assert name not in CASES

                def broken(world: World, argument: str = argument, value: Any = value) -> None:
                    damage(world, **{argument: value})

                CASES[name] = Case(name, level, says, broken)
        return damage

    return add


# files that are damaged ---------------------------------------------------------------------------------------------


def _tif(array: np.ndarray, path: Path, **options: Any) -> None:
    tifffile.imwrite(path, array, **options)


def _png(array: np.ndarray, path: Path) -> None:
    Image.fromarray(array).save(path)


def _h5(array: np.ndarray, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", data=array, compression="gzip")


def _nifti(array: np.ndarray, path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(array.T), np.eye(4)), path)


def _nrrd(array: np.ndarray, path: Path) -> None:
    import nrrd

    nrrd.write(str(path), np.ascontiguousarray(array.T))


WRITERS: dict[str, Callable[[np.ndarray, Path], None]] = {
    ".tif": _tif,
    ".tiff": lambda array, path: _tif(array, path, compression="zlib"),
    ".ome.tif": lambda array, path: _tif(array, path, compression="lzw"),
    ".png": _png,
    ".jpg": lambda array, path: Image.fromarray(array).save(path, quality=95),
    ".nii": _nifti,
    ".nii.gz": _nifti,
    ".h5": _h5,
    ".npy": lambda array, path: np.save(path, array),
    ".npz": lambda array, path: np.savez_compressed(path, raw=array),
    ".nrrd": _nrrd,
}


def _replace(world: World, suffix: str, role: str = "image") -> Path:
    """One file of the dataset written in another format."""
    old = world.image() if role == "image" else world.label()
    new = old.with_name(f"img_1{suffix}")
    array = pair(1)[0 if role == "image" else 1]
    old.unlink()
    WRITERS[suffix](array, new)
    return new


_UNREADABLE = r"img_1\S*: this file (cannot be read|is incomplete)"
_FORMATS = list(WRITERS)
_LOSSLESS = [suffix for suffix in _FORMATS if suffix != ".jpg"]


@case("error", "0 bytes", suffix=_FORMATS)
def empty_file(world: World, suffix: str) -> None:
    _replace(world, suffix).write_bytes(b"")


@case("error", _UNREADABLE, suffix=_FORMATS)
def only_the_beginning(world: World, suffix: str) -> None:
    path = _replace(world, suffix)
    path.write_bytes(path.read_bytes()[:24])


@case("error", _UNREADABLE, suffix=_FORMATS)
def cut_in_the_middle(world: World, suffix: str) -> None:
    path = _replace(world, suffix)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@case("error", _UNREADABLE, suffix=[suffix for suffix in _LOSSLESS if suffix != ".h5"])
def cut_before_the_end(world: World, suffix: str) -> None:
    path = _replace(world, suffix)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10])


@case("error", _UNREADABLE, suffix=_FORMATS)
def text_inside(world: World, suffix: str) -> None:
    _replace(world, suffix).write_text("<html>404 not found</html>\n" * 50)


@case("error", _UNREADABLE, suffix=_LOSSLESS)
def label_cut_in_the_middle(world: World, suffix: str) -> None:
    path = _replace(world, suffix, "label")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@case("error", _UNREADABLE, suffix=_LOSSLESS)
def zeros_inside(world: World, suffix: str) -> None:
    path = _replace(world, suffix)
    path.write_bytes(bytes(len(path.read_bytes())))


@case("warning", "img_1.*but it is a TIFF", suffix=[".png", ".npy", ".h5", ".nii.gz", ".npz"])
def another_kind_than_its_name_says(world: World, suffix: str) -> None:
    content = world.image().read_bytes()
    world.image().unlink()
    world.image().with_name(f"img_1{suffix}").write_bytes(content)


@case("error", _UNREADABLE, byte=[4, 8, 10, 16, 22])
def tiff_with_a_wrong_byte(world: World, byte: int) -> None:
    content = bytearray(world.image().read_bytes())
    content[byte : byte + 8] = b"\xff" * 8
    world.image().write_bytes(bytes(content))


@case("error", "complex")
def complex_numbers(world: World) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), pair(1)[0].astype(np.complex64))


@case("error", "pickled")
def pickled_objects(world: World) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), np.array([{"a": 1}], object), allow_pickle=True)


@case("error", "pickled")
def pickled_label(world: World) -> None:
    world.label().unlink()
    np.save(world.label().with_suffix(".npy"), np.array([[1, None]], object), allow_pickle=True)


@case("error", "no image", shape=[(0, 64), (64, 0), (0,), (7,), ()])
def array_without_pixels(world: World, shape: tuple[int, ...]) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), np.zeros(shape, np.uint8))


@case("error", "not plain numbers")
def array_of_text(world: World) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), np.array([["a", "b"], ["c", "d"]]))


@case("error", "not plain numbers")
def array_of_records(world: World) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), np.zeros((64, 64), [("a", "u1"), ("b", "f4")]))


@case("error", "several")
def hdf5_with_several_arrays(world: World) -> None:
    world.image().unlink()
    with h5py.File(world.image().with_suffix(".h5"), "w") as file:
        file["one"], file["two"] = pair(1)


@case("error", "holds no")
def hdf5_with_nothing(world: World) -> None:
    world.image().unlink()
    h5py.File(world.image().with_suffix(".h5"), "w").close()


@case("error", "there is no 'nowhere'")
def hdf5_place_that_is_not_there(world: World) -> None:
    path = world.folder / "x.h5"
    _h5(pair(1)[0], path)
    world.use(images=path / "nowhere", labels=world.label())


@case("error", _UNREADABLE)
def zarr_without_metadata(world: World) -> None:
    world.image().unlink()
    (world.image().with_suffix(".zarr") / "c").mkdir(parents=True)


@case("error", _UNREADABLE)
def zarr_with_broken_metadata(world: World) -> None:
    world.image().unlink()
    path = world.image().with_suffix(".zarr")
    zarr.save(str(path), pair(1)[0])
    (path / "zarr.json").write_text("{")


@case("error", _UNREADABLE)
def zarr_with_a_broken_chunk(world: World) -> None:
    world.image().unlink()
    path = world.image().with_suffix(".zarr")
    zarr.save(str(path), pair(1)[0])
    for chunk in (path / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"broken")


@case("error", _UNREADABLE)
def zarr_with_an_empty_chunk(world: World) -> None:
    world.label().unlink()
    path = world.label().with_suffix(".zarr")
    zarr.save(str(path), pair(1)[1])
    for chunk in (path / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"")


@case("error", _UNREADABLE)
def gzip_of_something_else(world: World) -> None:
    world.image().unlink()
    world.image().with_name("img_1.nii.gz").write_bytes(gzip.compress(b"hello " * 200))


@case("error", "leads nowhere", role=["image", "label"])
def link_that_leads_nowhere(world: World, role: str) -> None:
    path = world.image() if role == "image" else world.label()
    path.unlink()
    path.symlink_to(world.folder / "gone.tif")


@case("error", "no ordinary file")
def pipe(world: World) -> None:
    world.image().unlink()
    os.mkfifo(world.image())


@case("error", "4 images but 5 labels")
def folder_with_the_name_of_an_image(world: World) -> None:
    world.image().unlink()
    world.image().mkdir()


@case("error", "may not be read")
def file_that_may_not_be_read(world: World) -> None:
    world.image().chmod(0)


@case("error", "no numbers", value=[np.nan, np.inf, -np.inf])
def image_with_values_that_are_no_numbers(world: World, value: float) -> None:
    image = pair(1)[0].astype(np.float32)
    image[5, 5] = value
    world.write(1, image, None)


# labels ---------------------------------------------------------------------------------------------------------------


@case("error", "no numbers", value=[np.nan, np.inf])
def label_with_values_that_are_no_numbers(world: World, value: float) -> None:
    label = pair(1)[1].astype(np.float32)
    label[5, 5] = value
    world.write(1, None, label)


@case("error", "negative", dtype=["int8", "int16", "int32", "float32"])
def negative_label(world: World, dtype: str) -> None:
    world.write(1, None, pair(1)[1].astype(dtype) - 1)


@case("error", "too large", value=[2**32 - 1, 2**40])
def label_value_too_large(world: World, value: int) -> None:
    world.write(1, None, pair(1)[1].astype(np.int64) * value)


@case("error", "not whole numbers", factor=[0.5, 1 / 255, 1.5])
def label_of_decimals(world: World, factor: float) -> None:
    world.write(1, None, pair(1)[1].astype(np.float32) * factor)


@case("error", "not whole numbers")
def label_of_probabilities(world: World) -> None:
    world.every_label(lambda label: cv2.GaussianBlur(label.astype(np.float32), (0, 0), 2))


@case("error", "not whole numbers")
def half_precision_label(world: World) -> None:
    world.write(1, None, (pair(1)[1] * 0.3).astype(np.float16))


def _smoothed(label: np.ndarray, by: str) -> np.ndarray:
    grey = label * np.uint8(255)
    if by == "gaussian":
        return cv2.GaussianBlur(grey, (0, 0), 1.0)
    how = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4}
    return cv2.resize(cv2.resize(grey, (45, 45), interpolation=how[by]), (SIZE, SIZE), interpolation=how[by])


@case("warning", "seem to be drawn", by=["gaussian", "linear", "cubic", "area", "lanczos"])
def anti_aliased_label(world: World, by: str) -> None:
    world.write(1, None, _smoothed(pair(1)[1], by))


@case("warning", "seem to be drawn")
def anti_aliased_png(world: World) -> None:
    world.label().unlink()
    _png(_smoothed(pair(1)[1], "linear"), world.label().with_suffix(".png"))


@case("warning", "seem to be drawn")
def anti_aliased_classes(world: World) -> None:
    label = np.zeros((SIZE, SIZE), np.uint8)
    label[5:25, 5:25], label[30:55, 30:55] = 120, 240
    world.write(1, None, cv2.GaussianBlur(label, (0, 0), 0.8))


@case("warning", "seem to be drawn", quality=[30, 60, 80])
def jpeg_saved_as_tiff(world: World, quality: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pair(1)[1] * np.uint8(255)).save(buffer, "jpeg", quality=quality)
    world.write(1, None, np.asarray(Image.open(buffer)))


@case("warning", "JPEG", quality=[20, 75, 95])
def jpeg_label(world: World, quality: int) -> None:
    world.label().unlink()
    Image.fromarray(pair(1)[1] * np.uint8(255)).save(world.label().with_suffix(".jpg"), quality=quality)


def _coloured(label: np.ndarray, samples: int = 3) -> np.ndarray:
    return np.array([[0, 0, 0, 255], [200, 30, 90, 255]], np.uint8)[label][..., :samples]


@case("error", "colour image", samples=[3, 4])
def colour_label(world: World, samples: int) -> None:
    world.write(1, None, _coloured(pair(1)[1], samples))


@case("error", "colour image", mode=["RGB", "RGBA"])
def colour_png(world: World, mode: str) -> None:
    world.label().unlink()
    Image.fromarray(_coloured(pair(1)[1])).convert(mode).save(world.label().with_suffix(".png"))


@case("error", "colour image")
def colour_jpeg(world: World) -> None:
    world.label().unlink()
    Image.fromarray(_coloured(pair(1)[1])).save(world.label().with_suffix(".jpg"))


@case("error", "colour image")
def colour_label_of_16_bits(world: World) -> None:
    world.write(1, None, _coloured(pair(1)[1]).astype(np.uint16) * 257)


@case("error", "colour image")
def colour_label_by_planes(world: World) -> None:
    tifffile.imwrite(
        world.label(), np.moveaxis(_coloured(pair(1)[1]), -1, 0), photometric="rgb", planarconfig="separate"
    )


@case("error", "transparency")
def label_with_transparency(world: World) -> None:
    label = pair(1)[1]
    tifffile.imwrite(world.label(), np.stack([label, label * 0 + 255], -1), metadata={"axes": "YXS"})


@case("error", "all background")
def every_label_empty(world: World) -> None:
    world.every_label(np.zeros_like)


@case("warning", "no foreground at all")
def one_label_empty(world: World) -> None:
    world.write(1, None, np.zeros((SIZE, SIZE), np.uint8))


@case("error", "is foreground", value=[1, 255])
def every_label_full(world: World, value: int) -> None:
    world.every_label(lambda label: np.full_like(label, value))


@case("warning", "objects or classes")
def objects_for_a_binary_task(world: World) -> None:
    world.every_label(lambda label: label * np.arange(1, SIZE + 1, dtype=np.uint8)[None] // 8)


@case("error", "none of the labels holds", values=[[5], [7, 9], [255]])
def labels_of_interest_that_are_nowhere(world: World, values: list[int]) -> None:
    world.set("data.labels_of_interest", values)


@case("warning", "none of the labels holds 6")
def label_of_interest_that_is_nowhere(world: World) -> None:
    world.set("data.labels_of_interest", [1, 6])


@case("warning", "labels hold 3 too")
def value_that_is_not_of_interest(world: World) -> None:
    label = pair(1)[1]
    label[:4, :4] = 3
    world.write(1, None, label)
    world.set("data.labels_of_interest", [1])


@case("error", "0 is the background")
def background_of_interest(world: World) -> None:
    world.set("data.labels_of_interest", [0])


@case("error", "which is ignored")
def ignored_everywhere(world: World) -> None:
    world.every_label(lambda label: np.full_like(label, 9))
    world.set("data.ignore_value", 9)


@case("error", "all background")
def foreground_is_ignored(world: World) -> None:
    world.set("data.ignore_value", 1)


@case("warning", "nobody annotated")
def one_label_ignored(world: World) -> None:
    world.write(1, None, np.full((SIZE, SIZE), 9, np.uint8))
    world.set("data.ignore_value", 9)


@case("warning", "swapped")
def folders_swapped(world: World) -> None:
    world.use(images=world.labels, labels=world.images)


@case("warning", "raw image")
def raw_image_as_label(world: World) -> None:
    world.write(1, None, pair(1)[0])


@case("error", "no label was found")
def images_as_labels(world: World) -> None:
    world.use(labels=world.images)


@case("error", "both image and label")
def the_same_file_as_label(world: World) -> None:
    lines = "\n".join(str(world.image(number)) for number in range(COUNT))
    (world.folder / "list.txt").write_text(lines)
    world.use(labels=world.folder / "list.txt")


# sizes and axes -------------------------------------------------------------------------------------------------------


@case("error", "but its image", shape=[(64, 63), (63, 64), (65, 64), (32, 32), (128, 128), (1, 64), (64, 1)])
def label_of_another_size(world: World, shape: tuple[int, int]) -> None:
    world.write(1, None, np.ones(shape, np.uint8))


@case("error", "but its image")
def label_transposed(world: World) -> None:
    image, label = pair(1)
    world.write(1, image[:, :40], label[:, :40].T)


@case("error", "but its image")
def image_cropped(world: World) -> None:
    world.write(1, pair(1)[0][:60], None)


@case("error", "6 channels")
def label_for_a_stack(world: World) -> None:
    world.write(1, np.stack([pair(1)[0]] * 6), None)


@case("error", "6 slices")
def stack_of_labels_for_an_image(world: World) -> None:
    world.write(1, None, np.stack([pair(1)[1]] * 6))


@case("error", "slices, but its image", slices=[5, 7, 3])
def stack_with_other_slices(world: World, slices: int) -> None:
    image, label = pair(1)
    tifffile.imwrite(world.image(), np.stack([image] * 6), metadata={"axes": "ZYX"})
    tifffile.imwrite(world.label(), np.stack([label] * slices), metadata={"axes": "ZYX"})


@case("error", "but its image", shape=[(15, 64, 64), (16, 64, 63), (8, 64, 64)])
def volume_of_another_size(world: World, shape: tuple[int, ...]) -> None:
    world.volumes()
    world.write(1, None, np.ones(shape, np.uint8))


@case("error", "3D training needs 3")
def images_for_volumes(world: World) -> None:
    world.config.update(task={"dim": 3}, sampling={"patch_size": [8, 16, 16]})


@case("error", "is not 3D")
def flat_label_for_a_volume(world: World) -> None:
    world.volumes()
    world.write(1, None, pair(1)[1])


@case("error", "3D training needs")
def flat_image_for_a_volume(world: World) -> None:
    world.volumes()
    world.write(1, pair(1)[0], None)


@case("error", "time series")
def time_series(world: World) -> None:
    tifffile.imwrite(world.image(), np.stack([pair(1)[0]] * 6), metadata={"axes": "TYX"})


@case("error", "has 5 axes")
def five_axes(world: World) -> None:
    world.write(1, np.zeros((2, 3, 5, SIZE, SIZE), np.uint8), None)


@case("error", "has 6 axes")
def six_axes(world: World) -> None:
    world.image().unlink()
    np.save(world.image().with_suffix(".npy"), np.zeros((2, 2, 2, 2, SIZE, SIZE), np.uint8))


@case("error", "channel", channels=[2, 3, 4, 5])
def image_with_more_channels(world: World, channels: int) -> None:
    stacked = np.stack([pair(1)[0]] * channels, axis=-1 if channels in (3, 4) else 0)
    axes = "YXS" if channels in (3, 4) else "CYX"
    tifffile.imwrite(world.image(), stacked, metadata={"axes": axes})


@case("error", "the network expects 3 channels")
def network_with_other_channels(world: World) -> None:
    world.set("model.input_channels", 3)


@case("error", "no channel", channels=[[1], [0, 3]])
def channel_that_is_not_there(world: World, channels: list[int]) -> None:
    world.set("data.channels", channels)


@case("error", "there is no axis")
def axis_that_is_not_there(world: World) -> None:
    world.volumes()
    world.set("data.z_axis", 7)


@case("warning", "no image has an axis", name=["z_axis", "channel_axis"])
def axis_that_single_images_do_not_have(world: World, name: str) -> None:
    world.set(f"data.{name}", 7)


@case("error", "there is no axis")
def negative_axis_that_is_not_there(world: World) -> None:
    world.volumes()
    world.set("data.z_axis", -5)


@case("warning", "different types of numbers", dtype=["uint16", "float32", "int32"])
def image_of_another_type(world: World, dtype: str) -> None:
    world.write(1, pair(1)[0].astype(dtype), None)


@case("warning", "differ much in size")
def image_far_larger(world: World) -> None:
    image, label = pair(1)
    world.write(1, np.tile(image, (5, 5)), np.tile(label, (5, 5)))


# images ---------------------------------------------------------------------------------------------------------------


@case("warning", "every pixel has the value", value=[0, 7, 255])
def constant_image(world: World, value: int) -> None:
    world.write(1, np.full((SIZE, SIZE), value, np.uint8), None)


@case("warning", "overexposed", dtype=["uint8", "uint16", "int16"])
def saturated_image(world: World, dtype: str) -> None:
    top = np.iinfo(dtype).max
    image = pair(1)[0].astype(dtype)
    world.write(1, np.where(image > 120, top, image).astype(dtype), None)


@case("warning", "overexposed", bits=[10, 12, 14])
def saturated_camera(world: World, bits: int) -> None:
    image = pair(1)[0].astype(np.uint16)
    world.write(1, np.where(image > 120, 2**bits - 1, image).astype(np.uint16), None)


@case("warning", "overexposed")
def mask_as_image(world: World) -> None:
    world.write(1, pair(1)[1] * np.uint8(255), None)


def _without_split(world: World) -> None:
    world.set("data.validation_fraction", 0.0)


@case("warning", "same pixels")
def copied_image(world: World) -> None:
    _without_split(world)
    shutil.copyfile(world.image(1), world.image(2))


@case("warning", "same pixels")
def copied_pixels_in_another_format(world: World) -> None:
    _without_split(world)
    world.image(2).unlink()
    np.save(world.image(2).with_suffix(".npy"), pair(1)[0])


@case("warning", "trains twice")
def dataset_twice(world: World) -> None:
    _without_split(world)
    world.also()


@case("error", "once to train and once to validate")
def trains_and_validates(world: World) -> None:
    world.use(use="train")
    world.also(use="validation")


@case("error", "once to train and once to validate")
def trains_and_tests(world: World) -> None:
    world.use(use="train")
    world.also(use="test")


@case("error", "once to train and once to validate", way=["copy", "link", "renamed"])
def copies_validate(world: World, way: str) -> None:
    other = world.folder / "other"
    if way == "link":
        other.mkdir()
        (other / "images").symlink_to(world.images)
        (other / "labels").symlink_to(world.labels)
    else:
        for kind in ("images", "labels"):
            shutil.copytree(world.folder / kind, other / kind)
            for path in (other / kind).iterdir() if way == "renamed" else ():
                path.rename(path.with_name(f"new_{path.name}"))
    world.use(use="train")
    world.also(images=other / "images", labels=other / "labels", use="validation")


@case("error", "same pixels")
def all_images_are_one(world: World) -> None:
    for number in range(1, COUNT):
        shutil.copyfile(world.image(0), world.image(number))


# folders, lists, names ------------------------------------------------------------------------------------------------


@case("error", "there are 5 images but 4 labels")
def label_missing(world: World) -> None:
    world.label().unlink()


@case("error", "there are 4 images but 5 labels")
def image_missing(world: World) -> None:
    world.image().unlink()


@case("error", "there are 5 images but 1 label")
def one_label_for_all(world: World) -> None:
    for number in range(1, COUNT):
        world.label(number).unlink()


@case("error", "there are 6 images but 5 labels")
def the_same_name_with_two_suffixes(world: World) -> None:
    _png(pair(9)[0], world.image().with_suffix(".png"))


@case("warning", "by order")
def names_that_differ(world: World) -> None:
    for number, name in enumerate(["a", "cat", "dog", "xylophone", "z9"]):
        world.label(number).rename(world.labels / f"{name}.tif")


@case("error", "no folder or file", field=["images", "labels"])
def folder_that_is_not_there(world: World, field: str) -> None:
    world.use(**{field: world.folder / "nowhere"})


@case("error", "no images are chosen", text=["", "   "])
def no_folder_at_all(world: World, text: str) -> None:
    world.use(images=text)


@case("error", "no images are chosen")
def no_dataset_at_all(world: World) -> None:
    world.config.data.datasets = []


@case("error", "holds no images", field=["images", "labels"])
def empty_folder(world: World, field: str) -> None:
    (world.folder / "empty").mkdir()
    world.use(**{field: world.folder / "empty"})


@case("error", "holds no images")
def hidden_files_only(world: World) -> None:
    for number in range(COUNT):
        world.image(number).rename(world.images / f".img_{number}.tif")


@case("error", "holds no images")
def only_other_files(world: World) -> None:
    folder = world.folder / "documents"
    folder.mkdir()
    (folder / "readme.md").write_text("hello")
    world.use(images=folder)


@case("error", "holds no images")
def images_one_level_down(world: World) -> None:
    (world.folder / "deep").mkdir()
    world.images.rename(world.folder / "deep" / "images")
    world.use(images=world.folder / "deep")


@case("error", "cannot be read")
def file_of_an_unknown_kind(world: World) -> None:
    (world.folder / "image.doc").write_bytes(b"word")
    world.use(images=world.folder / "image.doc", labels=world.label())


@case("error", "nothing matches", field=["images", "labels"])
def wildcard_that_matches_nothing(world: World, field: str) -> None:
    world.use(**{field: world.folder / "images" / "*.bmp"})


@case("error", "there are 5 images but 2 labels")
def wildcard_that_matches_too_little(world: World) -> None:
    world.use(labels=world.labels / "img_[12].tif")


@case("error", "ends with")
def filter_that_matches_nothing(world: World) -> None:
    world.use(img_filter="_raw")


@case("error", "no label was found beside")
def labels_not_beside(world: World) -> None:
    world.use(labels="")


@case("error", "nothing tells them apart")
def one_folder_without_a_filter(world: World) -> None:
    world.use(labels="", mask_filter="")


@case("error", "every image is left out")
def everything_left_out(world: World) -> None:
    world.use(exclude=[f"img_{number}.tif" for number in range(COUNT)])


def _list(world: World, content: bytes, name: str = "list.txt") -> None:
    (world.folder / name).write_bytes(content)
    world.use(images=world.folder / name)


@case("error", "is empty", content=[b"", b"\n\n  \n", b"# only a comment\n", b"\xef\xbb\xbf"])
def empty_list(world: World, content: bytes) -> None:
    _list(world, content)


@case("error", "does not exist", line=["gone.tif", "images/img_9.tif", "images/img_1.tif;labels/img_1.tif", "../x.tif"])
def list_with_a_missing_file(world: World, line: str) -> None:
    _list(world, f"images/img_0.tif\n{line}\n".encode())


@case("error", "UTF-8", encoding=["latin-1", "utf-16"])
def list_in_another_encoding(world: World, encoding: str) -> None:
    _list(world, "images/ä.tif\n".encode(encoding))


@case("error", "there are 2 images but 5 labels")
def list_with_too_few(world: World) -> None:
    _list(world, b"\xef\xbb\xbfimages/img_0.tif\r\n\r\n  images/img_1.tif  \r\n")


@case("error", "once to train and once to validate")
def list_with_a_file_twice(world: World) -> None:
    world.set("data.validation_fraction", 0.5)
    for number, source in enumerate([0, 0, 0, 0, 0, 1]):
        shutil.copyfile(world.image(source), world.folder / f"c{number}.tif")
    for kind, names in (("images", ["images/img_0.tif"] * 5), ("labels", [f"labels/img_{k}.tif" for k in range(5)])):
        (world.folder / f"{kind}.txt").write_text("\n".join(names))
    world.use(images=world.folder / "images.txt", labels=world.folder / "labels.txt", use="train")
    world.also(use="validation")


@case("error", "this is a folder")
def list_of_folders(world: World) -> None:
    _list(world, b"images\nlabels\n")
    world.use(labels=world.labels / "img_[01].tif")


@case("error", "lists no sections|no JSON file", content=["{}", "[]", '{"images": []}', "[1, 2]", '"x"', "{", "null"])
def list_of_sections_without_sections(world: World, content: str) -> None:
    world.volumes()
    (world.folder / "list.json").write_text(content)
    world.use(images=world.folder / "list.json", labels=world.label())


@case("error", "files that do not exist")
def sections_that_are_missing(world: World) -> None:
    _png(pair(0)[0], world.folder / "a.png")
    world.volumes()
    (world.folder / "list.json").write_text(json.dumps({"images": ["a.png", "gone.png"]}))
    world.use(images=world.folder / "list.json", labels=world.label())


@case("error", "this section is")
def sections_of_different_size(world: World) -> None:
    for number in range(16):
        _png(pair(0)[0][: 64 - (number == 9)], world.folder / f"{number}.png")
    world.volumes()
    (world.folder / "list.json").write_text(json.dumps([f"{number}.png" for number in range(16)]))
    world.use(images=world.folder / "list.json", labels=world.label())


_TILES = {
    "image": ["t_{row}_{column}.png"] * 2,
    "depth": 2,
    "height": 64,
    "width": 64,
    "dtype": "uint8",
    "tile_size": 32,
    "tile_ratio": 1,
    "tile_st": [0, 0],
}


@case("error", "is None|lists no sections|do not exist", without=["image", "depth", "height", "width", "nothing"])
def tiles_with_a_part_missing(world: World, without: str) -> None:
    world.volumes()
    told = {key: value for key, value in _TILES.items() if key != without}
    (world.folder / "list.json").write_text(json.dumps(told))
    world.use(images=world.folder / "list.json", labels=world.label())


@case(
    "error",
    "is -1",
    key=["tile_size", "depth", "height"],
)
def tiles_with_a_size_that_is_none(world: World, key: str) -> None:
    world.volumes()
    (world.folder / "list.json").write_text(json.dumps(_TILES | {key: -1}))
    world.use(images=world.folder / "list.json", labels=world.label())


# outlines -------------------------------------------------------------------------------------------------------------


def _outlines(world: World, name: str, content: bytes | str) -> None:
    world.label().unlink()
    path = world.labels / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@case(
    "error",
    "outlines in this file cannot be read",
    content=[b"", b"Iout", b"text, no outline at all", b"Iout\x00\xe4" + bytes(20)],
)
def broken_roi(world: World, content: bytes) -> None:
    _outlines(world, "img_1.roi", content)


@case("error", "outlines in this file cannot be read")
def roi_cut(world: World) -> None:
    roi = roifile.ImagejRoi.frompoints([[10, 10], [30, 10], [30, 30], [10, 30]]).tobytes()
    _outlines(world, "img_1.roi", roi[:76])


@case("error", "enclose no area")
def roi_of_a_point(world: World) -> None:
    _outlines(world, "img_1.roi", roifile.ImagejRoi.frompoints([[10, 10]]).tobytes())


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


@case(
    "error",
    "cannot be read|5 images but 4 labels",
    content=[b"PK\x03\x04", _zip({}), _zip({"a.txt": b"x"}), _zip({"a.roi": b"x"})],
)
def broken_zip(world: World, content: bytes) -> None:
    _outlines(world, "img_1.zip", content)


@case(
    "error",
    "cannot be read|not a JSON|no file with outlines|encloses no area",
    content=["{", "{}", "[]", '{"type": "Feature"}', '{"shapes": 3}', '{"type": "FeatureCollection", "features": [7]}'],
)
def broken_geojson(world: World, content: str) -> None:
    _outlines(world, "img_1.geojson", content)


def _polygon(points: list[list[float]], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [points]}}


def _geojson(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


@case(
    "error",
    "enclose no area|cannot be read|no numbers",
    points=[[[1, 1], [5, 5]], [], [[1, "a"], [2, 2], [3, 3]], [[1, 1], [1e300, 2], [3, 3]]],
)
def outline_that_is_none(world: World, points: list[Any]) -> None:
    _outlines(world, "img_1.geojson", _geojson(_polygon(points)))


@case("warning", "no foreground at all")
def outlines_outside_of_the_image(world: World) -> None:
    _outlines(world, "img_1.geojson", _geojson(_polygon([[900, 900], [950, 900], [950, 950], [900, 900]])))


@case("error", "no label has any foreground")
def all_outlines_outside(world: World) -> None:
    for number in range(COUNT):
        world.label(number).unlink()
        text = _geojson(_polygon([[900, 900], [950, 900], [950, 950], [900, 900]]))
        (world.labels / f"img_{number}.geojson").write_text(text)


@case("warning", "no foreground at all")
def no_outlines(world: World) -> None:
    _outlines(world, "img_1.geojson", _geojson())


@case("warning", "of 2 classes")
def outlines_of_two_classes(world: World) -> None:
    square = [[10, 10], [30, 10], [30, 30], [10, 10]]
    features = [_polygon(square, classification={"name": name}) for name in ("axon", "myelin")]
    _outlines(world, "img_1.geojson", _geojson(*features))


@case(
    "error",
    "cannot be read|5 images but 4 labels",
    content=[
        "",
        "{",
        '{"shapes": [{"points": 3}], "imagePath": "x"}',
        '{"images": [], "annotations": 3, "categories": []}',
    ],
)
def broken_json(world: World, content: str) -> None:
    _outlines(world, "img_1.json", content)


@case("error", "Cellpose file cannot be read")
def broken_cellpose_file(world: World) -> None:
    _outlines(world, "img_1_seg.npy", b"no numpy at all")
    world.use(mask_filter="_seg")


# regions of interest --------------------------------------------------------------------------------------------------


def _region(*points: list[float], **more: Any) -> dict[str, Any]:
    return {"points": [list(point) for point in points], **more}


@case("error", "nothing of img_")
def region_outside(world: World) -> None:
    world.use(regions=[_region([900, 900], [950, 950])])


@case("warning", "lies outside")
def one_of_two_regions_outside(world: World) -> None:
    world.use(regions=[_region([900, 900], [950, 950]), _region([5, 5], [60, 60])])


@case("error", "corner", count=[0, 1, 3])
def rectangle_with_other_corners(world: World, count: int) -> None:
    world.use(regions=[_region(*[[5 + 9 * k, 5 + 7 * k] for k in range(count)])])


@case("error", "corner", count=[0, 1, 2])
def polygon_with_too_few_corners(world: World, count: int) -> None:
    world.use(regions=[_region(*[[5 + 9 * k, 5 + 7 * k] for k in range(count)], shape="polygon")])


@case("warning", "crosses itself")
def polygon_that_crosses_itself(world: World) -> None:
    world.use(regions=[_region([2, 2], [60, 60], [2, 60], [60, 2], shape="polygon")])


@case("warning", "which is not here")
def region_of_an_image_that_is_not_there(world: World) -> None:
    world.use(regions=[_region([5, 5], [60, 60], image="other.tif")])


@case("warning", "larger than img_", size=[[100, 100], [10, 65]])
def random_region_too_large(world: World, size: list[int]) -> None:
    world.use(random_region=size)


@case("error", "no height and width")
def random_region_of_one_number(world: World) -> None:
    world.use(random_region=[30])


@case("error", "there is no")
def region_file_that_is_not_there(world: World) -> None:
    world.use(region_files=world.folder / "gone.zip")


@case(
    "error",
    "cannot be read|not a JSON|no ImageJ outlines|no file with outlines",
    name=["regions.roi", "regions.geojson", "regions.zip", "regions.txt"],
)
def region_file_broken(world: World, name: str) -> None:
    (world.folder / name).write_bytes(b"broken")
    world.use(region_files=world.folder / name)


@case("warning", "no region in")
def region_files_of_other_images(world: World) -> None:
    (world.folder / "rois").mkdir()
    (world.folder / "rois" / "other.geojson").write_text(_geojson(_polygon([[1, 1], [9, 1], [9, 9], [1, 1]])))
    world.use(region_files=world.folder / "rois")


@case("error", "no label has any foreground")
def regions_without_foreground(world: World) -> None:
    world.use(regions=[_region([0, 0], [1, 1])])


@case("error", "no label has any foreground")
def everything_ignored_by_a_region(world: World) -> None:
    world.use(regions=[_region([0, 0], [63, 63], use="ignore")])


# settings that do not suit the images ---------------------------------------------------------------------------------


@case("error", "but 2D has", values=[[1], [1, 1, 1]])
def spacing_of_wrong_length(world: World, values: list[float]) -> None:
    world.set("data.spacing", values)


@case("error", "but 2D has", values=[[64], [16, 64, 64]])
def resize_of_wrong_length(world: World, values: list[int]) -> None:
    world.set("data.resize", values)


@case("error", "but 3D has")
def resize_of_volumes_of_wrong_length(world: World) -> None:
    world.volumes()
    world.set("data.resize", [64, 64])


@case("warning", "no multiple of", values=[[65, 64], [33, 49]])
def resize_that_the_network_cannot_halve(world: World, values: list[int]) -> None:
    world.set("data.resize", values)


@case("warning", "is larger than", size=[[128, 128], [32, 96]])
def patch_larger_than_the_images(world: World, size: list[int]) -> None:
    world.set("sampling.patch_size", size)


@case("warning", "are padded to", size=[[33, 32], [32, 31], [1, 1]])
def patch_that_the_network_cannot_halve(world: World, size: list[int]) -> None:
    world.set("sampling.patch_size", size)


@case("error", "2D patches have")
def patch_with_too_many_axes(world: World) -> None:
    world.set("sampling.patch_size", [32, 32, 32])


@case("warning", "diameter could be measured")
def diameter_without_objects(world: World) -> None:
    world.write(1, None, np.zeros((SIZE, SIZE), np.uint8))
    world.set("data.diameter", 20.0)


@case("warning", "the same text in all names", expression=["img", "i", "_"])
def groups_that_put_all_into_one(world: World, expression: str) -> None:
    world.set("data.split_groups", expression)


@case("warning", "is found in no name")
def groups_that_find_nothing(world: World) -> None:
    world.set("data.split_groups", "mouse\\d+")


@case("error", "nothing is kept for validation")
def best_by_validation_without_validation(world: World) -> None:
    world.config.update(data={"validation_fraction": 0.0}, training={"monitor": "validation_dice"})


@case("error", "no image is left to train", use=["validation", "test"])
def nothing_trains(world: World, use: str) -> None:
    world.use(use=use)


@case("warning", "only one image")
def a_single_pair(world: World) -> None:
    world.use(images=world.image(), labels=world.label())


@case("warning", "only 2 images")
def two_pairs(world: World) -> None:
    world.use(images=world.images / "img_[01].tif", labels=world.labels / "img_[01].tif")


@case("error", "no pair of label ids|not a text file", content=["1", "1 2 3", "a b", "0 1", "1,-2", "\xff"])
def broken_links(world: World, content: str) -> None:
    (world.images / "img_1_links.txt").write_bytes(content.encode("latin-1"))


@case("warning", "does not hold")
def links_of_another_label(world: World) -> None:
    (world.images / "img_1_links.txt").write_text("1,2\n")


@case("warning", "hold no foreground")
def sparse_images(world: World) -> None:
    for number in range(COUNT):
        image, label = pair(number)
        wide = np.random.default_rng(number).normal(60, 12, (640, 640)).clip(0, 250).astype(np.uint8)
        wide[:SIZE, :SIZE] = image
        full = np.zeros(wide.shape, np.uint8)
        full[:SIZE, :SIZE] = label
        world.write(number, wide, full)


@case("warning", "pixels are foreground")
def sparse_objects_everywhere(world: World) -> None:
    _with_label(world, np.tile(np.pad(np.ones((4, 4), np.uint8), [(0, 28), (0, 28)]), (8, 8)))


def _grid(size: int, step: int, side: int) -> np.ndarray:
    label = np.zeros((side, side), np.uint8)
    for y in range(2, side - size, step):
        for x in range(2, side - size, step):
            label[y : y + size, x : x + size] = 1
    return label


def _with_label(world: World, label: np.ndarray) -> None:
    for number in range(COUNT):
        noise = np.random.default_rng(number).normal(60, 12, label.shape)
        world.write(number, (noise + 100 * label).clip(0, 250).astype(np.uint8), label)


@case("warning", "objects are only about")
def tiny_objects(world: World) -> None:
    _with_label(world, _grid(2, 6, 64))


@case("warning", "larger than a patch")
def objects_larger_than_patches(world: World) -> None:
    _with_label(world, _grid(60, 70, 220))


@case("warning", "of only 5 images")
def images_to_be_subdivided(world: World) -> None:
    label = np.tile(pair(0)[1], (1, 33))
    _with_label(world, label)


@case("warning", "augmentation is off")
def augmentation_off(world: World) -> None:
    world.set("augmentation.strength", "none")
    for number in range(COUNT):
        image, label = pair(number)
        world.write(number, np.tile(image, (2, 3)), np.tile(label, (2, 3)))
    for number in range(COUNT, COUNT + 2):
        image, label = pair(number)
        world.write(number, np.tile(image, (2, 3)), np.tile(label, (2, 3)))


@case("error", "cannot be", value=["con/fig", "..", "a:b"])
def name_that_is_no_folder(world: World, value: str) -> None:
    world.config.__dict__["output"].__dict__["name"] = value


@case("error", "is not a device", value=["graphics card", "cuda:x"])
def device_that_is_none(world: World, value: str) -> None:
    world.set("training.device", value)


@case("error", "there is no file or folder")
def pretrained_model_that_is_not_there(world: World) -> None:
    world.set("model.pretrained", str(world.folder / "gone.pt"))


@case("error", "is a file, not a folder")
def output_that_is_a_file(world: World) -> None:
    (world.folder / "file").write_text("x")
    world.set("output.root", str(world.folder / "file"))


# names that must not disturb: what is wrong is elsewhere, and found --------------------------------------------------------


@case(
    "error",
    "cannot be read",
    name=["with space", "ümläut 細胞", "x" * 200, "a#b", "100%", "semi;colon", "quote's", "[1]"],
)
def broken_file_with_an_odd_name(world: World, name: str) -> None:
    world.label().rename(world.labels / f"{name}.tif")
    world.image().rename(world.images / f"{name}.tif")
    (world.images / f"{name}.tif").write_bytes(b"II*\x00broken")


@case("error", "cannot be read")
def broken_file_with_capitals(world: World) -> None:
    world.image().rename(world.images / "IMG_1.TIF")
    (world.images / "IMG_1.TIF").write_bytes(b"II*\x00broken")
